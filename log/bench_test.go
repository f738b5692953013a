package log

import (
	"bytes"
	"fmt"
	"testing"
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
