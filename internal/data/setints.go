package data

import (
	"encoding/binary"
	"math"
	"strconv"
)

// packedInts is a set of integers: their width in bytes, then the integers in little-endian order, ascending.
//
//	+-------+---------+---------+-----+
//	| width | least   | next    | ... |
//	|   1   | 2, 4, 8 | 2, 4, 8 |     |
//	+-------+---------+---------+-----+
//
// All have the width that the widest needs, or once needed.
type packedInts []byte

// The first byte of packed integers.
const (
	intWidth2 = 2
	intWidth4 = 4
	intWidth8 = 8
)

func widthOf(v int64) int {
	switch {
	case v >= math.MinInt16 && v <= math.MaxInt16:
		return intWidth2
	case v >= math.MinInt32 && v <= math.MaxInt32:
		return intWidth4
	default:
		return intWidth8
	}
}

func (p packedInts) width() int { return int(p[0]) }

func (p packedInts) len() int { return (len(p) - 1) / p.width() }

func (p packedInts) at(i int) int64 {
	switch p[0] {
	case intWidth2:
		return int64(int16(binary.LittleEndian.Uint16(p[1+2*i:])))
	case intWidth4:
		return int64(int32(binary.LittleEndian.Uint32(p[1+4*i:])))
	default:
		return int64(binary.LittleEndian.Uint64(p[1+8*i:]))
	}
}

// put overwrites an integer by one that the width suffices for.
func (p packedInts) put(i int, v int64) {
	switch p[0] {
	case intWidth2:
		binary.LittleEndian.PutUint16(p[1+2*i:], uint16(v))
	case intWidth4:
		binary.LittleEndian.PutUint32(p[1+4*i:], uint32(v))
	default:
		binary.LittleEndian.PutUint64(p[1+8*i:], uint64(v))
	}
}

// search returns where an integer is, or where it would stand.
func (p packedInts) search(v int64) (pos int, found bool) {
	low, high := 0, p.len()
	if high > 0 && v > p.at(high-1) { // ascending members are a common case
		return high, false
	}
	for low < high {
		mid := int(uint(low+high) / 2)
		if p.at(mid) < v {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < p.len() && p.at(low) == v
}

func (p packedInts) contains(v int64) bool {
	_, found := p.search(v)
	return found
}

// begin returns the set of one integer. p is empty; its room is used.
func (p packedInts) begin(v int64) packedInts {
	w := widthOf(v)
	p = p.grow(1 + w)
	p[0] = byte(w)
	p.put(0, v)
	return p
}

// insert adds an integer that is not there at the place that search has given.
func (p packedInts) insert(pos int, v int64) packedInts {
	if w := widthOf(v); w > p.width() {
		p = p.widened(w)
	}
	w := p.width()
	p = p.grow(w)
	copy(p[1+(pos+1)*w:], p[1+pos*w:len(p)-w])
	p.put(pos, v)
	return p
}

// remove takes out the integer at a place. The set without a member is nil.
func (p packedInts) remove(pos int) packedInts {
	w := p.width()
	if len(p) == 1+w {
		return nil
	}
	return append(p[:1+pos*w], p[1+(pos+1)*w:]...)
}

var zeros [intWidth8 + 1]byte

// grow appends up to len(zeros) bytes.
func (p packedInts) grow(n int) packedInts { return append(p, zeros[:n]...) }

// widened returns the same integers in another width, and room for one more.
func (p packedInts) widened(w int) packedInts {
	n := p.len()
	wide := make(packedInts, 1+n*w, 1+(n+1)*w)
	wide[0] = byte(w)
	for i := range n {
		wide.put(i, p.at(i))
	}
	return wide
}

func (p packedInts) each(yield func([]byte) bool) {
	var digits [20]byte
	for i := range p.len() {
		if !yield(strconv.AppendInt(digits[:0], p.at(i), 10)) {
			return
		}
	}
}

func (p packedInts) check() bool {
	if (len(p)-1)%p.width() != 0 || p.len() == 0 || p.len() > setMostInts {
		return false
	}
	for i := 1; i < p.len(); i++ {
		if p.at(i-1) >= p.at(i) {
			return false
		}
	}
	return true
}
