package stream

import (
	"errors"
	"math"
	"slices"
	"sort"
	"unsafe"
)

// Config sets the shape of blocks. A zero field means its default.
type Config struct {
	BlockBytes   int // at which a block is full; 64 KB
	BlockEntries int // at which a block is full; 4,096, at most 65,535
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
	// blocks ascend and do not overlap. Each has an entry alive, except that the
	// last one may be empty and kept for its memory. Only the last is open.
	blocks []*block
	w      writer // on the last block

	length     uint64
	last       ID
	added      uint64
	maxDeleted ID

	// The open node (see trim.go): how much was appended to it.
	nodeEntries int
	nodeBytes   int

	blockBytes   int
	blockEntries int

	idempotency *Idempotency
}

// New returns an empty stream.
func New(cfg Config) *Stream {
	s := &Stream{blockBytes: cfg.BlockBytes, blockEntries: cfg.BlockEntries}
	if s.blockBytes <= 0 {
		s.blockBytes = 64 << 10
	}
	if s.blockEntries <= 0 {
		s.blockEntries = 4096
	}
	s.blockEntries = min(s.blockEntries, math.MaxUint16)
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
func (s *Stream) Blocks() int {
	if n := len(s.blocks); n > 0 && s.blocks[n-1].n == 0 {
		return n - 1
	}
	return len(s.blocks)
}

// Bytes is the memory that s holds. It walks the blocks.
func (s *Stream) Bytes() int {
	n := streamSize + cap(s.blocks)*8
	for _, b := range s.blocks {
		n += b.bytes()
	}
	if s.idempotency != nil {
		n += s.idempotency.bytes()
	}
	return n
}

const streamSize = int(unsafe.Sizeof(Stream{}))

// First is the ID of the first entry; false if there is none.
func (s *Stream) First() (ID, bool, error) {
	if s.length == 0 {
		return ID{}, false, nil
	}
	b := s.blocks[0]
	if b.start == 0 {
		return b.first, true, nil
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
	b := s.blocks[s.Blocks()-1]
	ord := b.lastLive()
	if ord == b.n-1 {
		return b.last, true, nil
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
	payload := 0
	for _, f := range fields {
		size += uvarintLen(uint64(len(f)))
		payload += len(f)
	}
	size += payload

	node := s.nodeEntries == 0 || s.nodeEntries >= nodeMaxEntries || s.nodeBytes+payload >= nodeMaxBytes
	s.reserve(size)
	before := len(s.w.b.data)
	s.w.append(id, fields, node)
	if node {
		s.nodeEntries, s.nodeBytes = 0, 0
	}
	s.nodeEntries++
	s.nodeBytes += len(s.w.b.data) - before

	s.last = id
	s.length++
	s.added++
}

// reserve makes sure that the open block has room for size bytes, or opens one.
func (s *Stream) reserve(size int) {
	b := s.w.b
	if b != nil && b.n > 0 && (len(b.data)+size > s.blockBytes || b.n >= s.blockEntries) {
		b.seal()
		b = nil
	}
	if b == nil {
		// A stream that has filled a block will fill the next: no growing.
		capacity, groups := firstSize, 0
		if n := len(s.blocks); n > 0 {
			capacity, groups = s.blockBytes, len(s.blocks[n-1].groups)+4
		}
		b = &block{data: make([]byte, 0, max(capacity, size)), groups: make([]group, 0, groups)}
		s.blocks = append(s.blocks, b)
		s.w = writer{b: b}
		return
	}
	if len(b.data)+size <= cap(b.data) {
		return
	}
	// Before a block grows, what is dead in it makes room.
	if b.n > 0 && b.live > 0 && b.live*2 <= b.n {
		s.rewrite(len(s.blocks)-1, size)
		return
	}
	capacity := max(2*cap(b.data), len(b.data)+size, firstSize)
	if capacity > s.blockBytes && len(b.data)+size <= s.blockBytes {
		capacity = s.blockBytes
	}
	data := make([]byte, len(b.data), capacity)
	copy(data, b.data)
	b.data = data
}

// SetID replaces LastID, EntriesAdded and MaxDeletedID. last must not be below
// Last.
func (s *Stream) SetID(last ID, added uint64, maxDeleted ID) {
	s.last, s.added, s.maxDeleted = last, added, maxDeleted
	// Dead entries above the new last ID would be out of order with what is
	// appended next: they go for good.
	if n := s.Blocks(); n > 0 && last.Less(s.blocks[n-1].last) {
		s.rewrite(n-1, 0)
	}
}

// search returns the index of the first block whose last ID is not below id.
func (s *Stream) search(id ID) int {
	return sort.Search(s.Blocks(), func(i int) bool { return !s.blocks[i].last.Less(id) })
}

// Has reports whether there is an entry id.
func (s *Stream) Has(id ID) (bool, error) {
	i := s.search(id)
	if i == s.Blocks() {
		return false, nil
	}
	_, ok := s.blocks[i].find(id)
	return ok, nil
}

// CountAfter is the number of entries above id. It looks into one block, and
// counts the others from the nearer end of the stream.
func (s *Stream) CountAfter(id ID) (uint64, error) {
	blocks := s.blocks[:s.Blocks()]
	from, ok := id.Next()
	i := s.search(from)
	if !ok || i == len(blocks) {
		return 0, nil
	}
	ord, _ := blocks[i].seek(from)
	n := uint64(blocks[i].liveIn(ord, blocks[i].n))
	if i > len(blocks)/2 {
		for _, b := range blocks[i+1:] {
			n += uint64(b.live)
		}
		return n, nil
	}
	n += s.length
	for _, b := range blocks[:i+1] {
		n -= uint64(b.live)
	}
	return n, nil
}

// Delete takes out the entry id, and reports whether there was one. It moves
// MaxDeletedID.
func (s *Stream) Delete(id ID) bool {
	if !s.take(id) {
		return false
	}
	if s.maxDeleted.Less(id) {
		s.maxDeleted = id
	}
	return true
}

// Drop takes out entries from anywhere as Trim does from the front:
// MaxDeletedID stays. It returns how many there were.
func (s *Stream) Drop(ids []ID) (removed uint64) {
	for _, id := range ids {
		if s.take(id) {
			removed++
		}
	}
	return removed
}

// take takes out the entry id, and reports whether there was one.
func (s *Stream) take(id ID) bool {
	i := s.search(id)
	if i == s.Blocks() {
		return false
	}
	b := s.blocks[i]
	ord, ok := b.find(id)
	if !ok {
		return false
	}
	b.kill(ord)
	s.length--
	if start, ok := b.lastNode(); ok && i == len(s.blocks)-1 && ord >= start && b.liveIn(start, b.n) == 0 {
		s.nodeEntries = 0 // nothing is left of the open node
	}
	s.tidy(i)
	return true
}

// tidy gives back memory after entries of block i died.
func (s *Stream) tidy(i int) {
	b := s.blocks[i]
	holes := b.n - b.start - b.live
	switch {
	case b.live == 0:
		s.remove(i)
	case len(b.data) >= groupBytes && (holes > b.live || b.live*8 < b.n):
		s.rewrite(i, 0)
	}
}

// remove takes out block i, in which nothing is alive.
func (s *Stream) remove(i int) {
	b := s.blocks[i]
	if i < len(s.blocks)-1 {
		if slices.ContainsFunc(b.groups, func(g group) bool { return g.node }) {
			s.beginNode(i + 1)
		}
		s.blocks = slices.Delete(s.blocks, i, i+1)
	} else {
		// The memory stays, for a queue that is emptied after every append must
		// not allocate each time.
		*b = block{data: b.data[:0], groups: b.groups[:0]}
		s.w = writer{b: b}
		s.nodeEntries = 0
	}
	if len(s.blocks) == 1 && s.w.b.n == 0 && cap(s.w.b.data) > maxSpare {
		s.blocks, s.w = nil, writer{}
	}
}

// maxSpare bounds the memory that a stream without entries keeps.
const maxSpare = 1 << 10

// beginNode notes that a node begins with block i at the latest.
func (s *Stream) beginNode(i int) {
	if i < s.Blocks() {
		s.blocks[i].groups[0].node = true
	} else {
		s.nodeEntries = 0
	}
}

// rewrite replaces block i, in which something is alive, by one without its
// dead entries. The open block keeps as much room again, and room bytes.
func (s *Stream) rewrite(i, room int) {
	old := s.blocks[i]
	size := len(old.data)/old.n*old.live + maxHead
	if i == len(s.blocks)-1 {
		size = max(2*size+room, firstSize)
	}
	w := writer{b: &block{
		data:   make([]byte, 0, size),
		groups: make([]group, 0, old.live/groupEntries+2),
	}}
	g := old.groupOf(old.start)
	node := slices.ContainsFunc(old.groups[:g+1], func(g group) bool { return g.node })
	for c := old.at(old.start); ; c.next() {
		if g+1 < len(old.groups) && c.ord == int(old.groups[g+1].ord) {
			g++
			node = node || old.groups[g].node
		}
		if !old.isDead(c.ord) {
			w.copy(&c, node)
			node = false
		}
		if c.ord == old.n-1 {
			break
		}
		c.skip()
	}
	s.blocks[i] = w.b
	if i == len(s.blocks)-1 {
		s.w = w
	}
	if node {
		s.beginNode(i + 1)
	}
}
