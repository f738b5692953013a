package stream

import "encoding/binary"

// cursor decodes a block forwards. It trusts the bytes: they were written by
// this process.
type cursor struct {
	data []byte
	pos  int // of the entry that next decodes
	ord  int // ordinal of the entry decoded last
	id   ID
	def  int // offset of its definition of names
	n    int // number of its fields
	name int // offset behind the count in the definition
	vals int // offset of its values
}

// group returns a cursor in front of group g.
func (b *block) group(g int) cursor {
	return cursor{data: b.data, pos: int(b.groups[g].off), ord: int(b.groups[g].ord) - 1}
}

// next decodes the entry at pos up to its values. It does not move pos: skip
// does, or a reader that has seen the values and knows where they end.
func (c *cursor) next() {
	data, p := c.data, c.pos
	head := data[p]
	p++
	if head&headRestart != 0 {
		c.id = ID{}
	}
	switch head >> headIDShift & headIDMask {
	case idNext:
		c.id.Seq++
	case idSeq:
		d, n := uvarint64(data, p)
		c.id.Seq += d + 2
		p = n
	case idMS:
		d, n := uvarint64(data, p)
		c.id = ID{c.id.MS + d + 1, 0}
		p = n
	case idMSSeq:
		d, n := uvarint64(data, p)
		seq, n := uvarint64(data, n)
		c.id = ID{c.id.MS + d + 1, seq + 1}
		p = n
	}
	switch head & headNames {
	case headRef:
		c.def, p = uvarint(data, p)
		c.n, c.name = uvarint(data, c.def)
	case headDef:
		c.def = p
		c.n, c.name = uvarint(data, c.def)
		p = c.defEnd()
	}
	c.vals = p
	c.ord++
}

// skip moves pos behind the values of the entry decoded last.
func (c *cursor) skip() { c.pos = c.end() }

// end is the offset behind the values.
func (c *cursor) end() int { return skipBytes(c.data, c.vals, c.n) }

// defEnd is the offset behind the definition of names.
func (c *cursor) defEnd() int { return skipBytes(c.data, c.name, c.n) }

// skipBytes returns the offset behind n byte strings at p.
func skipBytes(data []byte, p, n int) int {
	for range n {
		if size := data[p]; size < 0x80 {
			p += 1 + int(size)
			continue
		}
		size, at := uvarint(data, p)
		p = at + size
	}
	return p
}

// uvarint decodes a length or an offset at p and returns the offset behind it.
func uvarint(data []byte, p int) (int, int) {
	if v := data[p]; v < 0x80 {
		return int(v), p + 1
	}
	v, n := binary.Uvarint(data[p:])
	return int(v), p + n
}

func uvarint64(data []byte, p int) (uint64, int) {
	if v := data[p]; v < 0x80 {
		return uint64(v), p + 1
	}
	v, n := binary.Uvarint(data[p:])
	return v, p + n
}
