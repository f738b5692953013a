package broker

import (
	"time"

	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
	"github.com/weirmq/weir/stream/store"
)

// Two things are done now and then to all streams, some at a time so that nobody waits long for the lock: idle ones have
// their open blocks sealed when these take much memory, and segment files of which little is alive are written again.

// mostSwept is how many keys are looked at under one hold of the lock, at most.
const mostSwept = 256

// eachStream calls visit for every stream there is, under the state lock. It ends early when the state is read from disk
// anew, or the broker closes.
func (b *Broker) eachStream(visit func(db int, key string, s *state.Stream)) {
	b.mu.Lock()
	keyspace := b.keyspace
	b.mu.Unlock()
	tx := state.NewTx(keyspace)
	sweep := turns{size: 1, most: mostSwept}
	gone := false
	for db := 0; db < state.Databases && !gone; db++ {
		for cursor, more := state.Cursor(0), true; more; more = cursor != 0 && !gone {
			b.hold(&sweep, func(keys int) {
				if gone = b.keyspace != keyspace || b.closed; gone {
					return
				}
				tx.Begin(db, 0)
				cursor = tx.Scan(cursor, keys, func(key []byte, v state.Value) {
					if s, ok := v.Object.(*state.Stream); ok {
						visit(db, string(key), s)
					}
				})
			})
		}
	}
}

// reap lets go of what flushed databases held. Serve calls it once a second.
func (b *Broker) reap() {
	some := turns{size: 64, most: 1 << 12}
	for more := true; more; {
		b.hold(&some, func(keys int) { more = b.keyspace.Reap(keys) })
	}
}

const (
	mostOpen  = 128 << 20 // bytes of open blocks above which idle ones are sealed; at twice as much all are
	leastOpen = 4 << 10   // bytes of an open block that are worth it: small blocks cost more than they give back
)

// sealIdle has the open blocks of streams written to segment files early when all of them together take too much memory:
// those first to which nothing was appended since it looked the last time. Serve calls it once a second.
func (b *Broker) sealIdle() {
	b.mu.Lock()
	totals := b.spiller.totals
	open := totals.Open
	needless := open <= b.spiller.mostOpen || b.loading
	b.mu.Unlock()
	if needless || !b.spiller.looks.due(open, b.spiller.mostOpen/8) {
		return
	}
	sealed := 0
	b.eachStream(func(_ int, _ string, s *state.Stream) {
		if !b.spiller.full() && s.OpenBytes() >= leastOpen && (s.Idle() > 0 || open > 2*b.spiller.mostOpen) && s.Seal() {
			sealed++
			b.spiller.notice()
		}
	})
	b.spiller.looks.looked(open, sealed)
	b.mu.Lock()
	totals.Sweeps++
	b.mu.Unlock()
	b.logger.Debug("open blocks of idle streams were sealed", "blocks", sealed)
}

// looks is when all streams are looked at for idle ones. Very many streams whose blocks are too small to be sealed keep
// what is open above its bound for ever; to look at them every second would take a good part of a core.
type looks struct {
	open   int64 // at the last
	vain   int   // of the last in a row nothing was sealed
	passed int   // calls of due since the last
}

// mostPassed is how many calls pass by, at most, after looks that were in vain.
const mostPassed = 63

// due reports whether it is time to look: after one look in vain at the next call, then at every second, fourth, eighth
// one, and always when more has become open than grown.
func (l *looks) due(open, grown int64) bool {
	if open-l.open > grown || l.passed >= min(1<<min(max(l.vain-1, 0), 10)-1, mostPassed) {
		return true
	}
	l.passed++
	return false
}

// looked notes what a look has brought.
func (l *looks) looked(open int64, sealed int) {
	l.open, l.passed = open, 0
	l.vain++
	if sealed > 0 {
		l.vain = 0
	}
}

// A segment file is written again when less than a quarter of it is alive.
const sparse = 4

// rewriteSparse writes again what is alive in segment files of which little is, so that they can go: the older checkpoint
// still names them, so that is after the next but one. The checkpointer calls it: no checkpoint begins meanwhile.
func (b *Broker) rewriteSparse(newest kept) {
	victims := map[uint64]bool{}
	for _, segment := range b.history.store.Segments() {
		if live, ok := newest.live[segment.Number]; ok && segment.Closed && segment.Number < newest.fence && live*sparse < segment.Bytes {
			victims[segment.Number] = true
		}
	}
	if len(victims) == 0 {
		return
	}
	begun := time.Now()
	var streams []*state.Stream
	b.eachStream(func(_ int, _ string, s *state.Stream) {
		if !s.InMemory() {
			streams = append(streams, s)
		}
	})
	blocks := 0
	for _, s := range streams {
		n, err := b.rewriteStream(s, victims)
		blocks += n
		if err != nil {
			b.logger.Warn("a segment file of which little is alive could not be written again", "err", err)
			break
		}
	}
	b.logger.Info("wrote again what is alive in sparse segment files", "files", len(victims), "blocks", blocks, "took", time.Since(begun).Round(time.Millisecond))
}

// mostLooked bounds how many blocks of a stream are looked at under one hold of the lock.
const mostLooked = 4 << 10

// rewriteStream moves the blocks of one stream that are in certain segment files. A stream that has gone meanwhile takes no
// block.
func (b *Broker) rewriteStream(s *state.Stream, victims map[uint64]bool) (moved int, err error) {
	look := turns{size: 64, most: mostLooked}
	for from, more := stream.MinID, true; more; {
		var found []stream.Placed
		var quit bool
		b.hold(&look, func(blocks int) {
			more = false
			quit = b.closed || b.loading
			bytes := 0
			for p := range s.Cold(from) {
				if blocks--; blocks < 0 || bytes > spillBytes {
					from, more = p.First, true
					break
				}
				if victims[p.Ref.Segment] {
					found = append(found, p)
					bytes += int(p.Ref.Length)
				}
			}
		})
		if quit {
			return moved, nil
		}
		n, err := b.move(s, found)
		moved += n
		if err != nil {
			return moved, err
		}
	}
	return moved, nil
}

// move writes blocks of a stream to the segment file that is written now. What cannot be read stays where it is, so that
// whoever looks for it there still finds what is left of it.
func (b *Broker) move(s *state.Stream, found []stream.Placed) (moved int, err error) {
	var blocks []store.Block
	var from []stream.Placed
	for _, p := range found {
		body, err := b.history.store.Read(p.Ref)
		if err != nil {
			b.logger.Error("a block cannot be read", "err", err, "first", p.First, "last", p.Last)
			continue
		}
		blocks = append(blocks, store.Block{First: p.First, Last: p.Last, Entries: p.Entries, Body: body})
		from = append(from, p)
	}
	if len(blocks) == 0 {
		return 0, nil
	}
	refs, err := b.store(blocks)
	if err != nil {
		return 0, err
	}
	install := turns{size: 16, most: spillHold}
	for len(refs) > 0 {
		b.hold(&install, func(n int) {
			n = min(n, len(refs))
			for i, ref := range refs[:n] {
				if s.Move(from[i], ref) {
					moved++
				}
			}
			refs, from = refs[n:], from[n:]
		})
	}
	return moved, nil
}
