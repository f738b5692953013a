package checkpoint

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/vfs"
)

// What the log's fsyncs wait while a checkpoint of 1 GB is written beside them, by how much of it is written between two
// fsyncs of its own.
func BenchmarkFsyncsBesideAWriter(b *testing.B) {
	for _, every := range []int64{1 << 20, 4 << 20, 8 << 20, 32 << 20, 1 << 40} {
		b.Run(fmt.Sprintf("every=%dMB", every>>20), func(b *testing.B) {
			for range b.N {
				stop, waits := make(chan struct{}), make(chan []time.Duration)
				go appendAndSync(b, filepath.Join(b.TempDir(), "log"), stop, waits)
				writeBytes(b, vfs.OS{Root: b.TempDir()}, 1<<30, every)
				close(stop)
				all := <-waits
				slices.Sort(all)
				b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
				b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "max-ms")
			}
			b.SetBytes(1 << 30)
		})
	}
}

// appendAndSync does what the log does: it appends a little and fsyncs, again and again.
func appendAndSync(b *testing.B, path string, stop chan struct{}, waits chan []time.Duration) {
	f, err := os.Create(path)
	if err != nil {
		b.Error(err)
	}
	var all []time.Duration
	for {
		select {
		case <-stop:
			waits <- all
			return
		default:
		}
		begin := time.Now()
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			b.Error(err)
		}
		if err := f.Sync(); err != nil {
			b.Error(err)
		}
		all = append(all, time.Since(begin))
	}
}

func writeBytes(b *testing.B, fs vfs.FS, n int, every int64) {
	w, err := Create(fs, Header{ID: testID, Number: 1})
	if err != nil {
		b.Fatal(err)
	}
	if every > 0 {
		w.every = every
	}
	chunk := make([]byte, 64<<10)
	for range n / len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Finish(atOnce); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkReader(b *testing.B) {
	fs := vfs.OS{Root: b.TempDir()}
	writeBytes(b, fs, 256<<20, 0)
	b.SetBytes(256 << 20)
	b.ReportAllocs()
	for b.Loop() {
		r, err := Open(fs, 1, testID)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, make([]byte, 64<<10)); err != nil {
			b.Fatal(err)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
