package log

import (
	"errors"
	"time"
)

// Who commits. Exactly one goroutine at a time holds commitMu and writes:
//
//   - the committer, woken by Kick;
//   - a caller of Commit, if the disk is fast and the segment has room: handing a
//     batch to another thread costs about as much as an fsync of 50 microseconds,
//     and more than a write;
//   - the second hand, for the empty frame of an idle log.
//
// A caller that finds commitMu taken sets want and leaves; whoever holds it looks
// at want after releasing it and wakes the committer, so no record is forgotten
// between "too late for this frame" and "nobody is left to write the next".
//
// With SyncAlways a commit is write, fsync, publish. The second watermark costs
// nothing then: written is published first, on the way. Once fsyncs are not fast
// all of it is the committer's: what is appended meanwhile is the next commit, and
// nobody is delayed but those whose replies wait for it.
//
// With SyncEverySecond the fsync runs on the second hand's goroutine and a
// descriptor of our own. Commits go on meanwhile. Where Redis holds writes back
// for up to two seconds of a running fsync, a commit here starts at once and
// waits only where the kernel makes it wait: for a page under write-back, and
// at the end of a segment, which the wal fsyncs before it starts the next one.
// Commit leaves the writing to the committer during that time, so an event loop
// never waits for it. Write-back is started early (startWriteback), which keeps
// both waits short.

// Kick says that there is something to commit. It wakes the committer, or does
// nothing when it is awake already.
func (l *Log) Kick() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// Commit writes everything appended so far in the calling goroutine, if that is
// quick, and reports whether it did. When it reports false somebody else is doing
// it or has been woken to: OnCommit will tell.
//
// With SyncAlways it fsyncs, too, if recent fsyncs took no more than a
// millisecond on average (inlineFsyncLimit). The first slow one after fast ones is therefore felt by
// the caller, once. It declines, too, while a commit is under way, while the
// once-a-second fsync runs, when more than 1 MB is pending, when what is pending
// then fills the segment (an fsync and a new file, in every setting), and when it
// uses up what SyncAlways has reserved (more zeros, and an fsync that writes them).
func (l *Log) Commit() bool {
	slow := l.sync() == SyncAlways && l.fsyncEWMA.Load() > int64(inlineFsyncLimit)
	if slow || l.syncing.Load() || l.pending.Load() > inlineBytesLimit || l.reachesEnd() {
		l.Kick()
		return false
	}
	l.want.Store(true)
	if !l.commitMu.TryLock() {
		return false
	}
	if l.commitHeld() {
		l.pub.Lock()
		l.stats.InlineCommits++
		l.pub.Unlock()
	}
	l.releaseCommit()
	return true
}

// reachesEnd reports whether what is pending, as frames, reaches the end of the
// segment, or of what is reserved there.
func (l *Log) reachesEnd() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.filling.empty() {
		return false
	}
	size := l.filling.size()
	return size >= l.room.Load() || l.reserves(l.filling) && size >= l.ahead.Load()
}

// reserves reports whether zeros are to stand behind the frames of a batch.
func (l *Log) reserves(b *batch) bool {
	return l.sync() == SyncAlways && b.bytes <= reserveBytes/4
}

func (l *Log) releaseCommit() {
	l.commitMu.Unlock()
	if l.want.Load() {
		l.Kick()
	}
}

// committer is the goroutine that Kick wakes.
func (l *Log) committer() {
	defer l.done.Done()
	for {
		select {
		case <-l.quit:
			return
		case <-l.kick:
		}
		l.commitMu.Lock()
		l.commitHeld()
		l.releaseCommit()
	}
}

// commitHeld writes everything appended so far. commitMu is held. It reports
// whether there was anything to do.
func (l *Log) commitHeld() bool {
	l.want.Store(false)
	if l.state.Load() != stateRunning {
		return false
	}
	// The flag is taken before the records: a Sync that sets it in between asks for the next commit, not for this one.
	force := l.forceFsync.Swap(false)
	l.mu.Lock()
	b := l.filling
	wrote := !b.empty()
	if wrote {
		l.filling, l.spare = l.spare, nil
	}
	l.mu.Unlock()
	if wrote {
		l.writeBatch(b)
		l.pending.Add(-b.bytes)
		b.reset()
		l.mu.Lock()
		l.spare = b
		l.mu.Unlock()
	}
	synced := false
	if force || l.sync() == SyncAlways {
		synced = l.fsyncTail()
	}
	if wrote || synced {
		l.opts.OnCommit(l)
	}
	return wrote
}

// writeBatch writes a batch as frames and publishes them as written.
func (l *Log) writeBatch(b *batch) {
	now := l.opts.Now().UnixMilli()
	pending := l.pending.Load()
	for i := range b.frames {
		f := &b.frames[i]
		h := header{first: f.first, count: f.count, unixMS: now}
		if err := l.writeFrame(b.buf[f.from:f.to], &h); err != nil {
			l.failWrite(err)
			return
		}
	}
	if l.reserves(b) && l.tail.file.reserve(l.opts.SegmentBytes) {
		l.noteRoom()
		l.reserving.Store(true)
	}
	l.pub.Lock()
	l.stats.Commits++
	l.stats.PendingMax = max(l.stats.PendingMax, pending)
	l.pub.Unlock()
}

// fsyncTail makes everything written durable, unless it is already. commitMu is
// held. It reports whether durable advanced.
func (l *Log) fsyncTail() bool {
	l.fileMu.Lock()
	defer l.fileMu.Unlock()
	return l.fsyncOpenFile()
}

// fsyncOpenFile fsyncs the tail segment and publishes what was written before
// as durable. fileMu is held; that of earlier segments is durable already.
func (l *Log) fsyncOpenFile() bool {
	l.pub.Lock()
	upTo, file, size := l.w, l.openFile, l.openSize
	idle := l.state.Load() != stateRunning || l.d.seq >= upTo.seq
	l.pub.Unlock()
	if idle {
		return false
	}
	took, err := l.faults.syncFile(file, size)
	if !l.reserving.Swap(false) { // the next ones have less to write
		l.fsyncEWMA.Store(l.fsyncEWMA.Load()*3/4 + int64(took)/4)
	}
	l.pub.Lock()
	s := &l.stats
	s.Fsyncs++
	s.FsyncTime += took
	s.FsyncLast = took
	s.FsyncMax = max(s.FsyncMax, took)
	if took > time.Second {
		s.DelayedFsyncs++
	}
	l.pub.Unlock()
	if err != nil {
		l.failFsync(err)
		return false
	}
	l.pub.Lock()
	g := &l.gens[len(l.gens)-1]
	g.segments[len(g.segments)-1].size = size
	l.pub.Unlock()
	l.publishDurable(upTo)
	return true
}

// secondHand runs once a second: the fsync of SyncEverySecond, and the empty
// frame of an idle log.
func (l *Log) secondHand() {
	defer l.done.Done()
	t := time.NewTicker(time.Second)
	defer t.Stop()
	var seen uint64
	for {
		select {
		case <-l.quit:
			return
		case <-t.C:
		}
		if l.sync() == SyncEverySecond {
			l.backgroundFsync()
		}
		if l.sync() != SyncNo {
			seen = l.carrySynced(seen)
		}
	}
}

func (l *Log) backgroundFsync() {
	l.syncing.Store(true)
	l.fileMu.Lock()
	advanced := l.fsyncOpenFile()
	l.fileMu.Unlock()
	l.syncing.Store(false)
	if advanced {
		l.opts.OnCommit(l)
	}
}

// carrySynced writes and fsyncs one empty frame when the log has been idle since
// the last call, all of it is durable, and no frame on disk says so. Without it
// damage to the last frames could not be told from a torn tail.
func (l *Log) carrySynced(seen uint64) uint64 {
	if !l.commitMu.TryLock() {
		return seen
	}
	defer l.releaseCommit()
	if l.state.Load() != stateRunning {
		return seen
	}
	t := &l.tail
	l.pub.Lock()
	durable := l.d.seq
	l.pub.Unlock()
	if t.chain.seq != seen || durable < t.chain.seq || t.chain.synced >= t.dataSeq {
		return t.chain.seq
	}
	h := header{first: t.chain.last + 1, unixMS: l.opts.Now().UnixMilli()}
	if err := l.writeFrame(make([]byte, headerBytes), &h); err != nil {
		l.failWrite(err)
		return t.chain.seq
	}
	l.fsyncTail()
	return t.chain.seq
}

// publishWritten and publishDurable move a watermark, unless the log has failed.
func (l *Log) publishWritten(m mark, file *tailFile) {
	l.pub.Lock()
	defer l.pub.Unlock()
	if l.state.Load() != stateRunning {
		return
	}
	l.w = m
	if l.sync() != SyncAlways {
		l.r = m
	}
	l.openFile, l.openSize = file.File, file.size
	l.written.Store(uint64(m.last))
}

func (l *Log) publishDurable(m mark) {
	l.pub.Lock()
	defer l.pub.Unlock()
	if l.state.Load() != stateRunning || m.seq <= l.d.seq {
		return
	}
	l.d = m
	if m.seq > l.r.seq {
		l.r = m
	}
	l.durable.Store(uint64(m.last))
	l.wakeLocked(nil)
}

// wakeLocked answers the calls of Sync that are covered, or all with err. pub
// is held.
func (l *Log) wakeLocked(err error) {
	if len(l.waiters) == 0 {
		return
	}
	kept := l.waiters[:0]
	for _, w := range l.waiters {
		if err != nil || l.d.last >= w.pos {
			w.wake <- err
		} else {
			kept = append(kept, w)
		}
	}
	l.waiters = kept
}

// fsyncError is an error of the wal at a segment's end that may be its fsync's.
type fsyncError struct{ error }

func (e fsyncError) Unwrap() error { return e.error }

// failWrite is fail for what writeFrame returned.
func (l *Log) failWrite(err error) {
	if e := (fsyncError{}); errors.As(err, &e) {
		l.failFsync(e.error)
		return
	}
	l.fail(err)
}

// failFsync is fail for an fsync, or what may have been one. What was not
// durable yet is void, also when this is not the first failure.
func (l *Log) failFsync(err error) {
	l.pub.Lock()
	l.doubt = true
	l.pub.Unlock()
	l.fail(err)
}

// fail ends the life of this tail: nothing becomes written or durable any more,
// nothing is accepted. Only the first failure counts.
func (l *Log) fail(err error) {
	l.mu.Lock()
	l.pub.Lock()
	state := l.state.Load()
	first := state == stateRunning || state == stateReadOnly
	if first {
		l.state.Store(stateFailed)
		l.failure = err
		l.stats.Failures++
		l.wakeLocked(err)
		l.pending.Add(-l.filling.bytes)
		l.filling.reset()
	}
	l.pub.Unlock()
	l.mu.Unlock()
	if first {
		l.opts.Logger.Error("the log has failed; nothing more will be acknowledged",
			"error", err, "written", l.Written(), "durable", l.Durable())
		l.opts.OnCommit(l)
	}
}
