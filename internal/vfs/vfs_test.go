package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

func each(t *testing.T, test func(*testing.T, FS)) {
	t.Run("os", func(t *testing.T) { test(t, OS{Root: t.TempDir()}) })
	t.Run("mem", func(t *testing.T) { test(t, NewMem()) })
}

// write makes a file with content, synced if so said.
func write(t *testing.T, f FS, name, content string, sync bool) {
	t.Helper()
	file, err := f.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(file, content); err != nil {
		t.Fatal(err)
	}
	if sync {
		if err := file.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// read returns a file's content; false if there is no such file.
func read(t *testing.T, f FS, name string) (string, bool) {
	t.Helper()
	b, err := ReadAll(f, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false
	}
	if err != nil {
		t.Fatal(err)
	}
	if size, err := f.Size(name); err != nil || size != int64(len(b)) {
		t.Fatal(size, err)
	}
	return string(b), true
}

func TestFilesAreWrittenRenamedListedAndRemoved(t *testing.T) {
	each(t, func(t *testing.T, f FS) {
		if err := f.MakeDir("a/b"); err != nil {
			t.Fatal(err)
		}
		if err := f.MakeDir("a/b"); err != nil {
			t.Errorf("a directory that is there: %v", err)
		}
		write(t, f, "a/b/one", "first", true)
		write(t, f, "a/b/two", "second", false)
		if err := f.Rename("a/b/two", "a/b/one"); err != nil {
			t.Fatal(err)
		}
		if err := f.SyncDir("a/b"); err != nil {
			t.Fatal(err)
		}
		if got, _ := read(t, f, "a/b/one"); got != "second" {
			t.Errorf("after the rename: %q", got)
		}
		write(t, f, "a/b/three", "", true)
		if names, err := f.List("a/b"); err != nil || !slices.Equal(names, []string{"one", "three"}) {
			t.Errorf("List: %v, %v", names, err)
		}
		if names, err := f.List("a"); err != nil || len(names) != 0 {
			t.Errorf("a directory is no file: %v, %v", names, err)
		}
		if err := errors.Join(f.Rename("a/b/three", "a/moved"), f.Rename("a/moved", "a/b/three")); err != nil {
			t.Errorf("to another directory and back: %v", err)
		}
		if err := f.Remove("a/b/one"); err != nil {
			t.Fatal(err)
		}
		if _, there := read(t, f, "a/b/one"); there {
			t.Error("it is still there")
		}
	})
}

func TestWhatIsNotThereIsSaidInTheWordsOfOS(t *testing.T) {
	each(t, func(t *testing.T, f FS) {
		_, opened := f.Open("none")
		_, listed := f.List("none")
		_, created := f.Create("none/x")
		_, sized := f.Size("none")
		for name, err := range map[string]error{
			"open": opened, "list": listed, "create": created, "size": sized,
			"remove": f.Remove("none"), "rename": f.Rename("none", "other"), "sync": f.SyncDir("none"),
		} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", name, err)
			}
		}
		write(t, f, "x", "", true)
		if _, err := f.Create("x"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("create again: %v", err)
		}
	})
}

func TestReadingBehindTheEndIsEOF(t *testing.T) {
	each(t, func(t *testing.T, f FS) {
		write(t, f, "x", "0123456789", true)
		file, err := f.Open("x")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		b := make([]byte, 4)
		if n, err := file.ReadAt(b, 8); n != 2 || !errors.Is(err, io.EOF) {
			t.Errorf("at 8: %d, %v", n, err)
		}
		if n, err := file.ReadAt(b, 99); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("at 99: %d, %v", n, err)
		}
		if n, err := file.ReadAt(b, 3); n != 4 || err != nil || string(b) != "3456" {
			t.Errorf("at 3: %d, %v, %q", n, err, b)
		}
	})
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	f := OS{Root: t.TempDir()}
	if err := f.MakeDir("d"); err != nil {
		t.Fatal(err)
	}
	write(t, f, "d/x", "", true)
	for name, want := range map[string]fs.FileMode{"d": 0o700, "d/x": 0o600} {
		if info, err := os.Stat(filepath.Join(f.Root, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// TestACrashKeepsWhatWasSyncedAndMayTakeAnythingElse looks at many crashes of one scenario.
func TestACrashKeepsWhatWasSyncedAndMayTakeAnythingElse(t *testing.T) {
	m := NewMem()
	if err := m.MakeDir("d"); err != nil {
		t.Fatal(err)
	}
	long := string(bytes.Repeat([]byte("x"), 3*sector))
	write(t, m, "d/durable", long, true)
	write(t, m, "d/old", "old", true)
	if err := m.SyncDir("d"); err != nil {
		t.Fatal(err)
	}
	write(t, m, "d/unsynced", long, false)
	write(t, m, "d/unnamed", long, true)
	write(t, m, "d/new", "new", true)
	if err := m.Rename("d/new", "d/old"); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	note := func(what string, is bool) {
		if is {
			seen[what] = true
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		after := m.Crash(rng)
		if got, _ := read(t, after, "d/durable"); got != long {
			t.Fatalf("durable bytes were lost: %d left", len(got))
		}
		switch got, there := read(t, after, "d/old"); {
		case !there:
			t.Fatal("a durable name was lost by a rename over it")
		case got != "old" && got != "new":
			t.Fatalf("old is %q", got)
		default:
			note("renamed", got == "new")
			note("not renamed", got == "old")
		}
		got, there := read(t, after, "d/unnamed")
		if there && got != long {
			t.Fatal("synced bytes were lost")
		}
		note("name lost", !there)
		note("name kept", there)
		got, there = read(t, after, "d/unsynced")
		note("bytes lost", there && len(got) < len(long))
		note("bytes kept", got == long)
		note("zeros", bytes.ContainsRune([]byte(got), 0))
		note("torn within a sector", len(got)%sector != 0)
	}
	for _, what := range []string{"renamed", "not renamed", "name lost", "name kept", "bytes lost", "bytes kept", "zeros", "torn within a sector"} {
		if !seen[what] {
			t.Errorf("never in 2000 crashes: %s", what)
		}
	}
	if got, _ := read(t, m, "d/unsynced"); got != long {
		t.Error("the crash has changed what went on")
	}
}

func TestARenameToAnotherDirectoryHappensInBothOrInNeither(t *testing.T) {
	for _, synced := range []string{"", "a", "b"} {
		m := NewMem()
		if err := errors.Join(m.MakeDir("a"), m.MakeDir("b")); err != nil {
			t.Fatal(err)
		}
		write(t, m, "a/old", "content", true)
		if err := errors.Join(m.SyncDir("a"), m.Rename("a/old", "b/new")); err != nil {
			t.Fatal(err)
		}
		if synced != "" {
			if err := m.SyncDir(synced); err != nil {
				t.Fatal(err)
			}
		}
		rng := rand.New(rand.NewPCG(1, 2))
		before, after := 0, 0
		for range 200 {
			crashed := m.Crash(rng)
			was, old := read(t, crashed, "a/old")
			is, fresh := read(t, crashed, "b/new")
			if old == fresh || was+is != "content" {
				t.Fatalf("there before %t, and behind %t, with %q", old, fresh, was+is)
			}
			if fresh {
				after++
			} else {
				before++
			}
		}
		if after == 0 || (before == 0) != (synced != "") {
			t.Errorf("%q synced: %d before, %d after", synced, before, after)
		}
	}
}

func TestAFailedSyncIsFollowedByOnesThatOnlyClaimSuccess(t *testing.T) {
	m := NewMem()
	fail := true
	m.Before = func(op, name string) error {
		if op == "sync" && fail {
			fail = false
			return syscall.EIO
		}
		return nil
	}
	file, err := m.Create("x")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(file, "content")
	if err := file.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := m.SyncDir("."); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		if got, _ := read(t, m.Crash(rng), "x"); got != "content" {
			return
		}
	}
	t.Error("what the failed sync dropped was there after every crash")
}

func TestAFailedWriteIsHalfDone(t *testing.T) {
	m := NewMem()
	m.Before = func(op, name string) error {
		if op == "write" {
			return syscall.ENOSPC
		}
		return nil
	}
	file, err := m.Create("x")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.WriteString(file, "content"); n != 3 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%d, %v", n, err)
	}
}
