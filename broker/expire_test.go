package broker

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestKeysAreDeletedOnceTheirTimeIsOver(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := running(t, func(o *Options) { o.Dir, o.Port, o.Goroutines = dir, 0, true })
		c, reader := pipe(t, b), pipe(t, b)
		c.expect("XADD s 1-1 f v", `"1-1"`)
		c.expect("XGROUP CREATE s g $", "+OK")
		c.expect("XADD other 1-1 f v", `"1-1"`)
		c.expect("PEXPIRE s 1000", ":1")
		c.expect("EXPIRE other 1000", ":1")
		reader.send("XREADGROUP GROUP g a BLOCK 0 STREAMS s >")
		time.Sleep(time.Second)
		synctest.Wait()
		c.expect("EXISTS s", ":1") // at its last millisecond
		time.Sleep(expireEvery + time.Millisecond)
		synctest.Wait()
		if got := reader.read(); !strings.HasPrefix(got, "-NOGROUP") {
			t.Errorf("who waited for a key that has expired got %s", got)
		}
		if b.keyspace.Len(0) != 1 || b.expirer.expired != 1 {
			t.Errorf("%d keys are left, %d have expired", b.keyspace.Len(0), b.expirer.expired)
		}
		c.expect("DEBUG SET-ACTIVE-EXPIRE 0", "+OK")
		time.Sleep(1001 * time.Second)
		c.expect("EXISTS other", ":0")
		c.expect("DBSIZE", ":1")
		c.expect("DEBUG SET-ACTIVE-EXPIRE 1", "+OK")
		time.Sleep(expireEvery)
		synctest.Wait()
		c.expect("DBSIZE", ":0")
	})
}

func TestFieldsAreDeletedOnceTheirTimeIsOver(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := running(t, func(o *Options) { o.Dir, o.Port, o.Goroutines = dir, 0, true })
		c := pipe(t, b)
		c.expect("HSET h f 1 g 2", ":2")
		c.expect("HSET gone f 1", ":1")
		c.send("HPEXPIRE h 1000 FIELDS 1 f")
		c.send("HPEXPIRE gone 1000 FIELDS 1 f")
		c.read()
		c.read()
		time.Sleep(time.Second + expireEvery + time.Millisecond)
		synctest.Wait()
		c.expect("HLEN h", ":1") // it would count a field that is only hidden
		c.expect("DBSIZE", ":1")
	})
}

// clock is a wall clock that a test moves.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time { return time.UnixMilli(c.ms.Load()) }

func TestAKeyThatExpiredWhileTheBrokerWasDownNeverComesBack(t *testing.T) {
	var wall clock
	wall.ms.Store(1_000_000)
	dir := t.TempDir()
	use := func(o *Options) { o.Dir, o.Now = dir, wall.now }
	b, stop := started(t, use)
	c := dial(t, b)
	for _, key := range []string{"a", "b", "{a}2"} {
		c.expect("XADD "+key+" 1-1 f v", `"1-1"`)
	}
	c.expect("PEXPIREAT a 2000000", ":1")
	c.expect("PEXPIREAT {a}2 9000000", ":1")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	wall.ms.Store(2_000_001)
	b, stop = started(t, use)
	b.mu.Lock()
	b.expirer.off = true
	b.mu.Unlock()
	c = dial(t, b)
	c.expect("EXISTS a", ":0")
	c.expect("XLEN a", ":0")
	c.expect("TTL a", ":-2")
	c.expect("TTL b", ":-1")
	c.expect("PEXPIRETIME {a}2", ":9000000")
	c.expect("XADD a 1-1 f new", `"1-1"`) // an ID that the old stream had, too
	c.expect("TTL a", ":-1")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	c = dial(t, running(t, use))
	c.expect("XRANGE a - +", `[["1-1" ["f" "new"]]]`)
	c.expect("PTTL {a}2", ":6999999")
}

func TestOneCycleGoesRoundAllDatabasesAndStopsInTime(t *testing.T) {
	var wall clock
	wall.ms.Store(1_000_000)
	b := running(t, func(o *Options) { o.Now = wall.now })
	c := dial(t, b)
	b.mu.Lock()
	b.expirer.off = true
	b.mu.Unlock()
	for i := range 300 {
		if i%20 == 0 {
			c.expect(fmt.Sprintf("SELECT %d", i/20), "+OK")
		}
		c.expect(fmt.Sprintf("XADD k%d 1-1 f v", i), `"1-1"`)
		c.expect(fmt.Sprintf("PEXPIREAT k%d %d", i, 1_000_001+i%2*1_000_000), ":1")
	}
	wall.ms.Store(1_000_100)
	b.mu.Lock()
	b.expirer.off = false
	b.mu.Unlock()
	for range 5 { // one is enough, unless the machine is busy
		b.expireDue()
	}
	waitFor(t, b, func() bool {
		keys, expiring := 0, 0
		for db := range 16 {
			keys += b.keyspace.Len(db)
			expiring += b.keyspace.Expires(db)
		}
		return keys == 150 && expiring == 150 && b.expirer.expired == 150
	})
}
