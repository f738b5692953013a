package data

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// dictShard is a small table of elements, each an item of bytes:
//
//	uvarint length of key | key | uvarint length of value | value
//
// Items stand one behind the other in one slab. What is removed leaves a gap there; when the gaps are half of the slab, or
// in the way, the items move together. A long item has memory of its own, which is never changed, so that copying or
// splitting a shard never moves much.
//
// The elements are numbered, without holes: the last one takes the number of one that is removed. The index finds the number
// by the hash, by open addressing with linear probing; a place of it is
//
//	15        10 9                    0
//	+-----------+----------------------+
//	| hash bits | number+1, 0 if free  |
//	+-----------+----------------------+
//
// The bits of the hash make nearly all comparisons in vain end there, in memory that is at hand.
type dictShard struct {
	index      []uint16 // length a power of two, at most four fifths full
	refs       []dictRef
	items      []byte
	apart      [][]byte // long items; nil: none
	gaps       int      // bytes of items that belong to no element
	apartBytes int
	generation uint64 // of the Dict when the shard was made: see Dict.own
	depth      uint8  // how many bits all hashes share
}

// dictRef is an element: its hash, and where in items it is, or which of the items apart.
type dictRef struct {
	hash uint32
	at   uint32
}

const (
	shardMost  = 800     // elements: so many fill an index of 1024 places
	shardBytes = 26000   // of items; with a quarter more the slab has 32 KB, the most that Go's allocator has at hand
	apartFrom  = 4 << 10 // an item of that many bytes is apart

	numberBits = 10
	numberMask = 1<<numberBits - 1
	isApart    = 1 << 31
)

// home returns the place where the search for a hash begins. The high bits of all hashes of a shard are the same, so all
// bits are mixed.
func (s *dictShard) home(hash uint32) uint32 {
	return hash * 0x9E3779B1 >> (33 - bits.Len32(uint32(len(s.index))))
}

// mark is what the index says of an element.
func mark(hash uint32, pos int) uint16 { return uint16(hash)<<numberBits | uint16(pos+1) }

// find returns the number of the element with a key, or -1.
func (s *dictShard) find(hash uint32, key []byte) int {
	if len(s.index) == 0 {
		return -1
	}
	mask := uint32(len(s.index) - 1)
	for i := s.home(hash) & mask; ; i = (i + 1) & mask {
		p := s.index[i]
		if p == 0 {
			return -1
		}
		if (p^uint16(hash)<<numberBits)&^numberMask != 0 {
			continue
		}
		pos := int(p&numberMask) - 1
		if s.refs[pos].hash == hash && bytes.Equal(s.key(pos), key) {
			return pos
		}
	}
}

// item returns the bytes of a long item, or those from an item on.
func (s *dictShard) item(pos int) []byte {
	at := s.refs[pos].at
	if at&isApart != 0 {
		return s.apart[at&^isApart]
	}
	return s.items[at:]
}

func (s *dictShard) key(pos int) []byte {
	key, _ := cutBytes(s.item(pos))
	return key
}

func (s *dictShard) at(pos int) (key, value []byte) {
	key, rest := cutBytes(s.item(pos))
	value, _ = cutBytes(rest)
	return key, value
}

// whole returns the bytes of an item.
func (s *dictShard) whole(pos int) []byte {
	item := s.item(pos)
	_, rest := cutBytes(item)
	_, rest = cutBytes(rest)
	return item[: len(item)-len(rest) : len(item)-len(rest)]
}

// cutBytes splits off a length and so many bytes, which are there.
func cutBytes(b []byte) (front, rest []byte) {
	n, size := int(b[0]), 1
	if n >= 0x80 {
		long, s := binary.Uvarint(b)
		n, size = int(long), s
	}
	n += size
	return b[size:n:n], b[n:]
}

func uvarintSize(n int) int { return (bits.Len64(uint64(n)|1) + 6) / 7 }

func itemSize(key, value []byte) int {
	return uvarintSize(len(key)) + len(key) + uvarintSize(len(value)) + len(value)
}

func appendItem(b, key, value []byte) []byte {
	b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
	return append(binary.AppendUvarint(b, uint64(len(value))), value...)
}

// live returns how many bytes the items in the slab have.
func (s *dictShard) live() int { return len(s.items) - s.gaps }

// memory returns how many bytes the shard holds.
func (s *dictShard) memory() int {
	const self = 160
	return self + 2*cap(s.index) + 8*cap(s.refs) + cap(s.items) + 24*cap(s.apart) + s.apartBytes
}

// fits reports whether there is room for one more item.
func (s *dictShard) fits(size int) bool {
	if s.depth == deepest {
		return true
	}
	return len(s.refs) < shardMost && (size >= apartFrom || s.live()+size <= shardBytes)
}

// overwrite replaces a value by one of equal length, in place. It returns false if that cannot be.
func (s *dictShard) overwrite(pos int, value []byte) bool {
	_, old := s.at(pos)
	if len(old) != len(value) || s.refs[pos].at&isApart != 0 {
		return false
	}
	copy(old, value)
	return true
}

// add adds an element, which is not there and fits.
func (s *dictShard) add(hash uint32, key, value []byte) {
	size := itemSize(key, value)
	if size >= apartFrom {
		s.link(hash, s.putApart(appendItem(make([]byte, 0, size), key, value)))
		return
	}
	if need := len(s.items) + size; need > cap(s.items) {
		s.pack(max(roomier(s.live()+size), 32))
	}
	at := uint32(len(s.items))
	s.items = appendItem(s.items, key, value)
	s.link(hash, at)
}

// roomier returns the capacity for so many: there is always room for a good part more, so that what is seldom done is done
// seldom.
func roomier(size int) int { return size + size/4 }

func (s *dictShard) putApart(item []byte) (at uint32) {
	s.apartBytes += cap(item)
	for i := range s.apart {
		if s.apart[i] == nil {
			s.apart[i] = item
			return isApart | uint32(i)
		}
	}
	s.apart = append(s.apart, item)
	return isApart | uint32(len(s.apart)-1)
}

// link makes an element of an item.
func (s *dictShard) link(hash, at uint32) {
	n := len(s.refs)
	if n == numberMask {
		panic("data: a thousand keys of nearly the same hash")
	}
	if n == cap(s.refs) {
		s.refs = append(make([]dictRef, 0, min(roomier(n)+4, numberMask)), s.refs...)
	}
	s.refs = append(s.refs, dictRef{hash, at})
	if 5*(n+1) > 4*len(s.index) {
		s.reindex()
	} else {
		s.enter(n)
	}
}

// enter puts an element into the index.
func (s *dictShard) enter(pos int) {
	hash := s.refs[pos].hash
	mask := uint32(len(s.index) - 1)
	i := s.home(hash) & mask
	for s.index[i] != 0 {
		i = (i + 1) & mask
	}
	s.index[i] = mark(hash, pos)
}

// reindex makes an index of the size that the number of elements needs.
func (s *dictShard) reindex() {
	size := 8
	for 4*size < 5*len(s.refs) {
		size *= 2
	}
	s.index = make([]uint16, size)
	for pos := range s.refs {
		s.enter(pos)
	}
}

// remove removes an element.
func (s *dictShard) remove(pos int) {
	size := len(s.whole(pos))
	switch at := s.refs[pos].at; {
	case at&isApart != 0:
		s.apartBytes -= cap(s.apart[at&^isApart])
		s.apart[at&^isApart] = nil
	case int(at)+size == len(s.items):
		s.items = s.items[:at]
	default:
		s.gaps += size
	}
	last := len(s.refs) - 1
	s.leave(pos)
	if pos != last {
		s.index[s.placeOf(last)] = mark(s.refs[last].hash, pos)
		s.refs[pos] = s.refs[last]
	}
	s.refs = s.refs[:last]
}

// placeOf returns where in the index an element is.
func (s *dictShard) placeOf(pos int) uint32 {
	hash := s.refs[pos].hash
	p := mark(hash, pos)
	mask := uint32(len(s.index) - 1)
	i := s.home(hash) & mask
	for s.index[i] != p {
		i = (i + 1) & mask
	}
	return i
}

// leave takes an element out of the index, and closes the hole, so that no search ends too early.
func (s *dictShard) leave(pos int) {
	mask := uint32(len(s.index) - 1)
	hole := s.placeOf(pos)
	for i := (hole + 1) & mask; s.index[i] != 0; i = (i + 1) & mask {
		home := s.home(s.refs[s.index[i]&numberMask-1].hash) & mask
		// What is at i may move into the hole unless its search begins behind that.
		if (i-home)&mask >= (i-hole)&mask {
			s.index[hole] = s.index[i]
			hole = i
		}
	}
	s.index[hole] = 0
}

// tidy gives back memory of what was removed, once it is a good part of the shard.
func (s *dictShard) tidy() {
	n := len(s.refs)
	if n == 0 {
		*s = dictShard{generation: s.generation, depth: s.depth}
		return
	}
	const small = 64 // not worth the trouble
	if cap(s.items) > small && s.live() < cap(s.items)/2 {
		s.pack(roomier(s.live()))
	}
	if cap(s.refs) > small/8 && n < cap(s.refs)/2 {
		s.refs = append(make([]dictRef, 0, roomier(n)), s.refs...)
	}
	if len(s.index) > small/2 && n < len(s.index)/4 {
		s.reindex()
	}
}

// pack moves the items together, into a new slab.
func (s *dictShard) pack(capacity int) {
	items := make([]byte, 0, capacity)
	if s.gaps == 0 {
		s.items = append(items, s.items...)
		return
	}
	for pos := range s.refs {
		if at := &s.refs[pos].at; *at&isApart == 0 {
			item := s.whole(pos)
			*at = uint32(len(items))
			items = append(items, item...)
		}
	}
	s.items, s.gaps = items, 0
}

// clone returns a shard of its own with the same elements.
func (s *dictShard) clone() *dictShard {
	c := *s
	c.refs = append(make([]dictRef, 0, cap(s.refs)), s.refs...)
	c.index = append([]uint16(nil), s.index...)
	c.apart = append([][]byte(nil), s.apart...)
	c.pack(cap(s.items))
	return &c
}

// split returns two shards with the elements, by the next bit of the hash.
func (s *dictShard) split() (low, high *dictShard) {
	bit := uint32(1) << (31 - s.depth)
	halves := [2]*dictShard{{depth: s.depth + 1}, {depth: s.depth + 1}}
	var n, size [2]int
	for pos := range s.refs {
		half := 0
		if s.refs[pos].hash&bit != 0 {
			half = 1
		}
		n[half]++
		if s.refs[pos].at&isApart == 0 {
			size[half] += len(s.whole(pos))
		}
	}
	for half, h := range halves {
		h.reserve(n[half], roomier(size[half]))
	}
	for pos := range s.refs {
		half := halves[0]
		if s.refs[pos].hash&bit != 0 {
			half = halves[1]
		}
		half.take(s, pos)
	}
	for _, h := range halves {
		h.reindex()
	}
	return halves[0], halves[1]
}

// merged returns a shard with the elements of both.
func (s *dictShard) merged(twin *dictShard) *dictShard {
	m := &dictShard{depth: s.depth - 1}
	m.reserve(len(s.refs)+len(twin.refs), roomier(s.live()+twin.live()))
	for _, from := range [...]*dictShard{s, twin} {
		for pos := range from.refs {
			m.take(from, pos)
		}
	}
	m.reindex()
	return m
}

// reserve makes room in an empty shard.
func (s *dictShard) reserve(n, size int) {
	s.refs = make([]dictRef, 0, roomier(n))
	s.items = make([]byte, 0, size)
}

// take appends an element of another shard, but does not enter it into the index.
func (s *dictShard) take(from *dictShard, pos int) {
	ref := from.refs[pos]
	item := from.whole(pos)
	if ref.at&isApart != 0 {
		ref.at = s.putApart(item)
	} else {
		ref.at = uint32(len(s.items))
		s.items = append(s.items, item...)
	}
	s.refs = append(s.refs, ref)
}
