package stream

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"sort"
	"unsafe"
)

// A block is a run of consecutive entries in one byte slice.
//
//	block   := group group group ...
//	group   := entry{1,16}                  its first entry is a restart point
//	entry   := head | id | names | values
//
//	head      one byte    bits 0-1 names    0 as the entry before
//	                                        1 as the definition at an offset
//	                                        2 defined here
//	                      bits 2-3 id       0 ms as before, seq one more
//	                                        1 ms as before, seq more than one more
//	                                        2 ms above, seq 0
//	                                        3 ms above, seq not 0
//	                      bit  4   restart  the ID before counts as 0-0, and the
//	                                        names are not "as the entry before"
//	                      bits 5-7          zero
//	id        id 0        nothing
//	          id 1        uvarint seq - seq before - 2
//	          id 2        uvarint ms - ms before - 1
//	          id 3        uvarint ms - ms before - 1 | uvarint seq - 1
//	names     names 0     nothing
//	          names 1     uvarint offset in the block of a definition
//	          names 2     the definition: uvarint n | n times (uvarint length | bytes)
//	values                n times (uvarint length | bytes)
//
// Restart points make the inside of a block searchable and let a reader go
// backwards one group at a time; their offsets are in groups, beside the bytes.
// A name definition can be referred to from anywhere behind it in the block, so
// producers that interleave a few shapes of entries pay three bytes for a
// change of shape.
//
// The bytes of an entry never change once written. What is deleted is noted
// outside of them: everything before ordinal start, and the set bits of dead.
//
// A block that is full, and sealed, may be cold: then its content is in a
// segment file, at ref, and only what is noted here is in memory.
type block struct {
	*Body // nil: cold
	ref   Ref

	// dead has a bit per ordinal in [0, n); nil as long as nothing but a prefix
	// was deleted. Bits below start mean nothing.
	dead []uint64
	// gone is what was deleted while the content was not at hand: counted in
	// live, but not yet in start and dead.
	gone *gone

	n     int // entries in the content
	start int // entries in front that are gone; n if all are
	live  int // entries from start on that are not dead

	first ID // of the entries in the content, dead or alive
	last  ID // of them as well; or below that, if only dead ones are above (see SetID)
	front ID // of the entry at start, unless that is 0; zero if it is not known

	node  bool // a node (see trim.go) begins with the block at the latest
	nodes bool // of a sealed block: a node begins at one of its groups

	generation uint64 // of the stream when it was sealed or copied: if that has risen since, a copy of the stream shares it
}

// gone is the deletions in a block that wait for its content.
type gone struct {
	through ID   // everything up to it
	ids     []ID // above that, ascending
}

// has reports whether an entry is known to be gone.
func (g *gone) has(id ID) bool {
	if g == nil {
		return false
	}
	_, found := slices.BinarySearchFunc(g.ids, id, ID.Compare)
	return found || !g.through.Less(id)
}

// group is a restart point.
type group struct {
	off  uint32 // of its first entry in data
	ord  uint16 // ordinal of its first entry
	node bool   // whether a node (see trim.go) begins with it
}

const (
	// A group is full at either of these.
	groupEntries = 16
	groupBytes   = 1 << 10

	// firstSize is the room of a stream's first block to begin with.
	firstSize = 256
)

// The parts of a head.
const (
	headSame = iota
	headRef
	headDef
	headNames   = 3
	headIDShift = 2
	headIDMask  = 3
	headRestart = 1 << 4
)

// The forms of an ID.
const (
	idNext = iota
	idSeq
	idMS
	idMSSeq
)

// writer appends to a block. It remembers where the latest definitions of
// names are, the most recently used one first.
type writer struct {
	b          *block
	refs       [4]uint32
	nrefs      int
	groupStart int // offset of the open group
	groupN     int // entries in it
}

// append encodes an entry. A node begins with it if node is set.
func (w *writer) append(id ID, fields [][]byte, node bool) {
	ref := -1
	for i, at := range w.refs[:w.nrefs] {
		if sameNames(w.b.data[at:], fields) {
			ref = i
			break
		}
	}
	define := w.begin(id, ref, node)
	data := w.b.data
	if define {
		data = binary.AppendUvarint(data, uint64(len(fields)/2))
		for i := 0; i < len(fields); i += 2 {
			data = appendBytes(data, fields[i])
		}
	}
	for i := 1; i < len(fields); i += 2 {
		data = appendBytes(data, fields[i])
	}
	w.b.data = data
}

// copy appends the entry that c stands on, in another block.
func (w *writer) copy(c *cursor, node bool) {
	def := c.data[c.def:c.defEnd()]
	ref := -1
	for i, at := range w.refs[:w.nrefs] {
		if bytes.HasPrefix(w.b.data[at:], def) {
			ref = i
			break
		}
	}
	if w.begin(c.id, ref, node) {
		w.b.data = append(w.b.data, def...)
	}
	w.b.data = append(w.b.data, c.data[c.vals:c.end()]...)
}

// begin writes everything of an entry up to its names, and these too if refs[ref]
// is their definition. Otherwise ref is negative, and the caller is to append the
// definition.
func (w *writer) begin(id ID, ref int, node bool) (define bool) {
	b := w.b
	prev := b.last
	head := byte(headDef)
	restart := node || b.n == 0 || w.groupN >= groupEntries || len(b.data)-w.groupStart >= groupBytes
	switch {
	case ref == 0 && !restart:
		head = headSame
	case ref >= 0:
		head = headRef
	}
	if restart {
		b.groups = append(b.groups, group{off: uint32(len(b.data)), ord: uint16(b.n), node: node})
		w.groupStart, w.groupN = len(b.data), 0
		head |= headRestart
		prev = ID{}
	}
	b.data = appendID(b.data, head, id, prev)
	switch {
	case ref < 0:
		copy(w.refs[1:], w.refs[:])
		w.refs[0] = uint32(len(b.data))
		w.nrefs = min(w.nrefs+1, len(w.refs))
	case head&headNames == headRef:
		at := w.refs[ref]
		copy(w.refs[1:ref+1], w.refs[:ref])
		w.refs[0] = at
		b.data = binary.AppendUvarint(b.data, uint64(at))
	}
	if b.n == 0 {
		b.first = id
	}
	b.last = id
	b.n++
	b.live++
	w.groupN++
	return ref < 0
}

// appendID writes the head, completed by the form of the ID, and the ID.
func appendID(data []byte, head byte, id, prev ID) []byte {
	switch {
	case id.MS == prev.MS && id.Seq == prev.Seq+1:
		return append(data, head|idNext<<headIDShift)
	case id.MS == prev.MS:
		data = append(data, head|idSeq<<headIDShift)
		return binary.AppendUvarint(data, id.Seq-prev.Seq-2)
	case id.Seq == 0:
		data = append(data, head|idMS<<headIDShift)
		return binary.AppendUvarint(data, id.MS-prev.MS-1)
	}
	data = append(data, head|idMSSeq<<headIDShift)
	data = binary.AppendUvarint(data, id.MS-prev.MS-1)
	return binary.AppendUvarint(data, id.Seq-1)
}

// sameNames reports whether the definition at the start of data has the names
// of fields.
func sameNames(data []byte, fields [][]byte) bool {
	n, pos := uvarint(data, 0)
	if n != len(fields)/2 {
		return false
	}
	for i := 0; i < len(fields); i += 2 {
		size, at := uvarint(data, pos)
		if size != len(fields[i]) || string(data[at:at+size]) != string(fields[i]) {
			return false
		}
		pos = at + size
	}
	return true
}

func appendBytes(dst, b []byte) []byte {
	if len(b) < 0x80 {
		dst = append(dst, byte(len(b)))
	} else {
		dst = binary.AppendUvarint(dst, uint64(len(b)))
	}
	return append(dst, b...)
}

// maxHead is the most that the parts of an entry in front of its names can
// take: the head and two uvarints, and the reference to a definition.
const maxHead = 1 + 2*binary.MaxVarintLen64 + binary.MaxVarintLen32

// uvarintLen is the length of v as uvarint.
func uvarintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// shrink gives back room that b no longer needs.
func (b *block) shrink() {
	if room := cap(b.data) - len(b.data); room > len(b.data)/8 {
		b.data = bytes.Clone(b.data)
	}
	if room := cap(b.groups) - len(b.groups); room > len(b.groups)/8 {
		b.groups = slices.Clone(b.groups)
	}
}

// isDead reports whether the entry with an ordinal of at least start is dead.
func (b *block) isDead(ord int) bool {
	return ord>>6 < len(b.dead) && b.dead[ord>>6]&(1<<(ord&63)) != 0
}

// kill marks an entry that is alive.
func (b *block) kill(ord int) {
	b.live--
	if ord == b.start {
		b.start++
		for b.start < b.n && b.isDead(b.start) {
			b.start++
		}
		return
	}
	if words := (b.n + 63) / 64; len(b.dead) < words {
		b.dead = append(b.dead, make([]uint64, words-len(b.dead))...)
	}
	b.dead[ord>>6] |= 1 << (ord & 63)
}

// liveIn counts the living among the ordinals [from, to).
func (b *block) liveIn(from, to int) int {
	from = max(from, b.start)
	if from >= to {
		return 0
	}
	n := to - from
	if b.dead == nil {
		return n
	}
	for w := from >> 6; w <= (to-1)>>6 && w < len(b.dead); w++ {
		word := b.dead[w]
		if w == from>>6 {
			word &= ^uint64(0) << (from & 63)
		}
		if w == (to-1)>>6 {
			word &= ^uint64(0) >> (63 - (to-1)&63)
		}
		n -= bits.OnesCount64(word)
	}
	return n
}

// dropBefore lets go of every entry below ordinal ord and returns how many of
// them were alive.
func (b *block) dropBefore(ord int) int {
	n := b.liveIn(b.start, ord)
	b.live -= n
	b.start = max(b.start, ord)
	for b.start < b.n && b.isDead(b.start) {
		b.start++
	}
	return n
}

// lastLive is the ordinal of the last entry alive; there must be one.
func (b *block) lastLive() int {
	ord := b.n - 1
	for b.isDead(ord) {
		ord--
	}
	return ord
}

// groupOf is the index of the group that ordinal ord is in.
func (b *block) groupOf(ord int) int {
	return sort.Search(len(b.groups), func(i int) bool { return int(b.groups[i].ord) > ord }) - 1
}

// groupEnd is the ordinal behind the last entry of group g.
func (b *block) groupEnd(g int) int {
	if g+1 < len(b.groups) {
		return int(b.groups[g+1].ord)
	}
	return b.n
}

// at returns a cursor on the entry with an ordinal below n.
func (b *block) at(ord int) cursor {
	c := b.group(b.groupOf(ord))
	for c.next(); c.ord < ord; c.next() {
		c.skip()
	}
	return c
}

// seekGroup is the index of the last group that begins at or below id, or else
// of the first.
func (b *block) seekGroup(id ID) int {
	lo, hi := 0, len(b.groups)
	for hi-lo > 1 {
		mid := int(uint(lo+hi) / 2)
		c := b.group(mid)
		c.next()
		if id.Less(c.id) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return lo
}

// seek returns the ordinal and the ID of the first entry, dead or alive, that
// is not below id; ordinal n if there is none.
func (b *block) seek(id ID) (int, ID) {
	if b.last.Less(id) {
		return b.n, ID{}
	}
	c := b.group(b.seekGroup(id))
	for c.next(); c.id.Less(id); c.next() {
		c.skip()
	}
	return c.ord, c.id
}

// find returns the ordinal of the entry id if it is alive.
func (b *block) find(id ID) (int, bool) {
	ord, at := b.seek(id)
	if at != id || ord < b.start || b.isDead(ord) {
		return 0, false
	}
	return ord, true
}

// nodeAt reports whether a node begins with group g.
func (b *block) nodeAt(g int) bool { return b.groups[g].node || g == 0 && b.node }

// hasNode reports whether a node begins with one of the groups up to g.
func (b *block) hasNode(g int) bool {
	return b.node || slices.ContainsFunc(b.groups[:g+1], func(g group) bool { return g.node })
}

// memory is what b holds.
func (b *block) memory() int64 {
	n := blockSize + cap(b.dead)*8
	if b.Body != nil {
		n += b.Body.Size()
	}
	if b.gone != nil {
		n += cap(b.gone.ids) * idSize
	}
	return int64(n)
}

// settle moves what is gone to start and dead, the content being at hand.
func (b *block) settle() {
	g := b.gone
	b.gone, b.front = nil, ID{}
	live := b.live // is right already
	if next, ok := g.through.Next(); ok {
		ord, _ := b.seek(next)
		b.dropBefore(ord)
	}
	for _, id := range g.ids {
		if ord, ok := b.find(id); ok {
			b.kill(ord)
		}
	}
	if n := len(g.ids); n > 0 && b.last.Less(g.ids[n-1]) {
		b.killAbove(b.last)
	}
	b.live = live
}

// killAbove marks the entries above id, which is not above the last one. SetID has
// made that b.last, so that find does not see them.
func (b *block) killAbove(id ID) {
	ord, _ := b.seek(id)
	for c := b.at(ord); ; c.next() {
		if id.Less(c.id) && c.ord >= b.start && !b.isDead(c.ord) {
			b.kill(c.ord)
		}
		if c.ord == b.n-1 {
			return
		}
		c.skip()
	}
}

const (
	blockSize = int(unsafe.Sizeof(block{}))
	idSize    = int(unsafe.Sizeof(ID{}))
)
