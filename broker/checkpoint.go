package broker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/weirmq/weir/internal/checkpoint"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/log"
)

// checkpointer makes checkpoints, one at a time, on a goroutine of its own:
//
//	rotate the log            its generations end so that old ones can go
//	BeginCopy                 position P; from here on state.Tx copies a key before its first change
//	Walk, Take                under the lock, some keys at a time
//	Encode                    beside it, into a file with a name of its own
//	Finish                    once the file, and the log up to P, are durable, the file is a checkpoint
//	tidy                      what neither of the two newest checkpoints needs goes: older ones, generations, segment files
//
// A failure at any step leaves the checkpoints that were there. Nothing is removed before the next one is complete.
type checkpointer struct {
	wake chan struct{} // holds one token while there may be something to do
	// making is held while a checkpoint is made or what is old is removed, and while the state is read from disk.
	making sync.Mutex

	// The state lock guards what follows.
	kept    []kept   // what is on disk, newest first; at most two
	number  uint64   // of the newest that there has ever been
	refused []opened // that cannot be used, until they are moved away
	untidy  bool     // there are files on disk that kept does not know: nothing is removed
	pins    int      // backups that need what is on disk

	wanted  bool   // somebody asks
	asked   uint64 // counts who waits
	waiting []func(error)
	running *copying // not nil: one is being made

	// What counts for the next one. The counters of the log, and the dead bytes, as they stood at the last one.
	logBytes   int64
	logRecords int64
	dead       int64
	tried      time.Time // when the last one ended, well or not
	failures   int       // since the last good one

	made     uint64 // since the start
	err      error  // of the last one
	duration time.Duration
	last     copying // of the last good one
}

func checkpointFile(number uint64) string { return fmt.Sprintf("checkpoints/%020d", number) }

// kept is a checkpoint on disk.
type kept struct {
	checkpoint.Header
	file     string
	bytes    int64
	segments map[uint64]int64 // that it needs: up to where
	live     map[uint64]int64 // bytes in them that it needs; nil: not known
	fence    uint64           // segments below it got no block since it began; 0: not known
}

// copying is a checkpoint that is being made.
type copying struct {
	begun                      time.Time
	keyspace                   *state.Keyspace
	copy                       *state.Copy   // nil once it is complete
	keys                       int64         // asked for so far
	total                      int64         // when it began
	logBytes, logRecords, dead int64         // counters when it began
	pause                      time.Duration // the longest for which it held the lock
}

func newCheckpointer() checkpointer {
	return checkpointer{wake: make(chan struct{}, 1)}
}

// want asks for a checkpoint; reply, if not nil, is called under the state lock once it is there or has failed. The state
// lock is held.
func (c *checkpointer) want(reply func(error)) {
	c.wanted = true
	if reply != nil {
		c.waiting = append(c.waiting, reply)
	}
	c.rouse()
}

// rouse has the checkpointer look what there is to do.
func (c *checkpointer) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

var (
	errAbandoned = errors.New("the state was read from disk again meanwhile")
	errStopping  = errors.New("the broker is closing")
)

// runCheckpointer makes checkpoints until the broker closes.
func (b *Broker) runCheckpointer() {
	for {
		select {
		case <-b.quit:
			return
		case <-b.checkpointer.wake:
			b.serveCheckpoint()
		}
	}
}

// serveCheckpoint does what the checkpointer was woken for.
func (b *Broker) serveCheckpoint() {
	c := &b.checkpointer
	c.making.Lock()
	defer c.making.Unlock()
	b.mu.Lock()
	wanted, waiting := c.wanted, c.waiting
	c.wanted, c.waiting = false, nil
	b.mu.Unlock()
	if wanted {
		err := b.checkpoint(b.quit)
		b.mu.Lock()
		b.beginTurn()
		for _, reply := range waiting {
			reply(err)
		}
		b.endTurn()
		if err == nil {
			b.rewriteSparse(b.newestCheckpoint())
		}
	}
	b.tidy()
}

func (b *Broker) newestCheckpoint() kept {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.checkpointer.kept[0]
}

// checkpoint makes one. It gives up when quit is closed; nil is the one at the end.
func (b *Broker) checkpoint(quit <-chan struct{}) error {
	begun := time.Now()
	made, err := b.makeCheckpoint(quit)
	took := time.Since(begun)
	ran := b.noteCheckpoint(made, took, err)
	switch {
	case err == nil:
		b.logger.Info("checkpoint", "file", made.file, "position", log.Position(made.Position), "bytes", made.bytes, "keys", ran.total,
			"segments", len(made.segments), "took", took.Round(time.Millisecond), "longest pause", ran.pause)
	case !errors.Is(err, errStopping):
		b.logger.Error("no checkpoint could be made", "err", err, "took", took.Round(time.Millisecond))
	}
	return err
}

// noteCheckpoint keeps account of a checkpoint that was made, or was not.
func (b *Broker) noteCheckpoint(made kept, took time.Duration, err error) (ran copying) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &b.checkpointer
	if c.running != nil {
		if c.running.copy != nil {
			c.running.copy.End()
		}
		ran = *c.running
		ran.keyspace, ran.copy = nil, nil
		c.running = nil
	}
	c.tried = time.Now()
	switch {
	case err == nil:
		c.made++
		c.err, c.failures, c.duration, c.last = nil, 0, took, ran
		c.logBytes, c.logRecords, c.dead = ran.logBytes, ran.logRecords, ran.dead
		c.kept = append([]kept{made}, c.kept...)
	case !errors.Is(err, errStopping):
		c.err = err
		c.failures++
	}
	return ran
}

// makeCheckpoint is checkpoint without the bookkeeping.
func (b *Broker) makeCheckpoint(quit <-chan struct{}) (made kept, err error) {
	b.managing.Lock()
	err = b.log.Rotate()
	b.managing.Unlock()
	if err != nil {
		return made, err
	}
	now, err := b.beginCopy(&made)
	if err != nil {
		return made, err
	}
	w, err := checkpoint.Create(b.files, made.Header)
	if err != nil {
		return made, err
	}
	defer w.Abort()
	named, err := b.copyState(now, w, quit)
	if err != nil {
		return made, err
	}
	made.segments, made.live = map[uint64]int64{}, map[uint64]int64{}
	for number, extent := range named {
		w.Name(number, extent.End, extent.Bytes)
		made.segments[number], made.live[number] = extent.End, extent.Bytes
	}
	if err := w.Finish(func() error { return b.syncLog(quit) }); err != nil {
		return made, err
	}
	made.bytes = w.Bytes()
	return made, nil
}

// beginCopy stands at one position of the log and notes what counts from there on.
func (b *Broker) beginCopy(made *kept) (*copying, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.loading || b.readOnly {
		return nil, errAbandoned
	}
	c, stats := &b.checkpointer, b.log.Stats()
	now := &copying{
		begun: time.Now(), keyspace: b.keyspace, copy: b.keyspace.BeginCopy(),
		logBytes: int64(stats.Bytes), logRecords: int64(stats.Records), dead: b.spiller.totals.Dead,
	}
	made.fence = b.history.store.Floor()
	if b.spiller.writing {
		made.fence = min(made.fence, b.spiller.first)
	}
	for db := range state.Databases {
		now.total += int64(b.keyspace.Len(db))
	}
	c.running = now
	c.number++
	made.Header = checkpoint.Header{
		ID: b.log.ID(), Number: c.number, Position: now.copy.Position(),
		UnixMS: b.wallClock(time.Now()).UnixMilli(), NextSegment: b.history.store.Next(),
	}
	made.file = checkpointFile(c.number)
	return now, nil
}

// copyState writes the state as it was when the copy began.
func (b *Broker) copyState(now *copying, w *checkpoint.Writer, quit <-chan struct{}) (state.Named, error) {
	walk := turns{size: 16, most: 1 << 8, alone: quit == nil}
	out := resting{to: w, alone: walk.alone}
	encoder := state.NewEncoder(bufio.NewWriterSize(&out, 64<<10))
	written := int64(0)
	for more := true; more; {
		select {
		case <-quit:
			return nil, errStopping
		default:
		}
		var copied []state.Copied
		var err error
		b.hold(&walk, func(keys int) {
			if b.keyspace != now.keyspace {
				err = errAbandoned
				return
			}
			more = now.copy.Walk(keys)
			copied = now.copy.Take()
			now.keys += int64(keys)
			now.pause = walk.longest
			b.disk.written += w.Bytes() - written
			written = w.Bytes()
			if !more {
				now.copy.End()
				now.copy = nil
			}
		})
		out.begin()
		if err == nil {
			err = encoder.Encode(copied)
		}
		if err != nil {
			return nil, err
		}
		out.rest()
	}
	return encoder.Close()
}

// syncLog waits until everything that was appended is durable, whatever the setting.
func (b *Broker) syncLog(quit <-chan struct{}) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-quit:
			cancel()
		case <-stop:
		}
	}()
	err := b.log.Sync(ctx)
	if errors.Is(err, context.Canceled) {
		return errStopping
	}
	return err
}

// lastCheckpoint makes one at the end, so that the next start has nothing to replay, unless nothing has changed since the last.
func (b *Broker) lastCheckpoint() {
	b.mu.Lock()
	c := &b.checkpointer
	position, newest := b.keyspace.Last(), uint64(0)
	if len(c.kept) > 0 {
		newest = c.kept[0].Position
	}
	needless := b.noSave || b.loading || b.readOnly || position == newest || !b.log.Writable()
	b.mu.Unlock()
	if needless {
		return
	}
	for more := true; more; more = len(b.spiller.totals.Sealed) > 0 { // what is in segment files need not be in the checkpoint
		if _, err := b.spillSome(); err != nil {
			break
		}
	}
	if b.checkpoint(nil) == nil {
		b.tidy()
	}
}
