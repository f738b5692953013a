package log

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Errors that callers tell apart. A damaged directory is a *DamageError, a
// directory in use is ErrLocked; everything else is the operating system's.
var (
	// ErrReadOnly says that nothing can be made durable until Begin succeeds.
	ErrReadOnly = errors.New("the log is read-only")
	// ErrClosed says that Close has been called.
	ErrClosed = errors.New("the log is closed")
)

// Log is an open commit log. Append, Last, Written, Durable, Released, Pending,
// Kick, Commit, Sync, SetSync, Rotate, Discard, First, Files, ID, Err, Writable
// and Stats may be called from any goroutine at any time. Replay, Begin, Reopen
// and Close are for the one goroutine that manages the log; they wait for a commit
// or a Discard that is under way.
//
// Locks are taken in this order: listMu, commitMu, fileMu, mu, pub.
type Log struct {
	opts    Options
	version version // guarded by pub; changes in Begin only
	seed    uint32  // of every CRC, from the directory's id
	lock    *os.File
	faults  *faults

	mode    atomic.Uint32 // Sync
	last    atomic.Uint64 // Position
	pending atomic.Int64
	written atomic.Uint64 // Position; moves under pub only
	durable atomic.Uint64 // Position; moves under pub only
	state   atomic.Uint32 // moves under pub only

	// mu guards the batch being filled.
	mu      sync.Mutex
	filling *batch
	spare   *batch // nil while it is being committed

	// listMu is held while the files of the log are listed and changed by
	// anybody else than who commits.
	listMu sync.Mutex

	// commitMu is held by whoever commits. It guards tail and buffer.
	commitMu sync.Mutex
	want     atomic.Bool // somebody found commitMu taken
	tail     tail
	buffer   buffer       // what the wal writes from
	room     atomic.Int64 // bytes until the segment is full
	ahead    atomic.Int64 // bytes until what is reserved in it is used up
	end      *logEnd      // what the last scan found; Replay and Begin start there
	// kept is the segment with the frames that Reopen has kept without an fsync.
	kept *tailFile

	// fileMu is held during every fsync of the tail segment, until its failure
	// has been published: the kernel tells each descriptor of a failed
	// write-back once, so a second fsync racing with the first could see none.
	fileMu     sync.Mutex
	syncing    atomic.Bool // the once-a-second fsync is in flight
	fsyncEWMA  atomic.Int64
	reserving  atomic.Bool // the next fsync of the tail has zeros to write, too
	forceFsync atomic.Bool // Sync waits: the next commit fsyncs in any mode

	// pub guards the watermarks and everything below.
	pub      sync.Mutex
	w, d     mark // written, durable
	r        mark // the highest that Released may have told
	doubt    bool // an fsync of the tail has failed, or may have
	openFile *os.File
	openSize int64
	gens     []generation // all on disk; sizes are of what is durable
	failure  error
	waiters  []waiter
	stats    Stats

	kick chan struct{}
	quit chan struct{}
	done sync.WaitGroup
}

// mark is a place in the log, as a frame and as a record.
type mark struct {
	seq  uint64
	last Position
}

// waiter is a call of Sync.
type waiter struct {
	pos  Position
	wake chan error // buffered
}

// States of a Log.
const (
	stateReadOnly uint32 = iota // scanned; nothing is accepted until Begin
	stateRunning
	stateFailed // a write or fsync has failed; until Reopen
	stateClosed
)

// inlineFsyncLimit is the average fsync time above which Commit leaves the work
// to the committer. Below it the two wake-ups of the hand-over are dear, and clients
// that all wait for the fsync leave nothing to do meanwhile; above it, others may
// not be kept waiting.
const inlineFsyncLimit = time.Millisecond

// inlineBytesLimit is the size of a batch above which Commit leaves the work to
// the committer, for the same reason.
const inlineBytesLimit = 1 << 20

// Open locks the directory, finds the end of the log and stands there, read-only:
// Replay reads it, Begin makes it writable. It reads no more than the last
// segment or two, and writes nothing but LOCK. A fresh directory is initialised
// and is writable at once; Begin does nothing then.
//
// It refuses with a *DamageError when something durable is damaged or missing at
// the end of the log (what lies before is for Replay to find), and with ErrLocked
// when another process has the directory.
func Open(o Options) (*Log, error) {
	o.fillDefaults()
	if o.Dir == "" {
		return nil, errors.New("log: Options.Dir is empty")
	}
	o.Dir = filepath.Clean(o.Dir)
	if err := o.faults.mkdirAll(o.Dir); err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	lock, err := lockDir(o.Dir, lockName)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	l := newLog(o, lock)
	if err := l.recover(); err != nil {
		l.abandonTail()
		_ = lock.Close()
		return nil, fmt.Errorf("log: %w", err)
	}
	if !l.faults.still {
		l.done.Add(2)
		go l.committer()
		go l.secondHand()
	}
	return l, nil
}

func newLog(o Options, lock *os.File) *Log {
	o.fillDefaults()
	l := &Log{
		opts: o, lock: lock, faults: o.faults,
		filling: &batch{}, spare: &batch{},
		kick: make(chan struct{}, 1), quit: make(chan struct{}),
	}
	l.mode.Store(uint32(o.Sync))
	return l
}

// Append copies record into the next frame and returns its position. It never
// waits and does no I/O. Something must call Kick or Commit afterwards. After a
// failure, and while the log is read-only, positions still advance and the
// record is dropped: its position never becomes written or durable.
func (l *Log) Append(record []byte) Position {
	l.mu.Lock()
	p := Position(l.last.Load()) + 1
	if l.state.Load() == stateRunning {
		l.filling.add(p, record)
		l.pending.Add(int64(len(record)))
	}
	l.last.Store(uint64(p))
	l.mu.Unlock()
	return p
}

// Last returns the position of the last appended record.
func (l *Log) Last() Position { return Position(l.last.Load()) }

// Written returns the position up to which records survive the end of the
// process.
func (l *Log) Written() Position { return Position(l.written.Load()) }

// Durable returns the position up to which records survive a power cut. It is
// never above Written.
func (l *Log) Durable() Position { return Position(l.durable.Load()) }

// Released returns the position that replies wait for: Durable with SyncAlways,
// Written otherwise. Changing to SyncAlways may move it back until the next
// commit; what was released before stays released.
func (l *Log) Released() Position {
	written := l.Written() // before the setting: a later SetSync then finds it published
	if l.sync() == SyncAlways {
		return l.Durable()
	}
	return written
}

// Pending returns the record bytes that are appended and not yet written. The
// log never refuses and never waits: above some limit its caller should.
func (l *Log) Pending() int64 { return l.pending.Load() }

func (l *Log) sync() Sync { return Sync(l.mode.Load()) }

// SetSync changes the durability setting for everything not yet released.
func (l *Log) SetSync(s Sync) {
	l.pub.Lock()
	l.mode.Store(uint32(s))
	if s != SyncAlways && l.state.Load() == stateRunning {
		l.r = l.w
	}
	l.pub.Unlock()
	l.Kick()
}

// Err returns the first failure of a write or fsync, until Reopen. From the
// moment it is not nil no position becomes written or durable.
func (l *Log) Err() error {
	if l.state.Load() != stateFailed {
		return nil
	}
	l.pub.Lock()
	defer l.pub.Unlock()
	return l.failure
}

// Writable reports whether appended records can become durable: false after a
// failure, and after Open or Reopen until Begin has succeeded.
func (l *Log) Writable() bool { return l.state.Load() == stateRunning }

// Sync waits until everything appended so far is durable, whatever the
// durability setting.
func (l *Log) Sync(ctx context.Context) error {
	target := l.Last()
	wake := make(chan error, 1)
	l.pub.Lock()
	switch {
	case l.state.Load() != stateRunning:
		err := l.whyNotLocked()
		l.pub.Unlock()
		return err
	case l.d.last >= target:
		l.pub.Unlock()
		return nil
	}
	l.waiters = append(l.waiters, waiter{target, wake})
	l.pub.Unlock()
	l.forceFsync.Store(true)
	l.Kick()
	select {
	case err := <-wake:
		return err
	case <-ctx.Done():
		l.pub.Lock()
		for i := range l.waiters {
			if l.waiters[i].wake == wake {
				l.waiters = append(l.waiters[:i], l.waiters[i+1:]...)
				break
			}
		}
		l.pub.Unlock()
		return ctx.Err()
	}
}

// whyNotLocked says why the log is not running. pub is held.
func (l *Log) whyNotLocked() error {
	switch l.state.Load() {
	case stateFailed:
		return l.failure
	case stateClosed:
		return ErrClosed
	}
	return ErrReadOnly
}

// Stats returns the counters.
func (l *Log) Stats() Stats {
	l.pub.Lock()
	defer l.pub.Unlock()
	s := l.stats
	g := &l.gens[len(l.gens)-1]
	s.Generation, s.Generations, s.Segments = g.number, len(l.gens), len(g.segments)
	s.PendingBytes = l.Pending()
	s.Epoch = l.Last().Epoch()
	return s
}

// Close commits and fsyncs everything, leaves the marker of a clean shutdown
// and releases the directory. After a failure, or on a read-only log, it only
// releases the directory. The log cannot be used afterwards.
func (l *Log) Close() error {
	if l.state.Load() == stateClosed {
		return ErrClosed
	}
	close(l.quit)
	l.done.Wait()
	l.listMu.Lock()
	defer l.listMu.Unlock()
	l.commitMu.Lock()
	defer l.commitMu.Unlock()
	var err error
	if l.state.Load() == stateRunning {
		l.forceFsync.Store(true)
		l.commitHeld()
		err = l.Err()
		if err == nil {
			l.fileMu.Lock()
			err = l.trimTail()
			l.fileMu.Unlock()
		}
		if err == nil {
			err = l.leaveMarker()
		}
	}
	l.fileMu.Lock()
	l.mu.Lock()
	l.pub.Lock()
	l.state.Store(stateClosed)
	l.wakeLocked(ErrClosed)
	l.pub.Unlock()
	l.mu.Unlock()
	l.abandonTail()
	l.letGoOfKept()
	l.fileMu.Unlock()
	if cerr := l.lock.Close(); err == nil {
		err = cerr
	}
	return err
}
