package data

import (
	"fmt"
	"testing"
	"time"
)

const million = 1_000_000

func millionKeys() [][]byte {
	keys := make([][]byte, million)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "member:%07d", i*7919%million)
	}
	return keys
}

func fill(keys [][]byte, value []byte) *Dict {
	d := NewDict()
	for _, key := range keys {
		d.Set(key, value)
	}
	return d
}

// BenchmarkDict is about a million members of 14 bytes.
func BenchmarkDict(b *testing.B) {
	keys := millionKeys()
	score := make([]byte, 8)
	b.Run("Fill", func(b *testing.B) {
		var d *Dict
		var longest time.Duration
		for range b.N {
			d = NewDict()
			for i, key := range keys {
				if i%64 == 0 { // a clock costs as much as a Set
					from := time.Now()
					d.Set(key, nil)
					longest = max(longest, time.Since(from))
				} else {
					d.Set(key, nil)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/million, "ns/Set")
		b.ReportMetric(float64(longest.Microseconds()), "longest-us")
		b.ReportMetric(float64(d.Bytes())/million, "bytes/member")
		b.ReportMetric(float64(fill(keys, score).Bytes())/million, "bytes/score")
	})
	d := fill(keys, score)
	b.Run("Get", func(b *testing.B) {
		for i := range b.N {
			d.Get(keys[i%million])
		}
	})
	b.Run("Overwrite", func(b *testing.B) {
		for i := range b.N {
			score[0] = byte(i / million)
			score[1] = byte(i)
			d.Set(keys[i%million], score)
		}
	})
	b.Run("DeleteSet", func(b *testing.B) {
		for i := range b.N {
			d.Delete(keys[i%million])
			d.Set(keys[i%million], score)
		}
	})
	b.Run("Copy", func(b *testing.B) {
		for range b.N {
			d.Copy()
		}
	})
	b.Run("AllShardsAfterCopy", func(b *testing.B) {
		for range b.N {
			d.Copy()
			score[2]++
			for i := range 20_000 {
				d.Set(keys[i], score)
			}
		}
	})
	b.Run("Random", func(b *testing.B) {
		x := uint64(1)
		for range b.N {
			d.Random(func(n uint64) uint64 {
				x = x*6364136223846793005 + 1442695040888963407
				return (x >> 11) % n
			})
		}
	})
	b.Run("Scan10", func(b *testing.B) {
		cursor := uint64(0)
		for range b.N {
			cursor = d.Scan(cursor, 10, func(_, _ []byte) {})
		}
	})
}
