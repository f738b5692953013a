package state

import (
	"bytes"
	"testing"

	"github.com/weirmq/weir/stream"
)

// BenchmarkGroupWork delivers 100 entries and acknowledges them, as XREADGROUP COUNT 100 and XACK do, live and replayed.
func BenchmarkGroupWork(b *testing.B) {
	key, group, consumer := []byte("orders"), []byte("mailers"), []byte("worker-1")
	prepare := func(tx *Tx) {
		tx.Begin(0, 0)
		tx.GroupCreate(key, group, stream.ID{}, 0)
		tx.ConsumerCreate(key, group, consumer, 1_700_000_000_000)
	}
	ids := make([]stream.ID, 100)
	turn := func(tx *Tx, n int) {
		for i := range ids {
			ids[i] = stream.ID{MS: 1_700_000_000_000 + uint64(n), Seq: uint64(i)}
		}
		tx.GroupDeliver(key, group, consumer, ids, 1_700_000_000_000+int64(n), ids[99], int64(n)*100)
		tx.GroupAck(key, group, ids)
	}
	b.Run("live", func(b *testing.B) {
		tx := NewTx(NewKeyspace(stream.Config{}))
		prepare(tx)
		b.ReportAllocs()
		bytes := 0
		for n := 0; b.Loop(); n++ {
			tx.Begin(0, 0)
			turn(tx, n)
			bytes = len(tx.Record())
			tx.Committed(uint64(n + 1))
		}
		b.ReportMetric(float64(bytes)/200, "log-B/change")
	})
	b.Run("replayed", func(b *testing.B) {
		k := NewKeyspace(stream.Config{})
		tx := NewTx(NewKeyspace(stream.Config{}))
		prepare(tx)
		if err := k.Apply(1, tx.Record()); err != nil {
			b.Fatal(err)
		}
		var records [][]byte
		for n := range 1000 {
			tx.Begin(0, 0)
			turn(tx, n)
			records = append(records, bytes.Clone(tx.Record()))
		}
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			if err := k.Apply(uint64(n+2), records[n%len(records)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
