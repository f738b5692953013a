package broker

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAPauseHoldsCommandsBackUntilItEnds(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := running(t, func(o *Options) { o.Dir, o.Port, o.Goroutines = dir, 0, true })
		c, writer, reader := pipe(t, b), pipe(t, b), pipe(t, b)
		c.expect("CLIENT PAUSE 1000 WRITE", "+OK")
		begun := time.Now()
		writer.send("XADD s 1-1 f v")
		writer.send("XLEN s")
		reader.expect("XLEN s", ":0")
		if got := writer.read(); got != `"1-1"` || time.Since(begun) != time.Second {
			t.Errorf("%s after %v", got, time.Since(begun))
		}
		if got := writer.read(); got != ":1" {
			t.Error(got)
		}

		c.expect("CLIENT PAUSE 1000", "+OK")
		begun = time.Now()
		reader.send("XLEN s")
		if got := reader.read(); got != ":1" || time.Since(begun) != time.Second {
			t.Errorf("%s after %v", got, time.Since(begun))
		}
	})
}

func TestAPauseIsEndedByUnpauseAndBecomesLongerAndStricter(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := running(t, func(o *Options) { o.Dir, o.Port, o.Goroutines = dir, 0, true })
		c, writer := pipe(t, b), pipe(t, b)
		c.expect("CLIENT PAUSE 100000 WRITE", "+OK")
		c.expect("CLIENT PAUSE 5 WRITE", "+OK")
		begun := time.Now()
		writer.send("XADD s 1-1 f v")
		time.Sleep(time.Second)
		c.expect("CLIENT UNPAUSE", "+OK")
		if got := writer.read(); got != `"1-1"` || time.Since(begun) != time.Second {
			t.Errorf("%s after %v", got, time.Since(begun))
		}
		c.expect("CLIENT PAUSE 300 WRITE", "+OK")
		c.expect("CLIENT PAUSE 200 ALL", "+OK")
		begun = time.Now()
		c.send("CLIENT UNPAUSE") // has to wait, too
		if got := c.read(); got != "+OK" || time.Since(begun) != 300*time.Millisecond {
			t.Errorf("%s after %v", got, time.Since(begun))
		}
	})
}

func TestNothingExpiresDuringAPauseAndWhoLeavesIsForgotten(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := running(t, func(o *Options) { o.Dir, o.Port, o.Goroutines = dir, 0, true })
		c, writer := pipe(t, b), pipe(t, b)
		c.expect("XADD s 1-1 f v", `"1-1"`)
		c.expect("PEXPIRE s 10", ":1")
		c.expect("CLIENT PAUSE 60000 WRITE", "+OK")
		writer.send("DEL s")
		time.Sleep(time.Second)
		c.expect("DBSIZE", ":1")
		c.expect("EXISTS s", ":0")
		writer.conn.Close()
		synctest.Wait()
		b.mu.Lock()
		if n := len(b.clientPause.waiting); n != 0 {
			t.Errorf("%d commands wait", n)
		}
		b.mu.Unlock()
		time.Sleep(time.Minute)
		c.expect("DBSIZE", ":0")
	})
}
