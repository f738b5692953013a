package log

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Nothing is written before the caller has replayed: a log that is refused there, as often as
// it may be, does not get a generation and an epoch by every try.
func TestAStartWritesNothingBeforeBegin(t *testing.T) {
	killed, want := smallLog(t, false)
	halfFrame(opWrite, segmentFiles(t, killed)[len(segmentFiles(t, killed))-1])
	clean, _ := cleanLog(t)
	for name, dir := range map[string]string{"killed": killed, "clean": clean, "format 1": oldTornLog(t)} {
		t.Run(name, func(t *testing.T) {
			before := snapshot(t, dir)
			for range 3 {
				f := &faults{before: func(o op, path string) error {
					t.Errorf("%s %s", o, path)
					return nil
				}}
				l := openReadOnly(t, Options{Dir: dir, faults: f})
				if l.Writable() {
					t.Fatal("writable")
				}
				got := records(t, l, 0)
				if name != "format 1" {
					equal(t, got, want)
				}
				if epoch := l.Last().Epoch(); epoch != 2 { // the clean one was opened after a kill
					t.Fatalf("%s", l.Last())
				}
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if !maps.Equal(before, snapshot(t, dir)) {
				t.Fatal("the directory has changed")
			}
		})
	}
}

// What a replay from a checkpoint does not read may be damaged; Verify still says so.
func TestDamageBeforeAReplayDoesNotStopAStart(t *testing.T) {
	live := fastDir(t)
	want := rotatedLog(t, open(t, Options{Dir: live, SegmentBytes: 400, faults: &faults{still: true}}), 4)
	const from = 25
	for _, file := range segmentFiles(t, live) {
		rel := strings.TrimPrefix(file, live)
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, offset := range []int{0, 3, len(whole) / 2, len(whole) - 1} {
			if len(whole) == 0 {
				continue
			}
			what := fmt.Sprintf("%s at %d", rel, offset)
			dir := live + "-trial"
			copyDir(t, live, dir)
			whole[offset] ^= 0x10
			if err := os.WriteFile(dir+rel, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			whole[offset] ^= 0x10
			// The last generation's end is Open's affair; the third one's may be needed.
			needed := strings.Contains(rel, generationName(4)) || strings.Contains(rel, generationName(3))
			l, err := Open(Options{Dir: dir, faults: &faults{still: true}})
			if err == nil {
				err = l.Replay(makePosition(1, from), func(p Position, _ int64, r []byte) error {
					if string(r) != want[p.Count()-1] {
						t.Errorf("%s: %s is %q", what, p, r)
					}
					return nil
				})
				if err == nil {
					err = l.Begin()
				}
				if cerr := l.Close(); cerr != nil {
					t.Fatal(cerr)
				}
			}
			if err != nil && !needed {
				t.Fatalf("%s: %v", what, err)
			}
			if !needed {
				r, err := Verify(dir)
				d := damaged(t, what, err, rel)
				if len(r.Damage) != 1 || r.Damage[0] != d || r.Records < 30 || r.Last.Count() != 40 {
					t.Fatalf("%s: %+v", what, r)
				}
				bad := 0
				for _, g := range r.Generations {
					if g.Damage != nil {
						bad++
					}
				}
				if bad != 1 {
					t.Fatalf("%s: %+v", what, r.Generations)
				}
			}
			_ = os.RemoveAll(dir)
		}
	}
}

// Directories that somebody has copied, renamed or emptied.
func TestGenerationsOutOfPlaceAreRefused(t *testing.T) {
	live := fastDir(t)
	want := rotatedLog(t, open(t, Options{Dir: live, SegmentBytes: 400, faults: &faults{still: true}}), 4)
	name := func(dir string, n uint64) string { return filepath.Join(dir, logName, generationName(n)) }
	segment := func(dir string, n uint64) string { return filepath.Join(name(dir, n), segmentName(1)) }
	for _, c := range []struct {
		what   string
		change func(dir string) error
		file   string // that the refusal names
		opens  bool   // a replay from the beginning finds it, Open does not
	}{
		{"the second one copied behind the last", func(dir string) error {
			return os.CopyFS(name(dir, 5), os.DirFS(name(dir, 2)))
		}, generationName(5) + "/" + segmentName(1), false},
		{"the last one copied behind itself", func(dir string) error {
			return os.CopyFS(name(dir, 5), os.DirFS(name(dir, 4)))
		}, generationName(5) + "/" + segmentName(1), false},
		{"two exchanged", func(dir string) error {
			return errors.Join(os.Rename(name(dir, 2), dir+"/x"), os.Rename(name(dir, 3), name(dir, 2)), os.Rename(dir+"/x", name(dir, 3)))
		}, generationName(3) + "/" + segmentName(1), false},
		{"one renamed away", func(dir string) error { return os.Rename(name(dir, 2), name(dir, 9)) }, generationName(2), false},
		{"one renamed for discarded", func(dir string) error { return os.Rename(name(dir, 2), name(dir, 2)+discardedSuffix) }, generationName(2), false},
		{"the first two gone", func(dir string) error {
			return errors.Join(os.RemoveAll(name(dir, 1)), os.RemoveAll(name(dir, 2)))
		}, generationName(3) + "/" + segmentName(1), true},
		{"one gone and the later ones renumbered", func(dir string) error {
			return errors.Join(os.RemoveAll(name(dir, 2)), os.Rename(name(dir, 3), name(dir, 2)), os.Rename(name(dir, 4), name(dir, 3)))
		}, generationName(2) + "/" + segmentName(1), true},
		{"the second one cut to its first frame", func(dir string) error {
			return os.Truncate(segment(dir, 2), entrySize(headerBytes))
		}, generationName(2) + "/" + segmentName(7), true},
		{"the second one emptied", func(dir string) error {
			return errors.Join(os.RemoveAll(name(dir, 2)), os.Mkdir(name(dir, 2), 0o700))
		}, generationName(2), true},
		{"the file of its first segment emptied", func(dir string) error { return os.Truncate(segment(dir, 1), 0) },
			generationName(1) + "/" + segmentName(1), true},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir := filepath.Join(fastDir(t), "data")
			copyDir(t, live, dir)
			if err := c.change(dir); err != nil {
				t.Fatal(err)
			}
			l, err := Open(Options{Dir: dir})
			if (err == nil) != c.opens {
				t.Fatalf("opens: %v", err)
			}
			if err == nil {
				defer l.Close()
				equal(t, records(t, l, makePosition(1, 30)), want[30:]) // as from a checkpoint
				err = l.Replay(0, func(p Position, _ int64, r []byte) error {
					if string(r) != want[p.Count()-1] {
						t.Errorf("%s is %q", p, r)
					}
					return nil
				})
			}
			damaged(t, "start", err, c.file)
			if c.what == "the first two gone" {
				return // as Discard leaves it
			}
			if _, err := Verify(dir); err == nil {
				t.Fatal("Verify finds nothing")
			}
		})
	}
}

func TestAnAppendDuringBeginMakesItFail(t *testing.T) {
	dir, want := cleanLog(t)
	var l *Log
	f := &faults{still: true, before: func(o op, path string) error {
		if o == opWrite {
			l.Append([]byte("too early"))
		}
		return nil
	}}
	l = openReadOnly(t, Options{Dir: dir, faults: f})
	if err := l.Begin(); err == nil || l.Writable() {
		t.Fatal(err)
	}
	void := l.Last()
	f.before = nil
	if err := l.Begin(); err != nil || l.Last() <= void {
		t.Fatalf("%v: %s after %s", err, l.Last(), void)
	}
	equal(t, records(t, l, 0), want)
}

// A disk that stays full is tried once a second: each try must not leave something behind.
func TestABeginThatKeepsFailingLeavesNothingBehind(t *testing.T) {
	dir, want := smallLog(t, false)
	for _, failing := range []op{opCreate, opOpen, opWrite, opFsync, opDirsync} {
		full := true
		f := &faults{still: true, before: func(o op, path string) error {
			if full && o == failing && strings.Contains(path, logName) {
				return errors.New("no space left on device")
			}
			return nil
		}}
		l := openReadOnly(t, Options{Dir: dir, faults: f})
		equal(t, records(t, l, 0), want)
		before := len(snapshot(t, dir))
		for range 5 {
			if err := l.Begin(); err == nil {
				t.Fatalf("Begin succeeds although each %s fails", failing)
			}
		}
		if after := len(snapshot(t, dir)); after > before+1 { // VERSION or LOCK may be new
			t.Errorf("%s: %d files, and %d before", failing, after, before)
		}
		full = false
		if err := l.Begin(); err != nil {
			t.Fatalf("%s: %v", failing, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
