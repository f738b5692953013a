package log

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smallLog writes 20 records, one durable frame each, over several segments and
// two generations, and returns the directory as kill -9 leaves it.
// idle says whether the log had time to write its empty frame.
func smallLog(t testing.TB, idle bool) (dir string, want []string) {
	t.Helper()
	base := fastDir(t)
	live := filepath.Join(base, "live")
	l := open(t, Options{Dir: live, SegmentBytes: 400})
	for i := range 20 {
		r := fmt.Sprintf("record %d", i)
		want = append(want, r)
		l.Append([]byte(r))
		if !l.Commit() {
			mustCommit(t, l)
		}
		if i == 6 {
			if err := l.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if idle {
		l.carrySynced(l.tail.chain.seq)
	}
	dir = filepath.Join(base, "killed")
	copyDir(t, live, dir)
	return dir, want
}

// cleanLog is the same after a clean shutdown.
func cleanLog(t testing.TB) (dir string, want []string) {
	t.Helper()
	dir, want = smallLog(t, false)
	l := open(t, Options{Dir: dir, SegmentBytes: 400})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, want
}

// segmentFiles lists the segments of all generations in order.
func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, logName, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// load starts with a directory as a program does: Open, Replay, Begin.
func load(t testing.TB, dir string) (got []string, err error) {
	t.Helper()
	l, err := Open(Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	err = l.Replay(0, func(_ Position, _ int64, r []byte) error {
		got = append(got, string(r))
		return nil
	})
	if err == nil {
		err = l.Begin()
	}
	return got, err
}

// damaged asserts that err is a refusal that names the file.
func damaged(t testing.TB, what string, err error, file string) *DamageError {
	t.Helper()
	var d *DamageError
	if !errors.As(err, &d) {
		t.Fatalf("%s: %v, want a *DamageError", what, err)
	}
	if !strings.HasSuffix(d.File, file) {
		t.Fatalf("%s: %v does not name %s", what, err, file)
	}
	return d
}

// prefix asserts that got is a prefix of want.
func prefix(t testing.TB, what string, got, want []string) {
	t.Helper()
	if len(got) > len(want) {
		t.Fatalf("%s: %d records, only %d were appended", what, len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: record %d is %q", what, i, got[i])
		}
	}
}

// T8.
func TestTruncationAtEveryByteIsCutOrRefused(t *testing.T) {
	for _, idle := range []bool{false, true} {
		dir, want := smallLog(t, idle)
		files := segmentFiles(t, dir)
		if len(files) < 4 {
			t.Fatalf("only %d segments", len(files))
		}
		opened, refused := 0, 0
		for n, file := range files {
			whole, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rel := strings.TrimPrefix(file, dir)
			for length := range whole {
				what := fmt.Sprintf("idle %v: %s cut to %d of %d", idle, rel, length, len(whole))
				trial := dir + "-trial"
				copyDir(t, dir, trial)
				if err := os.Truncate(trial+rel, int64(length)); err != nil {
					t.Fatal(err)
				}
				got, err := load(t, trial)
				prefix(t, what, got, want)
				switch {
				case n < len(files)-1:
					// The next segment or generation proves this one durable.
					if err == nil {
						t.Fatalf("%s: opened with %d records", what, len(got))
					}
					refused++
				case err != nil:
					if d := damaged(t, what, err, rel); d.Offset > int64(length) {
						t.Fatalf("%s: %v", what, err)
					}
					refused++
				default:
					// The exact prefix: a cut takes the witnesses with it.
					opened++
					if whole := len(want) - recordsBeyond(whole, length); len(got) != whole {
						t.Fatalf("%s: %d records, want %d", what, len(got), whole)
					}
				}
				_ = os.RemoveAll(trial)
			}
		}
		t.Logf("idle %v: %d opened, %d refused", idle, opened, refused)
		if opened == 0 || refused == 0 {
			t.Fatal("one of the two cases was not met")
		}
	}
}

// A segment has just been left, nothing has been written to the next: the empty
// file alone proves the one before it durable.
func TestAnEmptySegmentIsAWitness(t *testing.T) {
	base := fastDir(t)
	live := filepath.Join(base, "live")
	l := open(t, Options{Dir: live, SegmentBytes: 400, Sync: SyncNo})
	for i := 0; l.Stats().Segments < 2; i++ {
		l.Append(fmt.Appendf(nil, "record %d", i))
		commitNow(l, false)
	}
	last := l.Last()
	if l.Durable() != last {
		t.Fatalf("the wal fsyncs a segment that it leaves, but durable is %s of %s", l.Durable(), last)
	}
	files := segmentFiles(t, live)
	rel := strings.TrimPrefix(files[0], live)
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for length := range len(whole) + 1 {
		trial := filepath.Join(base, "trial")
		copyDir(t, live, trial)
		if err := os.Truncate(trial+rel, int64(length)); err != nil {
			t.Fatal(err)
		}
		got, err := load(t, trial)
		if length == len(whole) {
			if err != nil || len(got) != int(last.Count()) {
				t.Fatal(len(got), err)
			}
		} else {
			damaged(t, fmt.Sprintf("cut to %d", length), err, rel)
		}
		_ = os.RemoveAll(trial)
	}
}

// recordsBeyond counts the records of the last segment whose frames are not
// whole in its first length bytes; every frame here has one record or none.
func recordsBeyond(segment []byte, length int) (n int) {
	for offset := 0; offset < len(segment); {
		size, k := binary.Uvarint(segment[offset:])
		offset += k + int(size)
		if offset > length && size > headerBytes {
			n++
		}
	}
	return n
}

// T9: every bit of every file.
func TestEveryFlippedBitIsFoundOrNeutral(t *testing.T) {
	killed, want := smallLog(t, false)
	idle, _ := smallLog(t, true)
	clean, _ := cleanLog(t)
	for _, c := range []struct {
		name    string
		dir     string
		witness bool // something on the disk knows that the last record was durable
	}{{"killed", killed, false}, {"idle", idle, true}, {"clean", clean, true}} {
		t.Run(c.name, func(t *testing.T) {
			found, neutral, cut := 0, 0, 0
			trial := c.dir + "-trial"
			copyDir(t, c.dir, trial)
			for _, file := range filesBelow(t, c.dir) {
				rel := strings.TrimPrefix(file, c.dir)
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				for bit := range len(b) * 8 {
					b[bit/8] ^= 1 << (bit % 8)
					if err := os.WriteFile(trial+rel, b, 0o600); err != nil {
						t.Fatal(err)
					}
					b[bit/8] ^= 1 << (bit % 8)
					got, err := load(t, trial)
					what := fmt.Sprintf("%s bit %d", rel, bit)
					prefix(t, what, got, want)
					switch {
					case err != nil:
						found++
					case len(got) == len(want):
						neutral++
					case c.witness || len(got) < len(want)-1:
						t.Fatalf("%s: %d records and no error", what, len(got))
					default:
						cut++
						if _, err := os.Stat(filepath.Join(trial, quarantineName)); err != nil {
							t.Fatalf("%s: cut and not kept", what)
						}
					}
					if err == nil {
						_ = os.RemoveAll(trial)
						copyDir(t, c.dir, trial)
					} else if err := os.WriteFile(trial+rel, b, 0o600); err != nil {
						// A refusal has changed nothing; had it, the next bit would tell.
						t.Fatal(err)
					}
				}
			}
			t.Logf("%d found, %d neutral, %d cut the unwitnessed last frame", found, neutral, cut)
		})
	}
}

// T11: damage in the middle is never taken for a torn tail.
func TestDamageBeforeValidFramesIsRefusedWithItsPlace(t *testing.T) {
	dir, want := smallLog(t, false)
	for i, r := range want[:len(want)-1] {
		trial := dir + "-trial"
		copyDir(t, dir, trial)
		file, offset := findRecord(t, trial, r)
		b, _ := os.ReadFile(file)
		copy(b[offset:], "RECORD")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		before := snapshot(t, trial)
		_, err := load(t, trial)
		d := damaged(t, r, err, strings.TrimPrefix(file, trial))
		if d.Position.Count() != uint64(i+1) {
			t.Fatalf("%s: %v", r, err)
		}
		if d.Offset >= int64(offset) || d.Offset < int64(offset)-headerBytes-16 {
			t.Fatalf("%s at %d: %v", r, offset, err)
		}
		if !maps.Equal(before, snapshot(t, trial)) {
			t.Fatalf("%s: the refusal has changed the directory", r)
		}
		if report, err := Verify(trial); err == nil {
			t.Fatalf("%s: Verify finds nothing: %+v", r, report)
		}
		_ = os.RemoveAll(trial)
	}
}

// findRecord returns the file and offset of a record's bytes.
func findRecord(t testing.TB, dir, record string) (string, int) {
	t.Helper()
	for _, file := range segmentFiles(t, dir) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if i := strings.LastIndex(string(b), string(rune(len(record)))+record); i >= 0 {
			return file, i + 1
		}
	}
	t.Fatalf("%q is nowhere", record)
	return "", 0
}

// snapshot reads all files but the lock's.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, file := range filesBelow(t, dir) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(file) != lockName {
			all[file] = string(b)
		}
	}
	return all
}

// A part of T10: pieces that are whole but in the wrong place.
func TestMissingSwappedAndForeignPiecesAreRefused(t *testing.T) {
	dir, want := smallLog(t, true)
	other, _ := smallLog(t, true)
	files := segmentFiles(t, dir)
	rels := make([]string, len(files))
	for i, f := range files {
		rels[i] = strings.TrimPrefix(f, dir)
	}
	try := func(what string, change func(trial string) error) {
		t.Helper()
		trial := dir + "-trial"
		copyDir(t, dir, trial)
		defer os.RemoveAll(trial)
		if err := change(trial); err != nil {
			t.Fatal(err)
		}
		got, err := load(t, trial)
		prefix(t, what, got, want)
		if err == nil {
			t.Fatalf("%s: opened with %d records", what, len(got))
		}
	}
	for i, rel := range rels {
		if i < len(rels)-1 {
			try("missing "+rel, func(trial string) error { return os.Remove(trial + rel) })
		}
		if i == len(rels)-1 {
			continue // nothing is left then that could tell it from a torn tail; it is cut
		}
		try("foreign "+rel, func(trial string) error {
			b, err := os.ReadFile(other + rel)
			if err != nil {
				return err
			}
			return os.WriteFile(trial+rel, b, 0o600)
		})
		if i > 0 {
			try("swapped "+rel, func(trial string) error {
				return errors.Join(os.Rename(trial+rel, trial+"/x"),
					os.Rename(trial+rels[i-1], trial+rel), os.Rename(trial+"/x", trial+rels[i-1]))
			})
		}
	}
	try("no version", func(trial string) error { return os.Remove(filepath.Join(trial, versionName)) })
	try("no log", func(trial string) error { return os.RemoveAll(filepath.Join(trial, logName)) })
	try("no first generation", func(trial string) error {
		return os.RemoveAll(filepath.Join(trial, logName, generationName(1)))
	})
	try("a newer format", func(trial string) error {
		return os.WriteFile(filepath.Join(trial, versionName), withSum("weir-log 9 00"), 0o600)
	})
	try("a truncation of the wal", func(trial string) error {
		return os.WriteFile(trial+rels[0]+".START", nil, 0o600)
	})
}

func TestLostTailAfterACleanShutdownIsRefused(t *testing.T) {
	dir, want := cleanLog(t)
	files := segmentFiles(t, dir)
	last := strings.TrimPrefix(files[len(files)-1], dir)
	whole, err := os.ReadFile(dir + last)
	if err != nil {
		t.Fatal(err)
	}
	for length := range whole {
		trial := dir + "-trial"
		copyDir(t, dir, trial)
		if err := os.Truncate(trial+last, int64(length)); err != nil {
			t.Fatal(err)
		}
		if got, err := load(t, trial); err == nil {
			t.Fatalf("cut to %d: opened with %d of %d records", length, len(got), len(want))
		}
		_ = os.RemoveAll(trial)
	}
	if err := os.RemoveAll(filepath.Dir(dir + last)); err != nil {
		t.Fatal(err)
	}
	if got, err := load(t, dir); err == nil {
		t.Fatalf("without the last generation: opened with %d records", len(got))
	}
}

func TestAnInterruptedFirstStartStartsAgain(t *testing.T) {
	base := fastDir(t)
	trial := filepath.Join(base, "copy")
	open(t, Options{Dir: filepath.Join(base, "live")})
	copyDir(t, filepath.Join(base, "live"), trial)
	if err := os.Remove(filepath.Join(trial, versionName)); err != nil {
		t.Fatal(err)
	}
	if got, err := load(t, trial); err != nil || len(got) != 0 {
		t.Fatal(got, err)
	}
	if _, err := os.Stat(filepath.Join(trial, "log", generationName(2))); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// The marker of the clean shutdown goes when the log is opened; what it knew
// must not go with it.
func TestAStartLeavesAWitnessInPlaceOfTheMarker(t *testing.T) {
	dir, want := cleanLog(t)
	l := open(t, Options{Dir: dir})
	l.Append([]byte("record 20"))
	want = append(want, "record 20")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	m := newModel(dir)
	m.adopt(t)
	l = open(t, Options{Dir: dir, faults: m.faults()})
	trial := dir + "-trial"
	m.crash(t, trial, loseAll, nil)
	if _, err := os.Stat(filepath.Join(trial, markerName)); err == nil {
		t.Fatal("the marker is still there")
	}
	file, offset := findRecord(t, trial, want[len(want)-1])
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b[offset] ^= 1
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = load(t, trial)
	damaged(t, "the last record", err, strings.TrimPrefix(file, trial))
	equal(t, records(t, l, 0), want)
}
