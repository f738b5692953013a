package vfs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestAnAskedFileSystemDoesWhatItMayAndNothingElse: each operation is asked for under its name and the system's path, fails
// with the answer, and leaves then what was; half of a write, as a full disk would.
func TestAnAskedFileSystemDoesWhatItMayAndNothingElse(t *testing.T) {
	root := t.TempDir()
	refusal := errors.New("not now")
	var asked []string
	refused := ""
	a := Asked{OS: OS{root}, Ask: func(op, path string) error {
		rel, err := filepath.Rel(root, path)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, op+" "+rel)
		if op == refused {
			return refusal
		}
		return nil
	}}
	var file File
	for _, step := range []struct {
		op string
		do func() error
	}{
		{"mkdir", func() error { return a.MakeDir("d") }},
		{"create", func() (err error) { file, err = a.Create("d/x"); return err }},
		{"write", func() error { _, err := file.Write([]byte("12345678")); return err }},
		{"fsync", func() error { return file.Sync() }},
		{"size", func() error { _, err := file.Size(); return err }},
		{"read", func() error { _, err := file.ReadAt(make([]byte, 2), 0); return err }},
		{"rename", func() error { return a.Rename("d/x", "d/y") }},
		{"dirsync", func() error { return a.SyncDir("d") }},
		{"list", func() error { _, err := a.List("d"); return err }},
		{"size", func() error { _, err := a.Size("d/y"); return err }},
		{"open", func() error { _, err := a.Open("d/y"); return err }},
		{"remove", func() error { return a.Remove("d/y") }},
	} {
		refused = step.op
		if err := step.do(); !errors.Is(err, refusal) {
			t.Fatalf("%s that is refused: %v", step.op, err)
		}
		refused = ""
		if step.op == "write" {
			if content, err := os.ReadFile(filepath.Join(root, "d/x")); err != nil || string(content) != "1234" {
				t.Fatalf("a failed write leaves %q, %v", content, err)
			}
		}
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
	}
	var each []string
	for _, s := range []string{"mkdir d", "create d/x", "write d/x", "fsync d/x", "size d/x", "read d/x", "rename d/y", "dirsync d", "list d", "size d/y", "open d/y", "remove d/y"} {
		each = append(each, s, s)
	}
	if !slices.Equal(asked, each) {
		t.Errorf("asked for\n%q, not for\n%q", asked, each)
	}
	if names, err := os.ReadDir(filepath.Join(root, "d")); err != nil || len(names) != 0 {
		t.Errorf("%v, %v are left", names, err)
	}
}
