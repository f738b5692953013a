//go:build unix

package crash

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// disk watches the data directory of a broker in this process, as its Options.Disk, and makes images of it: what a power cut
// at this moment could leave.
//
// It is asked before each operation, and takes an fsync for done when it is asked for one. That is a moment early, and
// never claims that something was lost which the broker may rely on. While an image is made every other operation waits,
// so that an image is of one moment, but for the one operation of each goroutine that has been let through already.
type disk struct {
	root      string
	graveyard string // where files that were removed are kept, so that an image can give them back

	// at is called before each operation that changes the disk, with the lock held; its error is the operation's.
	at func(op, path string) error

	mu     sync.Mutex
	synced map[uint64]int64             // by inode: how much of the file is durable
	names  map[string]map[string]uint64 // of the directories whose names are not the log's business: what is durable
}

// durableNames are the directories in which names may come and go by a power cut. Those of the log are its own tests'
// matter: here they are as they are.
var durableNames = []string{"checkpoints", "segments"}

// watch begins to watch a directory. What is there is durable.
func watch(root string) (*disk, error) {
	d := &disk{root: root, graveyard: root + ".removed", synced: map[uint64]int64{}, names: map[string]map[string]uint64{}}
	if err := os.MkdirAll(d.graveyard, 0o700); err != nil {
		return nil, err
	}
	for _, dir := range durableNames {
		names, err := d.list(filepath.Join(root, dir))
		if err != nil {
			return nil, err
		}
		d.names[dir] = names
	}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			d.sync(path)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return d, err
}

// list returns the files of a directory and their inodes. One that is not there has none.
func (d *disk) list(dir string) (map[string]uint64, error) {
	names := map[string]uint64{}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if inode, _, err := stat(filepath.Join(dir, e.Name())); err == nil {
			names[e.Name()] = inode
		}
	}
	return names, nil
}

func stat(path string) (inode uint64, size int64, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, 0, err
	}
	return info.Sys().(*syscall.Stat_t).Ino, info.Size(), nil
}

func (d *disk) sync(path string) {
	if inode, size, err := stat(path); err == nil {
		d.synced[inode] = size
	}
}

// before is Options.Disk.
func (d *disk) before(op, path string) error {
	switch op {
	case "read", "list", "size", "open":
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at != nil {
		if err := d.at(op, path); err != nil {
			return err
		}
	}
	switch op {
	case "fsync":
		d.sync(path)
	case "dirsync":
		if dir := filepath.Base(path); d.names[dir] != nil && filepath.Dir(path) == d.root {
			if names, err := d.list(path); err == nil {
				d.names[dir] = names
			}
		}
	case "remove", "rename": // of a rename, what has the new name goes
		if inode, _, err := stat(path); err == nil {
			_ = os.Link(path, d.grave(inode)) // fails for directories, and for what is there already
		}
	}
	return nil
}

func (d *disk) grave(inode uint64) string { return filepath.Join(d.graveyard, fmt.Sprint(inode)) }

// image writes what a power cut could leave now to a new directory. The lock is held.
func (d *disk) image(to string, r *rand.Rand) error {
	for tries := 0; ; tries++ {
		err := d.tryImage(to, r)
		if !errors.Is(err, fs.ErrNotExist) || tries == 20 {
			return err
		}
		// The one operation that was let through has renamed something meanwhile.
		if err := os.RemoveAll(to); err != nil {
			return err
		}
	}
}

func (d *disk) tryImage(to string, r *rand.Rand) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	odds := r.IntN(5) // of each name that is not durable, to be as it is now: from none to all
	for _, dir := range durableNames {
		left, err := d.leave(dir, odds, r)
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(d.root, dir)); err != nil {
			continue
		}
		if err := os.MkdirAll(filepath.Join(to, dir), 0o700); err != nil {
			return err
		}
		for _, f := range left {
			if err := d.copy(f.from, filepath.Join(to, dir, f.name), r); err != nil {
				return err
			}
		}
	}
	return filepath.WalkDir(d.root, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(d.root, path)
		switch {
		case err != nil:
			return err
		case e.IsDir() && slices.Contains(durableNames, rel):
			return fs.SkipDir
		case e.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		case rel == "LOCK":
			return nil
		}
		return d.copy(path, filepath.Join(to, rel), r)
	})
}

// left is a file of an image and where its content is.
type left struct{ name, from string }

// leave chooses which files are in a directory after a power cut: a name that was synced is there, and of the changes
// since, each may be. A rename is one change: the file has the one name or the other.
func (d *disk) leave(dir string, odds int, r *rand.Rand) ([]left, error) {
	now, err := d.list(filepath.Join(d.root, dir))
	if err != nil {
		return nil, err
	}
	was := d.names[dir]
	type names struct{ was, now string }
	files := map[uint64]*names{}
	of := func(inode uint64) *names {
		if files[inode] == nil {
			files[inode] = &names{}
		}
		return files[inode]
	}
	for name, inode := range was {
		of(inode).was = name
	}
	for name, inode := range now {
		of(inode).now = name
	}
	place := map[string]uint64{}
	var old []uint64                                                       // those whose last change has not happened
	inOrder := slices.SortedFunc(maps.Keys(files), func(a, b uint64) int { // not by their numbers, which vary
		return cmp.Or(cmp.Compare(files[a].now, files[b].now), cmp.Compare(files[a].was, files[b].was))
	})
	for _, inode := range inOrder {
		n := files[inode]
		switch {
		case n.now != "" && (n.now == n.was || r.IntN(4) < odds):
			place[n.now] = inode
		case n.now == "" && now[n.was] == 0 && r.IntN(4) < odds: // removed
		default:
			old = append(old, inode)
		}
	}
	for _, inode := range old {
		if name := files[inode].was; name != "" && place[name] == 0 {
			place[name] = inode
		}
	}
	var out []left
	for name, inode := range place {
		from := d.grave(inode)
		if n := files[inode]; n.now != "" {
			from = filepath.Join(d.root, dir, n.now)
		} else if _, err := os.Lstat(from); err != nil {
			continue // it was moved to quarantine/
		}
		out = append(out, left{name, from})
	}
	slices.SortFunc(out, func(a, b left) int { return cmp.Compare(a.name, b.name) })
	return out, nil
}

// copy copies a file as a power cut leaves it: of the bytes that were not synced each sector was written, or reads as zeros,
// or the file ends before it; the last one may be torn.
func (d *disk) copy(from, to string, r *rand.Rand) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	inode, _, err := stat(from)
	if err != nil {
		return err
	}
	synced := int(min(d.synced[inode], int64(len(b))))
	if d.below(from, "log") && hasSuccessor(from) {
		synced = len(b) // the wal's own fsync; it came before the next file, and after it was asked for
	}
	const sector = 512
	switch r.IntN(4) {
	case 0:
		b = b[:synced]
	case 1:
	case 2:
		b = b[:synced+r.IntN(len(b)-synced+1)]
	case 3:
		b = b[:synced+r.IntN(len(b)-synced+1)]
		for at := synced; at < len(b); {
			next := min(len(b), (at/sector+1)*sector)
			if r.IntN(2) == 0 {
				clear(b[at:next])
			}
			at = next
		}
	}
	return os.WriteFile(to, b, 0o600)
}

// hasSuccessor says that a segment of the log is not the last one.
func hasSuccessor(path string) bool {
	entries, err := os.ReadDir(filepath.Dir(path))
	return err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() > filepath.Base(path) })
}

// below says that a path is in one of the directories named, relative to the root.
func (d *disk) below(path string, dirs ...string) bool {
	rel, err := filepath.Rel(d.root, path)
	first, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
	return err == nil && slices.Contains(dirs, first)
}

// copyTo copies the directory as kill -9 leaves it: with everything that was written.
func (d *disk) copyTo(to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for tries := 0; ; tries++ {
		err := os.CopyFS(to, os.DirFS(d.root))
		if !errors.Is(err, fs.ErrNotExist) || tries == 20 {
			return err
		}
		if err := os.RemoveAll(to); err != nil { // the one operation that was let through
			return err
		}
	}
}
