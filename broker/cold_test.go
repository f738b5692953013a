package broker

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

func fixedClock() time.Time { return time.UnixMilli(1_700_000_000_000) }

// tiny gives a broker small blocks, and no memory for those that are sealed: every look at history is a cold one.
func tiny(o *Options) {
	o.StreamBlockSize, o.StreamBlockEntries, o.StreamCacheSize = 512, 16, 0
}

func (c *client) fillFrom(key string, from, to int) {
	c.t.Helper()
	const together = 200
	for at := from; at <= to; at += together {
		var lines strings.Builder
		end := min(at+together-1, to)
		for i := at; i <= end; i++ {
			lines.WriteString(request("XADD", key, fmt.Sprintf("%d-0", i), "number", fmt.Sprint(i), "name", fmt.Sprintf("entry %d of %s", i, key)))
		}
		if _, err := io.WriteString(c.conn, lines.String()); err != nil {
			c.t.Fatal(err)
		}
		for i := at; i <= end; i++ {
			if got := c.read(); got != fmt.Sprintf(`"%d-0"`, i) {
				c.t.Fatalf("XADD %d: %s", i, got)
			}
		}
	}
}

// spilledAll waits until nothing that is sealed is left in memory.
func spilledAll(t *testing.T, b *Broker) {
	t.Helper()
	waitFor(t, b, func() bool { return len(b.spiller.totals.Sealed) == 0 && !b.spiller.writing })
}

func TestEveryCommandAnswersTheSameFromColdBlocks(t *testing.T) {
	cold := running(t, func(o *Options) { tiny(o); o.Now = fixedClock })
	hot := running(t, func(o *Options) { o.Now = fixedClock })
	x, y := dial(t, cold), dial(t, hot)
	for _, c := range []*client{x, y} {
		c.fillFrom("s", 1, 1000)
		c.fillFrom("u", 1, 300)
		c.expect("XGROUP CREATE s g 0", "+OK")
		c.expect("XGROUP CREATE s h 500-0", "+OK")
	}
	spilledAll(t, cold)
	for _, line := range []string{
		"XLEN s",
		"XRANGE s - + COUNT 3",
		"XRANGE s 333-0 (350-0",
		"XRANGE s 600-0 + COUNT 200",
		"XREVRANGE s + - COUNT 5",
		"XREVRANGE s 777-0 500-0",
		"XREAD COUNT 40 STREAMS s u 100-0 5-0",
		"XREAD COUNT 2 STREAMS s u 999-0 +",
		"XREADGROUP GROUP g c COUNT 10 STREAMS s >",
		"XREADGROUP GROUP g c COUNT 5 STREAMS s 0",
		"XREADGROUP GROUP g d COUNT 3 NOACK STREAMS s >",
		"XREADGROUP GROUP g d COUNT 3 CLAIM 0 STREAMS s >",
		"XPENDING s g",
		"XCLAIM s g e 0 1-0 2-0 JUSTID",
		"XCLAIM s g e 0 1-0 2-0 300-0 FORCE JUSTID",
		"XCLAIM s g e 0 3-0 4-0 IDLE 5000",
		"XDEL s 2-0 3-0 3-0 2000-0 501-0",
		"XCLAIM s g f 0 2-0 3-0 1-0 JUSTID",
		"XAUTOCLAIM s g f 0 0 COUNT 3 JUSTID",
		"XAUTOCLAIM s g f 0 0 COUNT 100 JUSTID",
		"XDELEX s ACKED IDS 3 10-0 11-0 900-0",
		"XACKDEL s g DELREF IDS 2 5-0 800-0",
		"XACK s g 1-0 4-0",
		"XINFO STREAM u",
		"XTRIM s MAXLEN 700",
		"XRANGE s - + COUNT 2",
		"XINFO GROUPS s",
		"XGROUP SETID s h 400-0",
		"XINFO GROUPS s",
		"XTRIM s MAXLEN ~ 600",
		"XTRIM s MINID 444-0",
		"XTRIM s MINID ~ 460-0 LIMIT 100",
		"XDEL s 700-0 701-0 702-0 703-0",
		"XRANGE s 695-0 706-0",
		"XADD s MAXLEN = 350 1001-0 number 1001",
		"XADD s MINID = 700-0 1002-0 number 1002",
		"XSETID s 5000-0 ENTRIESADDED 9999 MAXDELETEDID 703-0",
		"XDEL s 1002-0 1001-0 1000-0 999-0",
		"XREVRANGE s + - COUNT 1",
		"XREAD STREAMS s +",
		"XLEN s",
		"XTRIM s MAXLEN 0",
		"XRANGE s - +",
		"XRANGE u - +",
		"DEL s u",
	} {
		got, want := x.do(line), y.do(line)
		if got != want && !strings.HasPrefix(line, "XINFO STREAM") {
			t.Errorf("%s\n cold %s\n hot  %s", line, got, want)
		}
		spilledAll(t, cold)
	}
	cold.mu.Lock()
	defer cold.mu.Unlock()
	if h := &cold.history; h.commands < 15 || h.waiting != 0 || h.held != 0 {
		t.Errorf("%d commands waited for cold blocks, %d still do, and %d bytes are held", h.commands, h.waiting, h.held)
	}
}

// slowReads is a disk on which reads of segment files wait while it is shut, but for the first few.
type slowReads struct {
	shut atomic.Bool
	few  atomic.Int32
	open chan struct{}
	end  <-chan struct{} // of the test
}

func newSlowReads(t *testing.T) *slowReads {
	return &slowReads{open: make(chan struct{}), end: t.Context().Done()}
}

func (r *slowReads) disk(op, path string) error {
	if op == "read" && r.shut.Load() && strings.Contains(path, "segments") && r.few.Add(-1) < 0 {
		select {
		case <-r.open:
		case <-r.end:
		}
	}
	return nil
}

func (r *slowReads) release() {
	r.shut.Store(false)
	close(r.open)
}

func TestWhileAColdBlockIsReadOthersAreServedAndAPipelineKeepsItsOrder(t *testing.T) {
	for _, goroutines := range []bool{false, true} {
		slow := newSlowReads(t)
		b := running(t, func(o *Options) {
			tiny(o)
			o.Goroutines, o.Disk = goroutines, slow.disk
		})
		c, other := dial(t, b), dial(t, b)
		c.fillFrom("s", 1, 100)
		spilledAll(t, b)
		slow.shut.Store(true)
		for _, line := range []string{"PING", "XLEN s", "XRANGE s 5-0 5-0", "XADD s 101-0 number 101", "XRANGE s 20-0 20-0", "XLEN s"} {
			c.send(line)
		}
		if got := c.read() + c.read(); got != "+PONG:100" { // what came before the parked command leaves
			t.Fatal(got)
		}
		waitFor(t, b, func() bool { return b.history.waiting == 1 })
		c.silent(20 * time.Millisecond)
		other.expect("XLEN s", ":100")
		other.expect("XADD s 100-1 number 100.1", `"100-1"`)
		slow.release()
		for _, want := range []string{
			`[["5-0" ["number" "5" "name" "entry 5 of s"]]]`, `"101-0"`,
			`[["20-0" ["number" "20" "name" "entry 20 of s"]]]`, ":102",
		} {
			if got := c.read(); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
}

func TestAClientThatGoesWhileItsBlocksAreReadIsForgotten(t *testing.T) {
	slow := newSlowReads(t)
	b := running(t, func(o *Options) {
		tiny(o)
		o.Disk = slow.disk
	})
	gone, killed, other := dial(t, b), dial(t, b), dial(t, b)
	other.fillFrom("s", 1, 200)
	spilledAll(t, b)
	id := strings.TrimPrefix(killed.do("CLIENT ID"), ":")
	waiting := dial(t, b)
	other.expect("XGROUP CREATE s g 0", "+OK")
	if got := waiting.do("XREADGROUP GROUP g c COUNT 100 STREAMS s >"); strings.Count(got, "entry") != 100 {
		t.Fatal(got)
	}
	other.expect("XGROUP SETID s g $", "+OK")
	waiting.send("XREADGROUP GROUP g d BLOCK 0 CLAIM 3600000 STREAMS s >")
	waitFor(t, b, func() bool { return b.waiters.count == 1 })
	slow.few.Store(1) // for XCLAIM
	slow.shut.Store(true)
	other.expect("XCLAIM s g c 0 90-0 IDLE 7200000 JUSTID", `["90-0"]`)
	gone.send("XRANGE s 5-0 5-0")
	killed.send("XDEL s 5-0")
	waitFor(t, b, func() bool { return b.history.waiting == 3 })
	gone.conn.Close()
	waiting.conn.Close()
	other.expect("CLIENT KILL ID "+id, ":1")
	waitFor(t, b, func() bool { return b.waiters.count == 0 && len(b.sessions) <= 2 }) // one may only have said its last word
	slow.release()
	waitFor(t, b, func() bool { return b.history.waiting == 0 && b.history.held == 0 && len(b.sessions) == 1 })
	other.expect("XLEN s", ":200")
	other.expect("XDEL s 5-0", ":1")
}

func TestAClientThatSendsNoMoreGetsWhatIsReadForIt(t *testing.T) {
	for _, goroutines := range []bool{false, true} {
		slow := newSlowReads(t)
		b := running(t, func(o *Options) {
			tiny(o)
			o.Goroutines, o.Disk = goroutines, slow.disk
		})
		c, other := dial(t, b), dial(t, b)
		other.fillFrom("s", 1, 100)
		spilledAll(t, b)
		slow.shut.Store(true)
		c.send("XLEN s")
		c.send("XRANGE s 5-0 5-0")
		c.send("XRANGE s 50-0 50-0")
		waitFor(t, b, func() bool { return b.history.waiting == 1 })
		c.conn.(*net.TCPConn).CloseWrite()
		other.expect("PING", "+PONG")
		slow.release()
		for _, want := range []string{":100", `[["5-0" ["number" "5" "name" "entry 5 of s"]]]`, `[["50-0" ["number" "50" "name" "entry 50 of s"]]]`} {
			if got := c.read(); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		if _, err := c.r.ReadByte(); err != io.EOF {
			t.Errorf("after the last reply: %v, want EOF", err)
		}
	}
}

func TestACommandThatNeedsTooMuchHistoryIsToldSo(t *testing.T) {
	b := running(t, tiny)
	b.mu.Lock()
	b.history.most = 20 << 10
	b.mu.Unlock()
	c := dial(t, b)
	c.fillFrom("s", 1, 3000)
	spilledAll(t, b)
	c.expect("XRANGE s - +", "-"+command.WireText(stream.ErrTooMuch))
	if got := c.do("XRANGE s - + COUNT 100"); strings.Count(got, "entry") != 100 {
		t.Errorf("100 entries: %s", got)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.history.held != 0 {
		t.Errorf("%d bytes are held for nobody", b.history.held)
	}
}

func TestALongReadTakesBlocksInEverLargerSteps(t *testing.T) {
	b := running(t, tiny)
	c := dial(t, b)
	c.fillFrom("s", 1, 10000)
	spilledAll(t, b)
	before := b.log.Last()
	if got := c.do("XRANGE s - +"); strings.Count(got, "entry") != 10000 {
		t.Errorf("%d entries", strings.Count(got, "entry"))
	}
	if b.log.Last() != before {
		t.Error("a read has changed something")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if h := &b.history; h.commands != 1 || h.blocks < 600 || h.blocks > 700 {
		t.Errorf("%d commands waited for %d blocks", h.commands, h.blocks)
	}
}

func TestManyLongReadsAtOnceHoldLittle(t *testing.T) {
	b := running(t, tiny)
	b.mu.Lock()
	b.history.much = 16 << 10
	b.mu.Unlock()
	c := dial(t, b)
	c.fillFrom("s", 1, 4000)
	spilledAll(t, b)
	var clients []*client
	for i := range 12 {
		r := dial(t, b)
		r.send("XRANGE s - +")
		if i == 5 {
			r.conn.Close()
			continue
		}
		clients = append(clients, r)
	}
	most := int64(0)
	waitFor(t, b, func() bool {
		h := &b.history
		most = max(most, h.held)
		if h.greedy > mostGreedy {
			t.Errorf("%d hold much", h.greedy)
		}
		return h.commands >= 12 && h.waiting == 0 && h.held == 0
	})
	for _, r := range clients {
		if got := r.read(); strings.Count(got, "entry") != 4000 {
			t.Errorf("%d entries", strings.Count(got, "entry"))
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.history.greedy != 0 || len(b.history.queue) != 0 {
		t.Errorf("%d are greedy, and %d wait for that", b.history.greedy, len(b.history.queue))
	}
}

func TestWaitersWithColdClaimsAreServedInOrder(t *testing.T) {
	slow := newSlowReads(t)
	b := running(t, func(o *Options) {
		tiny(o)
		o.Disk = slow.disk
	})
	c := dial(t, b)
	c.fillFrom("s", 1, 100)
	c.expect("XGROUP CREATE s g 0", "+OK")
	if got := c.do("XREADGROUP GROUP g dead COUNT 100 STREAMS s >"); strings.Count(got, "entry") != 100 {
		t.Fatal(got)
	}
	c.expect("XACK s g 1-0 2-0", ":2")
	spilledAll(t, b)
	var readers []*client
	for i := range 3 {
		r := dial(t, b)
		r.send(fmt.Sprintf("XREADGROUP GROUP g c%d COUNT 1 BLOCK 0 CLAIM 3600000 STREAMS s >", i))
		waitFor(t, b, func() bool { return b.waiters.count == i+1 })
		readers = append(readers, r)
	}
	slow.few.Store(1) // for XCLAIM itself
	slow.shut.Store(true)
	c.expect("XCLAIM s g dead 0 3-0 4-0 IDLE 7200000 JUSTID", `["3-0" "4-0"]`) // a delivery in the past: the waiters look
	waitFor(t, b, func() bool { return b.history.waiting == 1 })
	c.expect("XLEN s", ":100")
	slow.release()
	for i, id := range []string{"3-0", "4-0"} {
		if got := readers[i].read(); !strings.Contains(got, `"`+id+`"`) || strings.Count(got, "entry") != 1 {
			t.Errorf("reader %d got %s, want %s", i, got, id)
		}
	}
	waitFor(t, b, func() bool { return b.waiters.count == 1 && b.history.waiting == 0 && b.history.held == 0 })
	c.fillFrom("s", 101, 101)
	if got := readers[2].read(); !strings.Contains(got, `"101-0"`) {
		t.Errorf("the last reader got %s", got)
	}
}

func TestAWaiterThatGoesWhileItsBlocksAreReadPassesItsTurnOn(t *testing.T) {
	slow := newSlowReads(t)
	b := running(t, func(o *Options) {
		tiny(o)
		o.Disk = slow.disk
	})
	c := dial(t, b)
	c.fillFrom("s", 1, 100)
	c.expect("XGROUP CREATE s g 0", "+OK")
	if got := c.do("XREADGROUP GROUP g dead COUNT 100 STREAMS s >"); strings.Count(got, "entry") != 100 {
		t.Fatal(got)
	}
	spilledAll(t, b)
	var readers []*client
	for i := range 2 {
		r := dial(t, b)
		r.send(fmt.Sprintf("XREADGROUP GROUP g c%d COUNT 1 BLOCK 0 CLAIM 3600000 STREAMS s >", i))
		waitFor(t, b, func() bool { return b.waiters.count == i+1 })
		readers = append(readers, r)
	}
	slow.few.Store(1) // for XCLAIM itself
	slow.shut.Store(true)
	c.expect("XCLAIM s g dead 0 3-0 IDLE 7200000 JUSTID", `["3-0"]`)
	waitFor(t, b, func() bool { return b.history.waiting == 1 })
	readers[0].conn.Close()
	waitFor(t, b, func() bool { return b.waiters.count == 1 })
	slow.release()
	if got := readers[1].read(); !strings.Contains(got, `"3-0"`) {
		t.Errorf("who stood behind got %s", got)
	}
}
