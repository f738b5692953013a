package log

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/format-2 again (only while no release has it)")

// Directories of every format, as their own programs left them: 300 records in
// generations of several segments, after a clean shutdown and with a torn tail.
func TestEveryFormatStillOpens(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	for _, c := range []struct {
		name  string
		from  int // records that the log no longer holds
		clean bool
	}{
		{"format-1/clean", 0, true},
		{"format-1/torn", 0, false},
		{"format-2/clean", 0, true},
		{"format-2/torn", 0, false},
		{"format-2/discarded", 100, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(fastDir(t), "data")
			copyDir(t, filepath.Join("testdata", filepath.FromSlash(c.name)), dir)
			if r, err := Verify(dir); err != nil || r.Clean != c.clean || r.Segments < 4 || (len(r.Cuts) == 0) != c.clean {
				t.Fatalf("%+v %v", r, err)
			}
			want := numbered(300)
			l := openReadOnly(t, Options{Dir: dir})
			equal(t, records(t, l, makePosition(1, uint64(c.from))), want[c.from:])
			if first := l.First(); c.from == 0 && first != 0 || c.from > 0 && first != makePosition(1, uint64(c.from+1)) {
				t.Fatalf("the log says that it begins with %s", first)
			}
			if err := l.Begin(); err != nil {
				t.Fatal(err)
			}
			l.Append([]byte("record 300"))
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if v, err := readVersion(dir); err != nil || v.format != formatVersion {
				t.Fatalf("%+v %v", v, err)
			}
			l = open(t, Options{Dir: dir})
			equal(t, records(t, l, makePosition(1, uint64(c.from))), numbered(301)[c.from:])
		})
	}
}

func writeGolden(t *testing.T) {
	golden := filepath.Join("testdata", "format-2")
	_ = os.RemoveAll(golden)
	base := fastDir(t)
	live := filepath.Join(base, "live")
	keep := func(name, dir string) {
		copyDir(t, dir, filepath.Join(golden, name))
		if err := os.Remove(filepath.Join(golden, name, lockName)); err != nil {
			t.Fatal(err)
		}
	}
	l := open(t, Options{Dir: live, SegmentBytes: 1500, faults: &faults{still: true}})
	for i, r := range numbered(300) {
		l.Append([]byte(r))
		if i%5 == 4 {
			commitNow(l, true)
		}
		if i == 99 || i == 199 {
			if err := l.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	copyDir(t, live, filepath.Join(base, "torn"))
	files := segmentFiles(t, filepath.Join(base, "torn"))
	halfFrame(opWrite, files[len(files)-1])
	keep("torn", filepath.Join(base, "torn"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	keep("clean", live)
	l = open(t, Options{Dir: live, SegmentBytes: 1500, faults: &faults{still: true}})
	if n, err := l.Discard(makePosition(1, 150)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	keep("discarded", live)
}

func TestANewerFormatIsRefusedByName(t *testing.T) {
	dir, _ := cleanLog(t)
	v, err := readVersion(dir)
	if err != nil {
		t.Fatal(err)
	}
	v.format = formatVersion + 1
	if err := os.WriteFile(filepath.Join(dir, versionName), v.encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "VERSION: the directory has format 3; this version knows formats up to 2"
	for name, fn := range map[string]func() error{
		"Open":   func() error { _, err := Open(Options{Dir: dir}); return err },
		"Verify": func() error { _, err := Verify(dir); return err },
		"ReadID": func() error { _, err := ReadID(dir); return err },
	} {
		if err := fn(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
