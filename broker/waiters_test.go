package broker

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

// blocked sends a command that blocks, and waits until it does.
func blocked(t *testing.T, b *Broker, c *client, line string) {
	t.Helper()
	before := 0
	waitFor(t, b, func() bool { before = b.waiters.count; return true })
	c.send(line)
	waitFor(t, b, func() bool { return b.waiters.count == before+1 })
}

func entryOf(key, id string) string { return fmt.Sprintf(`[["%s" [["%s" ["f" "v"]]]]]`, key, id) }

func TestBlockedConsumersShareEntriesInOrderAndOnce(t *testing.T) {
	for _, loops := range []int{1, 4} {
		b := running(t, func(o *Options) { o.Loops = loops })
		writer := dial(t, b)
		writer.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
		var workers []*client
		for i := range 5 {
			c := dial(t, b)
			blocked(t, b, c, fmt.Sprintf("XREADGROUP GROUP g w%d COUNT 1 BLOCK 0 STREAMS s >", i))
			workers = append(workers, c)
		}
		reader := dial(t, b)
		blocked(t, b, reader, "XREAD BLOCK 0 STREAMS s $")
		for i := range 3 {
			writer.expect(fmt.Sprintf("XADD s %d-1 f v", i+1), fmt.Sprintf(`"%d-1"`, i+1))
		}
		for i := range 3 {
			if got := workers[i].read(); got != entryOf("s", fmt.Sprintf("%d-1", i+1)) {
				t.Errorf("worker %d got %s", i, got)
			}
		}
		if got := reader.read(); got != entryOf("s", "1-1") {
			t.Errorf("the reader of no group got %s", got)
		}
		writer.expect("XPENDING s g", `[:3 "1-1" "3-1" [["w0" "1"] ["w1" "1"] ["w2" "1"]]]`)
		blocked(t, b, workers[0], "XREADGROUP GROUP g w0 COUNT 1 BLOCK 0 STREAMS s >") // behind 3 and 4 now
		writer.expect("XADD s 4-1 f v", `"4-1"`)
		if got := workers[3].read(); got != entryOf("s", "4-1") {
			t.Errorf("worker 3 got %s", got)
		}
		for _, c := range []*client{workers[4], workers[0]} {
			writer.send("XADD s * f v")
			if id, got := writer.read(), c.read(); got != entryOf("s", strings.Trim(id, `"`)) {
				t.Errorf("for %s a worker got %s", id, got)
			}
		}
	}
}

func TestConsumersOfDifferentGroupsAllGetAnEntry(t *testing.T) {
	b := running(t, nil)
	writer := dial(t, b)
	var workers []*client
	for i := range 9 {
		if i%3 == 0 {
			writer.expect(fmt.Sprintf("XGROUP CREATE s g%d $ MKSTREAM", i/3), "+OK")
		}
		c := dial(t, b)
		blocked(t, b, c, fmt.Sprintf("XREADGROUP GROUP g%d w BLOCK 0 STREAMS s >", i/3))
		workers = append(workers, c)
	}
	for i := range 3 {
		id := fmt.Sprintf("%d-1", i+1)
		writer.expect("XADD s "+id+" f v", fmt.Sprintf("%q", id))
		for g := range 3 {
			if got := workers[3*g+i].read(); got != entryOf("s", id) {
				t.Errorf("group %d, entry %s: %s", g, id, got)
			}
		}
	}
	waitFor(t, b, func() bool { return b.waiters.count == 0 && len(b.waiters.queues) == 0 })
}

func TestAWaitForAGroupThatGoesEndsAtOnceWithNoGroup(t *testing.T) {
	const noGroup = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"
	for _, how := range []string{"DEL s", "FLUSHDB", "FLUSHALL", "XGROUP DESTROY s g"} {
		b := running(t, nil)
		other := dial(t, b)
		other.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
		other.expect("XGROUP CREATE s h $ MKSTREAM", "+OK")
		one, two, reader := dial(t, b), dial(t, b), dial(t, b)
		blocked(t, b, one, "XREADGROUP GROUP g a BLOCK 0 STREAMS s >")
		blocked(t, b, reader, "XREAD BLOCK 0 STREAMS s $")
		blocked(t, b, two, "XREADGROUP GROUP g b BLOCK 60000 STREAMS s >")
		other.expect("XGROUP DESTROY s h", ":1")
		other.expect("SELECT 1", "+OK")
		other.expect("FLUSHDB", "+OK") // of another database, and another group: nobody's
		waitFor(t, b, func() bool { return b.waiters.count == 3 })
		other.expect("SELECT 0", "+OK")
		if got := other.do(how); got != ":1" && got != "+OK" {
			t.Fatal(got)
		}
		for _, c := range []*client{one, two} {
			if got := c.read(); got != noGroup {
				t.Errorf("after %s: %s", how, got)
			}
			c.expect("PING", "+PONG")
		}
		waitFor(t, b, func() bool { return b.waiters.count == 1 && len(b.waiters.queues) == 1 && len(b.alarms.heap) == 0 })
		other.expect("XADD s 7-7 f v", `"7-7"`)
		if got := reader.read(); got != entryOf("s", "7-7") {
			t.Errorf("the reader of no group, after %s: %s", how, got)
		}
	}
}

func TestUnblockEndsAWaitForAGroup(t *testing.T) {
	b := running(t, nil)
	c, other := dial(t, b), dial(t, b)
	other.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
	id := strings.TrimPrefix(c.do("CLIENT ID"), ":")
	for _, how := range []struct{ word, reply string }{{"TIMEOUT", "nil"}, {"ERROR", "-" + errUnblocked}} {
		blocked(t, b, c, "XREADGROUP GROUP g a BLOCK 60000 CLAIM 60000 STREAMS s >")
		other.expect("CLIENT UNBLOCK "+id+" "+how.word, ":1")
		if got := c.read(); got != how.reply {
			t.Errorf("%s: %s", how.word, got)
		}
		other.expect("CLIENT UNBLOCK "+id, ":0")
		waitFor(t, b, func() bool { return len(b.alarms.heap) == 0 && b.waiters.timed == 0 })
	}
	other.expect("XADD s 1-1 f v", `"1-1"`)
	other.expect("XPENDING s g", "[:0 nil nil nil]")
	if info := other.do("INFO commandstats"); !strings.Contains(info, "cmdstat_xreadgroup:calls=2,") || strings.Count(info, "failed_calls=1") != 1 {
		t.Errorf("an error that ends a wait is a failed call: %s", info)
	}
}

// inBubble runs a broker whose clock is the test's.
func inBubble(t *testing.T, run func(*testing.T, *Broker)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		run(t, running(t, func(o *Options) { o.Dir, o.Port, o.Goroutines = dir, 0, true }))
	})
}

// after checks that a reply comes at a time after begun, or within the two milliseconds that rounding may cost.
func (c *client) after(begun time.Time, want time.Duration, reply string) {
	c.t.Helper()
	got := c.read()
	if took := time.Since(begun); got != reply || took < want || took > want+2*time.Millisecond {
		c.t.Errorf("%s after %v, want %s after %v", got, took, reply, want)
	}
}

func claimed(idleMS, deliveries int) string {
	return fmt.Sprintf(`[["s" [["1-1" ["f" "v"] :%d :%d]]]]`, idleMS, deliveries)
}

func TestAClaimingConsumerWakesWhenAnEntryIsIdleForLongEnough(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		first, second, third, fourth := pipe(t, b), pipe(t, b), pipe(t, b), pipe(t, b)
		first.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
		first.expect("XADD s 1-1 f v", `"1-1"`)
		begun := time.Now()
		first.expect("XREADGROUP GROUP g first STREAMS s >", entryOf("s", "1-1"))
		time.Sleep(300 * time.Millisecond)
		blocked(t, b, second, "XREADGROUP GROUP g second BLOCK 0 CLAIM 1000 STREAMS s >")
		blocked(t, b, third, "XREADGROUP GROUP g third BLOCK 9000 CLAIM 1000 STREAMS s >")
		blocked(t, b, fourth, "XREADGROUP GROUP g fourth BLOCK 5000 CLAIM 4000 STREAMS s >")
		second.after(begun, 1000*time.Millisecond, claimed(1000, 1))
		third.after(begun, 2000*time.Millisecond, claimed(1000, 2))
		fourth.after(begun, 5300*time.Millisecond, "nil") // at 6000 it would have been its turn
		if len(b.alarms.heap) != 0 {
			t.Errorf("%d alarms are left", len(b.alarms.heap))
		}
	})
}

func TestAClaimingConsumerWakesForWhatIsDeliveredWhileItWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		worker, claimer, other := pipe(t, b), pipe(t, b), pipe(t, b)
		other.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
		blocked(t, b, worker, "XREADGROUP GROUP g worker BLOCK 0 STREAMS s >")
		blocked(t, b, claimer, "XREADGROUP GROUP g claimer BLOCK 0 CLAIM 500 STREAMS s >")
		time.Sleep(700 * time.Millisecond)
		begun := time.Now()
		other.expect("XADD s 1-1 f v", `"1-1"`)
		worker.after(begun, 0, entryOf("s", "1-1"))
		claimer.after(begun, 500*time.Millisecond, claimed(500, 1))

		// What is delivered to somebody who did not wait is no change of the key, and yet it is seen.
		other.expect("XGROUP CREATE t g $ MKSTREAM", "+OK")
		other.expect("XADD t 1-1 f v", `"1-1"`)
		other.expect("XREADGROUP GROUP g other STREAMS t >", entryOf("t", "1-1"))
		other.expect("XACK t g 1-1", ":1")
		blocked(t, b, claimer, "XREADGROUP GROUP g claimer BLOCK 0 CLAIM 500 STREAMS t >")
		time.Sleep(700 * time.Millisecond)
		begun = time.Now()
		other.expect("XGROUP SETID t g 0", "+OK") // which wakes nobody
		other.expect("XREADGROUP GROUP g other STREAMS t >", entryOf("t", "1-1"))
		claimer.after(begun, 500*time.Millisecond, strings.Replace(claimed(500, 1), "s", "t", 1))
	})
}

func TestAWaitThatIsWokenInVainEndsAtItsTime(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		holder, claimer := pipe(t, b), pipe(t, b)
		holder.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
		holder.expect("XADD s 1-1 f v", `"1-1"`)
		holder.expect("XREADGROUP GROUP g holder STREAMS s >", entryOf("s", "1-1"))
		begun := time.Now()
		blocked(t, b, claimer, "XREADGROUP GROUP g claimer BLOCK 2500 CLAIM 1000 STREAMS s >")
		for range 4 { // the holder shows that it lives
			time.Sleep(600 * time.Millisecond)
			holder.expect("XREADGROUP GROUP g holder STREAMS s 0", entryOf("s", "1-1"))
		}
		claimer.after(begun, 2500*time.Millisecond, "nil")
	})
}

func TestManyWaitsThatEndTogetherAllEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		const n = 3*mostRings + 7
		setup := pipe(t, b)
		setup.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
		setup.expect("XADD s 1-1 f v", `"1-1"`)
		setup.expect("XREADGROUP GROUP g setup STREAMS s >", entryOf("s", "1-1"))
		var clients []*client
		for i := range n {
			c := pipe(t, b)
			c.send(fmt.Sprintf("XREADGROUP GROUP g w BLOCK 1000 CLAIM %d STREAMS s >", 2000+i))
			clients = append(clients, c)
		}
		waitFor(t, b, func() bool { return b.waiters.count == n })
		begun := time.Now()
		for i, c := range clients {
			if got := c.read(); got != "nil" || time.Since(begun) > 1100*time.Millisecond {
				t.Fatalf("client %d: %s after %v", i, got, time.Since(begun))
			}
		}
		if len(b.alarms.heap) != 0 || len(b.waiters.queues) != 0 || b.waiters.timed != 0 {
			t.Errorf("%d alarms, %d queues and %d deadlines are left", len(b.alarms.heap), len(b.waiters.queues), b.waiters.timed)
		}
	})
}

func TestAClaimFollowsTheWallClockWhenItIsChanged(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		b := running(t, func(o *Options) {
			o.Dir, o.Port, o.Goroutines = dir, 0, true
			o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		})
		holder, claimer := pipe(t, b), pipe(t, b)
		holder.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
		holder.expect("XADD s 1-1 f v", `"1-1"`)
		holder.expect("XREADGROUP GROUP g holder STREAMS s >", entryOf("s", "1-1"))
		begun := time.Now()
		blocked(t, b, claimer, "XREADGROUP GROUP g claimer BLOCK 0 CLAIM 3600000 STREAMS s >")
		ahead.Store(int64(2 * time.Hour))
		if claimer.read(); time.Since(begun) > 1100*time.Millisecond {
			t.Errorf("the clock says that it was two hours; the claim took %v", time.Since(begun))
		}
		ahead.Add(int64(-10 * time.Second)) // what was delivered is in the future
		begun = time.Now()
		blocked(t, b, claimer, "XREADGROUP GROUP g claimer BLOCK 0 CLAIM 5000 STREAMS s >")
		claimer.after(begun, 15*time.Second, claimed(5000, 2))
		begun = time.Now()
		blocked(t, b, claimer, "XREADGROUP GROUP g claimer BLOCK 5000 STREAMS s >")
		ahead.Store(int64(-24 * time.Hour))
		claimer.after(begun, 5*time.Second, "nil")
	})
}

// TestOneEntryRunsOneReaderInVain counts the readers that run: of a class only the first that finds nothing.
func TestOneEntryRunsOneReaderInVain(t *testing.T) {
	b := running(t, nil)
	var stock, runs int // guarded by the state lock
	b.mu.Lock()
	b.table.Lookup([]byte("echo")).Run = func(c *command.Call) error {
		class := string(c.Args[1])
		c.Block(command.Wait{
			Keys: c.Args[2:], Class: class, Timeout: (*resp.Writer).NullArray,
			Again: func() func(*command.Call) (bool, error) {
				return func(c *command.Call) (bool, error) {
					if runs++; class == "poor" || stock == 0 {
						return false, nil
					}
					stock--
					c.Out.Bulk([]byte(class))
					return true, nil
				}
			},
		})
		return nil
	}
	b.table.Lookup([]byte("echo")).Arity = -2
	b.mu.Unlock()
	writer := dial(t, b)
	var clients []*client
	for i := range 60 {
		c := dial(t, b)
		blocked(t, b, c, "ECHO "+[]string{"rich", "poor", "rich"}[i%3]+" s t")
		clients = append(clients, c)
	}
	// Of each round: what there is to find, and who looks: the first poor one, and the rich ones until one finds nothing.
	for round, want := range []struct{ stock, runs int }{{1, 3}, {0, 2}, {5, 7}, {0, 2}, {100, 35}} {
		b.mu.Lock()
		stock, runs = want.stock, 0
		b.mu.Unlock()
		writer.do("XADD s * f v")
		b.mu.Lock()
		if runs != want.runs {
			t.Errorf("round %d: %d readers ran, want %d", round, runs, want.runs)
		}
		b.mu.Unlock()
	}
	for i, c := range clients {
		if i%3 != 1 {
			if got := c.read(); got != `"rich"` {
				t.Errorf("client %d: %s", i, got)
			}
		}
	}
}

// vanish ends the doomed, who wait as live does: some by CLIENT KILL, the others by closing or resetting their connection.
func vanish(t *testing.T, b *Broker, doomed []*client, live, writer *client) {
	t.Helper()
	n := len(doomed)
	var ids []string
	b.mu.Lock()
	for id, s := range b.sessions {
		if s.waiter != nil && s.Addr != live.conn.LocalAddr().String() {
			ids = append(ids, fmt.Sprint(id))
		}
	}
	b.mu.Unlock()
	slices.Sort(ids)
	for _, id := range ids[:n/4] {
		writer.expect("CLIENT KILL ID "+id, ":1") // gone at once
	}
	waitFor(t, b, func() bool { return b.waiters.count == 1+n-n/4 })
	for i, c := range doomed {
		if i%2 == 0 {
			c.conn.(*net.TCPConn).SetLinger(0) // RST, where it was not closed already
		}
		c.conn.Close()
	}
	waitFor(t, b, func() bool { return b.waiters.count == 1 && len(b.sessions) == 2 })
}

func TestClientsThatVanishGetNothingDelivered(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	b, stop := started(t, nil)
	writer := dial(t, b)
	writer.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
	const n = 1000
	var doomed []*client
	for i := range n {
		c := dial(t, b)
		c.send(fmt.Sprintf("XREADGROUP GROUP g doomed%d COUNT 1 BLOCK 0 STREAMS s >", i))
		doomed = append(doomed, c)
	}
	waitFor(t, b, func() bool { return b.waiters.count == n })
	if extra := runtime.NumGoroutine() - goroutines; extra > 50 {
		t.Errorf("%d goroutines for %d blocked clients", extra, n)
	}
	live := dial(t, b)
	blocked(t, b, live, "XREADGROUP GROUP g live BLOCK 0 STREAMS s >")
	vanish(t, b, doomed, live, writer)
	for i := range n {
		writer.expect(fmt.Sprintf("XADD s %d-1 f v", i+1), fmt.Sprintf(`"%d-1"`, i+1))
	}
	if got := live.read(); got != entryOf("s", "1-1") {
		t.Errorf("the client that lives got %s", got)
	}
	if got := live.do("XREADGROUP GROUP g live COUNT 100000 STREAMS s >"); strings.Count(got, `["f" "v"]`) != n-1 {
		t.Errorf("%d entries were left for the client that lives", strings.Count(got, `["f" "v"]`))
	}
	writer.expect("XPENDING s g", fmt.Sprintf(`[:%d "1-1" "%d-1" [["live" "%d"]]]`, n, n, n))
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestWhoHangsUpRightAfterAskingIsNotServed sends the question and the end together.
func TestWhoHangsUpRightAfterAskingIsNotServed(t *testing.T) {
	for _, loops := range []int{1, 4} {
		b := running(t, func(o *Options) { o.Loops = loops })
		writer := dial(t, b)
		writer.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
		for round := range 200 {
			c := dial(t, b)
			c.send(fmt.Sprintf("XREADGROUP GROUP g w%d BLOCK 0 STREAMS s >", round))
			if round%2 == 0 {
				c.conn.(*net.TCPConn).SetLinger(0)
			}
			c.conn.Close()
		}
		dial(t, b).expect("PING", "+PONG") // accepted after all of them
		waitFor(t, b, func() bool { return b.server.Stats().Connected == 2 && len(b.sessions) == 2 && b.waiters.count == 0 })
		writer.expect("XADD s 1-1 f v", `"1-1"`)
		writer.expect("XPENDING s g", "[:0 nil nil nil]")
	}
}

// TestAnEntryThatMeetsAKillIsDeliveredOrNot lets a kill and an entry meet in either order.
func TestAnEntryThatMeetsAKillIsDeliveredOrNot(t *testing.T) {
	b := running(t, func(o *Options) { o.Loops = 4 })
	writer, killer := dial(t, b), dial(t, b)
	writer.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
	for round := range 300 {
		c := dial(t, b)
		id := strings.TrimPrefix(c.do("CLIENT ID"), ":")
		blocked(t, b, c, "XREADGROUP GROUP g w BLOCK 0 STREAMS s >")
		entry := fmt.Sprintf("%d-1", round+1)
		writer.send("XADD s " + entry + " f v")
		killer.send("CLIENT KILL ID " + id)
		if got := killer.read(); got != ":1" && got != "-ERR No such client" {
			t.Fatal(got)
		}
		if got := writer.read(); got != fmt.Sprintf("%q", entry) {
			t.Fatal(got)
		}
		want := ":0" // pending: it was killed before there was an entry
		if got, err := c.tryRead(); err == nil {
			want = ":1"
			if got != entryOf("s", entry) {
				t.Fatal(got)
			}
		} else if strings.HasPrefix(writer.do("XPENDING s g"), "[:1 ") {
			want = ":1" // it was killed with its reply on the way
		}
		writer.expect("XACK s g "+entry, want)
		writer.expect("XGROUP SETID s g $", "+OK")
	}
	waitFor(t, b, func() bool { return b.waiters.count == 0 && len(b.waiters.queues) == 0 })
}

// failing is a disk whose fsyncs are slow, wait at a gate, and then fail for as long as it is broken.
func failing(t *testing.T) (b *Broker, g *gate, pause *atomic.Int64, broken *atomic.Bool) {
	g, pause, broken = newGate(), new(atomic.Int64), new(atomic.Bool)
	return running(t, func(o *Options) {
		o.Disk = func(op, path string) error {
			if op == "fsync" {
				time.Sleep(time.Duration(pause.Load()))
			}
			if err := g.disk(op, path); err != nil {
				return err
			}
			if broken.Load() && (op == "fsync" || op == "write") {
				return errors.New("input/output error")
			}
			return nil
		}
	}), g, pause, broken
}

func TestAConsumerDoesNotWaitForAGroupThatWasTakenBack(t *testing.T) {
	b, g, pause, broken := failing(t)
	writer, lost, kept := dial(t, b), dial(t, b), dial(t, b)
	writer.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
	slow(t, b, writer, pause)
	blocked(t, b, kept, "XREADGROUP GROUP g kept BLOCK 0 STREAMS s >")
	waitFor(t, b, func() bool { return uint64(b.log.Durable()) >= kept.waiter(b).dependency })
	g.shut.Store(true)
	writer.send("XGROUP CREATE s h $")
	waitFor(t, b, func() bool { return g.waiting.Load() > 0 })
	blocked(t, b, lost, "XREADGROUP GROUP h lost BLOCK 0 STREAMS s >")
	broken.Store(true)
	g.release()
	if got, err := lost.tryRead(); err == nil {
		t.Errorf("who waited for the group that never was got %s, want the connection closed", got)
	}
	broken.Store(false)
	waitFor(t, b, func() bool { return !b.readOnly && !b.loading && b.waiters.count == 1 })
	other := dial(t, b)
	other.expect("XADD s 500-1 f v", `"500-1"`)
	if got := kept.read(); got != entryOf("s", "500-1") {
		t.Errorf("who waited for the group that is there got %s", got)
	}
}

// waiter returns what the broker knows of a blocked client. The state lock is held.
func (c *client) waiter(b *Broker) *waiter {
	for _, s := range b.sessions {
		if s.Addr == c.conn.LocalAddr().String() {
			return s.waiter
		}
	}
	return nil
}

func TestAnEntryWhoseDeliveryWasTakenBackGoesToWhoWaits(t *testing.T) {
	b, g, pause, broken := failing(t)
	writer, taker, waits := dial(t, b), dial(t, b), dial(t, b)
	writer.expect("XADD s 1-1 f v", `"1-1"`)
	writer.expect("XGROUP CREATE s g $", "+OK")
	slow(t, b, writer, pause)
	blocked(t, b, waits, "XREADGROUP GROUP g waits BLOCK 0 STREAMS s >")
	waitFor(t, b, func() bool { return uint64(b.log.Durable()) >= waits.waiter(b).dependency })
	writer.expect("XGROUP SETID s g 0", "+OK") // which wakes nobody
	g.shut.Store(true)
	taker.send("XREADGROUP GROUP g taker STREAMS s >")
	waitFor(t, b, func() bool { return g.waiting.Load() > 0 })
	broken.Store(true)
	g.release()
	if got, err := taker.tryRead(); err == nil {
		t.Errorf("a delivery that the disk did not take was answered: %s", got)
	}
	waitFor(t, b, func() bool { return b.readOnly && !b.loading })
	broken.Store(false)
	if got := waits.read(); got != entryOf("s", "1-1") {
		t.Errorf("who waits got %s", got)
	}
	dial(t, b).expect("XPENDING s g", `[:1 "1-1" "1-1" [["waits" "1"]]]`)
}

func TestAConsumerThatWaitsOnManyStreamsIsAskedOfEach(t *testing.T) {
	b := running(t, nil)
	writer, c := dial(t, b), dial(t, b)
	for _, key := range []string{"s", "t", "u"} {
		writer.expect("XGROUP CREATE "+key+" g $ MKSTREAM", "+OK")
	}
	for round, key := range []string{"u", "s", "t", "s"} {
		blocked(t, b, c, "XREADGROUP GROUP g c BLOCK 0 STREAMS s t u s > > > >") // one of them twice
		id := fmt.Sprintf("%d-1", round+1)
		writer.expect("XADD "+key+" "+id+" f v", fmt.Sprintf("%q", id))
		if got := c.read(); got != entryOf(key, id) {
			t.Errorf("%s: %s", key, got)
		}
		waitFor(t, b, func() bool { return b.waiters.count == 0 && len(b.waiters.queues) == 0 })
	}
}
