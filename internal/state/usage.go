package state

import "unsafe"

// Usage returns the memory that a key and its value hold, in bytes; not what of a stream is in files. ok is false if the
// key is not there.
func (tx *Tx) Usage(key []byte) (bytes int, ok bool) {
	r, ok := tx.lookup(key)
	if !ok {
		return 0, false
	}
	e := r.entry()
	const place = 3 * 4 // in the index, which is between a half and a quarter full
	bytes = int(unsafe.Sizeof(*e)) + place + cap(r.table.cell(r.pos))
	if e.expiring != 0 {
		bytes += int(unsafe.Sizeof(expiry{}))
	}
	switch o := r.object().(type) {
	case nil:
	case *Stream:
		bytes += o.Bytes() + o.Groups.Bytes()
	case interface{ Bytes() int }:
		bytes += o.Bytes()
	}
	return bytes, true
}
