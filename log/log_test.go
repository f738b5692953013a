package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// open opens a log and makes it writable, or fails the test.
func open(t testing.TB, o Options) *Log {
	t.Helper()
	l := openReadOnly(t, o)
	if err := l.Begin(); err != nil {
		t.Fatal(err)
	}
	return l
}

func openReadOnly(t testing.TB, o Options) *Log {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// records replays everything after from.
func records(t testing.TB, l *Log, from Position) []string {
	t.Helper()
	var got []string
	if err := l.Replay(from, func(_ Position, _ int64, r []byte) error {
		got = append(got, string(r))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func mustCommit(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func numbered(n int) []string {
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("record %d", i))
	}
	return want
}

func equal(t testing.TB, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("record %d is %q, want %q", i, got[i], want[i])
		}
	}
}

func TestRecordsComeBackInOrderAfterACleanShutdown(t *testing.T) {
	for _, s := range []Sync{SyncAlways, SyncEverySecond, SyncNo} {
		t.Run(s.String(), func(t *testing.T) {
			o := Options{Dir: t.TempDir(), Sync: s, SegmentBytes: 1000}
			want := numbered(300)
			for start := 0; start < 300; start += 100 {
				l := open(t, o)
				equal(t, records(t, l, 0), want[:start])
				for i, r := range want[start : start+100] {
					p := l.Append([]byte(r))
					if p != makePosition(1, uint64(start+i+1)) {
						t.Fatalf("position %s", p)
					}
					if i%3 == 0 && !l.Commit() {
						mustCommit(t, l)
					}
				}
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				if l.Durable() != l.Last() || l.Written() != l.Last() {
					t.Fatalf("%s %s %s", l.Last(), l.Written(), l.Durable())
				}
			}
			l := open(t, o)
			equal(t, records(t, l, 0), want)
			equal(t, records(t, l, makePosition(1, 150)), want[150:])
			r, err := Verify(o.Dir)
			if err != nil || r.Records != 300 {
				t.Fatalf("%+v %v", r, err)
			}
		})
	}
}

// T23.
func TestTheClockMayJump(t *testing.T) {
	dir := fastDir(t)
	start := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	jumps := []time.Duration{0, -time.Hour, 10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour, 0, -100 * 365 * 24 * time.Hour}
	var last Position
	var stamps []int64
	for i := range 60 {
		now := start.Add(jumps[i%len(jumps)])
		l := open(t, Options{Dir: dir, Now: func() time.Time { return now }})
		for range 3 {
			p := l.Append([]byte("x"))
			if p <= last || p.Count() != last.Count()+1 {
				t.Fatalf("%s after %s", p, last)
			}
			last = p
			stamps = append(stamps, now.UnixMilli())
			mustCommit(t, l)
		}
		if i%2 == 0 {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		crash := fastDir(t)
		copyDir(t, dir, filepath.Join(crash, "d"))
		_ = l.Close()
		dir = filepath.Join(crash, "d")
	}
	l := open(t, Options{Dir: dir})
	i := 0
	if err := l.Replay(0, func(pos Position, unixMS int64, _ []byte) error {
		if unixMS != stamps[i] || pos.Count() != uint64(i+1) {
			return fmt.Errorf("record %d: %s at %d", i, pos, unixMS)
		}
		i++
		return nil
	}); err != nil || i != len(stamps) {
		t.Fatal(i, err)
	}
	if l.Last().Epoch() < 30 {
		t.Fatalf("30 crashes, but %s", l.Last())
	}
}

func TestEveryAppenderIsReleasedByKickOrCommit(t *testing.T) {
	for _, mode := range []Sync{SyncAlways, SyncEverySecond, SyncNo} {
		t.Run(mode.String(), func(t *testing.T) {
			var mu sync.Mutex
			moved := sync.NewCond(&mu)
			o := Options{Dir: fastDir(t), Sync: mode, SegmentBytes: 10_000, OnCommit: func(*Log) {
				mu.Lock()
				moved.Broadcast()
				mu.Unlock()
			}}
			l := open(t, o)
			const appenders, each = 4, 500
			var wg sync.WaitGroup
			for a := range appenders {
				wg.Go(func() {
					for i := range each {
						p := l.Append(fmt.Appendf(nil, "%d %d", a, i))
						if i%2 == 0 {
							l.Kick()
						} else {
							l.Commit()
						}
						mu.Lock()
						for l.Released() < p && l.Err() == nil {
							moved.Wait()
						}
						mu.Unlock()
						if w, d := l.Written(), l.Durable(); d > l.Written() || w > l.Last() {
							t.Errorf("durable %s, written %s, last %s", d, w, l.Last())
						}
						if i%100 == 50 {
							if err := l.Sync(context.Background()); err != nil || l.Durable() < p {
								t.Errorf("%s: %v", p, err)
							}
						}
					}
				})
			}
			wg.Wait()
			if s := l.Stats(); s.Records != appenders*each || s.PendingBytes != 0 || s.Segments < 2 {
				t.Errorf("%+v", s)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			next := make([]int, appenders)
			for _, r := range records(t, open(t, o), 0) {
				var a, i int
				if _, err := fmt.Sscan(r, &a, &i); err != nil || next[a] != i {
					t.Fatalf("%q, want %d: %v", r, next[a], err)
				}
				next[a]++
			}
			if fmt.Sprint(next) != fmt.Sprint([]int{each, each, each, each}) {
				t.Fatal(next)
			}
		})
	}
}

func TestLargeCommitsAreSplitAtRecords(t *testing.T) {
	o := Options{Dir: fastDir(t), Sync: SyncNo}
	l := open(t, o)
	sizes := []int{0, 1, maxFrameBytes - 1, maxFrameBytes, maxFrameBytes + 1, 10 << 20, 3}
	for range 300 {
		sizes = append(sizes, 20_000)
	}
	for i, n := range sizes {
		l.Append(bytes.Repeat([]byte{byte(i)}, n))
	}
	mustCommit(t, l)
	if s := l.Stats(); s.Frames < 10 || s.Records != uint64(len(sizes)) {
		t.Fatalf("%+v", s)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, o)
	for _, from := range []int{0, 3, len(sizes)} {
		i := from
		if err := l.Replay(l.Last()-Position(len(sizes)-from), func(_ Position, _ int64, r []byte) error {
			if len(r) != sizes[i] || len(r) > 0 && r[len(r)-1] != byte(i) {
				return fmt.Errorf("record %d has %d bytes", i, len(r))
			}
			i++
			return nil
		}); err != nil || i != len(sizes) {
			t.Fatal(i, err)
		}
	}
}

func TestReplayStartsBehindAnyPosition(t *testing.T) {
	dir, want := smallLog(t, false)
	l := open(t, Options{Dir: dir})
	for from := range len(want) + 1 {
		equal(t, records(t, l, makePosition(1, uint64(from))), want[from:])
	}
	none := func(Position, int64, []byte) error { t.Error("called"); return nil }
	for _, from := range []Position{makePosition(1, 21), makePosition(7, 3)} {
		var d *DamageError
		if err := l.Replay(from, none); !errors.As(err, &d) {
			t.Fatalf("%s: %v", from, err)
		}
	}
	// A position that a crash has voided: record 21 of the first epoch is gone.
	l.Append([]byte("record 21 of the second epoch"))
	mustCommit(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, Options{Dir: dir})
	var d *DamageError
	if err := l.Replay(makePosition(1, 21), none); !errors.As(err, &d) {
		t.Fatal(err)
	}
	equal(t, records(t, l, makePosition(1, 20)), []string{"record 21 of the second epoch"})
	stop := errors.New("stop")
	calls := 0
	if err := l.Replay(0, func(Position, int64, []byte) error { calls++; return stop }); err != stop || calls != 1 {
		t.Fatal(calls, err)
	}
	l.Append([]byte("x"))
	if err := l.Replay(0, none); err == nil {
		t.Fatal("Replay after Append")
	}
}

func TestChangingTheSettingMakesWhatIsWrittenDurable(t *testing.T) {
	l := open(t, Options{Dir: fastDir(t), Sync: SyncNo})
	p := l.Append([]byte("x"))
	if !l.Commit() || l.Released() != p || l.Durable() == p {
		t.Fatalf("%s %s %s", p, l.Released(), l.Durable())
	}
	l.SetSync(SyncAlways)
	if !l.Commit() {
		mustCommit(t, l)
	}
	if l.Released() != p || l.Durable() != p {
		t.Fatalf("%s %s %s", p, l.Released(), l.Durable())
	}
}

func TestWordsOfSyncAndPosition(t *testing.T) {
	for _, word := range []string{"always", "everysec", "no"} {
		if s, err := ParseSync(word); err != nil || s.String() != word {
			t.Fatal(word, s, err)
		}
	}
	if _, err := ParseSync("yes"); err == nil || !strings.Contains(err.Error(), "everysec") {
		t.Fatal(err)
	}
	if p := makePosition(3, 70_000); p.String() != "3:70000" || p.Epoch() != 3 || p.Count() != 70_000 {
		t.Fatal(p)
	}
}

// The second hand's work, by the clock of a bubble.
func TestEverySecondMeansEverySecond(t *testing.T) {
	dir := fastDir(t)
	synctest.Test(t, func(t *testing.T) {
		l := open(t, Options{Dir: dir, Sync: SyncEverySecond})
		p := l.Append([]byte("x"))
		l.Commit()
		if l.Written() != p || l.Durable() == p {
			t.Fatalf("%s %s %s", p, l.Written(), l.Durable())
		}
		time.Sleep(1001 * time.Millisecond)
		synctest.Wait()
		if l.Durable() != p {
			t.Fatalf("a second later: %s %s", p, l.Durable())
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		s := l.Stats()
		if r, err := Verify(dir); err != nil || r.Synced != 2 || r.Frames != 3 || r.Records != 1 {
			t.Fatalf("the idle log has no witness: %+v %v", r, err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if now := l.Stats(); now.Frames != s.Frames || now.Fsyncs != s.Fsyncs {
			t.Fatalf("an idle log writes: %+v, then %+v", s, now)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// Too late for the commit under way, and told that somebody else will do it.
func TestARecordAppendedDuringACommitIsNotForgotten(t *testing.T) {
	var armed atomic.Bool
	entered, leave := make(chan struct{}), make(chan struct{})
	commits := make(chan struct{}, 1)
	l := open(t, Options{Dir: fastDir(t), OnCommit: func(*Log) {
		select {
		case commits <- struct{}{}:
		default:
		}
	}, Disk: func(op, _ string) error {
		if op == "write" && armed.CompareAndSwap(true, false) {
			close(entered)
			<-leave
		}
		return nil
	}})
	armed.Store(true)
	l.Append([]byte("first"))
	l.Kick()
	<-entered
	p := l.Append([]byte("second"))
	if l.Commit() {
		t.Fatal("two commits at a time")
	}
	close(leave)
	for l.Released() < p {
		<-commits
	}
}

// The end of a segment is an fsync and a new file, whatever the setting: an event loop has no part in it.
func TestCommitLeavesTheEndOfASegmentToTheCommitter(t *testing.T) {
	for _, s := range []Sync{SyncAlways, SyncEverySecond, SyncNo} {
		inside, created := false, 0
		f := &faults{still: true, before: func(o op, path string) error {
			if o == opCreate && strings.Contains(path, logName+"/") {
				created++
				if inside {
					t.Errorf("%s: Commit has begun %s", s, path)
				}
			}
			return nil
		}}
		l := open(t, Options{Dir: fastDir(t), Sync: s, SegmentBytes: 5000, faults: f})
		l.Append([]byte("first")) // behind it, with always, the segment is reserved
		commitNow(l, false)
		created = 0
		declined := 0
		for i := range 500 {
			l.fsyncEWMA.Store(0) // or a slow machine declines, too
			l.Append(make([]byte, 1+i*37%900))
			if i%3 == 0 {
				l.Append([]byte("another"))
			}
			inside = true
			done := l.Commit()
			inside = false
			if !done {
				declined++
				commitNow(l, false)
			}
			if l.Pending() != 0 {
				t.Fatalf("%s: %d bytes are pending", s, l.Pending())
			}
		}
		if created < 40 || declined != created {
			t.Errorf("%s: %d segments begun, %d commits declined", s, created, declined)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
