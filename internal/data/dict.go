package data

import (
	"bytes"
	"hash/maphash"
	"iter"
	"slices"
)

// Dict maps byte strings to byte strings; it is what large hashes, sets and sorted sets are made of.
//
// One big hash table would have to move all of its elements when it grows, would be one slab of memory, and could only be
// copied whole. So a Dict is many small tables, its shards, found by the high bits of the hash (extendible hashing): the
// directory has 1<<depth places, a shard of depth d serves all hashes that begin with the same d bits, so it stands at
// 1<<(depth-d) places next to each other.
//
//	directory   0000 0001 0010 0011 0100 0101 0110 0111 1000 ... 1111
//	shards      \_A, depth 2_____/  \_B, depth 3_/ C(4) D(4) \_E, depth 1_
//
// A full shard splits by one more bit, and twice a shard's worth of work is the longest that a Set takes; two shards that
// differ in their last bit merge when they have become small. A shard holds its elements as flat bytes, with no Go pointer
// per element (see dictShard).
//
// A Copy shares the shards: the first change to a shard after it replaces the shard (see own).
//
// Keys and values that are passed are copied, and must not alias the Dict. Those that are returned alias it and are valid
// until its next change. Nothing depends on the order of the elements, which differs from process to process.
type Dict struct {
	directory
	shared     bool   // the list of shards belongs to a copy, too
	generation uint64 // raised by every Copy: a shard of another generation may be a copy's, too
	widest     int    // no shard has ever held more elements
	deep       []int  // how many shards there are of each depth
	bytes      int
}

// directory is the elements of a Dict or of a copy, for reading.
type directory struct {
	shards []*dictShard // 1<<depth of them
	depth  uint8
	n      int
}

// deepest bounds the directory. A shard of that depth does not split: it gets more bytes than it should. For one to get more
// elements than it can, there would have to be ten billion. A variable for tests.
var deepest uint8 = 24

// hashSeed makes collisions unpredictable to clients. It influences no result but the order of elements.
var hashSeed = maphash.MakeSeed()

func hashOf(key []byte) uint32 { return uint32(maphash.Bytes(hashSeed, key)) }

// NewDict returns an empty Dict.
func NewDict() *Dict {
	d := &Dict{directory: directory{shards: []*dictShard{new(dictShard)}}, deep: []int{1}}
	d.bytes = d.shards[0].memory()
	return d
}

// Len returns the number of elements.
func (t *directory) Len() int { return t.n }

// Get returns the value of a key.
func (t *directory) Get(key []byte) (value []byte, ok bool) {
	hash := hashOf(key)
	s := t.shard(hash)
	pos := s.find(hash, key)
	if pos < 0 {
		return nil, false
	}
	_, value = s.at(pos)
	return value, true
}

// All yields every element, once, in no useful order.
func (t *directory) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for i := 0; i < len(t.shards); {
			s := t.shards[i]
			for pos := range s.refs {
				if !yield(s.at(pos)) {
					return
				}
			}
			i += t.span(s)
		}
	}
}

func (t *directory) shard(hash uint32) *dictShard { return t.shards[hash>>(32-t.depth)] }

// span returns at how many places of the directory a shard stands.
func (t *directory) span(s *dictShard) int { return 1 << (t.depth - s.depth) }

// first returns the first of them, for the shard of a hash.
func (t *directory) first(s *dictShard, hash uint32) int {
	return int(hash>>(32-t.depth)) &^ (t.span(s) - 1)
}

// Bytes returns how much memory the Dict holds.
func (d *Dict) Bytes() int { return d.bytes + 8*cap(d.shards) }

// Set adds or replaces an element, and reports whether it was added.
func (d *Dict) Set(key, value []byte) (added bool) { return d.set(hashOf(key), key, value) }

func (d *Dict) set(hash uint32, key, value []byte) (added bool) {
	s := d.shard(hash)
	pos := s.find(hash, key)
	if pos >= 0 {
		// Nobody pays for a shard of their own to write what is there.
		if _, old := s.at(pos); bytes.Equal(old, value) {
			return false
		}
	}
	s = d.own(s, hash)
	if pos >= 0 {
		if s.overwrite(pos, value) {
			return false
		}
		d.bytes -= s.memory()
		s.remove(pos)
		d.bytes += s.memory()
	}
	for size := itemSize(key, value); !s.fits(size); s = d.shard(hash) {
		d.split(s, hash)
	}
	before := s.memory()
	s.add(hash, key, value)
	d.bytes += s.memory() - before
	d.widest = max(d.widest, len(s.refs))
	if pos < 0 {
		d.n++
	}
	return pos < 0
}

// Delete removes an element and reports whether it was there.
func (d *Dict) Delete(key []byte) bool { return d.delete(hashOf(key), key) }

func (d *Dict) delete(hash uint32, key []byte) bool {
	s := d.shard(hash)
	pos := s.find(hash, key)
	if pos < 0 {
		return false
	}
	s = d.own(s, hash)
	before := s.memory()
	s.remove(pos)
	s.tidy()
	d.bytes += s.memory() - before
	d.n--
	for s.depth > 0 && d.merge(s, hash) {
		s = d.shard(hash)
	}
	return true
}

// own returns a shard that may be changed in place of s: s itself, unless a copy may have it.
func (d *Dict) own(s *dictShard, hash uint32) *dictShard {
	if s.generation == d.generation {
		return s
	}
	c := s.clone()
	c.generation = d.generation
	d.bytes += c.memory() - s.memory()
	d.place(c, d.first(s, hash))
	return c
}

// place puts a shard into the directory, from a place on.
func (d *Dict) place(s *dictShard, from int) {
	if d.shared {
		d.shards, d.shared = slices.Clone(d.shards), false
	}
	for i := range d.span(s) {
		d.shards[from+i] = s
	}
}

// split replaces a shard by two.
func (d *Dict) split(s *dictShard, hash uint32) {
	if s.depth == d.depth {
		d.deepen()
	}
	low, high := s.split()
	low.generation, high.generation = d.generation, d.generation
	from := d.first(s, hash)
	d.place(low, from)
	d.place(high, from+d.span(high))
	d.deep[s.depth]--
	d.deep[low.depth] += 2
	d.bytes += low.memory() + high.memory() - s.memory()
}

// deepen doubles the directory.
func (d *Dict) deepen() {
	shards := make([]*dictShard, 2*len(d.shards))
	for i, s := range d.shards {
		shards[2*i], shards[2*i+1] = s, s
	}
	d.shards, d.shared = shards, false
	d.depth++
	d.deep = append(d.deep, 0)
}

// merge makes one shard of s and its twin, the shard whose hashes differ in the last bit that counts, if both are small.
// What is merged is far from full, so that no element that comes and goes makes shards merge and split all the time.
func (d *Dict) merge(s *dictShard, hash uint32) bool {
	if len(s.refs) > shardMost/4 {
		return false
	}
	twin := d.shard(hash ^ 1<<(32-s.depth))
	if twin.depth != s.depth || len(s.refs)+len(twin.refs) > shardMost/2 || s.live()+twin.live() > shardBytes/2 {
		return false
	}
	m := s.merged(twin)
	m.generation = d.generation
	d.bytes += m.memory() - s.memory() - twin.memory()
	d.place(m, d.first(m, hash))
	d.deep[s.depth] -= 2
	d.deep[m.depth]++
	d.widest = max(d.widest, len(m.refs))
	for d.depth > 0 && d.deep[d.depth] == 0 {
		d.flatten()
	}
	return true
}

// flatten halves a directory in which no shard needs its last bit.
func (d *Dict) flatten() {
	shards := make([]*dictShard, len(d.shards)/2)
	for i := range shards {
		shards[i] = d.shards[2*i]
	}
	d.shards, d.shared = shards, false
	d.deep = d.deep[:d.depth]
	d.depth--
}

// DictCopy is the elements of a Dict as they were at a moment. It may be read by another goroutine while the Dict changes.
type DictCopy struct{ directory }

// Copy takes a copy, which shares all of its memory with the Dict. It takes no time to speak of.
func (d *Dict) Copy() *DictCopy {
	d.generation++
	d.shared = true
	return &DictCopy{d.directory}
}
