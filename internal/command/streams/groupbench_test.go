package streams_test

import (
	"fmt"
	"testing"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/stream"
)

// deliver makes n entries pending in group g of k, without their being in the stream: for 8 consumers in turns of 7, one
// millisecond after the other.
func (r *runner) deliver(n int) {
	r.do("xgroup create k g 0 mkstream")
	for i := range 8 {
		r.do(fmt.Sprintf("xgroup createconsumer k g c%d", i))
	}
	ids := make([]stream.ID, 7)
	for i := 0; i < n; {
		for j := range ids {
			i++
			ids[j] = stream.ID{MS: uint64(i)}
		}
		r.Tx.Begin(0, 0)
		_ = r.Tx.Lookup([]byte("k"))
		consumer := fmt.Sprintf("c%d", i/7%8)
		r.Tx.GroupDeliver([]byte("k"), []byte("g"), []byte(consumer), ids, int64(i), ids[6], groups.Unknown)
	}
}

// ofGroups are commands on a group with much that is pending. The last word of an XACK is an ID to count up.
var ofGroups = map[string][]string{
	"XPENDING":          {"xpending", "k", "g"},
	"XPENDING_10":       {"xpending", "k", "g", "2500", "+", "10"},
	"XPENDING_10_OF":    {"xpending", "k", "g", "2500", "+", "10", "c3"},
	"XPENDING_IDLE":     {"xpending", "k", "g", "IDLE", "500", "2500", "+", "10"},
	"XPENDING_IDLE_ALL": {"xpending", "k", "g", "IDLE", "100000000", "-", "+", "10"},
	"XACK_NONE":         {"xack", "k", "g", "0-1", "0-2", "0-3"},
	"XINFO_GROUPS":      {"xinfo", "groups", "k"},
}

// BenchmarkOfGroups shows that what is pending in millions costs what thousands cost.
func BenchmarkOfGroups(b *testing.B) {
	for _, n := range []int{5_000, 5_000_000} {
		r := newRunner(2)
		r.deliver(n)
		for name, line := range ofGroups {
			b.Run(fmt.Sprintf("%s/pending=%d", name, n), func(b *testing.B) {
				args := words(line...)
				b.ReportAllocs()
				for b.Loop() {
					r.run(int64(n)+1000, args...)
				}
			})
		}
		b.Run(fmt.Sprintf("XACK/pending=%d", n), func(b *testing.B) {
			args := words("xack", "k", "g", "")
			id := make([]byte, 0, 20)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				// From everywhere, each at most once as long as there are any.
				id = fmt.Appendf(id[:0], "%d-0", i*6_700_417%n+1)
				args[3] = id
				r.run(int64(n)+1000, args...)
			}
		})
	}
}

func TestCommandsOfGroupsDoNotAllocate(t *testing.T) {
	r := newRunner(3)
	r.deliver(5_000)
	for name, line := range ofGroups {
		args := words(line...)
		if n := testing.AllocsPerRun(500, func() { r.run(100_000, args...) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
