package stream

import (
	"errors"
	"math"
	"slices"
	"unsafe"
)

// Config sets the shape of blocks, and where they may go. A zero field means its
// default.
type Config struct {
	BlockBytes   int // at which a block is full; 64 KB
	BlockEntries int // at which a block is full; 4,096, at most 65,535

	// Source and Totals may be shared by many streams. Without a Source nothing
	// may be spilled, and nothing is listed in Totals.Sealed.
	Source Source
	Totals *Totals
}

// MaxEntryBytes bounds the sum of the lengths of one entry's names and values.
const MaxEntryBytes = 1 << 30

// What can be wrong with the ID of an entry to be.
var (
	ErrExhausted = errors.New("stream: the last possible ID is taken")
	ErrZeroID    = errors.New("stream: 0-0 names no entry")
	ErrNotAbove  = errors.New("stream: ID is not above the last one")
	ErrNoSeq     = errors.New("stream: the last sequence number of the millisecond is taken")
)

// Stream is a list of entries with ascending IDs. The zero value is not usable.
type Stream struct {
	// The entries are in blocks that ascend and do not overlap: sealed ones, each
	// with an entry alive, and the open one, which may be nil, or empty and kept
	// for its memory.
	sealed list
	open   *block
	w      writer // on the open block
	spread bool   // a copy shares the open block's bytes: they may be added to only
	steady bool   // the block before the open one became full

	length     uint64
	last       ID
	added      uint64
	maxDeleted ID

	node  openNode
	front frontNode

	blockBytes   int
	blockEntries int

	idempotency *Idempotency

	source Source
	totals *Totals
	since  uint64 // Totals.generation when it was made
	// What it adds to totals. released: no more.
	memory, disk int64
	count        int
	openMemory   int64  // of memory, the open block's
	sweep        uint64 // Totals.Sweeps at the last Append
	released     bool
}

// New returns an empty stream.
func New(cfg Config) *Stream {
	s := &Stream{blockBytes: cfg.BlockBytes, blockEntries: cfg.BlockEntries, source: cfg.Source, totals: cfg.Totals}
	if s.blockBytes <= 0 {
		s.blockBytes = 64 << 10
	}
	if s.blockEntries <= 0 {
		s.blockEntries = 4096
	}
	s.blockEntries = min(s.blockEntries, math.MaxUint16)
	if s.totals == nil {
		s.totals = new(Totals)
	}
	s.since = s.totals.generation
	return s
}

// Len is the number of entries.
func (s *Stream) Len() uint64 { return s.length }

// LastID is the highest ID ever appended, or what SetID made it.
func (s *Stream) LastID() ID { return s.last }

// EntriesAdded counts the entries ever appended, or what SetID made it and
// those appended since.
func (s *Stream) EntriesAdded() uint64 { return s.added }

// MaxDeletedID is the highest ID that Delete took out; trimming does not count.
func (s *Stream) MaxDeletedID() ID { return s.maxDeleted }

// Blocks is the number of blocks that the entries are in.
func (s *Stream) Blocks() int { return s.count }

// Bytes is the memory that s holds.
func (s *Stream) Bytes() int {
	n := streamSize + int(s.memory) + cap(s.sealed.chunks)*8
	if s.idempotency != nil {
		n += s.idempotency.bytes()
	}
	return n
}

const streamSize = int(unsafe.Sizeof(Stream{}))

// DiskBytes is what s holds in segment files.
func (s *Stream) DiskBytes() int64 { return s.disk }

// InMemory reports whether all of s is: then no method fails.
func (s *Stream) InMemory() bool { return s.disk == 0 }

// First is the ID of the first entry; false if there is none.
func (s *Stream) First() (ID, bool, error) {
	if s.length == 0 {
		return ID{}, false, nil
	}
	p := place{}
	b := s.at(p)
	switch {
	case b.gone != nil:
	case b.start == 0:
		return b.first, true, nil
	case b.front != ID{}:
		return b.front, true, nil
	}
	b, err := s.view(p)
	if err != nil {
		return ID{}, false, err
	}
	c := b.at(b.start)
	return c.id, true, nil
}

// Last is the ID of the last entry; false if there is none. After deletions it
// can be below LastID.
func (s *Stream) Last() (ID, bool, error) {
	if s.length == 0 {
		return ID{}, false, nil
	}
	p, _ := s.before(s.end())
	b, err := s.settled(p)
	if err != nil {
		return ID{}, false, err
	}
	ord := b.lastLive()
	if ord == b.n-1 {
		return b.last, true, nil
	}
	if b, err = s.view(p); err != nil {
		return ID{}, false, err
	}
	c := b.at(ord)
	return c.id, true, nil
}

// NextID decides the ID of an entry that is appended at nowMS: nowMS-0, or the
// ID right above LastID if that is not below it, so a clock that jumps back
// breaks no order. It may fail with ErrExhausted.
func (s *Stream) NextID(nowMS uint64) (ID, error) {
	if nowMS > s.last.MS {
		return ID{MS: nowMS}, nil
	}
	id, ok := s.last.Next()
	if !ok {
		return ID{}, ErrExhausted
	}
	return id, nil
}

// NextSeq decides the ID of an entry for the given millisecond. It may fail with
// ErrExhausted, ErrNotAbove or ErrNoSeq.
func (s *Stream) NextSeq(ms uint64) (ID, error) {
	switch {
	case s.last == MaxID:
		return ID{}, ErrExhausted
	case ms > s.last.MS:
		return ID{MS: ms}, nil
	case ms < s.last.MS:
		return ID{}, ErrNotAbove
	case s.last.Seq == math.MaxUint64:
		return ID{}, ErrNoSeq
	}
	return ID{ms, s.last.Seq + 1}, nil
}

// CheckID tells whether an entry with a given ID may be appended: ErrZeroID,
// ErrExhausted, ErrNotAbove or nil.
func (s *Stream) CheckID(id ID) error {
	switch {
	case id == ID{}:
		return ErrZeroID
	case s.last == MaxID:
		return ErrExhausted
	case !s.last.Less(id):
		return ErrNotAbove
	}
	return nil
}

// Append adds an entry whose fields alternate names and values. The bytes are
// copied. The ID must be above LastID, as NextID, NextSeq and CheckID see to,
// and the fields at most MaxEntryBytes.
func (s *Stream) Append(id ID, fields [][]byte) {
	size := maxHead + uvarintLen(uint64(len(fields)/2))
	names, values := 0, 0
	for i, f := range fields {
		size += uvarintLen(uint64(len(f))) + len(f)
		if i%2 == 0 {
			names += len(f)
		} else {
			values += len(f)
		}
	}
	begins := s.node.full(names + values)
	s.reserve(size)
	s.w.append(id, fields, begins)
	if begins {
		s.node.begin(id)
	}
	s.node.add(&s.w, len(fields)/2, names, values)

	s.last = id
	s.length++
	s.added++
	s.sweep = s.totals.Sweeps
}

// reserve makes sure that the open block has room for size bytes, or opens one.
func (s *Stream) reserve(size int) {
	b := s.open
	if b != nil && b.n > 0 && (len(b.data)+size > s.blockBytes || b.n >= s.blockEntries) {
		s.Seal()
		s.steady = true
		b = nil
	}
	switch {
	case b == nil:
		s.begin(size)
	case len(b.data)+size <= cap(b.data):
		return
	case b.n > 0 && b.live > 0 && b.live*2 <= b.n:
		// Before a block grows, what is dead in it makes room.
		s.rewriteOpen(size)
	default:
		capacity := max(2*cap(b.data), len(b.data)+size, firstSize)
		if capacity > s.blockBytes && len(b.data)+size <= s.blockBytes {
			capacity = s.blockBytes
		}
		data := make([]byte, len(b.data), capacity)
		copy(data, b.data)
		b.data = data
	}
	s.weigh()
}

// begin opens a block. A stream that has filled one will fill the next: no
// growing.
func (s *Stream) begin(size int) {
	capacity, groups := firstSize, 0
	if s.steady {
		capacity, groups = s.blockBytes, s.blockBytes/groupBytes+4
	}
	s.use(&block{Body: &Body{data: make([]byte, 0, max(capacity, size)), groups: make([]group, 0, groups)}})
	s.charge(0, 0, 1)
}

// use makes b the open block.
func (s *Stream) use(b *block) {
	s.open, s.w, s.spread = b, writer{b: b}, false
	s.node.sameAs = notYet
}

// weigh charges for the open block's memory, after it may have changed.
func (s *Stream) weigh() {
	n := int64(0)
	if s.open != nil {
		n = s.open.memory()
	}
	if n != s.openMemory {
		s.chargeOpen(n)
	}
}

// Seal closes the open block, so that it can be spilled, and reports whether
// there was something in it. A block is sealed by itself when it is full.
func (s *Stream) Seal() bool {
	b := s.open
	if b == nil || b.live == 0 {
		return false
	}
	b.shrink()
	b.nodes = b.hasNode(len(b.groups) - 1)
	b.generation = s.sealed.generation
	s.sealed.append(b)
	s.steady = false
	s.open, s.w = nil, writer{}
	s.chargeOpen(0)
	s.charge(b.memory(), 0, 0)
	s.list(b)
	return true
}

// list adds a sealed block to those that can be spilled.
func (s *Stream) list(b *block) {
	if s.source == nil || s.unused() {
		return
	}
	t := s.totals
	t.Sealed = append(t.Sealed, Sealed{s, b.Body, b.first, b.last, b.n})
	t.SealedBytes += int64(b.Body.Size())
}

// SetID replaces LastID, EntriesAdded and MaxDeletedID. last must not be below
// Last.
func (s *Stream) SetID(last ID, added uint64, maxDeleted ID) {
	s.last, s.added, s.maxDeleted = last, added, maxDeleted
	// Dead entries above the new last ID would be out of order with what is
	// appended next: they go for good, or at least nobody comes to them.
	if b := s.open; b != nil && b.n > 0 {
		if last.Less(b.last) {
			s.rewriteOpen(0)
		}
	} else if p, ok := s.before(s.end()); ok && last.Less(s.at(p).last) {
		s.edit(p, func(b *block) { b.last = last })
	}
}

// Has reports whether there is an entry id.
func (s *Stream) Has(id ID) (bool, error) {
	p := s.search(id)
	if p == s.end() {
		return false, nil
	}
	if b := s.at(p); id.Less(b.first) || b.gone.has(id) {
		return false, nil
	}
	b, err := s.view(p)
	if err != nil {
		return false, err
	}
	_, ok := b.find(id)
	return ok, nil
}

// CountAfter is the number of entries above id. It looks into one block, and
// adds up the others.
func (s *Stream) CountAfter(id ID) (uint64, error) {
	from, ok := id.Next()
	p := s.search(from)
	if !ok || p == s.end() {
		return 0, nil
	}
	b := s.at(p)
	n := uint64(b.live)
	if b.first.Less(from) {
		b, err := s.view(p)
		if err != nil {
			return 0, err
		}
		ord, _ := b.seek(from)
		n = uint64(b.liveIn(ord, b.n))
	}
	if p.chunk == len(s.sealed.chunks) {
		return n, nil
	}
	for _, b := range s.sealed.chunks[p.chunk].blocks[p.block+1:] {
		n += uint64(b.live)
	}
	for _, c := range s.sealed.chunks[p.chunk+1:] {
		n += c.live
	}
	if s.open != nil {
		n += uint64(s.open.live)
	}
	return n, nil
}

// Delete takes out the entry id, which must be there, and moves MaxDeletedID. It
// returns false if it can tell that there is no such entry: as long as the block
// it would be in is in memory or at hand.
func (s *Stream) Delete(id ID) bool {
	if !s.take(id) {
		return false
	}
	if s.maxDeleted.Less(id) {
		s.maxDeleted = id
	}
	return true
}

// Drop takes out entries, which must be there, from anywhere as Trim does from the
// front: MaxDeletedID stays. It returns how many there were, as Delete does.
func (s *Stream) Drop(ids []ID) (removed uint64) {
	for _, id := range ids {
		if s.take(id) {
			removed++
		}
	}
	return removed
}

// take takes out the entry id.
func (s *Stream) take(id ID) bool {
	s.front = frontNode{}
	p := s.search(id)
	if p == s.end() {
		return false
	}
	if p.chunk == len(s.sealed.chunks) {
		return s.takeOpen(id)
	}
	if b := s.at(p); id.Less(b.first) || b.gone.has(id) {
		return false
	}
	ord := -1
	if b := s.atHand(p); b != nil {
		var found bool
		if ord, found = b.find(id); !found {
			return false
		}
	}
	b := s.edit(p, func(b *block) { b.take(id, ord) })
	s.length--
	s.node.lose(id)
	s.tidy(p, b)
	return true
}

// take takes an entry out of a sealed block. ord is negative if its ordinal is not
// known.
func (b *block) take(id ID, ord int) {
	if ord >= 0 {
		b.kill(ord)
		b.front = ID{}
		return
	}
	if b.gone == nil {
		b.gone = new(gone)
	}
	i, _ := slices.BinarySearchFunc(b.gone.ids, id, ID.Compare)
	b.gone.ids = slices.Insert(b.gone.ids, i, id)
	b.live--
}

func (s *Stream) takeOpen(id ID) bool {
	b := s.open
	ord, ok := b.find(id)
	if !ok {
		return false
	}
	b.kill(ord)
	s.length--
	s.node.lose(id)
	s.tidyOpen()
	return true
}

// tidyOpen gives back memory after entries of the open block died.
func (s *Stream) tidyOpen() {
	b := s.open
	switch {
	case b.live == 0:
		s.empty()
	case len(b.data) >= groupBytes && b.wasteful():
		s.rewriteOpen(0)
	}
	s.weigh()
}

// tidy gives back memory after entries of a sealed block died.
func (s *Stream) tidy(p place, b *block) {
	switch {
	case b.live == 0:
		s.remove(p)
	case b.Body != nil && len(b.data) >= groupBytes && b.wasteful():
		w, carry := b.rewritten(0)
		fresh := w.b
		fresh.shrink()
		fresh.nodes = fresh.hasNode(len(fresh.groups) - 1)
		s.edit(p, func(b *block) {
			generation := b.generation
			*b = *fresh
			b.generation = generation
		})
		s.list(s.at(p))
		if carry {
			s.beginNode(s.sealed.next(p))
		}
	}
}

// wasteful reports whether most of a block is dead.
func (b *block) wasteful() bool {
	return b.n-b.start-b.live > b.live || b.live*8 < b.n
}

// remove takes out the sealed block at p, in which nothing is alive.
func (s *Stream) remove(p place) {
	b := s.at(p)
	if b.node || b.nodes {
		s.beginNode(s.sealed.next(p))
	}
	memory, disk := b.memory(), int64(b.ref.Length)
	s.sealed.delete(p)
	s.charge(-memory, -disk, -1)
	s.letGo()
}

// empty empties the open block, in which nothing is alive. The memory stays, for a
// queue that is emptied after every append must not allocate each time.
func (s *Stream) empty() {
	b := s.open
	if s.spread {
		s.use(&block{Body: new(Body)})
	} else {
		s.use(&block{Body: &Body{data: b.data[:0], groups: b.groups[:0]}})
	}
	s.letGo()
}

// letGo gives up what a stream without entries need not keep.
func (s *Stream) letGo() {
	if b := s.open; b != nil && b.n == 0 && s.length == 0 && len(s.sealed.chunks) == 0 && cap(b.data) > maxSpare {
		s.open, s.w = nil, writer{}
		s.charge(0, 0, -1)
		s.steady = false
	}
	s.weigh()
}

// maxSpare bounds the memory that a stream without entries keeps.
const maxSpare = 1 << 10

// beginNode notes that a node begins with the block at p at the latest. If nothing is
// there, the open node has lost all its entries, and ended with that.
func (s *Stream) beginNode(p place) {
	switch {
	case p != s.sealed.end():
		s.edit(p, func(b *block) { b.node = true })
	case s.open != nil && s.open.n > 0:
		s.open.node = true
	}
}

// rewriteOpen replaces the open block, in which something is alive, by one without
// its dead entries, with as much room again, and room bytes.
func (s *Stream) rewriteOpen(room int) {
	w, _ := s.open.rewritten(max(2*s.open.liveBytes()+room, firstSize)) // nothing is behind it to begin a node with
	s.use(w.b)
	s.w = w
	s.weigh()
}

// liveBytes estimates what the living entries of b take.
func (b *block) liveBytes() int { return len(b.data)/b.n*b.live + maxHead }

// rewritten writes b without its dead entries, with room for size bytes at least. carry
// says that a node begins behind the last of them.
func (b *block) rewritten(size int) (w writer, carry bool) {
	w = writer{b: &block{Body: &Body{
		data:   make([]byte, 0, max(size, b.liveBytes())),
		groups: make([]group, 0, b.live/groupEntries+2),
	}}}
	g := b.groupOf(b.start)
	node := b.hasNode(g)
	for c := b.at(b.start); ; c.next() {
		if g+1 < len(b.groups) && c.ord == int(b.groups[g+1].ord) {
			g++
			node = node || b.groups[g].node
		}
		if !b.isDead(c.ord) {
			w.copy(&c, node)
			node = false
		}
		if c.ord == b.n-1 {
			break
		}
		c.skip()
	}
	return w, node
}
