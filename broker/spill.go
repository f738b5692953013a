package broker

import (
	"math"
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

	swept time.Time // when the dead among them were looked for

	mostOpen int64 // set once; see sealIdle
	looks    looks // sealIdle's own
}

const (
	spillBytes = 4 << 20                // what is written at a time
	spillDelay = 100 * time.Millisecond // for which less than that gathers
	spillAgain = time.Second            // after a failure
	sweepEvery = 10 * time.Millisecond  // at most, while commands are refused
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

// refuses reports whether commands that grow data must be refused. What has died since it was sealed does not count, and is
// let go of: more is sealed than there is in memory, or it is some time since somebody looked.
func (s *spiller) refuses(now time.Time) bool {
	if s.failure == nil || !s.full() {
		return false
	}
	if s.totals.SealedBytes > s.totals.Memory || now.Sub(s.swept) > sweepEvery {
		s.swept = now
		s.dropDead()
	}
	return s.full()
}

func (s *spiller) dropDead() { s.totals.Return(s.totals.Take(math.MaxInt64)) }

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
	s.writing, s.first = true, b.history.store.Floor()
	b.mu.Unlock()
	if len(taken) > 0 {
		err = b.spill(totals, taken)
	}
	b.mu.Lock()
	s.writing = false
	before := s.failure
	if s.failure = err; err != nil && s.totals == totals {
		totals.Return(taken)
		if s.full() {
			s.dropDead()
		}
	}
	more = s.totals.SealedBytes >= spillBytes
	release := s.stalled && (err != nil || !s.full()) // after a failure they are refused
	s.stalled = s.stalled && !release
	s.notice()
	b.mu.Unlock()
	if release {
		b.server.Release(b.server.Released())
	}
	switch {
	case err != nil && before == nil:
		b.logger.Error("blocks cannot be written to a segment file; they stay in memory until they can", "err", err)
	case err == nil && before != nil:
		b.logger.Info("blocks are written to segment files again")
	}
	return more, err
}

// spill writes blocks and has them let go of their contents.
func (b *Broker) spill(totals *stream.Totals, taken []stream.Sealed) error {
	refs, err := b.writeBlocks(taken)
	install := turns{size: 16, most: spillHold}
	for len(refs) > 0 {
		b.hold(&install, func(n int) {
			if n = min(n, len(refs)); b.spiller.totals == totals { // else the state has been read again from disk
				spilled(taken[:n], refs)
			}
			taken, refs = taken[n:], refs[n:]
		})
	}
	return err
}

// store writes blocks to the segment file that is written now.
func (b *Broker) store(blocks []store.Block) ([]stream.Ref, error) {
	refs, err := b.history.store.Write(blocks)
	bytes := int64(0)
	for _, ref := range refs {
		bytes += int64(ref.Length)
	}
	b.wrote(bytes)
	return refs, err
}

// writeBlocks makes sealed blocks durable. Their contents go to the cache: what was written last is read first.
func (b *Broker) writeBlocks(taken []stream.Sealed) ([]stream.Ref, error) {
	blocks := make([]store.Block, len(taken))
	for i, x := range taken {
		blocks[i] = store.Block{First: x.First(), Last: x.Last(), Entries: x.Entries(), Body: x.Body()}
	}
	refs, err := b.store(blocks)
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
