package datadir

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirmq/weir/internal/vfs"
)

// File is a part of a data directory: the first Length bytes of a file.
type File struct {
	Name   string // below the directory, with slashes
	Length int64
}

// kept are the names at the top of a data directory that a copy of it has. The
// lock belongs to a process, and quarantine/ is no part of the data.
var kept = []string{"VERSION", "CLEAN", "log", "checkpoints", "segments"}

// Files returns what a data directory that nobody has open consists of.
func Files(dir string) ([]File, error) {
	var files []File
	for _, top := range kept {
		err := filepath.WalkDir(filepath.Join(dir, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, ".new") {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			name, err := filepath.Rel(dir, path)
			files = append(files, File{filepath.ToSlash(name), info.Size()})
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return files, nil
}

// Copy copies files of the data directory dir to dest, which must be absent or
// empty. They are gathered in dest.partial, which gets its name when all of them
// are durable and Check has found no damage: a dest with content is whole.
// between is called every few megabytes, and copied when all has been read; their
// errors end the copy, as does ctx, and then nothing is left of it.
func Copy(ctx context.Context, dir string, files []File, dest string, between, copied func() error) (*Report, error) {
	dest = filepath.Clean(dest)
	if err := mustBeFree(dest); err != nil {
		return nil, err
	}
	partial := dest + ".partial"
	if err := (vfs.OS{Root: filepath.Dir(dest)}).MakeDir("."); err != nil { // durably
		return nil, err
	}
	if err := os.Mkdir(partial, 0o700); errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s is there, from a copy that has not ended or was cut short; remove it first", partial)
	} else if err != nil {
		return nil, err
	}
	err := os.Remove(dest) // which is empty, but cannot go if it is a mount point: better now than in the end
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = copyFiles(dir, files, partial, func() error { return cmp.Or(ctx.Err(), between()) })
	}
	if err == nil {
		err = copied()
	}
	var report *Report
	if err == nil {
		report, err = verified(partial)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = os.Rename(partial, dest)
	}
	if err != nil {
		_ = os.RemoveAll(partial)
		return nil, err
	}
	report.Dir = dest
	return report, syncDir(filepath.Dir(dest))
}

// verified checks a copy, and removes the lock that this leaves.
func verified(dir string) (*Report, error) {
	report, err := Check(dir)
	if err != nil {
		return nil, err
	}
	if err := report.mustBeSound(); err != nil {
		return nil, err
	}
	if err := os.Remove(filepath.Join(dir, "LOCK")); err != nil {
		return nil, err
	}
	return report, syncDir(dir)
}

// Backup copies a data directory that no broker has open, and keeps it so
// meanwhile.
func Backup(ctx context.Context, dir, dest string) (*Report, error) {
	c, err := open(dir)
	if err != nil {
		return nil, err
	}
	defer c.close()
	files, err := Files(dir)
	if err != nil {
		return nil, err
	}
	nothing := func() error { return nil }
	return Copy(ctx, dir, files, dest, nothing, nothing)
}

// Restore makes a data directory from a copy, which it checks before it begins.
func Restore(ctx context.Context, src, dir string) (*Report, error) {
	if err := mustBeFree(dir); err != nil {
		return nil, err
	}
	report, err := Check(src)
	if err == nil {
		err = report.mustBeSound()
	}
	if err != nil {
		return nil, err
	}
	return Backup(ctx, src, dir)
}

// mustBeFree refuses to put anything in the place of what is there.
func mustBeFree(dest string) error {
	entries, err := os.ReadDir(dest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty", dest)
	}
	return nil
}

func copyFiles(dir string, files []File, to string, between func() error) error {
	for _, file := range files {
		name := filepath.FromSlash(file.Name)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%q is no name of a file of a data directory", file.Name)
		}
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(name)), 0o700); err != nil {
			return err
		}
		if err := copyFile(filepath.Join(dir, name), filepath.Join(to, name), file.Length, between); err != nil {
			return err
		}
	}
	return syncTree(to)
}

// copyFile copies the first bytes of a file, durably but for the name.
func copyFile(from, to string, length int64, between func() error) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	const step = 8 << 20
	for left := length; left > 0; {
		n, err := io.CopyN(out, in, min(left, step))
		if err == io.EOF {
			return fmt.Errorf("%s has %d bytes less than it should", from, left-n)
		}
		if err != nil {
			return err
		}
		left -= n
		if err := between(); err != nil {
			return err
		}
	}
	if err := out.Sync(); err != nil {
		return err
	}
	return out.Close()
}

// syncTree makes the names in a directory and those below it durable.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(path)
	})
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
