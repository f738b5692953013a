package vfs

import (
	"bytes"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"sync"
)

// Mem is a file system in memory that knows what a power cut could take: bytes that were not synced, and names whose
// directory was not. It may be used by several goroutines.
type Mem struct {
	// Before, if set, is called before each operation with its name (create, open, read, write, sync, size, rename, remove,
	// list, mkdir, syncdir) and the file's. An error is the operation's, which then has not happened, but for a write: half
	// of it has.
	Before func(op, name string) error

	mu   sync.Mutex
	dirs map[string]*memDir
}

// memDir is a directory. What a crash leaves of its names are those that were durable, with some of the changes since,
// each of which the system may have written already.
type memDir struct {
	names   map[string]*memData
	changes []dirChange // since the last sync
	durable map[string]*memData
}

// dirChange gives a name to a file, or takes it away if that is nil. A rename within a directory takes the old name, too;
// one to another directory is a change of each.
type dirChange struct {
	name string
	data *memData
	from string // of a rename within the directory
	move *move  // of a rename to another
}

// move is a rename to another directory. A crash leaves both of its changes or neither, and what makes one of them durable
// makes the other.
type move struct{ from, to *memDir }

type memData struct {
	bytes  []byte
	synced int  // how many of them are durable
	failed bool // a sync failed: none ever succeeds again
}

// NewMem returns an empty file system.
func NewMem() *Mem { return &Mem{dirs: map[string]*memDir{".": newMemDir()}} }

func newMemDir() *memDir {
	return &memDir{names: map[string]*memData{}, durable: map[string]*memData{}}
}

func (m *Mem) before(op, name string) error {
	if m.Before != nil {
		return m.Before(op, name)
	}
	return nil
}

func pathError(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

func (m *Mem) find(name string) (*memDir, string) {
	dir, base := path.Split(path.Clean(name))
	return m.dirs[path.Clean(dir+".")], base
}

// Create makes a file.
func (m *Mem) Create(name string) (File, error) {
	if err := m.before("create", name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base := m.find(name)
	switch {
	case d == nil:
		return nil, pathError("create", name, fs.ErrNotExist)
	case d.names[base] != nil:
		return nil, pathError("create", name, fs.ErrExist)
	}
	data := &memData{}
	d.names[base] = data
	d.changes = append(d.changes, dirChange{name: base, data: data})
	return &memFile{m, name, data, true}, nil
}

// Open opens a file.
func (m *Mem) Open(name string) (File, error) {
	if err := m.before("open", name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base := m.find(name)
	if d == nil || d.names[base] == nil {
		return nil, pathError("open", name, fs.ErrNotExist)
	}
	return &memFile{m, name, d.names[base], false}, nil
}

// Rename renames a file.
func (m *Mem) Rename(from, to string) error {
	if err := m.before("rename", from); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d, old := m.find(from)
	other, name := m.find(to)
	if d == nil || other == nil || d.names[old] == nil {
		return pathError("rename", from, fs.ErrNotExist)
	}
	data := d.names[old]
	delete(d.names, old)
	other.names[name] = data
	if d == other {
		d.changes = append(d.changes, dirChange{name: name, data: data, from: old})
		return nil
	}
	both := &move{d, other}
	d.changes = append(d.changes, dirChange{name: old, move: both})
	other.changes = append(other.changes, dirChange{name: name, data: data, move: both})
	return nil
}

// Remove removes a file.
func (m *Mem) Remove(name string) error {
	if err := m.before("remove", name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base := m.find(name)
	if d == nil || d.names[base] == nil {
		return pathError("remove", name, fs.ErrNotExist)
	}
	delete(d.names, base)
	d.changes = append(d.changes, dirChange{name: base})
	return nil
}

// Size returns the length of a file.
func (m *Mem) Size(name string) (int64, error) {
	if err := m.before("size", name); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base := m.find(name)
	if d == nil || d.names[base] == nil {
		return 0, pathError("size", name, fs.ErrNotExist)
	}
	return int64(len(d.names[base].bytes)), nil
}

// List lists a directory.
func (m *Mem) List(dir string) ([]string, error) {
	if err := m.before("list", dir); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.dirs[path.Clean(dir)]
	if d == nil {
		return nil, pathError("list", dir, fs.ErrNotExist)
	}
	var names []string
	for name := range d.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// MakeDir makes a directory.
func (m *Mem) MakeDir(dir string) error {
	if err := m.before("mkdir", dir); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for dir = path.Clean(dir); m.dirs[dir] == nil; dir = path.Dir(dir) {
		m.dirs[dir] = newMemDir()
	}
	return nil
}

// SyncDir makes a directory's names durable.
func (m *Mem) SyncDir(dir string) error {
	if err := m.before("syncdir", dir); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.dirs[path.Clean(dir)]
	if d == nil {
		return pathError("sync", dir, fs.ErrNotExist)
	}
	d.settle()
	return nil
}

// settle makes durable what has changed.
func (d *memDir) settle() {
	changes := d.changes
	d.changes = nil
	for _, c := range changes {
		c.apply(d.durable)
		if c.move != nil {
			c.move.from.settle()
			c.move.to.settle()
		}
	}
}

func (c dirChange) apply(names map[string]*memData) {
	if c.from != "" && names[c.from] == c.data {
		delete(names, c.from)
	}
	if c.data == nil {
		delete(names, c.name)
	} else {
		names[c.name] = c.data
	}
}

// Crash returns what a power cut at this moment could leave: everything that is durable, and of what is not any part, as
// chance decides. m stays as it is.
func (m *Mem) Crash(rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := &Mem{dirs: map[string]*memDir{}}
	left := map[*memData]*memData{} // a file may have two names: an old one and a new one
	moved := map[*move]bool{}
	for _, name := range sortedKeys(m.dirs) {
		d := m.dirs[name]
		names := map[string]*memData{}
		for n, data := range d.durable {
			names[n] = data
		}
		odds := rng.IntN(5) // from none of the changes to all
		for _, c := range d.changes {
			kept := rng.IntN(4) < odds
			if c.move != nil {
				if first, decided := moved[c.move]; decided {
					kept = first
				}
				moved[c.move] = kept
			}
			if kept {
				c.apply(names)
			}
		}
		fresh := newMemDir()
		for _, n := range sortedKeys(names) {
			data := names[n]
			if left[data] == nil {
				left[data] = data.crash(rng)
			}
			fresh.names[n], fresh.durable[n] = left[data], left[data]
		}
		after.dirs[name] = fresh
	}
	return after
}

const sector = 512

// crash returns what could be left of a file: of the bytes that were not synced each sector was written, or reads as
// zeros, or the file ends before it; the last one may be torn.
func (d *memData) crash(rng *rand.Rand) *memData {
	kept := bytes.Clone(d.bytes[:d.synced])
	end := d.synced + rng.IntN(len(d.bytes)-d.synced+1)
	switch rng.IntN(3) {
	case 0:
		end = d.synced
	case 1:
		end = len(d.bytes)
	}
	zeros := rng.IntN(4) == 0
	for at := d.synced; at < end; {
		next := min(end, (at/sector+1)*sector)
		if zeros && rng.IntN(2) == 0 {
			kept = append(kept, make([]byte, next-at)...)
		} else {
			kept = append(kept, d.bytes[at:next]...)
		}
		at = next
	}
	return &memData{bytes: kept, synced: len(kept)}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// memFile is an open file of a Mem.
type memFile struct {
	fs       *Mem
	name     string
	data     *memData
	writable bool
}

func (f *memFile) Write(p []byte) (int, error) {
	err := f.fs.before("write", f.name)
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	switch {
	case !f.writable:
		return 0, pathError("write", f.name, fs.ErrPermission)
	case err != nil:
		p = p[:len(p)/2]
	}
	f.data.bytes = append(f.data.bytes, p...)
	return len(p), err
}

func (f *memFile) ReadAt(p []byte, at int64) (int, error) {
	if err := f.fs.before("read", f.name); err != nil {
		return 0, err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if at >= int64(len(f.data.bytes)) {
		return 0, io.EOF
	}
	n := copy(p, f.data.bytes[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Sync() error {
	err := f.fs.before("sync", f.name)
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err != nil {
		f.data.failed = true // a system that has dropped the bytes may well report success the next time
		return err
	}
	if !f.data.failed {
		f.data.synced = len(f.data.bytes)
	}
	return nil
}

func (f *memFile) Size() (int64, error) {
	if err := f.fs.before("size", f.name); err != nil {
		return 0, err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.data.bytes)), nil
}

func (f *memFile) Close() error { return nil }
