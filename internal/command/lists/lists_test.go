package lists_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command/commandtest"
	"github.com/weirmq/weir/internal/command/lists"
)

func TestCommandsOnListsAllocateNothing(t *testing.T) {
	for _, size := range []int{10, 1000} {
		r := commandtest.New(2, lists.Specs())
		for range size {
			r.MustRun(t, commandtest.Words("RPUSH l element:000001"))
			r.MustRun(t, commandtest.Words("RPUSH m 12345"))
		}
		r.AllocateNothing(t, [][2]string{
			{"LPUSH l element:000001", "RPOP l"}, {"RPUSH l element:000001 12 13", "LPOP l 3"}, {"LMOVE l m LEFT RIGHT", "RPOPLPUSH m l"},
			{"LINDEX l 5", "LSET l 3 element:000002"}, {"LRANGE l 0 -1", "LPOS l nothing"}, {"RPUSH l element:000001", "BLPOP l m 0"},
			{"LPUSH m 1", "BLMPOP 0 2 m l LEFT"}, {"LPUSH m 7", "LREM m 1 7"}, {"RPUSH m x", "LTRIM m 0 -2"}, {"BLMOVE l m LEFT RIGHT 0", "BRPOPLPUSH m l 0"},
			{"LINSERT l AFTER element:000001 x", "LREM l 0 x"}, {"LLEN l", "LMPOP 1 none LEFT"},
		})
	}
}

func BenchmarkPushAndPop(b *testing.B) {
	for _, size := range []int{0, 10, 100_000} {
		b.Run(map[int]string{0: "empty", 10: "short", 100_000: "long"}[size], func(b *testing.B) {
			r := commandtest.New(2, lists.Specs())
			for range size {
				r.MustRun(b, commandtest.Words("RPUSH l element:000001"))
			}
			push, pop := commandtest.Words("LPUSH l element:000001"), commandtest.Words("RPOP l")
			for b.Loop() {
				r.MustRun(b, push)
				r.MustRun(b, pop)
			}
		})
	}
}

func BenchmarkRange(b *testing.B) {
	r := commandtest.New(2, lists.Specs())
	for range 100_000 {
		r.MustRun(b, commandtest.Words("RPUSH l element:000001"))
	}
	line := commandtest.Words("LRANGE l 0 99")
	for b.Loop() {
		r.MustRun(b, line)
	}
}

func TestRemovingMoreThanABatchFindsAll(t *testing.T) {
	const n = 3*1<<16 + 100
	for count, left := range map[string]int{"0": 0, "70000": n - 70000, "-140000": n - 140000, "-65536": n - 65536, "1000000": 0} {
		r := commandtest.New(2, lists.Specs())
		for range n / 100 {
			line := commandtest.Words("RPUSH l" + strings.Repeat(" x y", 100))
			r.MustRun(t, line)
		}
		for range n % 100 {
			r.MustRun(t, commandtest.Words("RPUSH l x y"))
		}
		if got, want := r.Reply("LREM l "+count+" x"), fmt.Sprintf(":%d", n-left); got != want {
			t.Errorf("LREM %s: %q, want %q", count, got, want)
		}
		end := "LINDEX l 0"
		if left > 0 && count[0] != '-' {
			end = "LINDEX l -2"
		}
		want := "$1 x"
		if left == 0 {
			want = "$1 y"
		}
		if got := r.Reply(end); got != want {
			t.Errorf("LREM %s, %s: %q", count, end, got)
		}
		if got := r.Reply("LLEN l"); got != fmt.Sprintf(":%d", n+left) {
			t.Errorf("LREM %s, LLEN: %q", count, got)
		}
	}
}
