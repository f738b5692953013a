package strings_test

import (
	"fmt"
	"testing"

	"github.com/weirmq/weir/internal/command/commandtest"
	stringscommands "github.com/weirmq/weir/internal/command/strings"
)

func newRunner(protocol int) *commandtest.Runner {
	r := commandtest.New(protocol, stringscommands.Specs())
	r.NowMS = 1000
	return r
}

// steady are commands that must not allocate once their keys are there.
var steady = map[string][][]byte{
	"SET":      commandtest.Words("set key:000000000001 xxx"),
	"SET_EX":   commandtest.Words("set key:000000000001 xxx ex 100"),
	"GET":      commandtest.Words("get key:000000000002"),
	"INCR":     commandtest.Words("incr counter:000000000001"),
	"MSET10":   commandtest.Words("mset k0 xxx k1 xxx k2 xxx k3 xxx k4 xxx k5 xxx k6 xxx k7 xxx k8 xxx k9 xxx"),
	"MGET10":   commandtest.Words("mget k0 k1 k2 k3 k4 k5 k6 k7 k8 k9"),
	"SETRANGE": commandtest.Words("setrange key:000000000003 1 y"),
	"GETRANGE": commandtest.Words("getrange key:000000000002 0 1"),
	"SETBIT":   commandtest.Words("setbit key:000000000004 7 1"),
	"GETBIT":   commandtest.Words("getbit key:000000000004 7"),
	"BITCOUNT": commandtest.Words("bitcount key:000000000004"),
	"BITPOS":   commandtest.Words("bitpos key:000000000004 1"),
	"PFADD":    commandtest.Words("pfadd hll element"),
	"STRLEN":   commandtest.Words("strlen key:000000000002"),
	"SETNX":    commandtest.Words("setnx key:000000000002 xxx"),
}

// fill makes as many keys as redis-benchmark does.
func fill(tb testing.TB, r *commandtest.Runner) {
	for i := range 100_000 {
		r.MustRun(tb, commandtest.Words(fmt.Sprintf("set key:%012d xxx", i)))
	}
	for _, args := range steady {
		r.MustRun(tb, args)
	}
}

func BenchmarkCommand(b *testing.B) {
	r := newRunner(2)
	fill(b, r)
	for name, args := range steady {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.MustRun(b, args)
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
				args := commandtest.Words(fmt.Sprintf("%s key:%012d", name, i*7919%100_000))
				r.MustRun(b, commandtest.Words(fmt.Sprintf("set key:%012d 100", i)))
				if name == "set" {
					args = append(args, []byte("xxx"))
				}
				lines = append(lines, args)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r.MustRun(b, lines[i%len(lines)])
			}
		})
	}
}

func TestCommandsDoNotAllocateInTheSteadyState(t *testing.T) {
	r := newRunner(3)
	for range 2 {
		for _, args := range steady {
			r.MustRun(t, args)
		}
	}
	for name, args := range steady {
		if n := testing.AllocsPerRun(2_000, func() { r.MustRun(t, args) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
