package data

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// benchmarkSize is that of the figures in the issue: members of 14 bytes.
const benchmarkSize = 1_000_000

func appendMember(b []byte, i int) []byte { return fmt.Appendf(b[:0], "element:%06d", i) }

func largeZSet(n int) ZSet {
	z := NewLargeZSet()
	var member []byte
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
		member = appendMember(member, i)
		z.Set(member, float64(i*7919%n))
	}
	return z
}

func BenchmarkZSetSet(b *testing.B) {
	z := largeZSet(benchmarkSize)
	members := make([][]byte, 1<<16)
	for i := range members {
		members[i] = appendMember(nil, rand.IntN(benchmarkSize))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		z.Set(members[i%len(members)], float64(rand.IntN(benchmarkSize)))
	}
}

func BenchmarkZSetAddAndRemove(b *testing.B) {
	z := largeZSet(benchmarkSize)
	member := []byte("element:another")
	b.ReportAllocs()
	for b.Loop() {
		z.Set(member, float64(rand.IntN(benchmarkSize)))
		z.Remove(member)
	}
}

func BenchmarkZSetRank(b *testing.B) {
	z := largeZSet(benchmarkSize)
	member := []byte("element:777777")
	for b.Loop() {
		z.Rank(member)
	}
}

func BenchmarkZSetRange100(b *testing.B) {
	z := largeZSet(benchmarkSize)
	for i := 0; b.Loop(); i++ {
		it := z.Range(i*7919%(benchmarkSize-100), 100)
		for {
			if _, _, ok := it.Next(); !ok {
				break
			}
		}
	}
}

func BenchmarkZSetReverse100(b *testing.B) {
	z := largeZSet(benchmarkSize)
	for i := 0; b.Loop(); i++ {
		it := z.Reverse(100+i*7919%(benchmarkSize-100), 100)
		for {
			if _, _, ok := it.Next(); !ok {
				break
			}
		}
	}
}

func BenchmarkZSetPackedSet(b *testing.B) {
	var z ZSet
	var members [100][]byte
	for i := range members {
		members[i] = appendMember(nil, i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		z.Set(members[i%len(members)], float64(i%977))
	}
}

// TestMemoryOfALargeZSet bounds what an element costs: Redis takes about 110 bytes for the same.
func TestMemoryOfALargeZSet(t *testing.T) {
	const n = 200_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	z := largeZSet(n)
	runtime.GC()
	runtime.ReadMemStats(&after)
	held := float64(after.HeapAlloc-before.HeapAlloc) / n
	said := float64(z.Bytes()) / n
	t.Logf("%.1f bytes an element; Bytes says %.1f, of the tree %.1f", held, said, float64(z.Large.tree.bytes())/n)
	if held > 90 {
		t.Error("that is too much")
	}
	if said < 0.8*held || said > 1.2*held {
		t.Error("Bytes is wrong")
	}
}
