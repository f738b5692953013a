package state

// keyIndex finds the positions of a table's entries by their hashes: open addressing with linear probing. A large table has
// indexParts of them, by the upper bits of the hash, so that one that grows is rebuilt in some microseconds.
type keyIndex struct {
	only  []uint32      // position+1, 0 is free; a power of two of places, at most half of them full
	parts *indexInParts // instead of it, in a large table
}

type indexInParts struct {
	all   [indexParts][]uint32
	sizes [indexParts]uint32 // how many are in each
}

// none reports whether the table has no index.
func (x *keyIndex) none() bool { return x.only == nil && x.parts == nil }

const (
	indexParts    = 256
	partsFrom     = 8192 // entries; above them there are indexParts
	leastPart     = 32   // places
	fullestFactor = 2    // places for each entry, at least
)

func (x *keyIndex) part(hash uint32) []uint32 {
	if x.only != nil {
		return x.only
	}
	return x.parts.all[hash>>24]
}

// add enters the last entry of a table, which may need another size for it.
func (x *keyIndex) add(t *table, hash, place uint32) {
	switch {
	case x.none() && t.count <= smallTable:
	case x.none(), x.only != nil && (t.count > partsFrom || t.count*fullestFactor > len(x.only)):
		x.rebuild(t)
	case x.only != nil:
		link(x.only, hash, place)
	default:
		n := hash >> 24
		if x.parts.sizes[n]++; int(x.parts.sizes[n])*fullestFactor > len(x.parts.all[n]) {
			x.double(t, n)
		}
		link(x.parts.all[n], hash, place)
	}
}

// link puts a place into the first free bucket of its probe sequence.
func link(part []uint32, hash, place uint32) {
	mask := uint32(len(part) - 1)
	i := hash & mask
	for part[i] != 0 {
		i = (i + 1) & mask
	}
	part[i] = place
}

// bucketOf returns the bucket that holds a place, which must be there.
func bucketOf(part []uint32, hash, place uint32) uint32 {
	mask := uint32(len(part) - 1)
	i := hash & mask
	for part[i] != place {
		i = (i + 1) & mask
	}
	return i
}

// rename says that an entry has another position now.
func (x *keyIndex) rename(hash, from, to uint32) {
	if !x.none() {
		part := x.part(hash)
		part[bucketOf(part, hash, from)] = to
	}
}

// remove takes a place out and closes the gap, so that no probe sequence is cut and no tombstone is needed.
func (x *keyIndex) remove(t *table, hash, place uint32) {
	if x.none() {
		return
	}
	part := x.part(hash)
	if x.parts != nil {
		x.parts.sizes[hash>>24]--
	}
	mask := uint32(len(part) - 1)
	hole := bucketOf(part, hash, place)
	for i := (hole + 1) & mask; part[i] != 0; i = (i + 1) & mask {
		home := t.at(int(part[i]-1)).hash & mask
		// The entry may move back into the hole unless its home lies cyclically in (hole, i].
		if (i-home)&mask >= (i-hole)&mask {
			part[hole] = part[i]
			hole = i
		}
	}
	part[hole] = 0
}

// shrink gives memory back once the table has become much smaller.
func (x *keyIndex) shrink(t *table) {
	switch {
	case x.none():
	case t.count <= smallTable/2:
		*x = keyIndex{}
	case x.parts != nil && t.count < partsFrom/4, x.only != nil && len(x.only) > 16*t.count && len(x.only) > leastPart:
		x.rebuild(t)
	}
}

// rebuild makes the index anew, as the table's size wants it.
func (x *keyIndex) rebuild(t *table) {
	*x = keyIndex{}
	if t.count <= partsFrom {
		x.only = make([]uint32, partFor(t.count))
	} else {
		x.parts = new(indexInParts)
		for pos := range t.count {
			x.parts.sizes[t.at(pos).hash>>24]++
		}
		for n, size := range x.parts.sizes {
			x.parts.all[n] = make([]uint32, partFor(int(size)))
		}
	}
	for pos := range t.count {
		hash := t.at(pos).hash
		link(x.part(hash), hash, uint32(pos+1))
	}
}

// partFor returns how many places so many entries need.
func partFor(size int) int {
	places := leastPart
	for places < size*fullestFactor {
		places *= 2
	}
	return places
}

// double makes one part larger.
func (x *keyIndex) double(t *table, n uint32) {
	was := x.parts.all[n]
	part := make([]uint32, 2*len(was))
	for _, place := range was {
		if place != 0 {
			link(part, t.at(int(place-1)).hash, place)
		}
	}
	x.parts.all[n] = part
}
