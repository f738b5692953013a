package broker

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

// script runs commands on one connection; a step without a wanted reply must not be answered.
func script(t *testing.T, c *client, steps ...string) {
	t.Helper()
	for _, step := range steps {
		line, want, answered := strings.Cut(step, " -> ")
		c.send(line)
		if answered {
			if got := c.read(); got != want {
				t.Fatalf("%s\n got %s\nwant %s", line, got, want)
			}
		}
	}
}

func TestClientReplyLeavesOutWhatRedisLeavesOut(t *testing.T) {
	b := running(t, nil)
	script(t, dial(t, b), "CLIENT REPLY OFF", "CLIENT REPLY SKIP", "PING", "PING", "CLIENT REPLY ON -> +OK", "PING -> +PONG")
	script(t, dial(t, b), "CLIENT REPLY SKIP", "XREAD BLOCK 20 STREAMS s $", "PING -> +PONG")
	script(t, dial(t, b), "CLIENT REPLY SKIP", "RESET", "PING -> +PONG")
	script(t, dial(t, b), "CLIENT REPLY OFF", "RESET -> +RESET", "PING -> +PONG")
	script(t, dial(t, b), "CLIENT REPLY SKIP", "NOSUCHCOMMAND", "PING -> +PONG")
	c := dial(t, b)
	script(t, c, "CLIENT REPLY OFF")
	io.WriteString(c.conn, "*x\r\n")
	if got, err := c.tryRead(); err != io.EOF {
		t.Errorf("a protocol error under REPLY OFF: %q %v, want only the end", got, err)
	}
}

func TestResetMakesTheSessionNewButKeepsItsLibrary(t *testing.T) {
	b := running(t, nil)
	c := dial(t, b)
	script(t, c, "SELECT 4 -> +OK", "CLIENT SETNAME me -> +OK", "CLIENT SETINFO LIB-NAME lib -> +OK", "RESET -> +RESET", "CLIENT GETNAME -> nil")
	if info := c.do("CLIENT INFO"); !strings.Contains(info, " db=0 ") || !strings.Contains(info, " lib-name=lib ") {
		t.Error(info)
	}
}

func TestAKilledClientIsKilledOnce(t *testing.T) {
	b := running(t, nil)
	c, victim := dial(t, b), dial(t, b)
	id := strings.TrimPrefix(victim.do("CLIENT ID"), ":")
	kill := request("CLIENT", "KILL", "ID", id)
	io.WriteString(c.conn, kill+kill+request("CLIENT", "LIST", "ID", id))
	for _, want := range []string{":1", ":0", `""`} {
		if got := c.read(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestRemovingThePasswordLetsInWhoWaitsForIt(t *testing.T) {
	b := running(t, func(o *Options) { o.RequirePass = "secret" })
	admin, c := dial(t, b), dial(t, b)
	script(t, c, "PING -> -NOAUTH Authentication required.")
	b.mu.Lock()
	b.settings.setPassword("")
	b.mu.Unlock()
	script(t, c, "PING -> +PONG", fmt.Sprintf("ECHO %s -> %q", strings.Repeat("x", 20000), strings.Repeat("x", 20000)))
	b.mu.Lock()
	b.settings.setPassword("other")
	b.mu.Unlock()
	script(t, c, "PING -> -NOAUTH Authentication required.")
	script(t, admin, "AUTH other -> +OK", "PING -> +PONG")
}

func TestAReadOfVeryManyKeysBlocksOnEachOnce(t *testing.T) {
	b := running(t, nil)
	c := dial(t, b)
	words := []string{"XREAD", "BLOCK", "0", "STREAMS"}
	const keys = 50000
	for i := range keys {
		words = append(words, fmt.Sprint("k", i/2)) // each twice
	}
	for range keys {
		words = append(words, "0")
	}
	go io.WriteString(c.conn, request(words...))
	waitFor(t, b, func() bool { return b.waiters.count == 1 })
	b.mu.Lock()
	for k, q := range b.waiters.queues {
		if len(q.list) != 1 {
			t.Errorf("%v has %d waiters", k, len(q.list))
		}
	}
	b.mu.Unlock()
	dial(t, b).expect("XADD k7 1-1 f v", `"1-1"`)
	if got := c.read(); !strings.HasPrefix(got, `[["k7" [["1-1" ["f" "v"]]]]`) {
		t.Error(got)
	}
	waitFor(t, b, func() bool { return len(b.waiters.queues) == 0 })
}

func TestAReaderThatPanicsWhenWokenCostsOnlyItsOwnConnection(t *testing.T) {
	b := running(t, nil)
	b.mu.Lock()
	b.table.Lookup([]byte("echo")).Run = func(c *command.Call) error {
		c.Block(command.Wait{
			Keys:    c.Args[1:],
			Again:   func() func(*command.Call) (bool, error) { return func(*command.Call) (bool, error) { panic("a bug") } },
			Timeout: (*resp.Writer).NullArray,
		})
		return nil
	}
	b.mu.Unlock()
	victim, writer := dial(t, b), dial(t, b)
	victim.send("ECHO s")
	waitFor(t, b, func() bool { return b.waiters.count == 1 })
	writer.expect("XADD s 1-1 f v", `"1-1"`)
	if got, err := victim.tryRead(); err == nil {
		t.Errorf("the reader that panicked got %s", got)
	}
	writer.expect("XADD s 2-1 f v", `"2-1"`)
	waitFor(t, b, func() bool { return b.waiters.count == 0 && len(b.waiters.queues) == 0 })
}

func TestABlockedReaderDoesNotWaitAboveWhatWasTakenBack(t *testing.T) {
	g := newGate()
	var pause atomic.Int64
	var broken atomic.Bool
	b := running(t, func(o *Options) {
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
	})
	writer, reader, other := dial(t, b), dial(t, b), dial(t, b)
	slow(t, b, writer, &pause)
	writer.expect("XADD s 100-1 f v", `"100-1"`)
	g.shut.Store(true)
	writer.send("XADD s 200-1 f v")
	waitFor(t, b, func() bool { return g.waiting.Load() > 0 })
	reader.send("XREAD BLOCK 0 STREAMS s $") // above 200-1, which will never have been
	waitFor(t, b, func() bool { return b.waiters.count == 1 })
	broken.Store(true)
	g.release()
	if got, err := reader.tryRead(); err == nil {
		t.Errorf("the reader got %s, want its connection closed", got)
	}
	broken.Store(false)
	waitFor(t, b, func() bool { return !b.readOnly && !b.loading })
	other.expect("XRANGE s - +", `[["100-1" ["f" "v"]]]`)
}

func TestABrokerThatIsReadOnlyEndsWithoutAnError(t *testing.T) {
	var broken atomic.Bool
	b, stop := started(t, func(o *Options) {
		o.Disk = func(op, _ string) error {
			if broken.Load() && (op == "fsync" || op == "write" || op == "mkdir") {
				return errors.New("input/output error")
			}
			return nil
		}
	})
	c := dial(t, b)
	c.expect("XADD s 1-1 f v", `"1-1"`)
	broken.Store(true)
	c.send("XADD s 2-1 f v")
	waitFor(t, b, func() bool { return b.readOnly && !b.loading })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestAShutdownDuringTheReplayEndsIt(t *testing.T) {
	dir := t.TempDir()
	b, stop := started(t, func(o *Options) { o.Dir = dir })
	c := dial(t, b)
	const n = 1 << 16 // the replay looks up once in so many records
	go func() {
		line := request("XADD", "s", "*", "f", "v")
		for range n / 256 {
			io.WriteString(c.conn, strings.Repeat(line, 256))
		}
	}()
	for range n {
		c.read()
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	again := newBroker(Options{Dir: dir, Bind: []string{"127.0.0.1"}, Port: AnyPort})
	again.fail(nil)
	if err := again.open(t.Context()); !errors.Is(err, ErrShutdown) {
		t.Errorf("%v, want ErrShutdown", err)
	}
	if err := again.close(); err != nil {
		t.Error(err)
	}
}

func TestNoLimitThatCanBeSetLetsALengthOverflow(t *testing.T) {
	b := running(t, nil)
	admin, c := dial(t, b), dial(t, b)
	for _, name := range []string{"proto-max-bulk-len", "client-query-buffer-limit"} {
		if got := admin.do("CONFIG SET " + name + " 9223372036854775807"); !strings.HasPrefix(got, "-ERR CONFIG SET failed") {
			t.Errorf("%s: %s", name, got)
		}
		admin.expect(fmt.Sprint("CONFIG SET ", name, " ", resp.MostLimit), "+OK")
	}
	io.WriteString(c.conn, "*3\r\n$4\r\nXADD\r\n$9223372036854775807\r\nx")
	if got := c.read(); got != "-ERR Protocol error: invalid bulk length" {
		t.Error(got)
	}
	other := dial(t, b)
	io.WriteString(other.conn, fmt.Sprintf("*3\r\n$4\r\nXADD\r\n$%d\r\nx", resp.MostLimit))
	admin.expect("PING", "+PONG")
}
