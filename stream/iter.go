package stream

// Iter walks over entries, and over the fields of each:
//
//	for it := s.Range(from, to); it.Next(); {
//		for it.Field() {
//			use(it.ID(), it.Name(), it.Value())
//		}
//	}
//
// It allocates nothing. It, and every slice it gives out, is valid until the
// next change of the stream.
type Iter struct {
	blocks   []*block
	block    int // index of the block that c and saved are in
	from, to ID
	reverse  bool

	c     cursor
	id    ID
	n     int // fields of the entry
	left  int // fields not yet seen
	names int // offset of the next name
	vals  int // offset of the next value
	name  []byte
	value []byte

	// Going backwards: the entries of the group last decoded, those not yet seen
	// being saved[:nsaved], and the index of that group.
	saved  [groupEntries]savedEntry
	nsaved int
	group  int
}

type savedEntry struct {
	id   ID
	ord  int32
	n    uint32
	name uint32
	vals uint32
}

// Range goes from the first entry not below from to the last not above to.
func (s *Stream) Range(from, to ID) Iter {
	it := Iter{blocks: s.blocks[:s.Blocks()], from: from, to: to, block: s.search(from)}
	if it.block < len(it.blocks) && !to.Less(from) {
		b := s.blocks[it.block]
		it.c = b.group(max(b.seekGroup(from), b.groupOf(b.start)))
		it.vals = it.c.pos
	} else {
		it.block = len(it.blocks)
	}
	return it
}

// Reverse goes over the same entries as Range, backwards.
func (s *Stream) Reverse(from, to ID) Iter {
	it := Iter{blocks: s.blocks[:s.Blocks()], from: from, to: to, reverse: true, block: -1}
	if n := len(it.blocks); n > 0 && !to.Less(from) {
		it.block = min(s.search(to), n-1)
		it.c.data = s.blocks[it.block].data
		it.group = s.blocks[it.block].seekGroup(to) + 1
	}
	return it
}

// Next goes to the next entry and reports whether there is one.
func (it *Iter) Next() bool {
	if it.reverse {
		return it.prev()
	}
	if it.block >= len(it.blocks) {
		return false
	}
	b := it.blocks[it.block]
	c := &it.c
	c.pos = skipBytes(c.data, it.vals, it.left)
	for {
		if c.ord+1 >= b.n {
			if it.block++; it.block >= len(it.blocks) {
				it.left = 0
				return false
			}
			b = it.blocks[it.block]
			*c = b.group(b.groupOf(b.start))
		}
		c.next()
		if it.to.Less(c.id) {
			it.block, it.left = len(it.blocks), 0
			return false
		}
		if c.ord >= b.start && !b.isDead(c.ord) && !c.id.Less(it.from) {
			break
		}
		c.skip()
	}
	it.id, it.n, it.left, it.names, it.vals = c.id, c.n, c.n, c.name, c.vals
	return true
}

func (it *Iter) prev() bool {
	for it.block >= 0 {
		b := it.blocks[it.block]
		for it.nsaved > 0 {
			it.nsaved--
			e := &it.saved[it.nsaved]
			if it.to.Less(e.id) || b.isDead(int(e.ord)) {
				continue
			}
			if int(e.ord) < b.start {
				it.nsaved, it.group = 0, 0
				break
			}
			if e.id.Less(it.from) {
				it.block, it.left = -1, 0
				return false
			}
			it.id, it.n, it.left, it.names, it.vals = e.id, int(e.n), int(e.n), int(e.name), int(e.vals)
			return true
		}
		if it.group == 0 {
			if it.block--; it.block < 0 {
				break
			}
			b = it.blocks[it.block]
			it.c.data = b.data
			it.group = len(b.groups)
		}
		it.group--
		it.decodeGroup(b)
	}
	it.left = 0
	return false
}

// decodeGroup fills saved with the entries of group it.group.
func (it *Iter) decodeGroup(b *block) {
	c := b.group(it.group)
	for end := b.groupEnd(it.group); c.ord+1 < end; c.skip() {
		c.next()
		it.saved[it.nsaved] = savedEntry{c.id, int32(c.ord), uint32(c.n), uint32(c.name), uint32(c.vals)}
		it.nsaved++
	}
}

// Err says why Next has returned false before the end: ErrCold, a *LostError, or nil.
func (it *Iter) Err() error { return nil }

// ID is the ID of the entry.
func (it *Iter) ID() ID { return it.id }

// NumFields is the number of fields of the entry.
func (it *Iter) NumFields() int { return it.n }

// Field goes to the next field of the entry and reports whether there is one.
func (it *Iter) Field() bool {
	if it.left == 0 {
		return false
	}
	it.left--
	data := it.c.data
	size, at := uvarint(data, it.names)
	it.names = at + size
	it.name = data[at:it.names:it.names]
	size, at = uvarint(data, it.vals)
	it.vals = at + size
	it.value = data[at:it.vals:it.vals]
	return true
}

// Raw returns the names and the values of the entry as the block has them: each
// NumFields strings for Cut to take apart. More may follow the values. It is
// for those who write a great many fields; Field is not affected.
func (it *Iter) Raw() (names, values []byte) {
	return it.c.data[it.names:], it.c.data[it.vals:]
}

// Cut takes the first string off what Raw returned.
func Cut(raw []byte) (s, rest []byte) {
	if size := int(raw[0]); size < 0x80 {
		return raw[1 : 1+size], raw[1+size:]
	}
	return cutLong(raw)
}

func cutLong(raw []byte) (s, rest []byte) {
	size, at := uvarint(raw, 0)
	return raw[at : at+size], raw[at+size:]
}

// Name is the name of the field.
func (it *Iter) Name() []byte { return it.name }

// Value is the value of the field.
func (it *Iter) Value() []byte { return it.value }
