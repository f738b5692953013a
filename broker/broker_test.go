package broker

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/weirmq/weir/log"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnAcknowledgedEntrySurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	for _, mode := range []log.Sync{log.SyncAlways, log.SyncEverySecond, log.SyncNo} {
		use := func(o *Options) { o.Dir, o.Sync = dir+"/"+mode.String(), mode }
		b, stop := started(t, use)
		c := dial(t, b)
		c.expect("XADD s 1-1 f v", `"1-1"`)
		c.expect("XADD s 2-1 f w", `"2-1"`)
		c.expect("XDEL s 1-1", ":1")
		c.expect("SELECT 3", "+OK")
		c.expect("XADD s 7-7 f x", `"7-7"`)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		c = dial(t, running(t, use))
		c.expect("XRANGE s - +", `[["2-1" ["f" "w"]]]`)
		c.expect("SELECT 3", "+OK")
		c.expect("XRANGE s - +", `[["7-7" ["f" "x"]]]`)
	}
}

func TestBlockedReadersAreServedInOrderAndOnce(t *testing.T) {
	b := running(t, nil)
	var readers []*client
	for i := range 3 {
		c := dial(t, b)
		c.send("XREAD BLOCK 0 STREAMS s t $ $")
		waitFor(t, b, func() bool { return b.waiters.count == i+1 })
		readers = append(readers, c)
	}
	c := dial(t, b)
	c.expect("XADD s 1-1 f v", `"1-1"`)
	for _, r := range readers {
		if got := r.read(); got != `[["s" [["1-1" ["f" "v"]]]]]` {
			t.Errorf("woken reader got %s", got)
		}
	}
	c.expect("XADD t 1-1 f v", `"1-1"`)
	for _, r := range readers {
		r.expect("PING", "+PONG")
	}
}

// waitFor polls a condition of the broker's state under its lock.
func waitFor(t *testing.T, b *Broker, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		b.mu.Lock()
		ok := condition()
		b.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the broker did not get there")
		}
	}
}

func TestABlockedClientThatVanishesIsForgotten(t *testing.T) {
	b := running(t, nil)
	c := dial(t, b)
	c.send("XREAD BLOCK 0 STREAMS s $")
	waitFor(t, b, func() bool { return b.waiters.count == 1 })
	c.conn.Close()
	waitFor(t, b, func() bool { return b.waiters.count == 0 && len(b.waiters.queues) == 0 && len(b.sessions) == 0 })
}

func TestABlockedReadTimesOutOnTime(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := running(t, func(o *Options) { o.Dir, o.Port, o.Goroutines = dir, 0, true })
		c, other := pipe(t, b), pipe(t, b)
		begun := time.Now()
		c.send("XREAD BLOCK 1500 STREAMS s $")
		other.send("XREAD BLOCK 700 STREAMS s $")
		if got := other.read(); got != "nil" || time.Since(begun) != 700*time.Millisecond {
			t.Errorf("%s after %v, want nil after 700ms", got, time.Since(begun))
		}
		other.expect("XADD elsewhere 1-1 f v", `"1-1"`)
		if got := c.read(); got != "nil" || time.Since(begun) != 1500*time.Millisecond {
			t.Errorf("%s after %v, want nil after 1.5s", got, time.Since(begun))
		}
		c.expect("PING", "+PONG")
	})
}

func TestATimeoutIsNotRestartedByEntriesThatDoNotMatch(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := running(t, func(o *Options) { o.Dir, o.Port, o.Goroutines = dir, 0, true })
		c, other := pipe(t, b), pipe(t, b)
		begun := time.Now()
		c.send("XREAD BLOCK 1000 STREAMS s 9-9")
		time.Sleep(600 * time.Millisecond)
		other.expect("XADD s 1-1 f v", `"1-1"`)
		if got := c.read(); got != "nil" || time.Since(begun) != time.Second {
			t.Errorf("%s after %v, want nil after 1s", got, time.Since(begun))
		}
	})
}

func TestUnblockAndKillEndAWait(t *testing.T) {
	b := running(t, nil)
	c, other := dial(t, b), dial(t, b)
	id := strings.TrimPrefix(c.do("CLIENT ID"), ":")
	for _, how := range []struct{ word, reply string }{{"TIMEOUT", "nil"}, {"ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK"}} {
		c.send("XREAD BLOCK 0 STREAMS s $")
		waitFor(t, b, func() bool { return b.waiters.count == 1 })
		other.expect("CLIENT UNBLOCK "+id+" "+how.word, ":1")
		if got := c.read(); got != how.reply {
			t.Errorf("%s: %s", how.word, got)
		}
		other.expect("CLIENT UNBLOCK "+id, ":0")
		c.expect("PING", "+PONG")
	}
	c.send("XREAD BLOCK 0 STREAMS s $")
	waitFor(t, b, func() bool { return b.waiters.count == 1 })
	other.expect("CLIENT KILL ID "+id, ":1")
	if _, err := c.tryRead(); err == nil {
		t.Error("a killed client got a reply")
	}
	waitFor(t, b, func() bool { return b.waiters.count == 0 })
}

func TestTheClockMayJumpAndIDsStillRise(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	dir := t.TempDir()
	last := ""
	jumps := []time.Duration{0, time.Hour, -time.Hour, -10 * 365 * 24 * time.Hour, 20 * 365 * 24 * time.Hour, -time.Millisecond, 0}
	for round := range 2 {
		b, stop := started(t, func(o *Options) { o.Dir, o.Now = dir, func() time.Time { return now } })
		c := dial(t, b)
		for _, jump := range jumps {
			b.mu.Lock()
			now = now.Add(jump)
			b.mu.Unlock()
			for range 3 {
				id := c.do("XADD s * f v")
				if !idAbove(id, last) {
					t.Fatalf("round %d, jump %v: %s after %s", round, jump, id, last)
				}
				last = id
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
}

func idAbove(id, than string) bool {
	var a, b [2]uint64
	fmt.Sscanf(id, "\"%d-%d\"", &a[0], &a[1])
	fmt.Sscanf(than, "\"%d-%d\"", &b[0], &b[1])
	return a[0] > b[0] || a[0] == b[0] && a[1] > b[1]
}

func TestAHalfClosedClientStillGetsItsReplies(t *testing.T) {
	b := running(t, nil)
	c := dial(t, b)
	for i := range 100 {
		c.send(fmt.Sprintf("XADD s %d-1 f v", i+1))
	}
	c.conn.(*net.TCPConn).CloseWrite()
	for i := range 100 {
		if got := c.read(); got != fmt.Sprintf(`"%d-1"`, i+1) {
			t.Fatalf("reply %d: %s", i, got)
		}
	}
	if _, err := c.r.ReadByte(); err != io.EOF {
		t.Errorf("after the last reply: %v, want EOF", err)
	}
}

func TestWithoutThePasswordNothingButAuthenticationRuns(t *testing.T) {
	b := running(t, func(o *Options) { o.RequirePass = "secret" })
	c := dial(t, b)
	c.expect("XADD s 1-1 f v", "-NOAUTH Authentication required.")
	c.expect("AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled.")
	c.expect("AUTH secret", "+OK")
	c.expect("XLEN s", ":0")
	c.expect("RESET", "+RESET")
	c.expect("XLEN s", "-NOAUTH Authentication required.")
}

func TestASecondBrokerOnTheDirectoryIsRefusedWithThePid(t *testing.T) {
	dir := t.TempDir()
	running(t, func(o *Options) { o.Dir = dir })
	o := DefaultOptions()
	o.Dir, o.Port = dir, AnyPort
	_, err := Open(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("%v, want a refusal that names process %d", err, os.Getpid())
	}
}

func TestANearlyFullDiskRefusesWhatGrowsAndAllowsWhatShrinks(t *testing.T) {
	b := running(t, nil)
	c := dial(t, b)
	c.expect("XADD s 1-1 f v", `"1-1"`)
	b.disk.low.Store(true)
	if got := c.do("XADD s 2-1 f v"); !strings.HasPrefix(got, "-MISCONF ") {
		t.Errorf("XADD: %s", got)
	}
	c.expect("XLEN s", ":1")
	c.expect("XTRIM s MAXLEN 0", ":1")
	c.expect("DEL s", ":1")
	b.disk.low.Store(false)
	c.expect("XADD s 2-1 f v", `"2-1"`)
}
