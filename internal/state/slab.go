package state

import "slices"

// page is some of a table's entries, and the slab that their cells stand in.
//
// A slab is only written behind what is in it, so whoever has a slice of it (a Copy, a reply in the making) keeps what was
// there: cells that nobody has any longer are dead, and their bytes are left alone. When a slab is full, or for the most part
// dead, its live cells are copied into a new one. Only the owner of a cell writes into it, and not once a Copy may have it.
//
//	+------+------+~~~~~~+------+------+------------+
//	| cell | cell | dead | cell | room | free       |
//	+------+------+~~~~~~+------+------+------------+
//	                      the last cell's
type page struct {
	entries []entry
	slab    []byte
	dead    uint32           // bytes of it
	marks   [smallTable]byte // of the hashes of the first entries, in the first page of a table
}

const (
	// mostCell bounds what stands in a slab, and so what of it has to be copied: half a megabyte. Larger cells are for themselves.
	mostCell = 1 << 10
	// A new slab is a spareShare-th larger than needed. What is written once is copied some spareShare times on the way.
	spareShare = 5
	leastDead  = 512 // bytes, that are worth a new slab
)

// loneCell is a cell that is too large for a slab: one of the table's objects.
type loneCell struct{ cell []byte }

// take returns where in the slab there is room for so many bytes.
func (p *page) take(n int) int {
	if len(p.slab)+n > cap(p.slab) {
		p.renew(n)
	}
	from := len(p.slab)
	p.slab = p.slab[:from+n]
	return from
}

// renew copies the live cells into a new slab, with room for so many bytes more.
func (p *page) renew(n int) {
	live := len(p.slab) - int(p.dead)
	spare := (live + n) / spareShare
	if n > 0 {
		spare -= spare % n
	}
	slab := slices.Grow([]byte(nil), live+n+spare)
	for i := range p.entries {
		e := &p.entries[i]
		if e.meta&metaAlone != 0 || e.room == 0 {
			continue
		}
		cell := p.slab[e.from : e.from+uint32(e.room)]
		e.from = uint32(len(slab))
		e.mark(metaShared, false)
		slab = append(slab, cell...)
	}
	p.slab, p.dead = slab, 0
}

// tidy gives memory back when most of the slab is dead.
func (p *page) tidy() {
	if int(p.dead) > max(len(p.slab)/2, leastDead) {
		p.renew(0)
	}
}

// cell returns the cell of the entry at a position, with the room behind it.
func (t *table) cell(pos int) []byte {
	p := t.page(pos)
	e := &p.entries[pos%pageEntries]
	if e.meta&metaAlone != 0 {
		return t.objects.list[e.from].(*loneCell).cell
	}
	return p.slab[e.from : e.from+uint32(e.size) : e.from+uint32(e.room)]
}

// key returns the key of the entry at a position. The bytes stay as they are whatever becomes of it.
func (t *table) key(pos int) []byte {
	cell := t.cell(pos)
	from, to := split(cell)
	return cell[from:to:to]
}

// behind returns what stands behind the key of the entry at a position, with the room there is.
func (t *table) behind(pos int) []byte {
	cell := t.cell(pos)
	_, to := split(cell)
	return cell[to:]
}

// takeCell gives the entry at a position, which has none, a cell with room for so many bytes, and returns it, still empty.
func (t *table) takeCell(pos, room int) []byte {
	p, e := t.page(pos), t.at(pos)
	e.mark(metaShared, false)
	if room > mostCell {
		c := &loneCell{slices.Grow([]byte(nil), room)}
		e.from, e.size, e.room = t.hold(c), 0, 0
		e.mark(metaAlone, true)
		return c.cell
	}
	from := p.take(room)
	e.from, e.size, e.room = uint32(from), 0, uint16(room)
	return p.slab[from : from : from+room]
}

// dropCell takes the cell of the entry at a position away. Its bytes stay as they are.
func (t *table) dropCell(pos int) {
	e := t.at(pos)
	if e.meta&metaAlone != 0 {
		t.letGo(e.from)
		e.mark(metaAlone, false)
	} else {
		t.page(pos).dead += uint32(e.room)
	}
	e.from, e.size, e.room = 0, 0, 0
}

// replaceCell gives the entry at a position another cell, with room for so many bytes, of which it has these.
func (t *table) replaceCell(pos, room int, head, rest []byte) {
	t.dropCell(pos)
	cell := append(append(t.takeCell(pos, room), head...), rest...)
	t.resizeCell(pos, len(cell))
	t.page(pos).tidy()
}

// resizeCell says how much of its room the cell of the entry at a position has.
func (t *table) resizeCell(pos, size int) {
	e := t.at(pos)
	if e.meta&metaAlone != 0 {
		c := t.objects.list[e.from].(*loneCell)
		c.cell = c.cell[:size]
		return
	}
	e.size = uint16(size)
}

// moveCell moves the cell of an entry to where another entry's was.
func (t *table) moveCell(from, to int) {
	e := t.at(from)
	if from/pageEntries == to/pageEntries || e.meta&metaAlone != 0 {
		return
	}
	cell := t.cell(from)
	p := t.page(to)
	at := p.take(cap(cell))
	copy(p.slab[at:], cell)
	t.page(from).dead += uint32(e.room)
	e.from = uint32(at)
	e.mark(metaShared, false)
}
