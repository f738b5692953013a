package datadir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestABackupIsRestored(t *testing.T) {
	b := build(t)
	b.add(300, "orders")
	dir := b.close()
	b.must(os.MkdirAll(filepath.Join(dir, "quarantine"), 0o700))
	b.must(os.WriteFile(filepath.Join(dir, "quarantine", "old"), []byte("cut"), 0o600))
	want := content(t, dir)
	delete(want, "quarantine/old")
	backup := filepath.Join(t.TempDir(), "backups", "today")
	for _, made := range []struct {
		dir string
		by  func() (*Report, error)
	}{
		{backup, func() (*Report, error) { return Backup(t.Context(), dir, backup) }},
		{filepath.Join(dir, "..", "restored"), func() (*Report, error) { return Restore(t.Context(), backup, filepath.Join(dir, "..", "restored")+"/") }},
	} {
		r, err := made.by()
		if err != nil || r.Start.Last != "1:300" || r.Start.Keys != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
		equal(t, made.dir, content(t, made.dir), want)
		if names, err := filepath.Glob(made.dir + "*"); err != nil || len(names) != 1 {
			t.Errorf("beside it: %v", names)
		}
		if r, err = Check(made.dir); err != nil || !r.Sound() {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

func TestACopyTakesTheFirstBytesOfFiles(t *testing.T) {
	b := build(t)
	b.add(10, "orders")
	files, err := Files(b.dir)
	b.must(err)
	dest := filepath.Join(t.TempDir(), "copy")
	betweens, copied := 0, false
	b.add(10, "orders") // the broker goes on
	r, err := Copy(t.Context(), b.dir, files, dest, func() error { betweens++; return nil }, func() error { copied = true; return nil })
	if err != nil || r.Start.Records != 10 || r.Dir != dest || betweens == 0 || !copied {
		t.Errorf("%+v, %v", r, err)
	}
	b.close()
}

func TestACopyIsWholeOrNotThere(t *testing.T) {
	b := build(t)
	b.add(10, "orders")
	dir := b.close()
	files, err := Files(dir)
	b.must(err)
	broken := errors.New("the broker has gone")
	nothing := func() error { return nil }
	failing := func() error { return broken }
	longer := append([]File{}, files...)
	longer[len(longer)-1].Length++
	for what, try := range map[string]func(dest string) (*Report, error){
		"a shorter file": func(dest string) (*Report, error) { return Copy(t.Context(), dir, longer, dest, nothing, nothing) },
		"a missing file": func(dest string) (*Report, error) {
			return Copy(t.Context(), dir, append(files, File{"log/x", 1}), dest, nothing, nothing)
		},
		"a name outside": func(dest string) (*Report, error) {
			return Copy(t.Context(), dir, append(files, File{"../x", 0}), dest, nothing, nothing)
		},
		"a name from the top": func(dest string) (*Report, error) {
			return Copy(t.Context(), dir, append(files, File{"/etc/passwd", 0}), dest, nothing, nothing)
		},
		"an error between": func(dest string) (*Report, error) { return Copy(t.Context(), dir, files, dest, failing, nothing) },
		"an interruption": func(dest string) (*Report, error) {
			ctx, cancel := context.WithCancel(t.Context())
			return Copy(ctx, dir, files, dest, func() error { cancel(); return nil }, nothing)
		},
		"an error at the end": func(dest string) (*Report, error) { return Copy(t.Context(), dir, files, dest, nothing, failing) },
		"too few files":       func(dest string) (*Report, error) { return Copy(t.Context(), dir, files[:1], dest, nothing, nothing) },
		"no data directory":   func(dest string) (*Report, error) { return Restore(t.Context(), t.TempDir(), dest) },
	} {
		parent := t.TempDir()
		if r, err := try(filepath.Join(parent, "copy")); err == nil {
			t.Errorf("%s: %+v", what, r)
		}
		if left := content(t, parent); len(left) > 0 {
			t.Errorf("%s: left: %v", what, left)
		}
	}
}

func TestADamagedBackupIsNotRestored(t *testing.T) {
	b := build(t)
	b.add(300, "orders")
	dir := b.close()
	flip(t, one(t, dir, "log/*/*", 1), 500)
	dest := filepath.Join(t.TempDir(), "data")
	for _, try := range []func(context.Context, string, string) (*Report, error){Restore, Backup} {
		if r, err := try(t.Context(), dir, dest); err == nil || !strings.Contains(err.Error(), "damaged at offset") {
			t.Errorf("%+v, %v", r, err)
		}
	}
	equal(t, "left", content(t, filepath.Dir(dest)), nil)
}

func TestACopyReplacesNothing(t *testing.T) {
	b := build(t)
	b.add(1, "orders")
	dir := b.close()
	dest := t.TempDir()
	b.must(os.WriteFile(filepath.Join(dest, "notes"), []byte("mine"), 0o600))
	for _, try := range []func(context.Context, string, string) (*Report, error){Restore, Backup} {
		if _, err := try(t.Context(), dir, dest); err == nil || !strings.Contains(err.Error(), "is not empty") {
			t.Errorf("a full directory: %v", err)
		}
		if _, err := try(t.Context(), dir, filepath.Join(dest, "notes")); err == nil {
			t.Error("a file was replaced")
		}
	}
	equal(t, "left", content(t, dest), map[string]string{"notes": "mine"})
	empty := t.TempDir()
	if _, err := Backup(t.Context(), dir, empty); err != nil {
		t.Errorf("into an empty directory: %v", err)
	}
	again := filepath.Join(t.TempDir(), "copy")
	b.must(os.Mkdir(again+".partial", 0o700))
	if _, err := Backup(t.Context(), dir, again); err == nil || !strings.Contains(err.Error(), "remove it first") {
		t.Errorf("beside what an earlier one has left: %v", err)
	}
}
