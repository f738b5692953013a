package broker

import (
	"time"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
	"github.com/weirmq/weir/stream/store"
)

// A block that is full is sealed, and waits in stream.Totals for the spiller: a goroutine that writes its content to a segment
// file, makes that durable, and then, under the state lock, has the block let go of it. A write that fails costs nothing:
// the blocks stay in memory and are tried again, in another file.
type spiller struct {
	wake chan struct{} // holds one token while there may be something to do

	// The state lock guards what follows.
	totals  *stream.Totals // of the keyspace
	writing bool           // blocks are taken and do not refer to their place yet
	first   uint64         // while writing: the lowest segment in which that place can be
	failure error          // of the last try
	stalled bool           // sessions were put off until there are fewer sealed blocks
	most    int64          // bytes of sealed blocks above which commands that grow data wait

	mostOpen int64 // set once; see sealIdle
}

const (
	spillBytes = 4 << 20                // what is written at a time
	spillDelay = 100 * time.Millisecond // for which less than that gathers
	spillAgain = time.Second            // after a failure
	spillHold  = 256                    // blocks that let go under one hold of the lock
	mostSealed = 64 << 20               // spiller.most
	mostLoaded = 32 << 20               // the same for the replay of the log, which writes blocks itself then
)

func newSpiller() spiller {
	return spiller{wake: make(chan struct{}, 1), totals: new(stream.Totals), most: mostSealed, mostOpen: mostOpen}
}

// notice wakes the spiller if there are sealed blocks. The state lock is held.
func (s *spiller) notice() {
	if len(s.totals.Sealed) > 0 {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// full reports whether sealed blocks take so much memory that commands that grow data must wait.
func (s *spiller) full() bool { return s.totals.SealedBytes > s.most }

// runSpiller writes sealed blocks until the broker closes.
func (b *Broker) runSpiller() {
	for {
		select {
		case <-b.quit:
			return
		case <-b.spiller.wake:
		}
		if b.fewSealed() && !b.pause(spillDelay) {
			return
		}
		for {
			more, err := b.spillSome()
			if err != nil && !b.pause(spillAgain) {
				return
			}
			if err == nil && !more {
				break
			}
		}
	}
}

// pause waits, and reports false if the broker closes meanwhile.
func (b *Broker) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-b.quit:
		return false
	case <-t.C:
		return true
	}
}

func (b *Broker) fewSealed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spiller.totals.SealedBytes < spillBytes
}

// spillSome writes some of the sealed blocks, and reports whether there are enough for more at once.
func (b *Broker) spillSome() (more bool, err error) {
	s := &b.spiller
	b.mu.Lock()
	totals := s.totals
	taken := totals.Take(spillBytes)
	if len(taken) > 0 {
		s.writing, s.first = true, b.openSegment()
	}
	b.mu.Unlock()
	if len(taken) == 0 {
		return false, nil
	}
	refs, err := b.writeBlocks(taken)
	if err != nil {
		b.spillFailed(totals, taken, err)
		return false, err
	}
	for from := 0; from < len(taken); from += spillHold {
		b.mu.Lock()
		if s.totals == totals { // else the state has been read again from disk
			spilled(taken[from:min(from+spillHold, len(taken))], refs[from:])
		}
		b.mu.Unlock()
	}
	b.mu.Lock()
	s.writing = false
	recovered := s.failure != nil
	s.failure = nil
	release := s.stalled && !s.full()
	if release {
		s.stalled = false
	}
	more = s.totals.SealedBytes >= spillBytes
	s.notice()
	b.mu.Unlock()
	if release {
		b.server.Release(b.server.Released())
	}
	if recovered {
		b.logger.Info("blocks are written to segment files again")
	}
	return more, nil
}

// writeBlocks makes sealed blocks durable. Their contents go to the cache: what was written last is read first.
func (b *Broker) writeBlocks(taken []stream.Sealed) ([]stream.Ref, error) {
	blocks := make([]store.Block, len(taken))
	for i, x := range taken {
		blocks[i] = store.Block{First: x.First(), Last: x.Last(), Entries: x.Entries(), Body: x.Body()}
	}
	refs, err := b.history.store.Write(blocks)
	for i, ref := range refs {
		b.history.store.Keep(ref, taken[i].Body())
	}
	return refs, err
}

// spilled has blocks let go of their contents.
func spilled(taken []stream.Sealed, refs []stream.Ref) {
	for i, x := range taken {
		x.Spilled(refs[i])
	}
}

func (b *Broker) spillFailed(totals *stream.Totals, taken []stream.Sealed, err error) {
	s := &b.spiller
	b.mu.Lock()
	first := s.failure == nil
	s.failure, s.writing = err, false
	if s.totals == totals {
		totals.Return(taken)
	}
	release := s.stalled // they are refused now
	s.stalled = false
	b.mu.Unlock()
	if first {
		b.logger.Error("blocks cannot be written to a segment file; they stay in memory until they can", "err", err)
	}
	if release {
		b.server.Release(b.server.Released())
	}
}

// openSegment returns the lowest number of a segment that something may still be written to.
func (b *Broker) openSegment() uint64 {
	for _, segment := range b.history.store.Segments() {
		if !segment.Closed {
			return segment.Number
		}
	}
	return b.history.store.Next()
}

// spillLoaded writes sealed blocks of a keyspace that nobody sees yet.
func (b *Broker) spillLoaded(totals *stream.Totals) error {
	for totals.SealedBytes > mostLoaded/2 {
		taken := totals.Take(spillBytes)
		if len(taken) == 0 {
			return nil
		}
		refs, err := b.writeBlocks(taken)
		if err != nil {
			totals.Return(taken)
			return err
		}
		spilled(taken, refs)
	}
	return nil
}

// errSpill refuses what grows data while sealed blocks fill the memory that they may take, and cannot be written.
const errSpill command.Error = "MISCONF Errors writing to segment files: the disk takes no more blocks of streams. Commands that grow data are refused until it does; deletes and trims are allowed."
