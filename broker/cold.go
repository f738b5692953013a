package broker

import (
	"errors"

	"github.com/weirmq/weir/stream"
	"github.com/weirmq/weir/stream/store"
)

// Most blocks of a long stream are cold: their content is in a segment file only, and nothing under the state lock waits
// for a disk. A command that needs one finds out before its first change, and returns stream.ErrCold. Then
//
//	dispatch          drops what it has written, puts the command back and parks the session
//	blockReaders      reads the blocks, beside the lock
//	arrived           gives them to the session's fetch and lets it go on
//	dispatch          runs the same command again; the fetch holds what it has got so far, whatever the cache does
//
// until the command is through. A waiter whose reader meets a cold block looks again when it is there, in the same way.

// history is where streams get the content of cold blocks from (stream.Source). The state lock guards it.
type history struct {
	store   *store.Store
	unit    *fetch // of the unit of work that runs now
	spare   fetch  // for one that has not had to wait
	readers blockReaders
	away    bool  // the state is being read from disk, by somebody who does not hold the lock: changes need no content
	cache   int64 // bytes of the cache
	most    int64 // bytes that one command may have read for it
	much    int64 // bytes that a command may have without being one of the greedy
	held    int64 // bytes of what was read for all that wait, or run

	waiting int      // commands and waiters that wait for blocks
	greedy  int      // of these, or running: hold much
	queue   []queued // who would hold much, too, and waits for one of the greedy to end
	coldStats
}

// coldStats count since the start or CONFIG RESETSTAT.
type coldStats struct {
	commands uint64 // that had to wait for blocks
	blocks   uint64 // read for them
	bytes    uint64 // that these hold in memory
	lost     uint64 // of these: could not be read
}

// fetch is what one command, or one waiter, has got of cold blocks, and what it misses. It lasts until the command is through.
type fetch struct {
	held   map[stream.Ref]content // and, empty, what it misses
	bytes  int64                  // of what was read for it
	blocks int                    // that is
	missed []stream.Ref           // by the last run
	size   int64                  // of these, compressed
	awaits bool                   // what it misses is on its way
	greedy bool                   // it is one of those who may hold much
}

// queued is a fetch whose blocks are not read yet.
type queued struct {
	fetch *fetch
	read  func()
}

// Few commands at a time may go on once they hold much, so that memory has a bound however many clients ask for all of
// a long stream at once.
const (
	muchHeld   = 2 << 20
	mostGreedy = 2
)

// content is that of one block, or why it cannot be had.
type content struct {
	body *stream.Body
	err  error
}

// leastHeld is what a command may have read for it however small the cache is.
const leastHeld = 16 << 20

func (h *history) setCacheSize(bytes int64) {
	h.cache, h.most = bytes, max(bytes, leastHeld)
	if h.store != nil {
		h.store.Resize(int(bytes))
	}
}

// begin starts a unit of work; f is what it has waited for already, or nil.
func (h *history) begin(f *fetch) {
	if f == nil {
		f = &h.spare
	}
	h.unit = f
}

// end forgets what the unit of work that ran last has looked at.
func (h *history) end() {
	h.release(h.unit)
	h.unit = &h.spare
}

// release lets go of what a fetch holds.
func (h *history) release(f *fetch) {
	if f != nil {
		h.held -= f.bytes
		f.bytes, f.blocks = 0, 0
		if len(f.held) > keepContents {
			f.held = nil
		} else {
			clear(f.held)
		}
		f.missed, f.size = f.missed[:0], 0
		if f.greedy {
			f.greedy = false
			h.greedy--
			h.readQueued()
		}
	}
}

// keepContents is the size of a table that is kept for the next unit of work: emptying it takes longer for a larger one.
const keepContents = 16

// readQueued lets those go on who wait for one of the greedy to end.
func (h *history) readQueued() {
	for h.greedy < mostGreedy && len(h.queue) > 0 {
		q := h.queue[0]
		h.queue[0] = queued{}
		h.queue = h.queue[1:]
		q.fetch.greedy = true
		h.greedy++
		q.read()
	}
}

// Body returns the content of a block if it is at hand. What the cache has had once stays until the unit of work is through:
// a command that has decided by what it saw must see it again.
func (h *history) Body(ref stream.Ref) *stream.Body {
	if h.away {
		return nil
	}
	if c, ok := h.unit.held[ref]; ok {
		return c.body
	}
	body := h.store.Cached(ref)
	if body != nil {
		h.unit.hold(ref, content{body: body})
	}
	return body
}

func (f *fetch) hold(ref stream.Ref, c content) {
	if f.held == nil {
		f.held = map[stream.Ref]content{}
	}
	f.held[ref] = c
}

// How many blocks are read together for a command that goes through a stream. If the block before the first that it misses
// is at hand, somebody reads all of the stream, and more will be wanted than this command knows. After that it gets as many
// again as it has had: who wants few does not pay for many, and who wants many soon has them.
const (
	leastAhead = 8
	mostAhead  = 64
)

// mostMissed bounds the bytes, compressed, of what is read for one run of a command.
const mostMissed = 4 << 20

// Want notes what the unit of work misses: a command may ask for several blocks before it gives up.
func (h *history) Want(refs []stream.Ref) error {
	f := h.unit
	if c := f.held[refs[0]]; c.err != nil {
		return c.err
	}
	if f.bytes >= h.most {
		return stream.ErrTooMuch
	}
	ahead := leastAhead
	if f.blocks > 0 {
		ahead = min(f.blocks, mostAhead)
	}
	for _, ref := range refs[:min(len(refs), ahead)] {
		if _, asked := f.held[ref]; !asked && (len(f.missed) == 0 || f.size+int64(ref.Length) <= mostMissed) {
			f.hold(ref, content{}) // nothing yet
			f.missed = append(f.missed, ref)
			f.size += int64(ref.Length)
		}
	}
	return stream.ErrCold
}

// Soon reads blocks into the cache that somebody who goes through a stream will come to.
func (h *history) Soon(refs []stream.Ref) {
	if h.cache >= leastAheadCache {
		h.readers.ahead(h.store, refs)
	}
}

// leastAheadCache is the cache below which what is read ahead would be gone before it is wanted.
const leastAheadCache = 1 << 20

// cold reports whether an error of the unit of work says that it has to wait. One that has changed something cannot be run
// again: it is told the error, which is a defect of the command.
func (b *Broker) cold(err error) bool {
	return errors.Is(err, stream.ErrCold) && len(b.tx.Record()) == 0 && len(b.history.unit.missed) > 0
}

// await has read what the unit of work that ran last has missed, and then calls then under the state lock, in a turn of
// its own. It returns the fetch that the unit goes on with.
func (b *Broker) await(then func(*fetch)) *fetch {
	h := &b.history
	f := h.unit
	if f == &h.spare {
		f = new(fetch)
		*f, h.spare = h.spare, fetch{}
		h.commands++
	}
	h.unit = &h.spare
	h.waiting++
	f.awaits = true
	refs := f.missed
	f.missed, f.size = nil, 0
	read := func() {
		h.readers.read(h.store, refs, func(found []content) { b.arrived(f, refs, found, then) })
	}
	if f.bytes <= h.much || f.greedy {
		read()
	} else {
		h.queue = append(h.queue, queued{f, read})
		h.readQueued()
	}
	return f
}

// arrived gives blocks to who waits for them. It runs on the goroutine that has read the last.
func (b *Broker) arrived(f *fetch, refs []stream.Ref, found []content, then func(*fetch)) {
	b.mu.Lock()
	h := &b.history
	h.waiting--
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.beginTurn()
	f.awaits = false
	for i, c := range found {
		f.hold(refs[i], c)
		h.blocks++
		if c.err != nil {
			h.lost++
			continue
		}
		size := int64(c.body.Size())
		f.bytes += size
		f.blocks++
		h.held += size
		h.bytes += uint64(size)
	}
	then(f)
	b.endTurn()
}

// parkForBlocks puts the command that ran last back, until the blocks that it has missed are there.
func (b *Broker) parkForBlocks(s *session) {
	s.conn.Unread()
	s.conn.Park()
	s.fetch = b.await(func(f *fetch) {
		if s.fetch != f {
			b.history.release(f) // the session has ended
			return
		}
		s.conn.Resume()
	})
}

// lookWithBlocks lets a waiter look again whose blocks are there, and with it those of its class behind it, who find what it
// leaves: they were passed over while its blocks were read, and are not to be forgotten if it has gone. While nothing may
// be written nobody looks: everybody does afterwards.
func (b *Broker) lookWithBlocks(w *waiter, f *fetch) {
	switch {
	case w.gone:
		b.history.release(f)
	case b.loading || b.readOnly:
		b.history.letGo(&w.fetch)
		return
	case w.class == "":
		b.lookAgain(w)
	}
	if w.class != "" {
		for _, k := range w.keys {
			if q := b.waiters.queues[k]; q != nil && q.class(w.class) != nil {
				b.serve(k, q.class(w.class))
			}
		}
	}
	if w.fetch == f && !f.awaits {
		b.history.letGo(&w.fetch) // it was not its turn
	}
	b.serveWaiters()
}

// letGo drops what somebody has got of cold blocks who does not go on.
func (h *history) letGo(f **fetch) {
	if *f != nil && !(*f).awaits { // else the blocks are on their way
		h.release(*f)
	}
	*f = nil
}
