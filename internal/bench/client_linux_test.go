package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/weirmq/weir/internal/oracle"
)

// serve answers every command of every connection with what reply gives, until
// the test ends.
func serve(t *testing.T, reply func(args []string) string) (addr string) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer func() { _ = c.Close() }()
				for r := bufio.NewReader(c); ; {
					command, err := oracle.ReadReply(r) // an array of bulks, as commands are
					if err != nil {
						return
					}
					var args []string
					for _, e := range command.Elems {
						args = append(args, e.Text)
					}
					if _, err := c.Write([]byte(reply(args))); err != nil {
						return
					}
				}
			})
		}
	})
	return l.Addr().String()
}

// oneRead is the reply to a read of the stream that has n entries of so many
// fields, each of them the value.
func oneRead(n, fields int, value string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*1\r\n*2\r\n$1\r\ns\r\n*%d\r\n", n)
	for i := range n {
		fmt.Fprintf(&b, "*2\r\n$3\r\n1-%d\r\n*%d\r\n", i, 2*fields)
		for range 2 * fields {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(value), value)
		}
	}
	return b.String()
}

func TestWorkersAcknowledgeWhatTheyRead(t *testing.T) {
	const pairs, count = 50, 3
	var mu sync.Mutex
	seen := map[string]int{}
	addr := serve(t, func(args []string) string {
		mu.Lock()
		defer mu.Unlock()
		seen[args[0]]++
		if args[0] == "XREADGROUP" {
			return oneRead(count, xaddFields, "v")
		}
		if got := strings.Join(args, " "); got != "XACK bench workers 1-0 1-1 1-2" {
			t.Errorf("got %s", got)
		}
		return fmt.Sprintf(":%d\r\n", count)
	})
	s, err := workers{4, count}.run(addr, pairs)
	if err != nil || s.perSecond <= 0 || s.p50 <= 0 || s.p99 < s.p50 {
		t.Errorf("%+v, %v", s, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if seen["XREADGROUP"] != pairs || seen["XACK"] != pairs {
		t.Errorf("the server has seen %v", seen)
	}
}

func TestWorkersRefuseAnotherReply(t *testing.T) {
	for name, c := range map[string]struct{ read, ack, want string }{
		"fewer entries": {oneRead(1, xaddFields, "v"), ":2\r\n", "got 1 entries"},
		"none":          {"*-1\r\n", ":2\r\n", "got 0 entries"},
		"fewer acks":    {oneRead(2, xaddFields, "v"), ":1\r\n", `replies ":1`},
		"an error":      {"-NOGROUP no\r\n", ":2\r\n", "NOGROUP"},
	} {
		addr := serve(t, func(args []string) string {
			if args[0] == "XACK" {
				return c.ack
			}
			return c.read
		})
		if _, err := (workers{1, 2}).run(addr, 10); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBlockedClientsTellHowLongAnEntryTook(t *testing.T) {
	for _, groups := range []string{"false", "true"} {
		addr := serve(t, func(args []string) string {
			return oneRead(1, 1, stamp(monotonic()-5_000_000))
		})
		var out bytes.Buffer
		if err := blocked([]string{addr, groups, "6", "3", "100"}, &out); err != nil {
			t.Fatal(err)
		}
		figures, ok := strings.CutPrefix(out.String(), "ready\n")
		var w woken
		if err := json.Unmarshal([]byte(figures), &w); err != nil || !ok {
			t.Fatalf("%v: %s", err, &out)
		}
		if w.Wakeups != 100 || w.P50 < 5 || w.P99 < w.P50 || w.Max < w.P99 {
			t.Errorf("%+v", w)
		}
	}
}
