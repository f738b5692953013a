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
	stream   *Stream
	place    place  // of the block that c and saved are in
	b        *block // that block; nil: over
	err      error
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
	it := Iter{stream: s, from: from, to: to, place: s.search(from)}
	if it.place != s.end() && !to.Less(from) && !to.Less(s.at(it.place).first) {
		if b := it.enter(); b != nil {
			it.c = b.group(max(b.seekGroup(from), b.groupOf(b.start)))
			it.vals = it.c.pos
		}
	}
	return it
}

// Reverse goes over the same entries as Range, backwards.
func (s *Stream) Reverse(from, to ID) Iter {
	it := Iter{stream: s, from: from, to: to, reverse: true, place: s.search(to)}
	ok := true
	if it.place == s.end() {
		it.place, ok = s.before(it.place)
	}
	if ok && !to.Less(from) && !s.at(it.place).last.Less(from) {
		if b := it.enter(); b != nil {
			it.group = b.seekGroup(to) + 1
		}
	}
	return it
}

// enter makes the block at it.place the one that it walks over, nil if it cannot
// be read.
func (it *Iter) enter() *block {
	it.left = 0
	if it.b = it.stream.atHand(it.place); it.b == nil {
		it.err = it.stream.want(it.place, it.reverse)
		return nil
	}
	if part := it.stream.at(it.place); part.Body == nil && it.hasAll(part) {
		it.stream.soon(it.place, it.reverse) // once, and not for each of those who read on within the block
	}
	it.c.data = it.b.data
	return it.b
}

// hasAll reports whether the walk begins no later than at the block's first entry,
// or backwards its last.
func (it *Iter) hasAll(b *block) bool {
	if it.reverse {
		return !it.to.Less(b.last)
	}
	return !b.first.Less(it.from)
}

// end ends the walk.
func (it *Iter) end() bool {
	it.b, it.left = nil, 0
	return false
}

// Next goes to the next entry and reports whether there is one. If not, there may
// be an Err.
func (it *Iter) Next() bool {
	b := it.b
	if b == nil {
		return false
	}
	if it.reverse {
		return it.prev()
	}
	c := &it.c
	c.pos = skipBytes(c.data, it.vals, it.left)
	for {
		if c.ord+1 >= b.n {
			s := it.stream
			it.place = s.next(it.place)
			if it.place == s.end() || it.to.Less(s.at(it.place).first) {
				return it.end()
			}
			if b = it.enter(); b == nil {
				return false
			}
			*c = b.group(b.groupOf(b.start))
		}
		c.next()
		if c.ord < b.start || b.isDead(c.ord) || c.id.Less(it.from) {
			c.skip()
			continue
		}
		if it.to.Less(c.id) {
			return it.end()
		}
		break
	}
	it.id, it.n, it.left, it.names, it.vals = c.id, c.n, c.n, c.name, c.vals
	return true
}

func (it *Iter) prev() bool {
	b := it.b
	for {
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
				return it.end()
			}
			it.id, it.n, it.left, it.names, it.vals = e.id, int(e.n), int(e.n), int(e.name), int(e.vals)
			return true
		}
		if it.group == 0 {
			place, ok := it.stream.before(it.place)
			if !ok || it.stream.at(place).last.Less(it.from) {
				return it.end()
			}
			it.place = place
			if b = it.enter(); b == nil {
				return false
			}
			it.group = len(b.groups)
		}
		it.group--
		it.decodeGroup(b)
	}
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
func (it *Iter) Err() error { return it.err }

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
