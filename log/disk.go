package log

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// faults is how tests of this package make the disk fail, be slow, or be
// watched. Every operation that changes the disk calls before, whose error
// stands for the operation's; after is told of those that succeeded.
type faults struct {
	before func(op op, path string) error
	// after gets, for opFsync, the length of the file known to be durable.
	after func(op op, path string, length int64)
	// renaming is told of a rename before it takes place.
	renaming func(from, to string)
	// still keeps the log from having goroutines; the test does their work.
	still bool
}

// op names a file operation.
type op string

const (
	opMkdir    op = "mkdir"
	opCreate   op = "create"
	opOpen     op = "open"
	opWrite    op = "write" // one frame through the wal
	opFsync    op = "fsync"
	opDirsync  op = "dirsync"
	opRename   op = "rename"
	opRemove   op = "remove"
	opTruncate op = "truncate"
)

func (f *faults) start(o op, path string) error {
	if f.before == nil {
		return nil
	}
	if err := f.before(o, path); err != nil {
		return &fs.PathError{Op: string(o), Path: path, Err: err}
	}
	return nil
}

func (f *faults) done(o op, path string, length int64) {
	if f.after != nil {
		f.after(o, path, length)
	}
}

// syncFile makes the first length bytes of the open file durable. It must not
// be called again for a file for which it has failed.
func (f *faults) syncFile(file *os.File, length int64) (time.Duration, error) {
	begin := time.Now()
	err := f.start(opFsync, file.Name())
	if err == nil {
		err = datasync(file)
	}
	if err == nil {
		f.done(opFsync, file.Name(), length)
	}
	return time.Since(begin), err
}

// syncDir makes the entries of a directory durable.
func (f *faults) syncDir(path string) error {
	if err := f.start(opDirsync, path); err != nil {
		return err
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		f.done(opDirsync, path, 0)
	}
	return err
}

// mkdir creates a directory and makes its entry durable. An existing one is fine.
func (f *faults) mkdir(path string) error {
	if err := f.start(opMkdir, path); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f.done(opMkdir, path, 0)
	return f.syncDir(filepath.Dir(path))
}

// mkdirAll creates a directory and those above it that are missing, durably.
func (f *faults) mkdirAll(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return &fs.PathError{Op: string(opMkdir), Path: path, Err: errors.New("not a directory")}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f.mkdirAll(filepath.Dir(path)); err != nil {
		return err
	}
	return f.mkdir(path)
}

// writeWhole puts a small file in place: aside, fsync, rename, directory fsync.
// After a crash there is the old content, the new, or (when there was no old)
// none, and perhaps the file aside.
func (f *faults) writeWhole(path string, content []byte) error {
	aside := path + ".new"
	if err := f.start(opCreate, aside); err != nil {
		return err
	}
	file, err := os.OpenFile(aside, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	f.done(opCreate, aside, 0)
	_, err = file.Write(content)
	if err == nil {
		_, err = f.syncFile(file, int64(len(content)))
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return f.rename(aside, path)
}

// rename moves a file or directory and makes both directory entries durable.
func (f *faults) rename(from, to string) error {
	if err := f.start(opRename, to); err != nil {
		return err
	}
	if f.renaming != nil {
		f.renaming(from, to)
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	f.done(opRename, to, 0)
	if err := f.syncDir(filepath.Dir(to)); err != nil {
		return err
	}
	if filepath.Dir(from) == filepath.Dir(to) {
		return nil
	}
	return f.syncDir(filepath.Dir(from))
}

// remove unlinks a file, durably. A missing one is fine.
func (f *faults) remove(path string) error {
	if err := f.start(opRemove, path); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	f.done(opRemove, path, 0)
	return f.syncDir(filepath.Dir(path))
}

// removeTree unlinks a directory and the files in it, in no way durably.
func (f *faults) removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	paths := make([]string, 0, len(entries)+1)
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	for _, path := range append(paths, dir) {
		if err := f.start(opRemove, path); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		f.done(opRemove, path, 0)
	}
	return nil
}

// truncate cuts a file to length, durably.
func (f *faults) truncate(path string, length int64) error {
	if err := f.start(opTruncate, path); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = file.Truncate(length)
	if err == nil {
		f.done(opTruncate, path, length)
		_, err = f.syncFile(file, length)
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	return err
}
