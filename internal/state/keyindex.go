package state

// keyIndex finds the positions of a table's entries by their hashes: open addressing with linear probing. A large table has
// indexParts of them, by the upper bits of the hash, so that one that grows is rebuilt in some microseconds.
type keyIndex struct {
	parts [][]uint32 // position+1, 0 is free; each has a power of two of places, at most half of them full
	sizes []uint32   // how many are in each part
}

const (
	indexParts    = 256
	partsFrom     = 8192 // entries; from there on there are indexParts
	leastPart     = 32   // places
	fullestFactor = 2    // places for each entry, at least
)

func (x *keyIndex) number(hash uint32) int {
	if len(x.parts) == 1 {
		return 0
	}
	return int(hash >> 24)
}

func (x *keyIndex) part(hash uint32) []uint32 { return x.parts[x.number(hash)] }

// add enters the last entry of a table, which may need another size for it.
func (x *keyIndex) add(t *table, hash, place uint32) {
	switch {
	case x.parts == nil && t.count <= smallTable:
		return
	case x.parts == nil:
		x.rebuild(t, 1)
		return
	case len(x.parts) == 1 && t.count > partsFrom:
		x.rebuild(t, indexParts)
		return
	}
	n := x.number(hash)
	x.sizes[n]++
	if int(x.sizes[n])*fullestFactor > len(x.parts[n]) {
		x.resize(t, n)
	}
	link(x.parts[n], hash, place)
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
	if x.parts != nil {
		part := x.part(hash)
		part[bucketOf(part, hash, from)] = to
	}
}

// remove takes a place out and closes the gap, so that no probe sequence is cut and no tombstone is needed.
func (x *keyIndex) remove(t *table, hash, place uint32) {
	if x.parts == nil {
		return
	}
	n := x.number(hash)
	part := x.parts[n]
	x.sizes[n]--
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
	case x.parts == nil:
	case t.count <= smallTable/2:
		*x = keyIndex{}
	case len(x.parts) > 1 && t.count < partsFrom/4:
		x.rebuild(t, 1)
	case len(x.parts) == 1 && len(x.parts[0]) > 16*t.count && len(x.parts[0]) > leastPart:
		x.rebuild(t, 1)
	}
}

// rebuild makes the index anew with so many parts.
func (x *keyIndex) rebuild(t *table, parts int) {
	*x = keyIndex{parts: make([][]uint32, parts), sizes: make([]uint32, parts)}
	for pos := range t.count {
		x.sizes[x.number(t.at(pos).hash)]++
	}
	for n, size := range x.sizes {
		x.parts[n] = make([]uint32, partFor(size))
	}
	for pos := range t.count {
		hash := t.at(pos).hash
		link(x.part(hash), hash, uint32(pos+1))
	}
}

func partFor(size uint32) int {
	places := leastPart
	for places < int(size)*2*fullestFactor {
		places *= 2
	}
	return places
}

// resize doubles one part.
func (x *keyIndex) resize(t *table, n int) {
	was := x.parts[n]
	part := make([]uint32, 2*len(was))
	for _, place := range was {
		if place != 0 {
			link(part, t.at(int(place-1)).hash, place)
		}
	}
	x.parts[n] = part
}
