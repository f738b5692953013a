// Package vfs is the few operations on files that checkpoints and the segments of sealed blocks need, so that tests can
// take the disk's place: Mem forgets what was not synced, and fails when told to.
//
//	f, err := fs.Create("seg/7")         // write, then
//	err = f.Sync()                       // the content is durable, but
//	err = fs.SyncDir("seg")              // only now its name is, too
//
// Names are slash-separated and relative to the file system's root. A file is written once, from front to back, by one
// goroutine, and is never changed afterwards; reading it is safe from many.
package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// FS is a file system. Errors are those of package os: errors.Is with fs.ErrNotExist and fs.ErrExist works.
type FS interface {
	// Create makes a file that must not exist, for writing.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// Rename gives a file another name, in the place of the file that has it. It is atomic: a crash leaves the one or the
	// other, and which of them is certain after SyncDir.
	Rename(from, to string) error
	// Remove removes a file.
	Remove(name string) error
	// Size returns the length of a file in bytes, without opening it.
	Size(name string) (int64, error)
	// List returns the names of the files in a directory in ascending order, without the directory.
	List(dir string) ([]string, error)
	// MakeDir makes a directory, and those above it, unless they are there. They are durable when it returns.
	MakeDir(dir string) error
	// SyncDir makes durable which names are in a directory.
	SyncDir(dir string) error
}

// File is an open file.
type File interface {
	io.Writer
	io.ReaderAt
	io.Closer
	// Sync makes the content durable; the name is FS.SyncDir's business. After an error it is never called again: the
	// system may have dropped what it could not write.
	Sync() error
	// Size returns the length in bytes.
	Size() (int64, error)
}

// ReadAll returns the content of a file.
func ReadAll(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	p := make([]byte, size)
	n, err := f.ReadAt(p, 0)
	if err == io.EOF && n == len(p) {
		err = nil
	}
	return p[:n], err
}

// OS is the file system of the operating system below a directory.
type OS struct{ Root string }

func (o OS) path(name string) string { return filepath.Join(o.Root, filepath.FromSlash(name)) }

// Create makes a file.
func (o OS) Create(name string) (File, error) {
	return open(o.path(name), os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// Open opens a file.
func (o OS) Open(name string) (File, error) { return open(o.path(name), os.O_RDONLY) }

func open(path string, flags int) (File, error) {
	f, err := os.OpenFile(path, flags|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err // not f, which would be a File that is nil inside
	}
	return osFile{f}, nil
}

// Rename renames a file.
func (o OS) Rename(from, to string) error { return os.Rename(o.path(from), o.path(to)) }

// Remove removes a file.
func (o OS) Remove(name string) error { return os.Remove(o.path(name)) }

// List lists a directory.
func (o OS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(o.path(dir))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Size returns the length of a file.
func (o OS) Size(name string) (int64, error) {
	info, err := os.Stat(o.path(name))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// MakeDir makes a directory.
func (o OS) MakeDir(dir string) error {
	path := o.path(dir)
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if parent := filepath.Dir(path); parent != path {
		if err := (OS{parent}).MakeDir("."); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// SyncDir syncs a directory.
func (o OS) SyncDir(dir string) error { return syncDir(o.path(dir)) }

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

type osFile struct{ *os.File }

// Size returns the length.
func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
