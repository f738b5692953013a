package data

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

func benchmarkForms(b *testing.B, run func(b *testing.B, s *Set, members [][]byte)) {
	for _, form := range []struct {
		name   string
		n      int
		prefix string
	}{{"ints=100", 100, ""}, {"ints=500", 500, ""}, {"strings=10", 10, "member:"}, {"strings=128", 128, "member:"}, {"large=100000", 100_000, "element:"}} {
		b.Run(form.name, func(b *testing.B) {
			var s Set
			var members [][]byte
			for i := range form.n {
				members = append(members, strconv.AppendInt([]byte(form.prefix), int64(i), 10))
				s.Add(members[i])
			}
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
			b.ReportAllocs()
			b.ResetTimer()
			run(b, &s, members)
		})
	}
}

func BenchmarkSetContains(b *testing.B) {
	benchmarkForms(b, func(b *testing.B, s *Set, members [][]byte) {
		for i := 0; b.Loop(); i++ {
			if !s.Contains(members[i%len(members)]) {
				b.Fatal("not there")
			}
		}
	})
}

func BenchmarkSetRemoveAdd(b *testing.B) {
	benchmarkForms(b, func(b *testing.B, s *Set, members [][]byte) {
		for i := 0; b.Loop(); i++ {
			m := members[i%len(members)]
			s.Remove(m)
			s.Add(m)
		}
	})
}

func BenchmarkSetRandom(b *testing.B) {
	benchmarkForms(b, func(b *testing.B, s *Set, _ [][]byte) {
		buf := make([]byte, 0, 64)
		for b.Loop() {
			buf = s.AppendRandom(buf[:0], rand.Uint64N)
		}
	})
}

func BenchmarkSetAll(b *testing.B) {
	benchmarkForms(b, func(b *testing.B, s *Set, members [][]byte) {
		n := 0
		for b.Loop() {
			for m := range s.All() {
				n += len(m)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(members)), "ns/member")
	})
}
