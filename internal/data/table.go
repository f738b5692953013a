// Package data holds the values that Weir keeps in memory, without protocol: they could serve a program that has never
// heard of Redis. Nothing here locks, reads a clock or logs; callers serialise access.
package data

import "hash/maphash"

// Table maps byte-string keys to values of type V. It is a dense slice of entries plus an index from hash to position.
//
//   - An entry's position is observable (At), so walking positions downwards visits every key that is present for the
//     whole walk at least once, whatever is inserted or deleted meanwhile: insertion appends above the walk, and deletion
//     moves the last entry, which the walk has passed already, into the hole.
//   - Small tables (up to smallTable entries) have no index: a scan over eight hashes is faster than a probe.
//
// The zero Table is empty and ready. Lookups take []byte and never allocate.
type Table[V any] struct {
	entries []tableEntry[V]
	index   []uint32 // open addressing, linear probing; position+1, 0 = free; length a power of two, at most half full
}

type tableEntry[V any] struct {
	key   string
	hash  uint32
	value V
}

const smallTable = 8

// hashSeed makes collisions unpredictable to clients. It influences no result: order is by position only.
var hashSeed = maphash.MakeSeed()

func hashOf(key []byte) uint32 { return uint32(maphash.Bytes(hashSeed, key)) }

// Len returns the number of entries.
func (t *Table[V]) Len() int { return len(t.entries) }

// At returns the entry at a position in [0, Len).
func (t *Table[V]) At(pos int) (key string, value V) {
	e := &t.entries[pos]
	return e.key, e.value
}

// Get returns the value of key.
func (t *Table[V]) Get(key []byte) (value V, ok bool) {
	if pos := t.find(key, hashOf(key)); pos >= 0 {
		return t.entries[pos].value, true
	}
	return value, false
}

// Set adds or replaces key and reports whether it was added.
func (t *Table[V]) Set(key []byte, value V) (added bool) {
	hash := hashOf(key)
	if pos := t.find(key, hash); pos >= 0 {
		t.entries[pos].value = value
		return false
	}
	t.entries = append(t.entries, tableEntry[V]{key: string(key), hash: hash, value: value})
	switch n := len(t.entries); {
	case t.index == nil && n <= smallTable:
	case n*2 > len(t.index):
		t.rebuild()
	default:
		t.link(hash, uint32(n))
	}
	return true
}

// Delete removes key and reports whether it was there. The last entry takes its position.
func (t *Table[V]) Delete(key []byte) bool {
	hash := hashOf(key)
	pos := t.find(key, hash)
	if pos < 0 {
		return false
	}
	last := len(t.entries) - 1
	if t.index != nil {
		t.unlink(hash, uint32(pos+1))
		if pos != last {
			t.index[t.bucketOf(t.entries[last].hash, uint32(last+1))] = uint32(pos + 1)
		}
	}
	t.entries[pos] = t.entries[last]
	t.entries[last] = tableEntry[V]{}
	t.entries = t.entries[:last]
	t.shrink()
	return true
}

func (t *Table[V]) find(key []byte, hash uint32) int {
	if t.index == nil {
		for i := range t.entries {
			if e := &t.entries[i]; e.hash == hash && e.key == string(key) {
				return i
			}
		}
		return -1
	}
	mask := uint32(len(t.index) - 1)
	for i := hash & mask; t.index[i] != 0; i = (i + 1) & mask {
		pos := t.index[i] - 1
		if e := &t.entries[pos]; e.hash == hash && e.key == string(key) {
			return int(pos)
		}
	}
	return -1
}

// link puts a position (plus one) into the first free bucket of its probe sequence.
func (t *Table[V]) link(hash, ref uint32) {
	mask := uint32(len(t.index) - 1)
	i := hash & mask
	for t.index[i] != 0 {
		i = (i + 1) & mask
	}
	t.index[i] = ref
}

// bucketOf returns the bucket that holds ref, which must be there.
func (t *Table[V]) bucketOf(hash, ref uint32) uint32 {
	mask := uint32(len(t.index) - 1)
	i := hash & mask
	for t.index[i] != ref {
		i = (i + 1) & mask
	}
	return i
}

// unlink empties ref's bucket and closes the gap, so that no probe sequence is cut and no tombstone is needed.
func (t *Table[V]) unlink(hash, ref uint32) {
	mask := uint32(len(t.index) - 1)
	hole := t.bucketOf(hash, ref)
	for i := (hole + 1) & mask; t.index[i] != 0; i = (i + 1) & mask {
		home := t.entries[t.index[i]-1].hash & mask
		// The entry may move back into the hole unless its home lies cyclically in (hole, i].
		if (i-home)&mask >= (i-hole)&mask {
			t.index[hole] = t.index[i]
			hole = i
		}
	}
	t.index[hole] = 0
}

func (t *Table[V]) rebuild() {
	size := 4 * smallTable
	for size < 4*len(t.entries) {
		size *= 2
	}
	t.index = make([]uint32, size)
	for i := range t.entries {
		t.link(t.entries[i].hash, uint32(i+1))
	}
}

// shrink gives memory back once a table has become much smaller than its capacity.
func (t *Table[V]) shrink() {
	n := len(t.entries)
	if n == 0 {
		*t = Table[V]{}
		return
	}
	if cap(t.entries) <= 4*smallTable || n > cap(t.entries)/4 {
		return
	}
	t.entries = append(make([]tableEntry[V], 0, 2*n), t.entries...)
	if n <= smallTable {
		t.index = nil
	} else {
		t.rebuild()
	}
}
