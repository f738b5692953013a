package log

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
)

// recover finds the end of the log and stands there, read-only. It writes
// nothing, unless the directory is fresh.
func (l *Log) recover() error {
	v, err := readVersion(l.opts.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return l.initialise()
	}
	if err != nil {
		return err
	}
	l.version, l.seed = v, seedOf(v.id)
	end, err := findEnd(l.opts.Dir, l.seed, noLimit, 0, l.readSettled)
	if err != nil {
		return err
	}
	m, clean := readMarker(l.opts.Dir)
	if clean && m.seq == end.chain.seq && m.crc != end.chain.crc {
		return &DamageError{File: filepath.Join(l.opts.Dir, markerName), Position: end.chain.last,
			Reason: "the log does not end with the frame that the last shutdown wrote"}
	}
	clean = clean && m.seq == end.chain.seq && len(end.cuts) == 0
	return l.standAt(end, !clean)
}

// initialise makes a fresh directory, ready for Append. VERSION is written last: a
// directory without it holds at most the first frame of an interrupted initialise,
// and one with it must hold a log.
func (l *Log) initialise() error {
	dir := l.opts.Dir
	gens, err := listGenerations(dir)
	if err != nil {
		return err
	}
	_, marked := readMarker(dir)
	for _, g := range gens {
		for _, s := range g.segments {
			marked = marked || g.number > 1 || s.index > 1 || s.size > entrySize(headerBytes)
		}
	}
	if marked {
		return &DamageError{File: filepath.Join(dir, versionName), Reason: "the file is missing although there is a log"}
	}
	for _, g := range gens {
		if _, err := l.quarantine(cut{path: g.dir, from: -1, label: generationName(g.number)}); err != nil {
			return err
		}
	}
	v := version{format: formatVersion}
	_, _ = rand.Read(v.id[:]) // never fails
	l.version, l.seed = v, seedOf(v.id)
	// An earlier start may have made the directory and died. Who may not read
	// the parent did not make it.
	if err := l.faults.syncDir(filepath.Dir(dir)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err := l.faults.mkdir(filepath.Join(dir, logName)); err != nil {
		return err
	}
	if err := l.startGeneration(1, chain{known: true, last: makePosition(1, 0)}); err != nil {
		return err
	}
	if err := l.faults.writeWhole(filepath.Join(dir, versionName), v.encode()); err != nil {
		return err
	}
	return l.run(0)
}

var errNoEpoch = fmt.Errorf("all %d epochs are used up", maxEpoch)

// standAt makes end the state of the log, read-only. lost says that records may
// have had positions beyond it.
func (l *Log) standAt(end *logEnd, lost bool) error {
	epoch := max(end.chain.last.Epoch(), l.Last().Epoch())
	if lost {
		if epoch == maxEpoch {
			return errNoEpoch
		}
		epoch++
	}
	end.epoch = epoch
	l.end = end
	m := mark{end.chain.seq, makePosition(epoch, end.chain.last.Count())}
	inLog, inQuarantine := l.measure()
	l.mu.Lock()
	l.pub.Lock()
	l.state.Store(stateReadOnly)
	l.failure = nil
	l.w, l.r = m, m
	l.last.Store(uint64(m.last))
	l.written.Store(uint64(m.last))
	if l.kept == nil {
		l.d = m
		l.durable.Store(uint64(m.last))
	}
	l.gens = slices.Clone(end.gens)
	g := &l.gens[len(l.gens)-1]
	g.segments = slices.Clone(g.segments) // it may grow
	l.stats.LogBytes, l.stats.QuarantinedBytes = inLog, inQuarantine
	l.pub.Unlock()
	l.mu.Unlock()
	return nil
}

// Begin makes a log writable that Open or Reopen has left read-only. It fsyncs what
// Reopen has kept, cuts what lies beyond the end, and writes and fsyncs the first
// frame of a new generation with its directory entries; in a new epoch, unless
// the log was shut down cleanly. No file is written again that another process,
// a crash or a failure may have touched. A directory of an older format is raised
// first, and what an interrupted Discard has left is removed.
//
// Begin of a writable log does nothing. When it fails the log stays read-only, and
// Begin may be called again. Only when the fsync of what Reopen has kept fails,
// the log has failed (Err says so, OnCommit is called) as it does when it is
// writable: Reopen, and read again.
//
// Nothing but Begin takes an epoch: a log that cannot be replayed does not get
// a generation more by every try to start with it.
func (l *Log) Begin() error {
	l.listMu.Lock()
	defer l.listMu.Unlock()
	l.commitMu.Lock()
	defer l.releaseCommit()
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	l.pub.Lock()
	state, err := l.state.Load(), l.whyNotLocked()
	l.pub.Unlock()
	switch state {
	case stateRunning:
		return nil
	case stateFailed, stateClosed:
		return err
	}
	if err := l.settleKept(); err != nil {
		l.failFsync(err)
		return fmt.Errorf("log: %w", err)
	}
	if err := l.begin(); err != nil {
		l.abandonTail()
		return fmt.Errorf("log: %w", err)
	}
	return nil
}

// removeUnborn takes away a generation that has just failed to begin. What it leaves, if it fails in turn, the next Begin puts
// into quarantine: on a disk that stays full there would be one more for each.
func (l *Log) removeUnborn(number uint64) {
	dir := filepath.Join(l.opts.Dir, logName, generationName(number))
	segments, err := listSegments(dir)
	if err != nil || len(segments) > 1 || len(segments) == 1 && segments[0].size > entrySize(headerBytes) {
		return // more than its first frame: it is not ours
	}
	if err := l.faults.removeTree(dir); err != nil {
		l.opts.Logger.Debug("a generation that has failed to begin cannot be removed", "dir", dir, "error", err)
	}
}

// raiseFormat makes a directory of an older format one of ours.
func (l *Log) raiseFormat() error {
	v := l.version
	if v.format == formatVersion {
		return nil
	}
	v.format = formatVersion
	if err := l.faults.writeWhole(filepath.Join(l.opts.Dir, versionName), v.encode()); err != nil {
		return err
	}
	l.pub.Lock()
	l.version = v
	l.pub.Unlock()
	return nil
}

func (l *Log) begin() error {
	dir := l.opts.Dir
	if err := l.raiseFormat(); err != nil {
		return err
	}
	if err := l.removeDiscarded(); err != nil {
		l.opts.Logger.Warn("what an earlier run has discarded from the log cannot be removed", "error", err)
	}
	// An earlier Begin may have left half a generation.
	last := l.end.chain.seq
	end, err := findEnd(dir, l.seed, last, last, readFresh)
	if err != nil {
		return err
	}
	for _, c := range end.cuts {
		if c.zeros && l.sync() == SyncAlways {
			l.opts.Logger.Info("cut zeros from the end of the log: reserved, or left by a power cut of what nobody had been told of",
				"file", c.path, "offset", c.from)
			err = l.faults.truncate(c.path, c.from)
		} else {
			_, err = l.quarantine(c)
		}
		if err != nil {
			return err
		}
	}
	c, void := end.chain, l.Last()
	c.last = makePosition(l.end.epoch, c.last.Count())
	if void != c.last { // positions were given out while read-only
		if void.Epoch() == maxEpoch {
			return errNoEpoch
		}
		c.last = makePosition(void.Epoch()+1, c.last.Count())
	}
	number := end.generation().number + 1
	if err := l.startGeneration(number, c); err != nil {
		l.abandonTail()
		l.removeUnborn(number)
		return err
	}
	if err := l.faults.remove(filepath.Join(dir, markerName)); err != nil {
		return err
	}
	return l.run(void)
}

// Reopen, after a failure, finds the log again on the disk and goes back to the
// last position it can answer for; what lies beyond will be cut:
//
//   - after a failed fsync, the last durable one. What had been released beyond
//     it (outside SyncAlways) is lost, and the log says so;
//   - after a failed write, the last one that may have been released. The frames
//     up to there are whole and in the operating system's hands, which has not
//     said anything against them. Beyond Durable they count as written only;
//     Begin fsyncs them.
//
// The positions given out beyond the cut stay void: the epoch is raised.
// Afterwards the log is read-only, Replay may be called, and Begin makes it
// writable.
//
// The disk is not written to, so that a broker whose disk is full or gone can
// still serve reads. A process that dies before Begin has succeeded may find
// the unacknowledged records again at its next start.
func (l *Log) Reopen() error {
	l.listMu.Lock()
	defer l.listMu.Unlock()
	l.commitMu.Lock()
	defer l.releaseCommit()
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	l.pub.Lock()
	state, durable, limit, doubt := l.state.Load(), l.d, l.r, l.doubt
	l.pub.Unlock()
	switch state {
	case stateRunning:
		return errors.New("log: Reopen of a log that has not failed")
	case stateClosed:
		return ErrClosed
	}
	released := limit
	if doubt {
		limit = durable
	}
	if t := &l.tail; limit.seq > durable.seq && t.file != nil {
		// Earlier segments have been fsynced by the wal. The descriptor is older
		// than the frames, so the kernel tells it of every failure to write them back.
		l.kept, t.file = t.file, nil
	}
	if limit.seq == durable.seq {
		l.letGoOfKept()
	}
	l.abandonTail()
	end, err := findEnd(l.opts.Dir, l.seed, limit.seq, durable.seq, readFresh)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	if end.chain.last.Count() < released.last.Count() {
		l.opts.Logger.Error("the disk has lost records that had been acknowledged before their fsync",
			"sync", l.sync(), "acknowledged", released.last, "kept", end.chain.last)
	}
	return l.standAt(end, true)
}

// settleKept makes what Reopen has kept durable. It is the file's first fsync
// since those frames were written, and the last one in any case.
func (l *Log) settleKept() error {
	if l.kept == nil {
		return nil
	}
	_, err := l.faults.syncFile(l.kept.File, l.kept.size)
	l.letGoOfKept()
	if err != nil {
		return err
	}
	l.pub.Lock()
	l.d = l.w
	l.durable.Store(uint64(l.d.last))
	l.pub.Unlock()
	l.opts.OnCommit(l)
	return nil
}

func (l *Log) letGoOfKept() {
	if l.kept != nil {
		_ = l.kept.Close()
		l.kept = nil
	}
}
