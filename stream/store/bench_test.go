package store

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
)

// BenchmarkCodecs is what docs/adr/0008 chooses by. MB/s is of blocks' bytes; of-raw is bytes on disk for each byte of names
// and values.
func BenchmarkCodecs(b *testing.B) {
	zstdOf := func(level zstd.EncoderLevel) func(dst, src []byte) []byte {
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
		if err != nil {
			b.Fatal(err)
		}
		return func(dst, src []byte) []byte { return enc.EncodeAll(src, dst[:0]) }
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		b.Fatal(err)
	}
	unzstd := func(dst, src []byte) ([]byte, error) { return dec.DecodeAll(src, dst[:0]) }
	codecs := []struct {
		name       string
		compress   func(dst, src []byte) []byte
		decompress func(dst, src []byte) ([]byte, error)
	}{
		{"s2", s2.Encode, s2.Decode},
		{"s2-better", s2.EncodeBetter, s2.Decode},
		{"s2-best", s2.EncodeBest, s2.Decode},
		{"zstd-fastest", zstdOf(zstd.SpeedFastest), unzstd},
		{"zstd-default", zstdOf(zstd.SpeedDefault), unzstd},
		{"zstd-better", zstdOf(zstd.SpeedBetterCompression), unzstd},
	}
	for _, e := range []events{flights(b), texts(), noise()} {
		_, totals, raw := sealed(100, e, source{})
		var contents [][]byte
		encoded, entries := 0, 0
		for _, x := range totals.Take(1 << 40) {
			contents = append(contents, x.Body().Append(nil))
			encoded += len(contents[len(contents)-1])
			entries += x.Entries()
		}
		buf := make([]byte, 1<<20)
		for _, c := range codecs {
			var stored [][]byte
			size := 0
			for _, content := range contents {
				stored = append(stored, slices.Clone(c.compress(buf, content)))
				size += len(stored[len(stored)-1])
			}
			report := func(b *testing.B) {
				b.ReportMetric(float64(size)/float64(raw), "of-raw")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*entries), "ns/entry")
			}
			b.Run(e.name+"/"+c.name+"/compress", func(b *testing.B) {
				b.SetBytes(int64(encoded))
				for b.Loop() {
					for _, content := range contents {
						c.compress(buf, content)
					}
				}
				report(b)
			})
			b.Run(e.name+"/"+c.name+"/decompress", func(b *testing.B) {
				b.SetBytes(int64(encoded))
				for b.Loop() {
					for _, p := range stored {
						if _, err := c.decompress(buf, p); err != nil {
							b.Fatal(err)
						}
					}
				}
				report(b)
			})
		}
	}
}

// spilled is a store with n blocks.
func spilled(b *testing.B, e events, n, cacheBytes int) (s *Store, refs []stream.Ref, entries, encoded int) {
	b.Helper()
	s = mustOpen(b, vfs.OS{Root: b.TempDir()}, Options{CacheBytes: cacheBytes})
	_, totals, _ := sealed(n, e, source{s})
	blocks := blocksOf(totals.Take(1 << 40))
	refs = mustWrite(b, s, blocks...)
	for _, x := range blocks {
		entries += x.Entries
		encoded += len(x.Body.Append(nil))
	}
	return s, refs, entries, encoded
}

// BenchmarkWrite writes batches of 64 blocks, with an fsync each. MB/s is of blocks' bytes.
func BenchmarkWrite(b *testing.B) {
	for _, e := range []events{flights(b), texts(), noise()} {
		b.Run(e.name, func(b *testing.B) {
			s := mustOpen(b, vfs.OS{Root: b.TempDir()}, Options{})
			_, totals, _ := sealed(64, e, source{s})
			blocks := blocksOf(totals.Take(1 << 40))
			encoded := 0
			for _, x := range blocks {
				encoded += len(x.Body.Append(nil))
			}
			b.SetBytes(int64(encoded))
			b.ReportAllocs()
			for b.Loop() {
				mustWrite(b, s, blocks...)
				var done []uint64
				for _, seg := range s.Segments() {
					if seg.Closed {
						done = append(done, seg.Number)
					}
				}
				if err := s.Remove(done); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRead reads blocks at random from a warm page cache, without a cache of ours.
func BenchmarkRead(b *testing.B) {
	for _, e := range []events{flights(b), texts(), noise()} {
		b.Run(e.name, func(b *testing.B) {
			s, refs, entries, encoded := spilled(b, e, 256, 0)
			rng := rand.New(rand.NewPCG(1, 2))
			b.SetBytes(int64(encoded / len(refs)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Read(refs[rng.IntN(len(refs))]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())*float64(len(refs))/float64(b.N*entries), "ns/entry")
		})
	}
}

func BenchmarkCached(b *testing.B) {
	s, refs, _, _ := spilled(b, texts(), 256, 64<<20)
	for _, ref := range refs {
		if _, err := s.Read(ref); err != nil {
			b.Fatal(err)
		}
	}
	i := 0
	for b.Loop() {
		if s.Cached(refs[i%len(refs)]) == nil {
			b.Fatal("not kept")
		}
		i += 7
	}
}
