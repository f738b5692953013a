package streams_test

import (
	"fmt"
	"testing"

	"github.com/weirmq/weir/internal/command/commandtest"
	"github.com/weirmq/weir/internal/command/streams"
)

// runner runs commands at times that each has for itself.
type runner struct{ *commandtest.Runner }

func newRunner(protocol int) *runner { return &runner{commandtest.New(protocol, streams.Specs())} }

// run returns the reply, which is valid until the next run.
func (r *runner) run(nowMS int64, args ...[]byte) []byte {
	r.NowMS = nowMS
	return r.Wire(args)
}

func words(s ...string) [][]byte {
	var out [][]byte
	for _, w := range s {
		out = append(out, []byte(w))
	}
	return out
}

func (r *runner) fill(key string, n int) {
	for i := range n {
		r.run(1700000000000+int64(i/10), words("xadd", key, "*", "field1", fmt.Sprintf("value-%014d", i), "field2", fmt.Sprintf("other-%014d", i), "field3", fmt.Sprintf("third-%014d", i))...)
	}
}

// steady are commands that must not allocate. The first name is that of the benchmark.
var steady = map[string][][]byte{
	"XADD":        words("xadd", "a", "*", "field1", "value-00000000000001", "field2", "other-00000000000001", "field3", "third-00000000000001"),
	"XADD_MAXLEN": words("xadd", "s", "maxlen", "~", "10000", "*", "field1", "value-00000000000001", "field2", "other-00000000000001", "field3", "third-00000000000001"),
	"XLEN":        words("xlen", "s"),
	"XRANGE":      words("xrange", "s", "1700000000500", "+", "count", "100"),
	"XREVRANGE":   words("xrevrange", "s", "+", "-", "count", "100"),
	"XREAD":       words("xread", "count", "100", "streams", "s", "1700000000500-3"),
}

func BenchmarkCommand(b *testing.B) {
	for name, args := range steady {
		b.Run(name, func(b *testing.B) {
			r := newRunner(2)
			r.fill("s", 10_000)
			b.ReportAllocs()
			for i := int64(0); b.Loop(); i++ {
				r.run(1800000000000+i/100, args...)
			}
		})
	}
}

func TestCommandsDoNotAllocateInTheSteadyState(t *testing.T) {
	for name, args := range steady {
		r := newRunner(3)
		r.fill("s", 10_000)
		now := int64(1800000000000)
		if n := testing.AllocsPerRun(2_000, func() { now++; r.run(now, args...) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
