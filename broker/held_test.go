package broker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirmq/weir/log"
)

// gate is a disk whose fsyncs wait until it is opened.
type gate struct {
	shut    atomic.Bool
	waiting atomic.Int32
	open    chan struct{}
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) disk(op, _ string) error {
	if op == "fsync" && g.shut.Load() {
		g.waiting.Add(1)
		<-g.open
	}
	return nil
}

func (g *gate) release() {
	g.shut.Store(false)
	close(g.open)
}

// slow makes the log believe that fsync is slow, so that event loops leave it to the committer, and then shuts the gate.
func slow(t *testing.T, b *Broker, c *client, pause *atomic.Int64) {
	t.Helper()
	pause.Store(int64(5 * time.Millisecond))
	for i := range 8 {
		c.expect(fmt.Sprintf("XADD warm %d-1 f v", i+1), fmt.Sprintf(`"%d-1"`, i+1))
	}
}

func TestWhileAnFsyncHangsQuietKeysAreReadAndNothingElseLeaves(t *testing.T) {
	for _, loops := range []int{1, 4} {
		g := newGate()
		var pause atomic.Int64
		b := running(t, func(o *Options) {
			o.Loops = loops
			o.Disk = func(op, path string) error {
				if op == "fsync" {
					time.Sleep(time.Duration(pause.Load()))
				}
				return g.disk(op, path)
			}
		})
		writer, reader, watcher := dial(t, b), dial(t, b), dial(t, b)
		reader.expect("XADD quiet 1-1 f v", `"1-1"`)
		slow(t, b, writer, &pause)
		g.shut.Store(true)

		writer.send("XADD busy 1-1 f v")
		waitFor(t, b, func() bool { return g.waiting.Load() > 0 })
		reader.expect("XLEN quiet", ":1")
		reader.expect("PING", "+PONG")
		reader.expect("XRANGE quiet - +", `[["1-1" ["f" "v"]]]`)
		watcher.send("XLEN busy") // what it shows is not durable
		watcher.silent(50 * time.Millisecond)
		writer.silent(50 * time.Millisecond)

		g.release()
		if got := writer.read(); got != `"1-1"` {
			t.Errorf("writer: %s", got)
		}
		if got := watcher.read(); got != ":1" {
			t.Errorf("watcher: %s", got)
		}
	}
}

func TestWritersStallWhenTheLogCannotKeepUpAndLoseNothing(t *testing.T) {
	g := newGate()
	var pause atomic.Int64
	b := running(t, func(o *Options) {
		o.LogMaxPending = 1 << 20
		o.Disk = func(op, path string) error {
			if op == "fsync" {
				time.Sleep(time.Duration(pause.Load()))
			}
			return g.disk(op, path)
		}
	})
	writer, reader := dial(t, b), dial(t, b)
	slow(t, b, writer, &pause)
	g.shut.Store(true)

	const n = 5000
	value := strings.Repeat("v", 2000)
	go func() {
		var all strings.Builder
		for i := range n {
			all.WriteString(request("XADD", "s", fmt.Sprintf("%d-1", i+1), "f", value))
		}
		io.WriteString(writer.conn, all.String())
	}()
	waitFor(t, b, func() bool { return b.stats.stalls > 0 })
	for range 20 {
		reader.expect("XLEN quiet", ":0")
		if pending := b.log.Pending(); pending > 1<<20+64<<10 {
			t.Fatalf("%d bytes wait for the disk", pending)
		}
	}
	g.release()
	for i := range n {
		if got := writer.read(); got != fmt.Sprintf(`"%d-1"`, i+1) {
			t.Fatalf("reply %d: %s", i, got)
		}
	}
	reader.expect("XLEN s", fmt.Sprintf(":%d", n))
}

func TestAfterAFailedFsyncNothingIsAcknowledgedThatIsNotDurable(t *testing.T) {
	for _, mode := range []log.Sync{log.SyncAlways} {
		var broken atomic.Bool
		dir := t.TempDir()
		b, stop := started(t, func(o *Options) {
			o.Dir, o.Sync = dir, mode
			o.Disk = func(op, _ string) error {
				if broken.Load() && (op == "fsync" || op == "write") {
					return errors.New("input/output error")
				}
				return nil
			}
		})
		c, reader := dial(t, b), dial(t, b)
		c.expect("XADD s 1-1 f v", `"1-1"`)
		broken.Store(true)
		c.send("XADD s 2-1 f v")
		if got, err := c.tryRead(); err == nil {
			t.Fatalf("a write that failed was answered: %s", got)
		}
		waitFor(t, b, func() bool { return b.readOnly && !b.loading })
		reader.expect("XRANGE s - +", `[["1-1" ["f" "v"]]]`)
		if got := reader.do("XADD s 3-1 f v"); !strings.HasPrefix(got, "-MISCONF ") {
			t.Errorf("XADD on a broken disk: %s", got)
		}
		broken.Store(false)
		waitFor(t, b, func() bool { return !b.readOnly })
		reader.expect("XADD s 3-1 f v", `"3-1"`)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		again := dial(t, running(t, func(o *Options) { o.Dir = dir }))
		again.expect("XRANGE s - +", `[["1-1" ["f" "v"]] ["3-1" ["f" "v"]]]`)
	}
}

func TestAPipelinerThatNeverStopsGetsItsRepliesInOrder(t *testing.T) {
	for _, loops := range []int{1, 4} {
		b := running(t, func(o *Options) { o.Loops = loops })
		c := dial(t, b)
		const n = 20000
		go func() {
			var batch strings.Builder
			for i := range n {
				batch.WriteString(request("XADD", "s", fmt.Sprintf("%d-1", i+1), "f", "v"))
				batch.WriteString(request("XLEN", "s"))
				if batch.Len() > 8000 {
					io.WriteString(c.conn, batch.String())
					batch.Reset()
				}
			}
			io.WriteString(c.conn, batch.String())
		}()
		for i := range n {
			if got := c.read(); got != fmt.Sprintf(`"%d-1"`, i+1) {
				t.Fatalf("reply %d: %s", i, got)
			}
			if got := c.read(); got != fmt.Sprintf(":%d", i+1) {
				t.Fatalf("length after %d: %s", i, got)
			}
		}
	}
}

func TestAConnectionThatClosesWhileItsReplyIsHeldHarmsNobody(t *testing.T) {
	g := newGate()
	var pause atomic.Int64
	b := running(t, func(o *Options) {
		o.Disk = func(op, path string) error {
			if op == "fsync" {
				time.Sleep(time.Duration(pause.Load()))
			}
			return g.disk(op, path)
		}
	})
	writer, other := dial(t, b), dial(t, b)
	slow(t, b, writer, &pause)
	g.shut.Store(true)
	writer.send("XADD s 1-1 f v")
	waitFor(t, b, func() bool { return g.waiting.Load() > 0 })
	writer.conn.(*net.TCPConn).SetLinger(0)
	writer.conn.Close()
	waitFor(t, b, func() bool { return len(b.sessions) == 1 })
	late := dial(t, b) // may get the descriptor that was just closed
	late.expect("PING", "+PONG")
	g.release()
	other.expect("XRANGE s - +", `[["1-1" ["f" "v"]]]`)
	late.expect("PING", "+PONG")
}

// TestCommandsAllocateNothing counts what the whole broker allocates, from socket to socket.
func TestCommandsAllocateNothing(t *testing.T) {
	b := running(t, func(o *Options) { o.Sync = log.SyncNo })
	c := dial(t, b)
	for i := range 100 {
		c.expect(fmt.Sprintf("XADD r %d-1 f v", i+1), fmt.Sprintf(`"%d-1"`, i+1))
	}
	xadd := request("XADD", "s", "*", "field-one", "value-of-twenty-byte", "field-two", "value-of-twenty-byte")
	for name, line := range map[string]string{
		"XADD": xadd, "XLEN": request("XLEN", "s"), "XRANGE": request("XRANGE", "r", "-", "+", "COUNT", "10"), "PING": request("PING"),
	} {
		const batch, rounds = 100, 100
		out := []byte(strings.Repeat(line, batch))
		io.WriteString(c.conn, line)
		lines := bytes.Count(c.rawReply(), []byte{'\n'})
		round := func() {
			if _, err := c.conn.Write(out); err != nil {
				t.Fatal(err)
			}
			for range lines * batch {
				if _, err := c.r.ReadSlice('\n'); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 20 {
			round()
		}
		spilledAll(t, b) // beside the commands it allocates, too
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			round()
		}
		runtime.ReadMemStats(&after)
		// Blocks of entries, and timers of the runtime, are shared by many commands.
		if per := float64(after.Mallocs-before.Mallocs) / (batch * rounds); per > 0.05 {
			t.Errorf("%s: %.3f allocations per command", name, per)
		}
	}
}

// rawReply reads one reply as it is.
func (c *client) rawReply() []byte {
	var raw []byte
	lines := 1
	for lines > 0 {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatal(err)
		}
		raw = append(raw, line...)
		lines--
		var n int
		fmt.Sscanf(line[1:], "%d", &n)
		switch line[0] {
		case '*':
			lines += n
		case '$':
			body := make([]byte, n+2)
			io.ReadFull(c.r, body)
			raw = append(raw, body...)
		}
	}
	return raw
}
