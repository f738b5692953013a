package log

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tidwall/wal"
)

// tail is the growing end of the log: the wal of the current generation and
// what the next frame must continue. Guarded by commitMu.
type tail struct {
	wal        *wal.Log
	generation generation
	index      uint64 // of the last entry, as the wal counts: from 1 in every generation
	chain      chain
	dataSeq    uint64 // of the last frame with records
	file       *tailFile
	entry      wal.Batch // reused; always one entry
}

// tailFile is our own descriptor on the wal's last segment. The wal writes
// through its own; ours is for fsync, beside the writes and without its lock.
type tailFile struct {
	*os.File
	size     int64 // of the frames
	reserved int64 // up to where zeros have been written
	flushing int64 // up to where write-back has been asked for
}

// reserveBytes is how many zeros at most stand behind the frames with SyncAlways.
const reserveBytes = 256 << 10

var zeros [reserveBytes]byte

// reserve writes zeros behind the frames, up to a segment of limit bytes, when
// none are left there, and reports whether it did. A frame that goes over them
// changes neither the file's size nor its blocks, so that its fsync has no
// metadata to wait for. That the operating system does not take them is no
// failure: whatever frame comes there will meet it.
func (f *tailFile) reserve(limit int) bool {
	n := min(reserveBytes, int64(limit)-f.size)
	if f.size < f.reserved || n <= 0 {
		return false
	}
	_, _ = f.WriteAt(zeros[:n], f.size)
	f.reserved = f.size + n
	return true
}

// noteRoom notes how much fits behind the frames.
func (l *Log) noteRoom() {
	f := l.tail.file
	l.room.Store(int64(l.opts.SegmentBytes) - f.size)
	l.ahead.Store(f.reserved - f.size)
}

// trimTail gives back what has been reserved, durably. All frames are durable;
// fileMu is held.
func (l *Log) trimTail() error {
	f := l.tail.file
	if f.reserved <= f.size {
		return nil
	}
	return l.faults.truncate(f.Name(), f.size)
}

// writebackBytes is how much may be written with SyncEverySecond and SyncNo
// before the kernel is asked to begin writing it to the disk.
const writebackBytes = 512 << 10

// keepEntryBytes is the frame size above which the wal's copy is not kept.
const keepEntryBytes = 4 << 20

// writeFrame completes frame, whose first headerBytes are free, adds it to the
// wal and publishes it as written. It knows when the wal starts a new segment,
// because the wal's rule is simple and it does not tell: after an entry with which
// the segment has reached its limit.
func (l *Log) writeFrame(frame []byte, h *header) error {
	t := &l.tail
	l.pub.Lock()
	h.synced = l.d.seq
	l.pub.Unlock()
	h.seq, h.previous = t.chain.seq+1, t.chain.crc
	h.crc = encodeFrame(l.seed, frame, h)
	if reason := t.chain.follow(h); reason != "" {
		return fmt.Errorf("frame %d: %s", h.seq, reason)
	}
	size := entrySize(len(frame))
	rolls := t.file.size+size >= int64(l.opts.SegmentBytes)
	path := t.file.Name()
	if err := l.faults.start(opWrite, path); err != nil {
		return err
	}
	if rolls {
		if err := l.faults.start(opFsync, path); err != nil {
			return fsyncError{err}
		}
		if err := l.faults.start(opCreate, l.segmentPath(t.index+1)); err != nil {
			return err
		}
	}
	t.index++
	t.entry.Clear()
	t.entry.Write(t.index, frame)
	err := t.wal.WriteBatch(&t.entry)
	if len(frame) > keepEntryBytes {
		t.entry = wal.Batch{}
	}
	if err != nil && rolls && !beforeOrAfterFsync(err) {
		return fsyncError{err}
	}
	if err != nil {
		return err
	}
	if h.count > 0 {
		t.dataSeq = h.seq
	}
	l.pub.Lock()
	l.stats.Frames++
	l.stats.Records += uint64(h.count)
	l.stats.Bytes += uint64(entrySize(len(frame)))
	l.stats.LogBytes += entrySize(len(frame))
	l.pub.Unlock()

	t.file.size += size
	l.noteRoom()
	m := mark{h.seq, t.chain.last}
	l.publishWritten(m, t.file)
	if rolls {
		return l.nextSegment(t.index+1, m)
	}
	if l.sync() != SyncAlways && t.file.size-t.file.flushing >= writebackBytes {
		startWriteback(t.file.File, t.file.flushing, t.file.size-t.file.flushing)
		t.file.flushing = t.file.size
	}
	return nil
}

// beforeOrAfterFsync reports that an error of the wal at a segment's end is one
// of the write before its fsync, or of creating the next file after it.
func beforeOrAfterFsync(err error) bool {
	var e *fs.PathError
	return errors.As(err, &e) && (e.Op == "write" || e.Op == "open")
}

// nextSegment follows the wal to its new segment, whose directory entry is made
// durable before anything in it can be. upTo is the end of the segment left
// behind, which the wal fsynced before it created the new one.
func (l *Log) nextSegment(index uint64, upTo mark) error {
	t := &l.tail
	old := t.file
	l.faults.done(opFsync, old.Name(), old.size)
	l.faults.done(opCreate, l.segmentPath(index), 0)
	file, err := l.openTailFile(index)
	if err != nil {
		return err
	}
	if err := l.faults.syncDir(t.generation.dir); err != nil {
		_ = file.Close()
		return err
	}
	_ = t.wal.ClearCache() // it would keep the old segment in memory
	l.buffer.lend(t.wal, l.opts.SegmentBytes)
	l.fileMu.Lock()
	t.file = file
	l.noteRoom()
	l.pub.Lock()
	l.openFile, l.openSize = file.File, 0
	g := &l.gens[len(l.gens)-1]
	g.segments[len(g.segments)-1].size = old.size
	g.segments = append(g.segments, segment{index: index, path: file.Name()})
	l.stats.Fsyncs++
	l.pub.Unlock()
	_ = old.Close()
	l.publishDurable(upTo)
	l.fileMu.Unlock()
	return nil
}

func (l *Log) segmentPath(index uint64) string {
	return filepath.Join(l.tail.generation.dir, segmentName(index))
}

func (l *Log) openTailFile(index uint64) (*tailFile, error) {
	path := l.segmentPath(index)
	if err := l.faults.start(opOpen, path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	size, err := file.Seek(0, 2)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &tailFile{File: file, size: size, flushing: size}, nil
}

// openWAL begins a wal in the directory of g, which must be empty.
func (l *Log) openWAL(g generation) error {
	if err := l.faults.start(opOpen, g.dir); err != nil {
		return err
	}
	w, err := wal.Open(g.dir, &wal.Options{
		NoSync: true, SegmentSize: l.opts.SegmentBytes, DirPerms: 0o700, FilePerms: 0o600,
	})
	if err != nil {
		return fmt.Errorf("%s: wal: %w", g.dir, err)
	}
	last, err := w.LastIndex()
	if err == nil && last != 0 {
		err = fmt.Errorf("a new wal has %d entries", last)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", g.dir, err)
	}
	l.tail.wal, l.tail.generation = w, g
	l.buffer.lend(w, l.opts.SegmentBytes)
	return nil
}

// startGeneration begins a generation behind c. When it returns nil the new
// generation, its first frame and all directory entries are durable, and so is
// everything before.
func (l *Log) startGeneration(number uint64, c chain) error {
	g := generation{number: number, dir: filepath.Join(l.opts.Dir, logName, generationName(number))}
	if err := l.faults.mkdir(g.dir); err != nil {
		return err
	}
	if err := l.faults.start(opCreate, filepath.Join(g.dir, segmentName(1))); err != nil {
		return err
	}
	l.abandonTail()
	if err := l.openWAL(g); err != nil {
		return err
	}
	l.faults.done(opCreate, l.segmentPath(1), 0)
	file, err := l.openTailFile(1)
	if err != nil {
		return err
	}
	t := &l.tail
	t.file, t.chain, t.dataSeq = file, c, 0
	if err := l.faults.syncDir(g.dir); err != nil {
		return err
	}
	frame := make([]byte, headerBytes)
	h := header{
		flags: flagGeneration, seq: c.seq + 1, previous: c.crc, synced: c.seq,
		first: c.last + 1, unixMS: l.opts.Now().UnixMilli(),
	}
	h.crc = encodeFrame(l.seed, frame, &h)
	if reason := t.chain.follow(&h); reason != "" {
		return fmt.Errorf("frame %d: %s", h.seq, reason)
	}
	if err := l.faults.start(opWrite, file.Name()); err != nil {
		return err
	}
	t.index = 1
	t.entry.Clear()
	t.entry.Write(1, frame)
	if err := t.wal.WriteBatch(&t.entry); err != nil {
		return err
	}
	file.size = entrySize(headerBytes)
	l.noteRoom()
	if file.size >= int64(l.opts.SegmentBytes) {
		return fmt.Errorf("a segment of %d bytes cannot hold a frame", l.opts.SegmentBytes)
	}
	if _, err := l.faults.syncFile(file.File, file.size); err != nil {
		return err
	}
	return nil
}

// abandonTail lets go of the current wal without touching its files: the wal's
// Close would fsync, and after a failed fsync no second one may be asked for.
// The wal's own descriptor closes when the wal is collected.
func (l *Log) abandonTail() {
	t := &l.tail
	if t.file != nil {
		_ = t.file.Close()
	}
	*t = tail{}
}

// run publishes the generation that startGeneration has begun as the end of the
// log, and begins to accept records. It fails when a position has been given out
// since before: the generation has begun without knowing of it.
// commitMu and fileMu are held.
func (l *Log) run(before Position) error {
	inLog, inQuarantine := l.measure()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Last() != before {
		return errors.New("records were appended while the log was not yet writable")
	}
	t := &l.tail
	l.pub.Lock()
	defer l.pub.Unlock()
	l.publishGenerationLocked()
	l.stats.LogBytes, l.stats.QuarantinedBytes = inLog, inQuarantine
	l.end = &logEnd{gens: slices.Clone(l.gens), offset: t.file.size, chain: t.chain, epoch: t.chain.last.Epoch()}
	l.doubt, l.failure = false, nil
	l.last.Store(uint64(t.chain.last))
	l.written.Store(uint64(t.chain.last))
	l.durable.Store(uint64(t.chain.last))
	l.state.Store(stateRunning)
	return nil
}

// publishGenerationLocked makes the generation that startGeneration has begun,
// and that is durable with everything before it, the current one. pub is held.
func (l *Log) publishGenerationLocked() {
	t := &l.tail
	m := mark{t.chain.seq, t.chain.last}
	l.w, l.d, l.r = m, m, m
	l.openFile, l.openSize = t.file.File, t.file.size
	g := t.generation
	g.seq, g.first = m.seq, m.last+1
	g.segments = []segment{{index: 1, path: t.file.Name(), size: t.file.size}}
	l.gens = append(l.gens, g)
	l.stats.LogBytes += t.file.size
}

// Rotate begins a new generation, unless the current one has no records yet.
// Everything before it is durable when Rotate returns; a failure is a failure of
// the log. Commits wait meanwhile: for one fsync of the segment, and for those of
// the new generation's first frame and of two directories; with SyncAlways for one
// more, of the segment without what is reserved.
func (l *Log) Rotate() error {
	l.commitMu.Lock()
	defer l.releaseCommit()
	l.forceFsync.Store(true)
	l.commitHeld()
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	l.pub.Lock()
	running := l.state.Load() == stateRunning
	why := l.whyNotLocked()
	first := l.gens[len(l.gens)-1].first
	l.pub.Unlock()
	if !running {
		return why
	}
	if first == l.tail.chain.last+1 {
		return nil
	}
	err := l.trimTail()
	if err == nil {
		err = l.startGeneration(l.tail.generation.number+1, l.tail.chain)
	}
	if err != nil {
		l.fail(err)
		return err
	}
	l.pub.Lock()
	l.publishGenerationLocked()
	l.pub.Unlock()
	return nil
}
