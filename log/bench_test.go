package log

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// BenchmarkAppend is the caller's half: no commit takes place.
func BenchmarkAppend(b *testing.B) {
	l := open(b, Options{Dir: b.TempDir(), Sync: SyncNo})
	record := bytes.Repeat([]byte("x"), 100)
	b.ReportAllocs()
	for b.Loop() {
		l.Append(record)
		if l.Pending() > 1<<20 {
			b.StopTimer()
			for l.Pending() > 0 {
				commitNow(l, false)
			}
			b.StartTimer()
		}
	}
}

// BenchmarkCommit is Append and Commit of n records of 100 bytes, in every
// durability setting. An operation is one commit.
func BenchmarkCommit(b *testing.B) {
	for _, s := range []Sync{SyncAlways, SyncEverySecond, SyncNo} {
		for _, n := range []int{1, 50, 800} {
			b.Run(fmt.Sprintf("%s/%d", s, n), func(b *testing.B) {
				l := open(b, Options{Dir: b.TempDir(), Sync: s})
				record := bytes.Repeat([]byte("x"), 100)
				b.ReportAllocs()
				b.SetBytes(int64(n * len(record)))
				for b.Loop() {
					for range n {
						l.Append(record)
					}
					commitNow(l, false)
				}
				if l.Err() != nil || l.Pending() != 0 {
					b.Fatal(l.Err(), l.Pending())
				}
			})
		}
	}
}

// BenchmarkHandOver is one record at a time through the committer's goroutine
// and back, what Commit saves.
func BenchmarkHandOver(b *testing.B) {
	done := make(chan struct{}, 1)
	l := open(b, Options{Dir: b.TempDir(), OnCommit: func(*Log) {
		select {
		case done <- struct{}{}:
		default:
		}
	}})
	record := bytes.Repeat([]byte("x"), 100)
	b.ReportAllocs()
	for b.Loop() {
		p := l.Append(record)
		l.Kick()
		for l.Released() < p {
			<-done
		}
	}
}

// BenchmarkReplay reads a log of two million records of 60 bytes.
func BenchmarkReplay(b *testing.B) {
	const n = 2_000_000
	o := Options{Dir: b.TempDir(), Sync: SyncNo}
	l := open(b, o)
	record := bytes.Repeat([]byte("x"), 60)
	for i := range n {
		l.Append(record)
		if i%1000 == 999 {
			commitNow(l, false)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	l = open(b, o)
	b.ReportAllocs()
	for b.Loop() {
		count := 0
		if err := l.Replay(0, func(_ Position, _ int64, r []byte) error {
			count += len(r) / 60
			return nil
		}); err != nil || count != n {
			b.Fatal(count, err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkRotate is a Rotate behind one record, what commits wait for, and the Discard of what it
// left behind, which they do not.
func BenchmarkRotate(b *testing.B) {
	l := open(b, Options{Dir: b.TempDir(), Sync: SyncEverySecond})
	var rotating, discarding time.Duration
	for b.Loop() {
		l.Append([]byte("x"))
		begun := time.Now()
		if err := l.Rotate(); err != nil {
			b.Fatal(err)
		}
		rotated := time.Now()
		if n, err := l.Discard(l.Durable()); n != 1 || err != nil {
			b.Fatal(n, err)
		}
		rotating += rotated.Sub(begun)
		discarding += time.Since(rotated)
	}
	b.ReportMetric(rotating.Seconds()*1000/float64(b.N), "ms/rotate")
	b.ReportMetric(discarding.Seconds()*1000/float64(b.N), "ms/discard")
}

// BenchmarkStart is Open, a Replay from a position in the middle of the last segment, and Begin, with
// a log of 1 GB, and Discard of what it then no longer needs.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	l := open(b, Options{Dir: dir, Sync: SyncNo})
	record := bytes.Repeat([]byte("x"), 1000)
	for i := range 1 << 20 {
		l.Append(record)
		if i%1000 == 999 {
			commitNow(l, false)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	from := l.Durable() - 1000
	b.ResetTimer()
	var opening, replaying, beginning time.Duration
	for b.Loop() {
		begun := time.Now()
		l := openReadOnly(b, Options{Dir: dir})
		opened := time.Now()
		if err := l.Replay(from, func(Position, int64, []byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
		replayed := time.Now()
		if err := l.Begin(); err != nil {
			b.Fatal(err)
		}
		opening += opened.Sub(begun)
		replaying += replayed.Sub(opened)
		beginning += time.Since(replayed)
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
	n := float64(b.N)
	b.ReportMetric(opening.Seconds()*1000/n, "ms/open")
	b.ReportMetric(replaying.Seconds()*1000/n, "ms/replay")
	b.ReportMetric(beginning.Seconds()*1000/n, "ms/begin")
	l = open(b, Options{Dir: dir})
	begun := time.Now()
	removed, err := l.Discard(l.Durable())
	b.ReportMetric(time.Since(begun).Seconds()*1000, "ms/discard")
	if err != nil {
		b.Fatal(removed, err)
	}
}
