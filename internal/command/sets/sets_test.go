package sets

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
)

// runner executes commands on a keyspace of its own.
type runner struct {
	table *command.Table
	tx    *state.Tx
	call  command.Call
}

func newRunner(protocol int) *runner {
	r := &runner{table: command.NewTable(Specs()), tx: state.NewTx(state.NewKeyspace(stream.Config{}))}
	r.call = command.Call{Out: resp.NewWriter(protocol), Tx: r.tx, Random: rand.New(rand.NewPCG(1, 2)).Uint64N}
	return r
}

// do runs one command and leaves the reply in the writer.
func (r *runner) do(args ...[]byte) error {
	r.call.Args = args
	r.call.Out.Reset()
	r.tx.Begin(0, 0)
	return r.table.Lookup(args[0]).Run(&r.call)
}

// run returns the reply to a command, line ends shown as blanks.
func (r *runner) run(line string) string {
	var args [][]byte
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(w))
	}
	if err := r.do(args...); err != nil {
		return command.WireText(err)
	}
	return strings.ReplaceAll(strings.TrimSpace(string(r.call.Out.Bytes())), "\r\n", " ")
}

// fill adds n members with a prefix.
func (r *runner) fill(key, prefix string, n int) {
	args := [][]byte{[]byte("SADD"), []byte(key)}
	for i := range n {
		args = append(args, fmt.Appendf(nil, "%s%d", prefix, i))
	}
	if err := r.do(args...); err != nil {
		panic(err)
	}
}

func TestWhatSPopTakesIsGoneAndLoggedWhateverTheForm(t *testing.T) {
	for _, prefix := range []string{"", "m"} {
		for _, size := range []int{1, 2, 60, 700} {
			for _, count := range []int{0, 1, 3, size / 2, size * 9 / 10, size - 1, size, size + 1} {
				r := newRunner(2)
				replayed := state.NewKeyspace(stream.Config{})
				r.fill("s", prefix, size)
				apply := func(position uint64) {
					record := bytes.Clone(r.tx.Record())
					r.tx.Committed(position)
					if err := replayed.Apply(position, record); err != nil {
						t.Fatal(err)
					}
				}
				apply(1)
				taken := strings.Fields(r.run(fmt.Sprintf("SPOP s %d", count)))[1:]
				apply(2)
				taken = slices.DeleteFunc(taken, func(w string) bool { return w[0] == '$' })
				slices.Sort(taken)
				want := min(count, size)
				if len(slices.Compact(taken)) != want {
					t.Fatalf("%d of %d: took %d", count, size, len(taken))
				}
				for _, m := range taken {
					if r.run("SISMEMBER s "+m) != ":0" {
						t.Fatalf("%d of %d: %q is still there", count, size, m)
					}
				}
				if got := r.run("SCARD s"); got != fmt.Sprintf(":%d", size-want) {
					t.Fatalf("%d of %d: %s are left", count, size, got)
				}
				again := newRunner(2)
				again.tx = state.NewTx(replayed)
				again.call.Tx = again.tx
				sorted := func(r *runner) []string {
					members := strings.Fields(r.run("SMEMBERS s"))
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
	r := newRunner(2)
	r.fill("s", strings.Repeat("x", 1000), 1)
	for _, count := range []string{"-9223372036854775807", "-1000000000"} {
		if got := r.run("SRANDMEMBER s " + count); got != string(errRandomMuch) {
			t.Errorf("%s: %.80s", count, got)
		}
	}
	s, _ := r.tx.Set([]byte("s"))
	if err := writeRepeated(&r.call, s, 100, 50_000); err != errRandomMuch {
		t.Error("members that are too long together: ", err)
	}
	if err := writeRepeated(&r.call, s, 100, 200_000); err != nil {
		t.Error(err)
	}
	if got := r.run("SRANDMEMBER s -9223372036854775808"); got != string(errRandomCount) {
		t.Error(got)
	}
}

func TestAnSScanOfALargeSetMeetsEveryMemberThatStays(t *testing.T) {
	r := newRunner(2)
	r.fill("s", "m", 3000)
	seen := map[string]bool{}
	cursor, steps := "0", 0
	for ; cursor != "0" || steps == 0; steps++ {
		words := strings.Fields(r.run("SSCAN s " + cursor + " MATCH m*"))
		cursor = words[2]
		for _, w := range words[4:] {
			seen[w] = true
		}
		r.run(fmt.Sprintf("SADD s other%d", steps))
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
			r := newRunner(2)
			r.fill("s", prefix, size)
			for _, line := range []string{"SADD s m7", "SISMEMBER s m7", "SMISMEMBER s 7 8", "SREM s none", "SCARD s", "SRANDMEMBER s"} {
				var args [][]byte
				for _, w := range strings.Fields(line) {
					args = append(args, []byte(w))
				}
				if n := testing.AllocsPerRun(100, func() { _ = r.do(args...) }); n != 0 {
					t.Errorf("%s, %d members %q...: %v allocations", line, size, prefix, n)
				}
			}
		}
	}
	r := newRunner(2)
	r.fill("s", "m", 5000)
	add, pop := [][]byte{[]byte("SADD"), []byte("s"), []byte("m7")}, [][]byte{[]byte("SPOP"), []byte("s")}
	if n := testing.AllocsPerRun(1000, func() { _ = r.do(pop...); _ = r.do(add...) }); n > 0.1 {
		t.Errorf("SPOP and SADD: %v allocations", n)
	}
}

func BenchmarkCommands(b *testing.B) {
	for _, line := range []string{"SADD s m7", "SISMEMBER s m7", "SPOP s", "SRANDMEMBER s", "SINTER s t", "SMEMBERS t"} {
		b.Run(strings.Fields(line)[0], func(b *testing.B) {
			r := newRunner(2)
			r.fill("s", "m", 100_000)
			r.fill("t", "m", 100)
			var args [][]byte
			for _, w := range strings.Fields(line) {
				args = append(args, []byte(w))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if args[0][1] == 'P' && i%90_000 == 89_999 {
					r.fill("s", "m", 100_000)
				}
				if err := r.do(args...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
