package sets

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/command/commandtest"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// fill adds n members with a prefix.
func fill(tb testing.TB, r *commandtest.Runner, key, prefix string, n int) {
	args := [][]byte{[]byte("SADD"), []byte(key)}
	for i := range n {
		args = append(args, fmt.Appendf(nil, "%s%d", prefix, i))
	}
	r.MustRun(tb, args)
}

func newRunner() *commandtest.Runner {
	r := commandtest.New(2, Specs())
	r.Call.Random = rand.New(rand.NewPCG(1, 2)).Uint64N
	return r
}

func TestWhatSPopTakesIsGoneAndLoggedWhateverTheForm(t *testing.T) {
	for _, prefix := range []string{"", "m"} {
		for _, size := range []int{1, 2, 60, 700} {
			for _, count := range []int{0, 1, 3, size / 2, size * 9 / 10, size - 1, size, size + 1} {
				r := newRunner()
				replayed := state.NewKeyspace(stream.Config{})
				fill(t, r, "s", prefix, size)
				apply := func(position uint64) {
					record := bytes.Clone(r.Tx.Record())
					r.Tx.Committed(position)
					if err := replayed.Apply(position, record); err != nil {
						t.Fatal(err)
					}
				}
				apply(1)
				taken := strings.Fields(r.Reply(fmt.Sprintf("SPOP s %d", count)))[1:]
				apply(2)
				taken = slices.DeleteFunc(taken, func(w string) bool { return w[0] == '$' })
				slices.Sort(taken)
				want := min(count, size)
				if len(slices.Compact(taken)) != want {
					t.Fatalf("%d of %d: took %d", count, size, len(taken))
				}
				for _, m := range taken {
					if r.Reply("SISMEMBER s "+m) != ":0" {
						t.Fatalf("%d of %d: %q is still there", count, size, m)
					}
				}
				if got := r.Reply("SCARD s"); got != fmt.Sprintf(":%d", size-want) {
					t.Fatalf("%d of %d: %s are left", count, size, got)
				}
				again := newRunner()
				again.Tx = state.NewTx(replayed)
				again.Call.Tx = again.Tx
				sorted := func(r *commandtest.Runner) []string {
					members := strings.Fields(r.Reply("SMEMBERS s"))
					slices.Sort(members)
					return members
				}
				if !slices.Equal(sorted(r), sorted(again)) {
					t.Fatalf("%d of %d: replay left something else", count, size)
				}
			}
		}
	}
}

func TestSRandMemberRefusesAHugeReply(t *testing.T) {
	r := newRunner()
	fill(t, r, "s", strings.Repeat("x", 1000), 1)
	for _, count := range []string{"-9223372036854775807", "-1000000000"} {
		if got := r.Reply("SRANDMEMBER s " + count); got != string(command.ErrResultTooLong) {
			t.Errorf("%s: %.80s", count, got)
		}
	}
	r.Call.MaxReply = 50_000
	if got := r.Reply("SRANDMEMBER s -100"); got != string(command.ErrResultTooLong) {
		t.Error("members that are too long together: ", got)
	}
	r.Call.MaxReply = 200_000
	if got := r.Reply("SRANDMEMBER s -100"); len(got) < 100_000 {
		t.Error(got)
	}
	if got := r.Reply("SRANDMEMBER s -9223372036854775808"); got != string(errRandomCount) {
		t.Error(got)
	}
}

func TestAnSScanOfALargeSetMeetsEveryMemberThatStays(t *testing.T) {
	r := newRunner()
	fill(t, r, "s", "m", 3000)
	seen := map[string]bool{}
	cursor, steps := "0", 0
	for ; cursor != "0" || steps == 0; steps++ {
		words := strings.Fields(r.Reply("SSCAN s " + cursor + " MATCH m*"))
		cursor = words[2]
		for _, w := range words[4:] {
			seen[w] = true
		}
		r.Reply(fmt.Sprintf("SADD s other%d", steps))
	}
	for i := range 3000 {
		if !seen[fmt.Sprintf("m%d", i)] {
			t.Fatalf("m%d was not met in %d steps", i, steps)
		}
	}
	if steps < 100 {
		t.Errorf("%d steps for 3000 members", steps)
	}
}

func TestCommonCommandsAllocateNothing(t *testing.T) {
	for _, prefix := range []string{"", "m"} {
		for _, size := range []int{100, 5000} {
			r := newRunner()
			fill(t, r, "s", prefix, size)
			for _, line := range []string{"SADD s m7", "SISMEMBER s m7", "SMISMEMBER s 7 8", "SREM s none", "SCARD s", "SRANDMEMBER s"} {
				args := commandtest.Words(line)
				if n := testing.AllocsPerRun(100, func() { r.MustRun(t, args) }); n != 0 {
					t.Errorf("%s, %d members %q...: %v allocations", line, size, prefix, n)
				}
			}
		}
	}
	r := newRunner()
	fill(t, r, "s", "m", 5000)
	add, pop := commandtest.Words("SADD s m7"), commandtest.Words("SPOP s")
	if n := testing.AllocsPerRun(1000, func() { r.MustRun(t, pop); r.MustRun(t, add) }); n > 0.1 {
		t.Errorf("SPOP and SADD: %v allocations", n)
	}
}

func BenchmarkCommands(b *testing.B) {
	for _, line := range []string{"SADD s m7", "SISMEMBER s m7", "SPOP s", "SRANDMEMBER s", "SINTER s t", "SMEMBERS t"} {
		b.Run(strings.Fields(line)[0], func(b *testing.B) {
			r := newRunner()
			fill(b, r, "s", "m", 100_000)
			fill(b, r, "t", "m", 100)
			args := commandtest.Words(line)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if args[0][1] == 'P' && i%90_000 == 89_999 {
					fill(b, r, "s", "m", 100_000)
				}
				r.MustRun(b, args)
			}
		})
	}
}
