package log

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// saboteur fails the k-th operation, and all later ones when it is sticky.
type saboteur struct {
	mu     sync.Mutex
	k, n   int
	sticky bool
	armed  bool
	hit    op
	// spoil is what the failing operation leaves behind.
	spoil func(o op, path string)
}

var errInjected = errors.New("input/output error")

func (s *saboteur) faults() *faults {
	return &faults{before: func(o op, path string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.armed {
			return nil
		}
		s.n++
		if s.n == s.k || s.sticky && s.n > s.k {
			if s.n == s.k {
				s.hit = o
				if s.spoil != nil {
					s.spoil(o, path)
				}
			}
			return errInjected
		}
		return nil
	}}
}

func (s *saboteur) disarm() (hit op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	return s.hit
}

// halfFrame leaves part of something where the next frame should be.
func halfFrame(o op, path string) {
	if o == opWrite {
		if f, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
			_, _ = f.WriteAt([]byte("\x60WEIR\x01\x00\x00\x00half a frame"), endOfEntries(path))
			_ = f.Close()
		}
	}
}

// endOfEntries returns how many bytes of a segment are entries, by their lengths: what is reserved behind them is zeros.
func endOfEntries(path string) (size int64) {
	b, _ := os.ReadFile(path)
	for {
		length, n := binary.Uvarint(b[size:])
		if n <= 0 || length == 0 {
			return size
		}
		size += int64(n) + int64(length)
	}
}

// T16: for k = 1, 2, 3 ... the k-th operation of a script fails, until the
// script passes. After the failure nothing is acknowledged; Reopen yields
// exactly what was, unless it was an fsync that failed, and then what is durable;
// the log goes on.
func TestFailingAnyOperationLosesNothingAcknowledged(t *testing.T) {
	for _, mode := range []Sync{SyncAlways, SyncEverySecond, SyncNo} {
		for _, sticky := range []bool{false, true} {
			hits := map[op]int{}
			// Who commits varies, and with it what the k-th operation is: a rare one may be missed in one pass.
			for pass := 0; pass < 5 && (pass == 0 || hits[opRemove] == 0 || hits[opRename] == 0); pass++ {
				for k := 1; ; k++ {
					hit := failAt(t, mode, k, sticky)
					if hit == "" {
						break
					}
					hits[hit]++
				}
			}
			t.Logf("sync %s, sticky %v: failed %v", mode, sticky, hits)
			for _, o := range []op{opMkdir, opCreate, opOpen, opWrite, opFsync, opDirsync, opRename, opRemove, opTruncate} {
				if o == opTruncate && mode != SyncAlways {
					continue // nothing has been reserved
				}
				if hits[o] == 0 {
					t.Errorf("%s was never reached", o)
				}
			}
		}
	}
}

func failAt(t *testing.T, mode Sync, k int, sticky bool) op {
	t.Helper()
	dir := filepath.Join(fastDir(t), "data")
	what := fmt.Sprintf("sync %s, sticky %v, operation %d", mode, sticky, k)
	s := &saboteur{k: k, sticky: sticky, armed: true, spoil: halfFrame}
	o := Options{Dir: dir, Sync: mode, SegmentBytes: 400, faults: s.faults()}
	l, err := Open(o)
	if err != nil {
		// Only the initialisation may fail; it can be tried again.
		hit := s.disarm()
		l = open(t, o)
		if got := records(t, l, 0); len(got) != 0 {
			t.Fatalf("%s: %d records after a failed Open", what, len(got))
		}
		_ = l.Close()
		return hit
	}
	var appended []string
	step := func(i int) {
		r := fmt.Sprintf("record %d", i)
		appended = append(appended, r)
		l.Append([]byte(r))
		switch {
		case i%10 == 9:
			_ = l.Rotate()
		case i%4 == 3:
			_ = l.Sync(context.Background())
		case !l.Commit():
			_ = l.Sync(context.Background())
		}
	}
	var durable, written, released Position
	for i := range 30 {
		step(i)
		released = max(released, l.Released())
		if l.Err() != nil {
			if durable == 0 {
				durable, written = l.Durable(), l.Written()
			}
			if l.Durable() != durable || l.Written() != written {
				t.Fatalf("%s: written went from %s to %s, durable from %s to %s after the failure",
					what, written, l.Written(), durable, l.Durable())
			}
		}
	}
	if l.Err() == nil {
		if err := l.Close(); err == nil {
			if s.disarm() != "" {
				t.Fatalf("%s: the failure was swallowed", what)
			}
			return secondStart(t, what, o, s, appended)
		}
		hit := s.disarm()
		reopened(t, what, o, appended, len(appended))
		return hit
	}

	// A start of another process from here finds at least what is durable.
	other := filepath.Join(filepath.Dir(dir), "other")
	copyDir(t, dir, other)
	reopened(t, what, Options{Dir: other}, appended, int(durable.Count()))

	if err := l.Sync(context.Background()); !errors.Is(err, errInjected) {
		t.Fatalf("%s: Sync says %v", what, err)
	}
	if err := l.Begin(); err == nil {
		t.Fatalf("%s: Begin before Reopen succeeded", what)
	}
	if err := l.Reopen(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if n := l.Pending(); n != 0 {
		t.Fatalf("%s: %d bytes pending in a log that accepts none", what, n)
	}
	want := released
	if s.hit == opFsync {
		want = durable
	}
	if l.Writable() || l.Last() <= written || l.Last().Count() != want.Count() {
		t.Fatalf("%s: writable %v, last %s, want %s, durable %s", what, l.Writable(), l.Last(), want, durable)
	}
	if l.Durable().Count() != durable.Count() || mode != SyncAlways && l.Released() != l.Last() {
		t.Fatalf("%s: durable was %s and is %s, released is %s", what, durable, l.Durable(), l.Released())
	}
	equal(t, records(t, l, 0), appended[:want.Count()])
	if err := l.Begin(); sticky == (err == nil) {
		t.Fatalf("%s: Begin: %v", what, err)
	}
	hit := s.disarm()
	if fell := l.Err() != nil; fell != (sticky && want != durable) {
		t.Fatalf("%s: after Begin: %v", what, l.Err())
	} else if fell { // the fsync of what was kept has failed
		want = durable
		if err := l.Reopen(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		equal(t, records(t, l, 0), appended[:want.Count()])
	}
	kept := appended[:want.Count()]
	if err := l.Begin(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if l.Last() <= written || l.Durable() != l.Last() || l.Err() != nil || !l.Writable() {
		t.Fatalf("%s: last %s, durable %s, %v", what, l.Last(), l.Durable(), l.Err())
	}
	equal(t, records(t, l, 0), kept)
	appended = append([]string(nil), kept...)
	for i := 100; i < 106; i++ {
		step(i)
	}
	if err := l.Close(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	reopened(t, what, o, appended, len(appended))
	return hit
}

// secondStart goes on failing in the start after a clean and after an unclean
// end, which has operations of its own.
func secondStart(t *testing.T, what string, o Options, s *saboteur, appended []string) op {
	t.Helper()
	for _, clean := range []bool{true, false} {
		if !clean {
			if err := os.Remove(filepath.Join(o.Dir, markerName)); err != nil {
				t.Fatal(err)
			}
			files := segmentFiles(t, o.Dir)
			halfFrame(opWrite, files[len(files)-1])
		}
		s.mu.Lock()
		s.armed = true
		s.mu.Unlock()
		l, err := Open(o)
		if err != nil {
			t.Fatalf("%s, second start: %v", what, err)
		}
		equal(t, records(t, l, 0), appended)
		err = l.Begin()
		hit := s.disarm()
		if (hit == "") != (err == nil) || l.Writable() != (err == nil) {
			t.Fatalf("%s, second start: %v after %q has failed", what, err, hit)
		}
		if hit != "" {
			if p := l.Append([]byte("void")); p <= l.Durable() {
				t.Fatalf("%s, second start: %s", what, p)
			}
			void := l.Last()
			if err := l.Begin(); err != nil || l.Last() <= void {
				t.Fatalf("%s, second start: %v, last %s, void %s", what, err, l.Last(), void)
			}
			_ = l.Close()
			reopened(t, what, o, appended, len(appended))
			return hit
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return ""
}

// reopened opens the log afresh: it holds at least n of the records and nothing
// else, and works.
func reopened(t *testing.T, what string, o Options, appended []string, n int) {
	t.Helper()
	l, err := Open(Options{Dir: o.Dir, SegmentBytes: 400})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer l.Close()
	got := records(t, l, 0)
	prefix(t, what, got, appended)
	if len(got) < n {
		t.Fatalf("%s: %d records, %d were acknowledged", what, len(got), n)
	}
	if err := l.Begin(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	l.Append([]byte("more"))
	mustCommit(t, l)
}

// T17: the fsync says EIO, the unsynced bytes are gone, and the next fsync says
// that all is well.
func TestAFailedFsyncIsNeverBelievedAgain(t *testing.T) {
	for k := 1; k <= 20; k++ {
		for _, mode := range []Sync{SyncAlways, SyncEverySecond} {
			dir := filepath.Join(fastDir(t), "data")
			var l *Log
			var n int
			synced := map[string]int64{}
			f := &faults{still: true}
			f.before = func(o op, path string) error {
				if o != opFsync || l == nil {
					return nil
				}
				if n++; n != k {
					return nil
				}
				if err := os.Truncate(path, synced[path]); err != nil {
					t.Error(err)
				}
				return syscall.EIO
			}
			f.after = func(o op, path string, length int64) {
				if o == opFsync {
					synced[path] = length
				}
			}
			opened, err := Open(Options{Dir: dir, Sync: mode, SegmentBytes: 1000, faults: f})
			if err != nil {
				t.Fatal(err)
			}
			l = opened
			var appended []string
			durable := l.Durable()
			for i := range 60 {
				r := fmt.Sprintf("record %d", i)
				appended = append(appended, r)
				l.Append([]byte(r))
				commitNow(l, false)
				if mode == SyncEverySecond && i%3 == 2 {
					l.backgroundFsync()
				}
				if l.Err() == nil {
					durable = l.Durable()
				} else if l.Durable() != durable {
					t.Fatalf("fsync %d: durable went from %s to %s after the failure", k, durable, l.Durable())
				}
			}
			if !errors.Is(l.Err(), syscall.EIO) {
				t.Fatalf("fsync %d: %v", k, l.Err())
			}
			if err := l.Reopen(); err != nil {
				t.Fatal(err)
			}
			equal(t, records(t, l, 0), appended[:durable.Count()])
			if err := l.Begin(); err != nil {
				t.Fatal(err)
			}
			equal(t, records(t, l, 0), appended[:durable.Count()])
			_ = l.Close()
		}
	}
}

// A real failure inside the wal, with half a frame on the disk.
func TestAFullDiskIsSurvivedWithoutARestart(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	for _, mode := range []Sync{SyncAlways, SyncEverySecond, SyncNo} {
		t.Run(mode.String(), func(t *testing.T) { surviveAFullDisk(t, mode) })
	}
}

func surviveAFullDisk(t *testing.T, mode Sync) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(fastDir(t), "data")
	l := open(t, Options{Dir: dir, Sync: mode})
	limit := old
	limit.Cur = 10_000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old) }()
	var appended []string
	for l.Err() == nil {
		r := fmt.Sprintf("record %0*d", 300, len(appended))
		appended = append(appended, r)
		for p := l.Append([]byte(r)); l.Released() < p && l.Err() == nil; runtime.Gosched() {
			l.Commit()
		}
	}
	if !errors.Is(l.Err(), syscall.EFBIG) {
		t.Fatal(l.Err())
	}
	acked := l.Released().Count()
	if acked < 20 || acked >= uint64(len(appended)) {
		t.Fatalf("%d of %d acknowledged", acked, len(appended))
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	equal(t, records(t, l, 0), appended[:acked])
	if err := l.Begin(); err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.QuarantinedBytes == 0 || s.Failures != 1 {
		t.Fatalf("%+v", s)
	}
	l.Append([]byte("after"))
	mustCommit(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, Options{Dir: dir})
	equal(t, records(t, l, 0), append(appended[:acked:acked], "after"))
}

// What was released stays, also when SyncAlways came between and what was
// written since was released to nobody.
func TestASettingMadeStricterKeepsWhatItHadReleased(t *testing.T) {
	var full atomic.Bool
	f := &faults{still: true, before: func(op, string) error {
		if full.Load() {
			return errInjected
		}
		return nil
	}}
	l := open(t, Options{Dir: fastDir(t), Sync: SyncNo, faults: f})
	l.Append([]byte("durable"))
	commitNow(l, true)
	l.Append([]byte("released"))
	commitNow(l, false)
	l.SetSync(SyncAlways)
	l.Append([]byte("lost"))
	full.Store(true)
	commitNow(l, false)
	full.Store(false)
	if !errors.Is(l.Err(), errInjected) || l.Released() != makePosition(1, 1) {
		t.Fatal(l.Err(), l.Released())
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	equal(t, records(t, l, 0), []string{"durable", "released"})
	if l.Released() != makePosition(1, 1) {
		t.Fatalf("%s is released with SyncAlways before its fsync", l.Released())
	}
	if err := l.Begin(); err != nil || l.Released() != l.Last() {
		t.Fatal(err, l.Released())
	}
	equal(t, records(t, l, 0), []string{"durable", "released"})
}

// A write fails while the once-a-second fsync runs, which then fails, too: what
// it was to cover is void, although the write came first.
func TestAFailedFsyncCountsAlsoAfterAFailedWrite(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	var armed atomic.Bool
	f := &faults{still: true, before: func(o op, _ string) error {
		if !armed.Load() {
			return nil
		}
		if o == opFsync {
			close(entered)
			<-leave
		}
		return errInjected
	}}
	l := open(t, Options{Dir: fastDir(t), Sync: SyncEverySecond, faults: f})
	l.Append([]byte("durable"))
	commitNow(l, true)
	l.Append([]byte("written"))
	commitNow(l, false)
	l.Append([]byte("more"))
	armed.Store(true)
	var wg sync.WaitGroup
	wg.Go(l.backgroundFsync)
	<-entered
	commitNow(l, false)
	if l.Err() == nil {
		t.Fatal("the write has not failed")
	}
	close(leave)
	wg.Wait()
	armed.Store(false)
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	equal(t, records(t, l, 0), []string{"durable"})
}

// T20: a disk that stands still stops replies, and nothing else.
func TestASlowFsyncBlocksNobodyButReplies(t *testing.T) {
	for _, mode := range []Sync{SyncAlways, SyncEverySecond} {
		t.Run(mode.String(), func(t *testing.T) {
			var slow atomic.Bool
			entered, leave := make(chan struct{}), make(chan struct{})
			fault := func(o, _ string) error {
				if o == "fsync" && slow.CompareAndSwap(true, false) {
					close(entered)
					<-leave
				}
				return nil
			}
			commits := make(chan struct{}, 1)
			l := open(t, Options{Dir: t.TempDir(), Sync: mode, Disk: fault, OnCommit: func(*Log) {
				select {
				case commits <- struct{}{}:
				default:
				}
			}})
			l.fsyncEWMA.Store(int64(2 * time.Second)) // the fsyncs before were slow as well
			slow.Store(true)
			first := l.Append([]byte("first"))
			if mode == SyncAlways && l.Commit() {
				t.Fatal("Commit went into a slow fsync")
			}
			l.Kick()
			<-entered
			before := l.Durable()
			for i := range 1000 {
				l.Append(make([]byte, 1000))
				if l.Commit() {
					t.Fatal("Commit went into a running fsync")
				}
				if mode == SyncAlways && l.Pending() != int64(i+1)*1000 {
					t.Fatalf("pending %d", l.Pending())
				}
			}
			if mode == SyncEverySecond {
				for l.Written() < l.Last() {
					<-commits // the committer writes beside the fsync
				}
				if l.Released() != l.Last() {
					t.Fatal("written is not released")
				}
			} else if l.Written() != first || l.Released() != before {
				t.Fatalf("written %s, released %s", l.Written(), l.Released())
			}
			if l.Durable() != before {
				t.Fatalf("durable went to %s during the fsync", l.Durable())
			}
			close(leave)
			mustCommit(t, l)
			if l.Durable() != l.Last() || l.Pending() != 0 {
				t.Fatalf("durable %s, last %s, pending %d", l.Durable(), l.Last(), l.Pending())
			}
		})
	}
}

func TestCommitReturnsToTheCallerWhenFsyncsAreFastAgain(t *testing.T) {
	l := open(t, Options{Dir: fastDir(t)})
	l.fsyncEWMA.Store(int64(10 * time.Millisecond))
	for range 100 {
		l.Append([]byte("x"))
		if l.Commit() {
			return
		}
		mustCommit(t, l)
	}
	t.Fatal("it never did")
}

// A write and the once-a-second fsync run beside each other. Whichever fails
// first, the other one's success, when it comes, publishes nothing.
func TestASuccessAfterTheFailureIsNotPublished(t *testing.T) {
	for _, late := range []op{opFsync, opWrite} {
		t.Run(string(late), func(t *testing.T) {
			entered, leave := make(chan struct{}), make(chan struct{})
			var armed atomic.Bool
			f := &faults{still: true, before: func(o op, path string) error {
				switch {
				case !armed.Load():
					return nil
				case o == late:
					close(entered)
					<-leave
					return nil
				}
				return errInjected
			}}
			l := open(t, Options{Dir: fastDir(t), Sync: SyncEverySecond, faults: f})
			l.Append([]byte("durable"))
			commitNow(l, true)
			l.Append([]byte("written"))
			commitNow(l, false)
			written, durable := l.Written(), l.Durable()
			l.Append([]byte("more"))
			first, second := l.backgroundFsync, func() { commitNow(l, false) }
			if late == opWrite {
				first, second = second, first
			}
			armed.Store(true)
			done := make(chan struct{})
			go func() { defer close(done); first() }()
			<-entered
			second()
			if !errors.Is(l.Err(), errInjected) {
				t.Fatal(l.Err())
			}
			close(leave)
			<-done
			if l.Written() != written || l.Durable() != durable || durable == written {
				t.Fatalf("written %s, now %s; durable %s, now %s", written, l.Written(), durable, l.Durable())
			}
		})
	}
}

// The kernel reports a failed write-back once per descriptor, so a second fsync
// beside the failing one would see none and publish what is lost.
func TestNoFsyncRunsBesideAnother(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	var armed, inside atomic.Bool
	f := &faults{still: true, before: func(o op, path string) error {
		if o != opFsync || !armed.Load() {
			return nil
		}
		if !inside.CompareAndSwap(false, true) {
			t.Error("a second fsync while the first one runs")
			return nil
		}
		close(entered)
		<-leave
		return errInjected
	}}
	l := open(t, Options{Dir: fastDir(t), Sync: SyncEverySecond, faults: f})
	l.Append([]byte("x"))
	commitNow(l, false)
	durable := l.Durable()
	armed.Store(true)
	var wg sync.WaitGroup
	wg.Go(l.backgroundFsync)
	<-entered
	wg.Go(func() { commitNow(l, true) })
	for range 10_000 {
		runtime.Gosched() // to give it the chance to be wrong
	}
	close(leave)
	wg.Wait()
	if l.Err() == nil || l.Durable() != durable {
		t.Fatal(l.Err(), l.Durable())
	}
}
