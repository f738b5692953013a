package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"
)

// Ref says where the content of a sealed block lies outside of memory: in which segment file, and where in it. The zero
// Ref is nowhere.
type Ref struct {
	Segment        uint64
	Offset, Length uint32 // bytes
}

// Source hands out the content of blocks that are not in memory. Its caller holds whatever guards the stream.
type Source interface {
	// Body returns the content at ref if it is at hand, else nil.
	Body(ref Ref) *Body
	// Want asks for content: that at the first of refs is needed now, that at the others probably next. It returns ErrCold
	// when it is on its way, ErrTooMuch, or why it cannot be had.
	Want(refs []Ref) error
	// Soon says which content will probably be needed. It may be ignored.
	Soon(refs []Ref)
}

// ErrCold says that the content of a block must be read first. Nothing has changed; the same call will succeed later.
var ErrCold = errors.New("stream: the block is not in memory")

// ErrTooMuch says that a caller needs more blocks at once than its source is ready to hold.
var ErrTooMuch = errors.New("stream: too many blocks that are not in memory are needed at once")

// LostError says that the entries of a block cannot be read.
type LostError struct {
	First, Last ID
	Err         error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("stream: the entries from %v to %v cannot be read: %v", e.First, e.Last, e.Err)
}

func (e *LostError) Unwrap() error { return e.Err }

// Body is the content of a block: its entries as bytes, and the restart points in them. That of a sealed block never
// changes, and may be read by many goroutines.
type Body struct {
	data   []byte
	groups []group
}

const bodySize = int(unsafe.Sizeof(Body{}))

// Size is the memory that b holds, in bytes.
func (b *Body) Size() int { return bodySize + cap(b.data) + cap(b.groups)*groupSize }

const groupSize = int(unsafe.Sizeof(group{}))

// ErrBody says that bytes are not the encoding of a Body.
var ErrBody = errors.New("stream: not the content of a block")

// Append encodes b:
//
//	+---------+------------------------------------------------------+------+
//	| uvarint | per restart point: uvarint offset above the one      | data |
//	| number  | before, uvarint ordinal above it << 1 | node         |      |
//	+---------+------------------------------------------------------+------+
func (b *Body) Append(dst []byte) []byte {
	for v := range b.numbers {
		dst = binary.AppendUvarint(dst, v)
	}
	return append(dst, b.data...)
}

// numbers goes through those in front of the data.
func (b *Body) numbers(yield func(uint64) bool) {
	if !yield(uint64(len(b.groups))) {
		return
	}
	var prev group
	for _, g := range b.groups {
		ord := uint64(g.ord-prev.ord) << 1
		if g.node {
			ord |= 1
		}
		if !yield(uint64(g.off-prev.off)) || !yield(ord) {
			return
		}
		prev = g
	}
}

// encodedLen is how many bytes Append appends.
func (b *Body) encodedLen() int {
	n := len(b.data)
	for v := range b.numbers {
		n += uvarintLen(v)
	}
	return n
}

// DecodeBody decodes what Append encoded, and keeps p. The caller has made sure by a checksum that p is that; of other
// bytes DecodeBody finds only the coarse faults.
func DecodeBody(p []byte) (*Body, error) {
	n, at := binary.Uvarint(p)
	if at <= 0 || n == 0 || n > uint64(len(p)-at)/2 {
		return nil, ErrBody
	}
	b := &Body{groups: make([]group, n)}
	var off, ord uint64
	for i := range b.groups {
		step, size := binary.Uvarint(p[at:])
		if size <= 0 {
			return nil, ErrBody
		}
		at += size
		next, size := binary.Uvarint(p[at:])
		if size <= 0 {
			return nil, ErrBody
		}
		at += size
		off, ord = off+step, ord+next>>1
		if i > 0 && (step == 0 || next>>1 == 0) || i == 0 && (off != 0 || ord != 0) || off >= uint64(len(p)) || ord > maxOrdinal {
			return nil, ErrBody
		}
		b.groups[i] = group{off: uint32(off), ord: uint16(ord), node: next&1 != 0}
	}
	b.data = p[at:]
	if off >= uint64(len(b.data)) {
		return nil, ErrBody
	}
	return b, nil
}

const maxOrdinal = 1<<16 - 1
