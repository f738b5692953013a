package lists_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/command/lists"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
)

// runner runs commands one after the other, as a dispatcher does.
type runner struct {
	table *command.Table
	tx    *state.Tx
	call  command.Call
}

func newRunner() *runner {
	r := &runner{table: command.NewTable(lists.Specs()), tx: state.NewTx(state.NewKeyspace(stream.Config{}))}
	r.call = command.Call{Out: resp.NewWriter(2), Tx: r.tx, Session: &command.Session{}}
	return r
}

func (r *runner) run(tb testing.TB, args [][]byte) {
	r.tx.Begin(0, 0)
	r.call.Out.Reset()
	r.call.Args, r.call.Wait = args, nil
	if err := r.table.Lookup(args[0]).Run(&r.call); err != nil {
		tb.Fatal(err)
	}
	r.tx.Committed(1)
}

func words(line string) [][]byte { return bytes.Fields([]byte(line)) }

func TestCommandsOnListsAllocateNothing(t *testing.T) {
	for _, size := range []int{10, 1000} {
		r := newRunner()
		for range size {
			r.run(t, words("RPUSH l element:000001"))
			r.run(t, words("RPUSH m 12345"))
		}
		for _, both := range [][2]string{
			{"LPUSH l element:000001", "RPOP l"}, {"RPUSH l element:000001 12 13", "LPOP l 3"}, {"LMOVE l m LEFT RIGHT", "RPOPLPUSH m l"},
			{"LINDEX l 5", "LSET l 3 element:000002"}, {"LRANGE l 0 -1", "LPOS l nothing"}, {"RPUSH l element:000001", "BLPOP l m 0"},
			{"LPUSH m 1", "BLMPOP 0 2 m l LEFT"}, {"LPUSH m 7", "LREM m 1 7"}, {"RPUSH m x", "LTRIM m 0 -2"}, {"BLMOVE l m LEFT RIGHT 0", "BRPOPLPUSH m l 0"},
			{"LINSERT l AFTER element:000001 x", "LREM l 0 x"}, {"LLEN l", "LMPOP 1 none LEFT"},
		} {
			first, second := words(both[0]), words(both[1])
			r.run(t, first)
			r.run(t, second)
			if n := testing.AllocsPerRun(200, func() { r.run(t, first); r.run(t, second) }); n > 0 {
				t.Errorf("%s and %s allocate %v times in a list of %d", both[0], both[1], n, size)
			}
		}
	}
}

func BenchmarkPushAndPop(b *testing.B) {
	for _, size := range []int{0, 10, 100_000} {
		b.Run(map[int]string{0: "empty", 10: "short", 100_000: "long"}[size], func(b *testing.B) {
			r := newRunner()
			for range size {
				r.run(b, words("RPUSH l element:000001"))
			}
			push, pop := words("LPUSH l element:000001"), words("RPOP l")
			for b.Loop() {
				r.run(b, push)
				r.run(b, pop)
			}
		})
	}
}

func BenchmarkRange(b *testing.B) {
	r := newRunner()
	for range 100_000 {
		r.run(b, words("RPUSH l element:000001"))
	}
	line := words("LRANGE l 0 99")
	for b.Loop() {
		r.run(b, line)
	}
}

func TestRemovingMoreThanABatchFindsAll(t *testing.T) {
	const n = 3*1<<16 + 100
	for count, left := range map[string]int{"0": 0, "70000": n - 70000, "-140000": n - 140000, "-65536": n - 65536, "1000000": 0} {
		r := newRunner()
		for range n / 100 {
			line := words("RPUSH l" + strings.Repeat(" x y", 100))
			r.run(t, line)
		}
		for range n % 100 {
			r.run(t, words("RPUSH l x y"))
		}
		r.run(t, words("LREM l "+count+" x"))
		if got, want := string(r.call.Out.Bytes()), fmt.Sprintf(":%d\r\n", n-left); got != want {
			t.Errorf("LREM %s: %q, want %q", count, got, want)
		}
		end := "LINDEX l 0"
		if left > 0 && count[0] != '-' {
			end = "LINDEX l -2"
		}
		want := "$1\r\nx\r\n"
		if left == 0 {
			want = "$1\r\ny\r\n"
		}
		if r.run(t, words(end)); string(r.call.Out.Bytes()) != want {
			t.Errorf("LREM %s, %s: %q", count, end, r.call.Out.Bytes())
		}
		if r.run(t, words("LLEN l")); string(r.call.Out.Bytes()) != fmt.Sprintf(":%d\r\n", n+left) {
			t.Errorf("LREM %s, LLEN: %q", count, r.call.Out.Bytes())
		}
	}
}
