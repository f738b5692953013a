package state

import (
	"flag"
	"fmt"
	"testing"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/stream"
)

var copyBlocks = flag.Int("copy-blocks", 1_000_000, "blocks of the stream that BenchmarkCopy copies")

// discarded is a source of blocks that are never read.
type discarded struct{}

func (discarded) Body(stream.Ref) *stream.Body { return nil }
func (discarded) Want([]stream.Ref) error      { return stream.ErrCold }
func (discarded) Soon([]stream.Ref)            {}

// BenchmarkCopy is how long the state lock is held for one key of a checkpoint, and, as first-change, for the first change
// to it afterwards, which takes what is shared apart.
func BenchmarkCopy(b *testing.B) {
	b.Run(fmt.Sprintf("stream-of-%d-blocks", *copyBlocks), func(b *testing.B) {
		var totals stream.Totals
		k := NewKeyspace(stream.Config{BlockEntries: 1, Source: discarded{}, Totals: &totals})
		tx, key := NewTx(k), []byte("s")
		grow := func(n int) {
			for range n {
				tx.Begin(0, 0)
				s, _ := tx.Stream(key)
				tx.StreamAppend(key, stream.ID{MS: lastOf(s).MS + 1}, fieldsOf("f", "v"))
				tx.Committed(k.last + 1)
			}
			for i, x := range totals.Take(1 << 40) {
				x.Spilled(stream.Ref{Segment: 1, Offset: uint32(i), Length: 1})
			}
		}
		grow(*copyBlocks)
		benchCopy(b, k, tx, func() { grow(1) })
	})
	b.Run("group-of-1000000-pending", func(b *testing.B) {
		k := NewKeyspace(stream.Config{})
		tx, key, group := NewTx(k), []byte("s"), []byte("g")
		tx.Begin(0, 0)
		tx.GroupCreate(key, group, stream.ID{}, 0)
		for i := range 10 {
			tx.ConsumerCreate(key, group, fmt.Append(nil, i), 1)
		}
		var ids []stream.ID
		for i := range 1_000_000 {
			ids = append(ids, stream.ID{MS: uint64(1_700_000_000_000 + i)})
			if len(ids) == 7 {
				tx.GroupDeliver(key, group, fmt.Append(nil, i%10), ids, int64(i), ids[6], groups.Unknown)
				ids = ids[:0]
			}
		}
		tx.Committed(1)
		n := uint64(0)
		benchCopy(b, k, tx, func() {
			tx.Begin(0, 0)
			tx.GroupAck(key, group, []stream.ID{{MS: 1_700_000_000_000 + n*997%1_000_000}})
			tx.Committed(k.last + 1)
			n++
		})
	})
}

func lastOf(s *Stream) stream.ID {
	if s == nil {
		return stream.ID{}
	}
	return s.LastID()
}

func benchCopy(b *testing.B, k *Keyspace, tx *Tx, change func()) {
	b.Run("copy", func(b *testing.B) {
		for b.Loop() {
			c := k.BeginCopy()
			c.Walk(10)
			c.Take()
			c.End()
		}
	})
	b.Run("first-change", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			c := k.BeginCopy()
			c.Walk(10)
			kept := c.Take()
			b.StartTimer()
			change()
			b.StopTimer()
			_ = kept
			c.End()
			b.StartTimer()
		}
	})
}
