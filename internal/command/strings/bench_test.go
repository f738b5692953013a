package strings_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	stringscommands "github.com/weirmq/weir/internal/command/strings"
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

func newRunner(protocol int) *runner {
	r := &runner{table: command.NewTable(stringscommands.Specs()), tx: state.NewTx(state.NewKeyspace(stream.Config{}))}
	r.call = command.Call{Out: resp.NewWriter(protocol), Tx: r.tx, Session: &command.Session{}}
	return r
}

// run returns the reply, which is valid until the next run.
func (r *runner) run(nowMS int64, args ...[]byte) []byte {
	r.tx.Begin(0, nowMS)
	r.call.Out.Reset()
	r.call.Args, r.call.NowMS = args, nowMS
	if err := r.table.Lookup(args[0]).Run(&r.call); err != nil {
		r.call.Out.Reset()
		r.call.Out.Error(command.WireText(err))
	}
	return r.call.Out.Bytes()
}

func (r *runner) do(line string) string { return string(r.run(1000, words(line)...)) }

func words(line string) [][]byte {
	var out [][]byte
	for _, w := range strings.Fields(line) {
		out = append(out, []byte(w))
	}
	return out
}

// steady are commands that must not allocate once their keys are there.
var steady = map[string][][]byte{
	"SET":      words("set key:000000000001 xxx"),
	"SET_EX":   words("set key:000000000001 xxx ex 100"),
	"GET":      words("get key:000000000002"),
	"INCR":     words("incr counter:000000000001"),
	"MSET10":   words("mset k0 xxx k1 xxx k2 xxx k3 xxx k4 xxx k5 xxx k6 xxx k7 xxx k8 xxx k9 xxx"),
	"MGET10":   words("mget k0 k1 k2 k3 k4 k5 k6 k7 k8 k9"),
	"SETRANGE": words("setrange key:000000000003 1 y"),
	"GETRANGE": words("getrange key:000000000002 0 1"),
	"SETBIT":   words("setbit key:000000000004 7 1"),
	"GETBIT":   words("getbit key:000000000004 7"),
	"BITCOUNT": words("bitcount key:000000000004"),
	"BITPOS":   words("bitpos key:000000000004 1"),
	"PFADD":    words("pfadd hll element"),
	"STRLEN":   words("strlen key:000000000002"),
	"SETNX":    words("setnx key:000000000002 xxx"),
}

// fill makes as many keys as redis-benchmark does.
func (r *runner) fill() {
	for i := range 100_000 {
		r.do(fmt.Sprintf("set key:%012d xxx", i))
	}
	for _, args := range steady {
		r.run(1000, args...)
	}
}

func BenchmarkCommand(b *testing.B) {
	r := newRunner(2)
	r.fill()
	for name, args := range steady {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.run(1000, args...)
			}
		})
	}
}

// BenchmarkManyKeys walks over the keys, so that each has to be fetched from memory.
func BenchmarkManyKeys(b *testing.B) {
	for _, name := range []string{"set", "get", "incr"} {
		b.Run(name, func(b *testing.B) {
			r := newRunner(2)
			var lines [][][]byte
			for i := range 100_000 {
				args := words(fmt.Sprintf("%s key:%012d", name, i*7919%100_000))
				r.do(fmt.Sprintf("set key:%012d 100", i))
				if name == "set" {
					args = append(args, []byte("xxx"))
				}
				lines = append(lines, args)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r.run(1000, lines[i%len(lines)]...)
			}
		})
	}
}

func TestCommandsDoNotAllocateInTheSteadyState(t *testing.T) {
	r := newRunner(3)
	for range 2 {
		for _, args := range steady {
			r.run(1000, args...)
		}
	}
	for name, args := range steady {
		if n := testing.AllocsPerRun(2_000, func() { r.run(1000, args...) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
