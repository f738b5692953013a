package vfs

import "io/fs"

// Asked is an OS that asks before each operation, in the words of log.Options.Disk: create, open, write, read, fsync, size,
// rename (with the new name), remove, list, mkdir, dirsync. paths are those of the operating system. An error is the
// operation's, which then has not happened, but for a write: half of it has.
//
// So a test sees every operation on the real disk at the moment before, and may fail it, delay it, or look at what a crash
// at this moment would leave. Ask is called by whoever does the operation, several at once.
type Asked struct {
	OS
	Ask func(op, path string) error
}

func (a Asked) ask(op, name string) error {
	path := a.path(name)
	if err := a.Ask(op, path); err != nil {
		return &fs.PathError{Op: op, Path: path, Err: err}
	}
	return nil
}

// Create makes a file.
func (a Asked) Create(name string) (File, error) {
	if err := a.ask("create", name); err != nil {
		return nil, err
	}
	return a.asked(name)(a.OS.Create(name))
}

// Open opens a file.
func (a Asked) Open(name string) (File, error) {
	if err := a.ask("open", name); err != nil {
		return nil, err
	}
	return a.asked(name)(a.OS.Open(name))
}

func (a Asked) asked(name string) func(File, error) (File, error) {
	return func(f File, err error) (File, error) {
		if err != nil {
			return nil, err
		}
		return askedFile{f, a, name}, nil
	}
}

// Rename renames a file.
func (a Asked) Rename(from, to string) error {
	if err := a.ask("rename", to); err != nil {
		return err
	}
	return a.OS.Rename(from, to)
}

// Remove removes a file.
func (a Asked) Remove(name string) error {
	if err := a.ask("remove", name); err != nil {
		return err
	}
	return a.OS.Remove(name)
}

// Size returns the length of a file.
func (a Asked) Size(name string) (int64, error) {
	if err := a.ask("size", name); err != nil {
		return 0, err
	}
	return a.OS.Size(name)
}

// List lists a directory.
func (a Asked) List(dir string) ([]string, error) {
	if err := a.ask("list", dir); err != nil {
		return nil, err
	}
	return a.OS.List(dir)
}

// MakeDir makes a directory.
func (a Asked) MakeDir(dir string) error {
	if err := a.ask("mkdir", dir); err != nil {
		return err
	}
	return a.OS.MakeDir(dir)
}

// SyncDir syncs a directory.
func (a Asked) SyncDir(dir string) error {
	if err := a.ask("dirsync", dir); err != nil {
		return err
	}
	return a.OS.SyncDir(dir)
}

type askedFile struct {
	File
	fs   Asked
	name string
}

func (f askedFile) Write(p []byte) (int, error) {
	if err := f.fs.ask("write", f.name); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f askedFile) ReadAt(p []byte, at int64) (int, error) {
	if err := f.fs.ask("read", f.name); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, at)
}

func (f askedFile) Sync() error {
	if err := f.fs.ask("fsync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f askedFile) Size() (int64, error) {
	if err := f.fs.ask("size", f.name); err != nil {
		return 0, err
	}
	return f.File.Size()
}
