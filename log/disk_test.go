package log

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fastDir returns a temporary directory in memory where there is one: these
// tests open thousands of logs, and the disk's own durability is not their
// subject.
func fastDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "weir-log-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// model knows what a power cut would leave: of every file the length that an
// fsync has covered, of every directory the names that one has covered, and what a
// rename or a removal that none has covered would give back. Its log has no
// goroutines, so that a seed repeats.
type model struct {
	root    string
	synced  map[string]int64
	names   map[string]map[string]bool
	moved   []move            // renames that may be undone
	removed map[string][]byte // files that may come back; nil: a directory
	longer  map[string][]byte // files as they were before they were cut
	// at is called at every operation, before and after.
	at func(o op, path string)
}

// move is a rename. old is what it has replaced.
type move struct {
	from, to string
	old      []byte
}

func newModel(root string) *model {
	return &model{root: root, synced: map[string]int64{}, names: map[string]map[string]bool{}, removed: map[string][]byte{}, longer: map[string][]byte{}}
}

func (m *model) faults() *faults {
	return &faults{
		still: true,
		before: func(o op, path string) error {
			if m.at != nil {
				m.at(o, path)
			}
			if o == opRemove && m.durableName(path) {
				b, err := os.ReadFile(path)
				if err != nil {
					b = nil
				}
				m.removed[path] = b
			}
			if o == opTruncate {
				m.longer[path], _ = os.ReadFile(path)
			}
			return nil
		},
		renaming: func(from, to string) {
			mv := move{from: from, to: to}
			if m.durableName(to) {
				mv.old, _ = os.ReadFile(to)
			}
			if m.durableName(from) || mv.old != nil {
				m.moved = append(m.moved, mv)
			}
			for path, length := range m.synced {
				if path == from || strings.HasPrefix(path, from+"/") {
					delete(m.synced, path)
					m.synced[to+path[len(from):]] = length
				}
			}
			if names, ok := m.names[from]; ok {
				delete(m.names, from)
				m.names[to] = names
			}
		},
		after: func(o op, path string, length int64) {
			switch o {
			case opFsync:
				m.synced[path] = length
				delete(m.longer, path)
			case opDirsync:
				m.adoptNames(path)
			}
			if m.at != nil {
				m.at(o, path)
			}
		},
	}
}

func (m *model) durableName(path string) bool {
	return m.names[filepath.Dir(path)][filepath.Base(path)]
}

// adopt takes what is on the disk now for durable.
func (m *model) adopt(t testing.TB) {
	t.Helper()
	for _, path := range filesBelow(t, m.root) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		m.synced[path] = info.Size()
	}
	for _, dir := range dirsBelow(t, m.root) {
		m.adoptNames(dir)
	}
}

func (m *model) adoptNames(dir string) {
	names := map[string]bool{}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		names[e.Name()] = true
	}
	m.names[dir] = names
	m.moved = slices.DeleteFunc(m.moved, func(mv move) bool { return filepath.Dir(mv.from) == dir })
	maps.DeleteFunc(m.removed, func(path string, _ []byte) bool { return filepath.Dir(path) == dir })
}

// What becomes of the bytes that no fsync has covered.
const (
	loseAll = iota
	keepAll
	zeroAll
	tear // lose, keep, zero or garble each 64 bytes, and cut somewhere
	fates
)

// crash copies root as a power cut might leave it.
func (m *model) crash(t testing.TB, to string, fate int, rnd *rand.Rand) {
	t.Helper()
	lost := func() bool { return fate == loseAll || fate != keepAll && rnd.IntN(2) == 0 }
	var undone []move
	for _, mv := range m.moved {
		if lost() {
			undone = append(undone, mv)
		}
	}
	place := func(path string) (string, bool) { // in the copy
		for _, mv := range m.moved {
			if path == mv.to || strings.HasPrefix(path, mv.to+"/") {
				if slices.ContainsFunc(undone, func(u move) bool { return u.to == mv.to }) {
					path = mv.from + path[len(mv.to):]
				}
				return to + strings.TrimPrefix(path, m.root), true
			}
		}
		return to + strings.TrimPrefix(path, m.root), path == m.root
	}
	err := filepath.WalkDir(m.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		copied, sure := place(path)
		if !sure && !m.durableName(path) && lost() {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return os.MkdirAll(copied, 0o700)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if before, ok := m.longer[path]; ok && lost() {
			b = before
		}
		if d.Name() != lockName {
			b = spoil(b, int(min(m.synced[path], int64(len(b)))), fate, rnd)
		}
		return os.WriteFile(copied, b, 0o600)
	})
	for _, mv := range undone {
		if mv.old != nil && err == nil {
			err = os.WriteFile(to+strings.TrimPrefix(mv.to, m.root), mv.old, 0o600)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(m.removed)) {
		if copied := to + strings.TrimPrefix(path, m.root); err == nil && lost() {
			if b := m.removed[path]; b == nil {
				err = os.MkdirAll(copied, 0o700)
			} else if _, gone := os.Stat(filepath.Dir(copied)); gone == nil {
				err = os.WriteFile(copied, b, 0o600)
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func spoil(b []byte, synced, fate int, rnd *rand.Rand) []byte {
	switch fate {
	case loseAll:
		return b[:synced]
	case zeroAll:
		clear(b[synced:])
	case tear:
		b = b[:synced+rnd.IntN(len(b)-synced+1)]
		for i := synced; i < len(b); i += 64 {
			piece := b[i:min(i+64, len(b))]
			switch rnd.IntN(4) {
			case 0:
				clear(piece)
			case 1:
				piece[rnd.IntN(len(piece))] ^= byte(1 + rnd.IntN(255))
			}
		}
	}
	return b
}

// commitNow does what the committer would.
func commitNow(l *Log, fsync bool) {
	l.commitMu.Lock()
	l.forceFsync.Store(fsync)
	l.commitHeld()
	l.commitMu.Unlock()
}

// copyDir copies a whole directory.
func copyDir(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func filesBelow(t testing.TB, dir string) (files []string) {
	walk(t, dir, func(path string, isDir bool) {
		if !isDir {
			files = append(files, path)
		}
	})
	return files
}

func dirsBelow(t testing.TB, dir string) (dirs []string) {
	walk(t, dir, func(path string, isDir bool) {
		if isDir {
			dirs = append(dirs, path)
		}
	})
	return dirs
}

func walk(t testing.TB, dir string, fn func(path string, isDir bool)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil {
			fn(path, d.IsDir())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
