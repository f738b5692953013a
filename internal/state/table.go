package state

import (
	"encoding/binary"
	"hash/maphash"
	"unsafe"
)

// table is the keys of one slot of one database. It is a dense list of entries plus an index from hash to position.
//
//   - A position is observable, so walking positions downwards visits every key that is present for the whole walk at
//     least once, whatever is inserted or deleted meanwhile: insertion appends above the walk, and removal moves the last
//     entry, which the walk has passed already, into the hole.
//   - Small tables (up to smallTable entries) are searched by a mark of each entry's hash: looking for a key among a hundred
//     thousand is mostly waiting for memory, and marks save the look at an index and at entries that are not it.
//   - The list is in pages, and the index of a large table in parts, so that no growth copies more than one of them: a hash
//     tag can put any number of keys into one slot.
type table struct {
	first   page // each page has pageEntries but the last, which has as many as fit
	count   int
	index   keyIndex
	expires []expiry
	more    []page
	objects *objects // nil: none
	_       [tableSize - 160]byte
}

// tableSize is a multiple of a line of a processor's cache. A table is in one piece with others: what a small one is searched
// by is one line, the first page.
const tableSize = 192

var _ [tableSize]byte = [unsafe.Sizeof(table{})]byte{}

// expiry is a key that expires, in no order. The entry knows its place in the list.
type expiry struct {
	atMS int64
	pos  uint32
}

const (
	smallTable  = 12
	pageEntries = 512
)

// hashSeed makes collisions unpredictable to clients. It influences no result: order is by position only.
var hashSeed = maphash.MakeSeed()

func hashOf(key []byte) uint32 { return uint32(maphash.Bytes(hashSeed, key)) }

func (t *table) at(pos int) *entry { return &t.page(pos).entries[pos%pageEntries] }

// page returns the page of a position. It is valid until a page comes or goes.
func (t *table) page(pos int) *page {
	if pos < pageEntries {
		return &t.first
	}
	return &t.more[pos/pageEntries-1]
}

// markOf is what a small table says of an entry.
func markOf(hash uint32) byte { return byte(hash >> 24) }

// find returns the position of a key, -1 if it is not there.
func (t *table) find(key []byte) int { return t.findHash(key, hashOf(key)) }

func (t *table) findHash(key []byte, hash uint32) int {
	if p := &t.first; len(p.entries) <= smallTable {
		mark := markOf(hash)
		for i := range p.entries {
			if p.marks[i] == mark && p.entries[i].hash == hash && string(t.key(i)) == string(key) {
				return i
			}
		}
		return -1
	}
	part := t.index.part(hash)
	mask := uint32(len(part) - 1)
	for i := hash & mask; part[i] != 0; i = (i + 1) & mask {
		pos := int(part[i] - 1)
		if t.at(pos).hash == hash && string(t.key(pos)) == string(key) {
			return pos
		}
	}
	return -1
}

// insert adds a key, which is not there, with room for a value of so many bytes, and returns its position.
func (t *table) insert(key []byte, kind Kind, room int) int {
	pos := t.count
	if pos/pageEntries > len(t.more) {
		t.more = append(t.more, page{})
	}
	p := t.page(pos)
	if len(p.entries) == cap(p.entries) { // less generous than append: there are 16,384 tables
		p.entries = append(make([]entry, 0, min(pageEntries, len(p.entries)+len(p.entries)/4+2)), p.entries...)
	}
	hash := hashOf(key)
	p.entries = append(p.entries, entry{hash: hash, meta: uint32(kind)})
	t.count++
	cell := t.takeCell(pos, cellSize(key, room))
	cell = append(binary.AppendUvarint(cell, uint64(len(key))), key...)
	t.resizeCell(pos, len(cell))
	if pos < smallTable {
		t.first.marks[pos] = markOf(hash)
	}
	t.index.add(t, hash, uint32(t.count))
	return pos
}

// remove takes the entry at a position out. The last one takes its place.
func (t *table) remove(pos int) {
	e, last := t.at(pos), t.count-1
	t.persist(e)
	t.release(pos)
	t.dropCell(pos)
	t.index.remove(t, e.hash, uint32(pos+1))
	if pos != last {
		l := t.at(last)
		t.index.rename(l.hash, uint32(last+1), uint32(pos+1))
		t.moveCell(last, pos)
		*e = *l
		if pos < smallTable {
			t.first.marks[pos] = markOf(l.hash)
		}
		if e.expiring != 0 {
			t.expires[e.expiring-1].pos = uint32(pos)
		}
	}
	p := t.page(last)
	if p.entries = p.entries[:last%pageEntries]; len(p.entries) == 0 {
		*p = page{}
		t.more = t.more[:max(last/pageEntries-1, 0)]
	} else if len(p.entries) <= cap(p.entries)/4 && cap(p.entries) > 8 {
		p.entries = append(make([]entry, 0, 2*len(p.entries)), p.entries...)
	}
	t.count--
	if pos < t.count {
		t.page(pos).tidy()
	}
	if last%pageEntries > 0 {
		t.page(last).tidy()
	}
	t.index.shrink(t)
}

// valueAt returns what the entry at a position holds.
func (t *table) valueAt(pos int) Value {
	e, b := t.at(pos), t.behind(pos)
	v := Value{Kind: e.kind(), Edited: e.meta&metaEdited != 0}
	if e.meta&metaObject != 0 {
		v.Object = t.objects.list[binary.LittleEndian.Uint32(b)]
	} else {
		v.Packed = b[:len(b):len(b)]
	}
	return v
}

// objects are what a table has besides bytes: values that are not packed, and cells that are too large for a slab.
type objects struct {
	list []any // nil: free
	free []uint32
}

// hold finds a place for an object.
func (t *table) hold(o any) uint32 {
	if t.objects == nil {
		t.objects = new(objects)
	}
	l := t.objects
	if n := len(l.free); n > 0 {
		place := l.free[n-1]
		l.free = l.free[:n-1]
		l.list[place] = o
		return place
	}
	l.list = append(l.list, o)
	return uint32(len(l.list) - 1)
}

// letGo frees a place that hold found.
func (t *table) letGo(place uint32) {
	l := t.objects
	l.list[place] = nil
	if l.free = append(l.free, place); len(l.free) == len(l.list) {
		t.objects = nil
	}
}

// release lets go of the object of the entry at a position, if it has one.
func (t *table) release(pos int) {
	if t.at(pos).meta&metaObject == 0 {
		return
	}
	if s, ok := t.giveUp(pos).(*Stream); ok {
		s.Release()
	}
}

// giveUp returns the object of the entry at a position, which has it no longer.
func (t *table) giveUp(pos int) any {
	place := binary.LittleEndian.Uint32(t.behind(pos))
	o := t.objects.list[place]
	t.letGo(place)
	t.at(pos).mark(metaObject, false)
	return o
}

// expiryOf returns when an entry expires, in unix milliseconds; ok is false if it does not.
func (t *table) expiryOf(e *entry) (atMS int64, ok bool) {
	if e.expiring == 0 {
		return 0, false
	}
	return t.expires[e.expiring-1].atMS, true
}

// expire sets when the entry at a position expires.
func (t *table) expire(pos int, atMS int64) {
	e := t.at(pos)
	if e.expiring == 0 {
		t.expires = append(t.expires, expiry{pos: uint32(pos)})
		e.expiring = uint32(len(t.expires))
	}
	t.expires[e.expiring-1].atMS = atMS
}

// persist makes an entry not expire.
func (t *table) persist(e *entry) {
	if e.expiring == 0 {
		return
	}
	last := len(t.expires) - 1
	moved := t.expires[last]
	t.expires[e.expiring-1] = moved
	t.at(int(moved.pos)).expiring = e.expiring
	e.expiring = 0
	if t.expires = t.expires[:last]; last == 0 {
		t.expires = nil
	} else if last < cap(t.expires)/4 {
		t.expires = append(make([]expiry, 0, 2*last), t.expires...)
	}
}
