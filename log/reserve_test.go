package log

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// spaceBehind returns how many zeros stand behind the entries of the last segment.
func spaceBehind(t testing.TB, dir string) int64 {
	t.Helper()
	files := segmentFiles(t, dir)
	path := files[len(files)-1]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := endOfEntries(path)
	if !isReserve(b[end:]) {
		t.Fatalf("%s: something stands behind the entries", path)
	}
	return int64(len(b)) - end
}

func TestOnlyAlwaysReservesAndOnlyForFramesThatAreSmall(t *testing.T) {
	for _, c := range []struct {
		name    string
		sync    Sync
		segment int
		record  int
		want    int64 // zeros behind the first frame
	}{
		{"always", SyncAlways, 1 << 20, 10, reserveBytes},
		{"always, a record of the highest size", SyncAlways, 1 << 20, reserveBytes / 4, reserveBytes},
		{"always, a larger one", SyncAlways, 1 << 20, reserveBytes/4 + 1, 0},
		{"always, a small segment", SyncAlways, 1000, 10, 1000 - entrySize(headerBytes) - entrySize(headerBytes+11)},
		{"everysec", SyncEverySecond, 1 << 20, 10, 0},
		{"no", SyncNo, 1 << 20, 10, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := fastDir(t)
			l := open(t, Options{Dir: dir, Sync: c.sync, SegmentBytes: c.segment, faults: &faults{still: true}})
			l.Append(make([]byte, c.record))
			commitNow(l, false)
			if got := spaceBehind(t, dir); got != c.want {
				t.Fatalf("%d zeros behind the frame, want %d", got, c.want)
			}
		})
	}
}

// The frames go over the zeros, and more are written when they are used up, to the end of the segment and not beyond.
func TestFramesGoOverWhatIsReserved(t *testing.T) {
	dir := fastDir(t)
	l := open(t, Options{Dir: dir, faults: &faults{still: true}})
	var want []string
	sizes := map[int64]int{}
	for i := range 3000 {
		r := fmt.Sprintf("record %0*d", 1000, i)
		want = append(want, r)
		l.Append([]byte(r))
		commitNow(l, false)
		if files := segmentFiles(t, dir); len(files) == 1 {
			info, err := os.Stat(files[0])
			if err != nil {
				t.Fatal(err)
			}
			sizes[info.Size()]++
		}
		if space := spaceBehind(t, dir); space > reserveBytes {
			t.Fatalf("%d zeros behind the frames", space)
		}
	}
	if len(segmentFiles(t, dir)) < 3 || len(sizes) < 4 || len(sizes) > 6 {
		t.Fatalf("%d segments; sizes of the first, and how often seen: %v", len(segmentFiles(t, dir)), sizes)
	}
	copied := filepath.Join(fastDir(t), "killed")
	copyDir(t, dir, copied)
	equal(t, records(t, openReadOnly(t, Options{Dir: copied}), 0), want)
}

// What a kill leaves reserved is no tear, and nothing of it goes to quarantine. The next start gives it back, as the end of a
// generation and of the log do.
func TestWhatIsReservedIsGivenBack(t *testing.T) {
	live := fastDir(t)
	l := open(t, Options{Dir: live, faults: &faults{still: true}})
	want := numbered(10)
	for _, r := range want {
		l.Append([]byte(r))
		commitNow(l, false)
	}
	killed := filepath.Join(fastDir(t), "killed")
	copyDir(t, live, killed)
	if spaceBehind(t, killed) == 0 {
		t.Fatal("nothing has been reserved")
	}
	first := segmentFiles(t, killed)[0]
	zeros := fmt.Sprintf("%s@%d", relative(killed, first), endOfEntries(first))
	if r, err := Verify(killed); err != nil || len(r.Cuts) > 0 || r.Zeros != zeros || r.Clean || r.Records != 10 {
		t.Fatalf("%+v %v", r, err)
	}
	if r, err := Repair(killed, 0); err != nil || r.Damage != nil {
		t.Fatalf("%+v %v", r, err)
	}
	k := open(t, Options{Dir: killed, faults: &faults{still: true}})
	equal(t, records(t, k, 0), want)
	if s := k.Stats(); s.QuarantinedBytes != 0 || s.LogBytes != sizeOf(filepath.Join(killed, logName)) {
		t.Fatalf("%+v", s)
	}
	if sizeOf(first) != endOfEntries(first) {
		t.Fatalf("the start has left %d bytes behind the frames", sizeOf(first)-endOfEntries(first))
	}

	if err := l.Rotate(); err != nil {
		t.Fatal(err)
	}
	if first := segmentFiles(t, live)[0]; sizeOf(first) != endOfEntries(first) {
		t.Fatalf("the end of the generation has left %d bytes behind its frames", sizeOf(first)-endOfEntries(first))
	}
	l.Append([]byte("more"))
	commitNow(l, false)
	if spaceBehind(t, live) == 0 {
		t.Fatal("nothing has been reserved in the second generation")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if spaceBehind(t, live) != 0 {
		t.Fatal("Close has left zeros behind the frames")
	}
	if r, err := Verify(live); err != nil || !r.Clean {
		t.Fatalf("%+v %v", r, err)
	}
	equal(t, records(t, openReadOnly(t, Options{Dir: live}), 0), append(want, "more"))
}

// Zeros where frames were durable are damage, whether or not zeros follow anyway.
func TestZerosInPlaceOfDurableFramesAreDamage(t *testing.T) {
	live := fastDir(t)
	l := open(t, Options{Dir: live, faults: &faults{still: true}})
	var ends []int64
	for _, r := range numbered(4) {
		l.Append([]byte(r))
		commitNow(l, false)
		ends = append(ends, l.tail.file.size)
	}
	l.carrySynced(l.tail.chain.seq)
	for from := range 4 {
		for to := from + 1; to <= 4; to++ {
			dir := filepath.Join(fastDir(t), "zeroed")
			copyDir(t, live, dir)
			path := segmentFiles(t, dir)[0]
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			begin := entrySize(headerBytes)
			if from > 0 {
				begin = ends[from-1]
			}
			clear(b[begin:ends[to-1]])
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			var d *DamageError
			if _, err := Open(Options{Dir: dir}); !errors.As(err, &d) || d.Offset != begin || d.File != path {
				t.Errorf("frames %d to %d zeroed: %v", from+1, to, err)
			}
		}
	}
}

// A generation in the middle may end with zeros, or with a segment of nothing else: a trimming that failed can be undone by a
// power cut after another generation has begun.
func TestZerosAtTheEndOfAnEarlierGenerationAreNoDamage(t *testing.T) {
	for _, whole := range []bool{false, true} {
		dir, want := smallLog(t, false)
		files, err := filepath.Glob(filepath.Join(dir, logName, generationName(1), "*"))
		if err != nil {
			t.Fatal(err)
		}
		path := files[len(files)-1]
		size := endOfEntries(path)
		if whole {
			index, _ := parseName(filepath.Base(path), 20)
			for at := int64(0); at < size; index++ {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				length, n := binary.Uvarint(b[at:])
				at += int64(n) + int64(length)
			}
			path, size = filepath.Join(filepath.Dir(path), segmentName(index)), 0
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Truncate(path, size+300); err != nil {
			t.Fatal(err)
		}
		if r, err := Verify(dir); err != nil || len(r.Damage) > 0 {
			t.Fatalf("%+v %v", r, err)
		}
		for from := range want {
			l := openReadOnly(t, Options{Dir: dir})
			equal(t, records(t, l, makePosition(1, uint64(from))), want[from:])
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		got, err := load(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, got, want)
	}
}

// More zeros than are ever reserved, or any where none have been, are what a power cut has left of frames that may have been
// released: they are cut and kept, with a warning.
func TestZerosThatAreNotReservedAreATear(t *testing.T) {
	for _, c := range []struct {
		sync  Sync
		zeros int64
		kept  bool
	}{
		{SyncAlways, 1, false}, {SyncAlways, reserveBytes, false}, {SyncAlways, reserveBytes + 1, true},
		{SyncEverySecond, 1, true}, {SyncEverySecond, reserveBytes, true}, {SyncNo, 100, true},
	} {
		dir, want := smallLog(t, true)
		files := segmentFiles(t, dir)
		path := files[len(files)-1]
		if err := os.Truncate(path, endOfEntries(path)+c.zeros); err != nil {
			t.Fatal(err)
		}
		if r, err := Verify(dir); err != nil || (r.Zeros != "") != (c.zeros <= reserveBytes) || (len(r.Cuts) == 1) != (c.zeros > reserveBytes) {
			t.Errorf("%+v: %+v %v", c, r, err)
		}
		var said bytes.Buffer
		l := open(t, Options{Dir: dir, Sync: c.sync, Logger: slog.New(slog.NewTextHandler(&said, nil))})
		equal(t, records(t, l, 0), want)
		kept := int64(0)
		if c.kept {
			kept = c.zeros
		}
		if l.Stats().QuarantinedBytes != kept || strings.Contains(said.String(), "WARN") != c.kept {
			t.Errorf("%+v: %d bytes in quarantine; it says %s", c, l.Stats().QuarantinedBytes, said.String())
		}
	}
}

// Zeros in the midst of the log are named themselves, and not the file behind them, which is whole.
func TestZerosInTheMidstOfTheLogAreNamed(t *testing.T) {
	live, want := smallLog(t, true)
	all, err := filepath.Glob(filepath.Join(live, logName, "*", "*"))
	if err != nil || len(all) < 5 {
		t.Fatal(all, err)
	}
	for n, file := range all[:len(all)-1] {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(b); {
			length, k := binary.Uvarint(b[at:])
			dir := filepath.Join(fastDir(t), "zeroed")
			copyDir(t, live, dir)
			path := filepath.Join(dir, relative(live, file))
			if err := os.WriteFile(path, append(bytes.Clone(b[:at]), make([]byte, len(b)-at)...), 0o600); err != nil {
				t.Fatal(err)
			}
			var d *DamageError
			if _, err := Verify(dir); !errors.As(err, &d) || d.File != path || d.Offset != int64(at) {
				t.Errorf("file %d from %d: Verify says %v", n, at, err)
			}
			got, err := load(t, dir)
			if !errors.As(err, &d) || d.File != path || d.Offset != int64(at) {
				t.Errorf("file %d from %d: %v", n, at, err)
			}
			whole := max(int(d.Position.Count())-1, 0)
			if len(got) > 0 && len(got) != whole {
				t.Errorf("file %d from %d: %d records, %v", n, at, len(got), err)
			}
			if r, err := Repair(dir, 0); err != nil {
				t.Fatalf("file %d from %d: %+v, %v", n, at, r, err)
			}
			equal(t, records(t, openReadOnly(t, Options{Dir: dir}), 0), want[:whole])
			at += k + int(length)
		}
	}
}

// Whoever writes zeros has them to fsync, too. That is not for an event loop, and says nothing about the fsyncs that follow.
func TestCommitLeavesReservingToTheCommitter(t *testing.T) {
	var slow atomic.Bool
	f := &faults{still: true, before: func(o op, _ string) error {
		if o == opFsync && slow.Load() {
			time.Sleep(time.Millisecond)
		}
		return nil
	}}
	l := open(t, Options{Dir: fastDir(t), faults: f})
	declined := 0
	for range 3000 {
		l.fsyncEWMA.Store(0) // or a slow machine declines, too
		l.Append(make([]byte, 1000))
		file, reserved := l.tail.file, l.tail.file.reserved
		if l.Commit() {
			if l.tail.file != file || file.reserved != reserved {
				t.Fatal("Commit has reserved more")
			}
			continue
		}
		declined++
		slow.Store(true)
		commitNow(l, false)
		slow.Store(false)
		if l.tail.file.reserved > reserved && l.fsyncEWMA.Load() > 0 {
			t.Fatal("the fsync of the zeros counts for who commits")
		}
	}
	if declined < 10 || declined > 20 {
		t.Errorf("%d commits declined", declined)
	}
	// A batch that is too large for zeros to stand behind it is nobody's business but the caller's.
	l.Append(make([]byte, reserveBytes/4+1))
	commitNow(l, false)
	l.fsyncEWMA.Store(0)
	l.Append(make([]byte, reserveBytes/4+1))
	if !l.Commit() {
		t.Error("Commit has declined a large batch")
	}
}
