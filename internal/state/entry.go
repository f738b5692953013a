package state

import (
	"encoding/binary"
	"unsafe"
)

// entry is a key and its value, one of a page of a table.
//
// The cell holds the key, and behind it the packed value, or which of the table's objects the value is. So a small value
// costs nothing besides its bytes. Cells stand in the slab of their page (slab.go): neither they nor entries are anything
// that the garbage collector would have to follow.
//
//	+-----------------+-----+-------------------------------------+
//	| uvarint key len | key | packed value, or 4 bytes: an object |
//	+-----------------+-----+-------------------------------------+
type entry struct {
	hash     uint32
	meta     uint32 // see below
	stamp    uint32 // the number of the last Copy that has it, or that was begun before it was made
	expiring uint32 // one more than its place in the table's list of keys that expire; 0: it does not
	from     uint32 // where the cell begins in the slab; with metaAlone: which of the table's objects the cell is
	size     uint16 // bytes of the cell
	room     uint16 // that it may grow to
}

// The parts of entry.meta.
const (
	metaKind   = 7
	metaObject = 1 << 3 // the value is an object
	metaShared = 1 << 4 // a Copy may have the cell: it is not to be edited, but replaced
	metaEdited = 1 << 5 // see Value.Edited
	metaAlone  = 1 << 6 // the cell is too large for a slab
	metaSeen   = 8      // from this bit on: the second in which it was used last, modulo 2^24
)

// cellSize returns how long the cell of a key is, with room for a value of so many bytes.
func cellSize(key []byte, room int) int {
	head := 1
	for n := len(key); n >= 0x80; n >>= 7 {
		head++
	}
	return head + len(key) + room
}

// split returns where the key begins and ends.
func split(cell []byte) (from, to int) {
	if n := cell[0]; n < 0x80 {
		return 1, 1 + int(n)
	}
	n, size := binary.Uvarint(cell)
	return size, size + int(n)
}

func (e *entry) kind() Kind { return Kind(e.meta & metaKind) }

func (e *entry) mark(flag uint32, on bool) {
	if on {
		e.meta |= flag
	} else {
		e.meta &^= flag
	}
}

// see notes that the key was used.
func (e *entry) see(nowMS int64) {
	e.meta = e.meta&(1<<metaSeen-1) | uint32(nowMS/1000)<<metaSeen
}

// wasSeen reports whether the key was used since it was read from disk.
func (e *entry) wasSeen() bool { return e.meta>>metaSeen != 0 }

// idle returns for how many seconds the key was not used.
func (e *entry) idle(nowMS int64) int64 {
	return int64((uint32(nowMS/1000) - e.meta>>metaSeen) & (1<<24 - 1))
}

// ref is an entry, to be changed. It is valid until a key of its table comes or goes.
type ref struct {
	database *database
	table    *table
	slot     uint16
	pos      int
}

func (r ref) entry() *entry { return r.table.at(r.pos) }

// key returns the key's bytes, which stay as they are whatever becomes of the key.
func (r ref) key() []byte { return r.table.key(r.pos) }

// value returns what the entry holds.
func (r ref) value() Value { return r.table.valueAt(r.pos) }

// packed returns the packed value for editing in place, with the room that is behind it.
func (r ref) packed() []byte {
	if r.entry().meta&metaShared != 0 {
		cell := r.table.cell(r.pos)
		r.table.replaceCell(r.pos, cap(cell), cell, nil)
	}
	return r.table.behind(r.pos)
}

// place returns which of the table's objects the value is.
func (r ref) place() uint32 { return binary.LittleEndian.Uint32(r.table.behind(r.pos)) }

// object returns the value's object, nil if it is packed.
func (r ref) object() any {
	if r.entry().meta&metaObject != 0 {
		return r.table.objects.list[r.place()]
	}
	return nil
}

// putPacked makes bytes the value: those that packed returned and that were edited, or others, which are copied.
func (r ref) putPacked(b []byte) {
	t, e := r.table, r.entry()
	cell := t.cell(r.pos)
	_, to := split(cell)
	inPlace := len(b) > 0 && cap(cell) > to && unsafe.SliceData(b) == unsafe.SliceData(cell[to:cap(cell)])
	switch {
	case inPlace: // edited
		t.resizeCell(r.pos, to+len(b))
	case e.meta&(metaShared|metaObject) == 0 && to+len(b) <= cap(cell) && to+len(b) >= cap(cell)/2:
		copy(cell[to:cap(cell)], b)
		t.resizeCell(r.pos, to+len(b))
	default:
		room := len(b)
		if e.meta&metaObject == 0 && len(cell) > to && len(b) > len(cell)-to {
			room += len(b) / 8 // what has grown will grow
		}
		t.release(r.pos)
		t.replaceCell(r.pos, to+room, cell[:to], b)
	}
}

// putObject makes an object the value. It is not nil.
func (r ref) putObject(o any) {
	t, e := r.table, r.entry()
	if e.meta&metaObject != 0 {
		t.objects.list[r.place()] = o
		return
	}
	cell := t.cell(r.pos)
	_, to := split(cell)
	t.replaceCell(r.pos, to+4, cell[:to], binary.LittleEndian.AppendUint32(nil, t.hold(o)))
	e.mark(metaObject, true)
}

// remove takes the key away.
func (r ref) remove() { r.database.remove(r.slot, r.pos) }

// put makes what a value holds the entry's.
func (r ref) put(v Value) {
	if v.Object != nil {
		r.putObject(v.Object)
	} else {
		r.putPacked(v.Packed)
	}
	r.noteTimes()
}
