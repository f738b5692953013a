package log

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Old generations go whole. Each is renamed out of the log, durably, before the
// next one is, and its files are removed after that:
//
//	log/0000000000000003  ->  log/0000000000000003.discarded  ->  gone
//
// So, at any moment of a crash, the log consists of whole generations without a
// gap, and what is left over is known by its name: the next Begin or Discard
// removes it. The frames that remain are still checked against each other; that
// those before them have gone on purpose is something that only the caller can
// know, who replays from a position.

// Discard removes the generations whose records are all at or before upTo, oldest
// first, and returns how many it has taken out of the log; never the current
// one. Commits go on meanwhile. After an error the log is as whole as before, and
// Discard may be called again.
//
// Nothing before upTo may be needed any more: the caller has it elsewhere, durably.
func (l *Log) Discard(upTo Position) (removed int, err error) {
	l.listMu.Lock()
	defer l.listMu.Unlock()
	l.pub.Lock()
	running, why, gens := l.state.Load() == stateRunning, l.whyNotLocked(), slices.Clone(l.gens)
	l.pub.Unlock()
	if !running {
		return 0, why
	}
	for _, g := range gens[:discardable(gens, upTo)] {
		err = l.faults.rename(g.dir, g.dir+discardedSuffix)
		if _, serr := os.Lstat(g.dir); errors.Is(serr, fs.ErrNotExist) {
			removed++
			l.pub.Lock()
			l.gens = l.gens[1:]
			l.stats.LogBytes -= g.bytes()
			l.pub.Unlock()
		}
		if err != nil {
			break
		}
	}
	if rerr := l.removeDiscarded(); err == nil {
		err = rerr
	}
	if err != nil {
		err = fmt.Errorf("log: %w", err)
	}
	return removed, err
}

// discardable returns how many of gens have only records at or before upTo, not
// counting the last one.
func discardable(gens []generation, upTo Position) (n int) {
	for i := range len(gens) - 1 {
		g, next := &gens[i], gens[i+1].first
		if next == 0 {
			continue // what is known of the generation after it will do for both
		}
		last := next - 1 // not below the last record of g
		switch {
		case g.first != 0 && g.first.Count() == next.Count():
			last = 0 // it has none
		case g.first != 0:
			last = makePosition(g.first.Epoch(), next.Count()-1)
		}
		if last > upTo {
			break
		}
		n = i + 1
	}
	return n
}

// removeDiscarded removes the files of discarded generations. listMu is held.
func (l *Log) removeDiscarded() error {
	dir := filepath.Join(l.opts.Dir, logName)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	synced := false
	for _, e := range entries {
		number, ok := strings.CutSuffix(e.Name(), discardedSuffix)
		if _, isGeneration := parseName(number, 16); !ok || !isGeneration {
			continue
		}
		if !synced {
			// An earlier rename may have failed between the name and its fsync.
			if err := l.faults.syncDir(dir); err != nil {
				return err
			}
			synced = true
		}
		if err := l.faults.removeTree(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// First returns the first position that the log still holds, or 0 when it holds
// everything since its beginning. Replay can start behind any position from the
// one before First on.
func (l *Log) First() Position {
	l.pub.Lock()
	defer l.pub.Unlock()
	for i := range l.gens {
		if first := l.gens[i].first; first.Count() > 1 {
			return first
		} else if first != 0 {
			break
		}
	}
	return 0
}

// FileSpan is the first Size bytes of a file of the data directory.
type FileSpan struct {
	Name string // relative to the data directory
	Size int64
}

// Files returns what of the log's files is durable, oldest first, after VERSION. Those bytes
// do not change any more; a copy of them is a data directory, whose log ends where
// Durable stood at the call or later. Call Sync before, so that nothing of what has been
// appended is missing, and no Discard until all has been copied. The marker of a
// clean shutdown is not among them: the copy continues in an epoch of its own.
func (l *Log) Files() []FileSpan {
	l.pub.Lock()
	defer l.pub.Unlock()
	files := []FileSpan{{versionName, int64(len(l.version.encode()))}}
	for i := range l.gens {
		g := &l.gens[i]
		for _, s := range g.segments {
			files = append(files, FileSpan{filepath.Join(logName, generationName(g.number), segmentName(s.index)), s.size})
		}
	}
	return files
}

// ID returns the id of the data directory, with which every CRC in it is seeded.
func (l *Log) ID() [16]byte {
	l.pub.Lock()
	defer l.pub.Unlock()
	return l.version.id
}
