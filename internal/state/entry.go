package state

import (
	"encoding/binary"
	"unsafe"
)

// entry is a key and its value, one of a table.
//
// The cell holds the key, and behind it the packed value, or which of the table's objects the value is. So a small value
// costs no allocation besides its key's, and nothing that the garbage collector would have to follow.
//
//	+-----------------+-----+-------------------------------------+
//	| uvarint key len | key | packed value, or 4 bytes: an object |
//	+-----------------+-----+-------------------------------------+
type entry struct {
	cell     []byte
	hash     uint32
	meta     uint32 // see below
	stamp    uint32 // the number of the last Copy that has it, or that was begun before it was made
	expiring uint32 // one more than its place in the table's list of keys that expire; 0: it does not
}

// The parts of entry.meta.
const (
	metaKind   = 7
	metaObject = 1 << 3 // the value is an object
	metaShared = 1 << 4 // a Copy may have the cell: it is not to be edited, but replaced
	metaEdited = 1 << 5 // see Value.Edited
	metaSeen   = 8      // from this bit on: the second in which it was used last, modulo 2^24
)

// cellOf returns a cell with a key, and room for a value of so many bytes behind it.
func cellOf(key []byte, room int) []byte {
	var head [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(len(key)))
	cell := append(make([]byte, 0, n+len(key)+room), head[:n]...)
	return append(cell, key...)
}

// split returns where the key begins and ends.
func split(cell []byte) (from, to int) {
	if n := cell[0]; n < 0x80 {
		return 1, 1 + int(n)
	}
	n, size := binary.Uvarint(cell)
	return size, size + int(n)
}

func (e *entry) key() []byte {
	from, to := split(e.cell)
	return e.cell[from:to:to]
}

func (e *entry) kind() Kind { return Kind(e.meta & metaKind) }

// behind returns what stands behind the key, with the room there is.
func (e *entry) behind() []byte {
	_, to := split(e.cell)
	return e.cell[to:]
}

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

// value returns what the entry holds.
func (r ref) value() Value { return r.table.valueOf(r.entry()) }

// packed returns the packed value for editing in place, with the room that is behind it.
func (r ref) packed() []byte {
	e := r.entry()
	if e.meta&metaShared != 0 {
		e.cell = append(make([]byte, 0, cap(e.cell)), e.cell...)
		e.mark(metaShared, false)
	}
	return e.behind()
}

// place returns which of the table's objects the value is.
func (r ref) place() uint32 { return binary.LittleEndian.Uint32(r.entry().behind()) }

// object returns the value's object, nil if it is packed.
func (r ref) object() any {
	if e := r.entry(); e.meta&metaObject != 0 {
		return r.table.objects[r.place()]
	}
	return nil
}

// putPacked makes bytes the value: those that packed returned and that were edited, or others, which are copied.
func (r ref) putPacked(b []byte) {
	e := r.entry()
	_, to := split(e.cell)
	inPlace := len(b) > 0 && cap(e.cell) > to && unsafe.SliceData(b) == unsafe.SliceData(e.cell[to:cap(e.cell)])
	switch {
	case inPlace: // edited
		e.cell = e.cell[:to+len(b)]
	case e.meta&(metaShared|metaObject) == 0 && to+len(b) <= cap(e.cell) && to+len(b) >= cap(e.cell)/2:
		e.cell = append(e.cell[:to], b...)
	default:
		room := len(b)
		if e.meta&metaObject == 0 && len(e.cell) > to && len(b) > len(e.cell)-to {
			room += len(b) / 8 // what has grown will grow
		}
		r.table.release(e)
		e.cell = append(append(make([]byte, 0, to+room), e.cell[:to]...), b...)
		e.mark(metaShared, false)
	}
}

// putObject makes an object the value. It is not nil.
func (r ref) putObject(o any) {
	e := r.entry()
	if e.meta&metaObject != 0 {
		r.table.objects[r.place()] = o
		return
	}
	_, to := split(e.cell)
	e.cell = binary.LittleEndian.AppendUint32(append(make([]byte, 0, to+4), e.cell[:to]...), r.table.hold(o))
	e.mark(metaShared, false)
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
