package stream

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"testing"
)

func threeFields(i int) [][]byte {
	return [][]byte{
		[]byte("field1"), fmt.Appendf(nil, "value-%014d", i),
		[]byte("field2"), fmt.Appendf(nil, "other-%014d", i),
		[]byte("field3"), fmt.Appendf(nil, "third-%014d", i),
	}
}

func filled(n int) *Stream {
	s := New(Config{})
	fields := threeFields(0)
	for i := range n {
		s.Append(ID{1700000000000 + uint64(i/10), uint64(i % 10)}, fields)
	}
	return s
}

func BenchmarkAppend(b *testing.B) {
	s := New(Config{})
	fields := threeFields(0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Append(ID{1700000000000 + uint64(i/10), uint64(i % 10)}, fields)
		if s.Len() == 1_000_000 {
			s = New(Config{})
		}
	}
}

func BenchmarkAppendWithMaxLen(b *testing.B) {
	for _, approx := range []bool{false, true} {
		b.Run(fmt.Sprintf("approx=%v", approx), func(b *testing.B) {
			s := filled(1000)
			fields := threeFields(0)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.Append(ID{1800000000000 + uint64(i), 0}, fields)
				if through, n := mustPlan(s.PlanTrimMaxLen(1000, approx, 10000)); n > 0 {
					s.Trim(through, n)
				}
			}
		})
	}
}

// BenchmarkEncode is what a small stream costs a checkpoint.
func BenchmarkEncode(b *testing.B) {
	s, w := filled(9), bufio.NewWriterSize(io.Discard, 64<<10)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Copy().Encode(w, func(Ref) {}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkQueue(b *testing.B) {
	s := New(Config{})
	fields := threeFields(0)
	b.ReportAllocs()
	for i := 1; b.Loop(); i++ {
		id := ID{uint64(i), 0}
		s.Append(id, fields)
		s.Delete(id)
	}
}

func BenchmarkRange100(b *testing.B) {
	s := filled(1_000_000)
	out := make([]byte, 0, 64<<10)
	for _, reverse := range []bool{false, true} {
		b.Run(fmt.Sprintf("reverse=%v", reverse), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				from := ID{1700000000000 + uint64(i*7919%90000), 3}
				var it Iter
				if reverse {
					it = s.Reverse(MinID, from)
				} else {
					it = s.Range(from, MaxID)
				}
				out = out[:0]
				for n := 0; n < 100 && it.Next(); n++ {
					out = it.ID().AppendText(out)
					for it.Field() {
						out = append(out, it.Name()...)
						out = append(out, it.Value()...)
					}
				}
			}
		})
	}
}

func BenchmarkHas(b *testing.B) {
	s := filled(1_000_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		must(s.Has(ID{1700000000000 + uint64(i*7919%90000), 3}))
	}
}

// BenchmarkMemory measures the heap that an entry of three fields of 20 bytes
// takes.
func BenchmarkMemory(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := filled(n)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "heapB/entry")
		b.ReportMetric(float64(s.Bytes())/n, "Bytes/entry")
		runtime.KeepAlive(s)
	}
}
