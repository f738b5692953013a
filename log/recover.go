package log

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// recover finds the end of the log and makes it ready for Append if it can.
// Nothing on the disk changes before the whole scan has succeeded.
func (l *Log) recover() error {
	id, err := readVersion(l.opts.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return l.initialise()
	}
	if err != nil {
		return err
	}
	l.seed = seedOf(id)
	end, err := findEnd(l.opts.Dir, l.seed, noLimit, 0, readSettled)
	if err != nil {
		return err
	}
	// The rest is read twice at a start, here and by Replay. Otherwise a refused
	// log would have got a generation and an epoch more by every try to open it.
	if err := readAhead(l.seed, end, place{}, func(*segment, []byte) error { return nil }); err != nil {
		return err
	}
	m, clean := readMarker(l.opts.Dir)
	if clean && m.seq == end.chain.seq && m.crc != end.chain.crc {
		return &DamageError{File: filepath.Join(l.opts.Dir, markerName), Position: end.chain.last,
			Reason: "the log does not end with the frame that the last shutdown wrote"}
	}
	clean = clean && m.seq == end.chain.seq && len(end.cuts) == 0
	if err := l.standAt(end, !clean); err != nil {
		return err
	}
	if clean {
		err = l.resume()
	} else {
		err = l.begin()
	}
	if err != nil {
		l.opts.Logger.Error("the log cannot be written; it is read-only", "error", err)
	}
	return nil
}

// initialise makes a fresh directory. VERSION is written last: a directory
// without it holds at most the first frame of an interrupted initialise, and one
// with it must hold a log.
func (l *Log) initialise() error {
	dir := l.opts.Dir
	gens, err := listLog(dir)
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
		if err := l.quarantine(cut{g.dir, -1, generationName(g.number)}); err != nil {
			return err
		}
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	l.seed = seedOf(id)
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
	if err := l.faults.writeWhole(filepath.Join(dir, versionName), encodeVersion(id)); err != nil {
		return err
	}
	t := &l.tail
	g := t.generation
	g.segments = []segment{{index: 1, path: l.segmentPath(1), size: t.file.size}}
	l.end = &logEnd{gens: []generation{g}, offset: t.file.size, index: t.index, chain: t.chain, epoch: 1}
	l.run()
	return nil
}

// standAt makes end the state of the log, read-only. lost says that records may
// have had positions beyond it.
func (l *Log) standAt(end *logEnd, lost bool) error {
	epoch := max(end.chain.last.Epoch(), l.Last().Epoch())
	if lost {
		if epoch == maxEpoch {
			return fmt.Errorf("all %d epochs are used up", maxEpoch)
		}
		epoch++
	}
	end.epoch = epoch
	l.end = end
	m := mark{end.chain.seq, makePosition(epoch, end.chain.last.Count())}
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
	l.stats.Generation = end.generation().number
	l.stats.Generations = len(end.gens)
	l.stats.Segments = len(end.generation().segments)
	l.stats.LogBytes = sizeOf(filepath.Join(l.opts.Dir, logName))
	l.stats.QuarantinedBytes = sizeOf(filepath.Join(l.opts.Dir, quarantineName))
	l.pub.Unlock()
	l.mu.Unlock()
	return nil
}

// resume goes on in the last segment after a clean shutdown. The marker goes
// only when a frame carries what it knew.
func (l *Log) resume() error {
	end := l.end
	g := end.generation()
	if err := l.openWAL(*g, end.index); err != nil {
		return err
	}
	t := &l.tail
	file, err := l.openTailFile(g.segments[end.seg].index)
	if err != nil {
		return err
	}
	t.file, t.chain = file, end.chain
	l.run()
	h := header{first: t.chain.last + 1, unixMS: l.opts.Now().UnixMilli()}
	err = l.writeFrame(make([]byte, headerBytes), &h)
	if err == nil {
		l.fsyncTail()
		err = l.Err()
	}
	if err == nil {
		err = l.faults.remove(filepath.Join(l.opts.Dir, markerName))
	}
	if err != nil {
		l.abandonTail()
		return errors.Join(err, l.standAt(end, true))
	}
	return nil
}

// begin starts a new generation behind the end, in a new epoch, after cutting
// what lies beyond. No file that a crash or a failure has touched is written
// again.
func (l *Log) begin() error {
	end := l.end
	for len(end.cuts) > 0 {
		if err := l.quarantine(end.cuts[0]); err != nil {
			return err
		}
		end.cuts = end.cuts[1:]
	}
	c := end.chain
	c.last = makePosition(end.epoch, c.last.Count())
	if l.Last() != c.last { // positions were given out while read-only
		if l.Last().Epoch() == maxEpoch {
			return fmt.Errorf("all %d epochs are used up", maxEpoch)
		}
		c.last = makePosition(l.Last().Epoch()+1, c.last.Count())
	}
	err := l.startGeneration(end.generation().number+1, c)
	if err == nil {
		err = l.faults.remove(filepath.Join(l.opts.Dir, markerName))
	}
	if err != nil {
		l.abandonTail()
		return err
	}
	l.run()
	return nil
}

// quarantine takes c out of the log: a whole file or directory is moved, a tail
// is copied, durably, before the file is cut.
func (l *Log) quarantine(c cut) error {
	dir := filepath.Join(l.opts.Dir, quarantineName)
	if err := l.faults.mkdir(dir); err != nil {
		return err
	}
	to := filepath.Join(dir, c.label)
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
		to = filepath.Join(dir, c.label+"."+strconv.Itoa(n))
	}
	if c.from < 0 {
		if err := l.faults.rename(c.path, to); err != nil {
			return err
		}
	} else {
		if err := l.copyTail(c, to); err != nil {
			return err
		}
		if err := l.faults.truncate(c.path, c.from); err != nil {
			return err
		}
	}
	bytes := sizeOf(to)
	l.pub.Lock()
	l.stats.QuarantinedBytes += bytes
	l.stats.LogBytes -= bytes
	l.pub.Unlock()
	l.opts.Logger.Warn("cut what nothing shows to have been durable from the end of the log",
		"file", c.path, "offset", max(c.from, 0), "bytes", bytes, "kept", to)
	return nil
}

func (l *Log) copyTail(c cut, to string) error {
	in, err := os.Open(c.path)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := in.Seek(c.from, io.SeekStart); err != nil {
		return err
	}
	if err := l.faults.start(opCreate, to); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	l.faults.done(opCreate, to, 0)
	n, err := io.Copy(out, in)
	if err == nil {
		_, err = l.faults.syncFile(out, n)
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = l.faults.syncDir(filepath.Dir(to))
	}
	if err != nil {
		_ = os.Remove(to) // half a copy, of what is still in its place
	}
	return err
}

// Reopen, after a failure, finds the log again on the disk and goes back to the
// last position it can answer for; what lies beyond will be cut:
//
//   - after a failed fsync, the last durable one. What had been released beyond
//     it (outside SyncAlways) is lost, and the log says so;
//   - after a failed write, the last one that may have been released. The frames
//     up to there are whole and in the operating system's hands, which has not
//     said anything against them. Beyond Durable they count as written only;
//     Probe fsyncs them.
//
// The positions given out beyond the cut stay void: the epoch is raised.
// Afterwards the log is read-only, Replay may be called, and Probe makes it
// writable.
//
// The disk is not written to, so that a broker whose disk is full or gone can
// still serve reads. A process that dies before Probe has succeeded may find
// the unacknowledged records again at its next start.
func (l *Log) Reopen() error {
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

// Probe makes a read-only log writable: it fsyncs what Reopen has kept, cuts
// what Reopen (or Open) found beyond the end, and writes and fsyncs the first
// frame of a new generation with its directory entries. When it fails the log
// stays read-only and Probe may be called again. Probe of a writable log does
// nothing.
//
// When that first fsync fails, the log has failed (Err says so, OnCommit is
// called) as it does when it is writable: Reopen, and read again.
func (l *Log) Probe() error {
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
	// An earlier Probe may have left half a generation.
	last := l.end.chain.seq
	end, err := findEnd(l.opts.Dir, l.seed, last, last, readFresh)
	if err == nil {
		end.epoch = l.end.epoch
		l.end = end
		err = l.begin()
	}
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	l.opts.Logger.Warn("the log is writable again", "position", l.Last())
	return nil
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
