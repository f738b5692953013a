package data

import (
	"encoding/binary"
	"math/bits"
)

// A string is also bits: the first is the highest of the first byte. Long runs are worked on by words of 64 bits.

// Bit returns a bit, 0 beyond the end.
func (s String) Bit(at int) int { return int(s.At(at/8)>>(7-at%8)) & 1 }

// CountBits returns how many bits of [from, to) are set: those of a range of bits, within the string.
func (s String) CountBits(from, to int) int {
	if from >= to {
		return 0
	}
	n := 0
	first, last := from/8, (to-1)/8
	for at := first; at <= last; {
		span := s.Span(at, last+1)
		n += countOnes(span)
		at += len(span)
	}
	n -= bits.OnesCount8(s.At(first) &^ (0xff >> (from % 8)))
	return n - bits.OnesCount8(s.At(last)&^(0xff<<((8-to%8)%8)))
}

func countOnes(b []byte) int {
	n := 0
	for ; len(b) >= 32; b = b[32:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b)) + bits.OnesCount64(binary.LittleEndian.Uint64(b[8:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(b[16:])) + bits.OnesCount64(binary.LittleEndian.Uint64(b[24:]))
	}
	for _, c := range b {
		n += bits.OnesCount8(c)
	}
	return n
}

// FindBit returns the first bit in [from, to), a range of bits within the string, that is 0 or 1; -1 if none is.
func (s String) FindBit(bit, from, to int) int {
	if from >= to {
		return -1
	}
	var flip byte // makes what is looked for a 1
	if bit == 0 {
		flip = 0xff
	}
	found := func(at int) int {
		if at < to {
			return at
		}
		return -1
	}
	first, last := from/8, (to-1)/8
	if c := (s.At(first) ^ flip) & (0xff >> (from % 8)); c != 0 {
		return found(first*8 + bits.LeadingZeros8(c))
	}
	for at := first + 1; at <= last; {
		span := s.Span(at, last+1)
		if i := firstOne(span, flip); i >= 0 {
			return found(at*8 + i)
		}
		at += len(span)
	}
	return -1
}

// firstOne returns the first bit that is 1 when all are flipped or none is.
func firstOne(b []byte, flip byte) int {
	word := uint64(flip) * 0x0101010101010101
	at := 0
	for ; at+8 <= len(b); at += 8 {
		if w := binary.BigEndian.Uint64(b[at:]) ^ word; w != 0 {
			return at*8 + bits.LeadingZeros64(w)
		}
	}
	for ; at < len(b); at++ {
		if c := b[at] ^ flip; c != 0 {
			return at*8 + bits.LeadingZeros8(c)
		}
	}
	return -1
}

// BitOp is how the bits of strings are combined.
type BitOp byte

// The numbers stand in the log: they never change.
const (
	BitAnd BitOp = iota
	BitOr
	BitXor
	BitNot // of one string
)

// Combine returns the bits of strings combined, as long as the longest: shorter ones end in zeros. There is at least one.
func (op BitOp) Combine(of []String) String {
	size := 0
	for _, s := range of {
		size = max(size, s.Len())
	}
	if size <= MaxPackedString {
		out := make([]byte, size)
		op.combine(out, of, 0)
		return String{Packed: out}
	}
	large := new(Blob)
	large.grow(size)
	for at := 0; at < size; at += blobPage {
		if op != BitNot && op.stayZero(of, at) {
			continue
		}
		page := make([]byte, min(blobPage, size-at))
		op.combine(page, of, at)
		large.pages[at/blobPage] = page
	}
	return String{Large: large}
}

// stayZero says that the page at an offset need not be there, because of pages that are not.
func (op BitOp) stayZero(of []String, at int) bool {
	missing := 0
	for _, s := range of {
		if at >= s.Len() || s.Large != nil && len(s.Large.pages[at/blobPage]) == 0 {
			missing++
		}
	}
	return missing == len(of) || op == BitAnd && missing > 0
}

// combine fills a page, or what is there of it, of the result. Spans do not cross pages.
func (op BitOp) combine(out []byte, of []String, at int) {
	for i, s := range of {
		filled := 0
		for end := min(at+len(out), s.Len()); at+filled < end; {
			span := s.Span(at+filled, end)
			part := out[filled:]
			if i == 0 {
				copy(part, span)
			} else {
				op.into(part, span)
			}
			filled += len(span)
		}
		if i > 0 && op == BitAnd {
			clear(out[filled:])
		}
	}
	if op == BitNot {
		flipAll(out)
	}
}

// into combines bytes of out, of which there are enough, with others.
func (op BitOp) into(out, with []byte) {
	out = out[:len(with)]
	switch op {
	case BitAnd:
		for ; len(with) >= 8; out, with = out[8:], with[8:] {
			binary.LittleEndian.PutUint64(out, binary.LittleEndian.Uint64(out)&binary.LittleEndian.Uint64(with))
		}
		for i := range with {
			out[i] &= with[i]
		}
	case BitOr:
		for ; len(with) >= 8; out, with = out[8:], with[8:] {
			binary.LittleEndian.PutUint64(out, binary.LittleEndian.Uint64(out)|binary.LittleEndian.Uint64(with))
		}
		for i := range with {
			out[i] |= with[i]
		}
	case BitXor:
		for ; len(with) >= 8; out, with = out[8:], with[8:] {
			binary.LittleEndian.PutUint64(out, binary.LittleEndian.Uint64(out)^binary.LittleEndian.Uint64(with))
		}
		for i := range with {
			out[i] ^= with[i]
		}
	}
}

func flipAll(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, ^binary.LittleEndian.Uint64(b))
	}
	for i := range b {
		b[i] ^= 0xff
	}
}

// BitsAt returns up to 64 bits from a place on, as a number: the first is the highest. Beyond the end they are 0.
func (s String) BitsAt(at, n int) uint64 {
	var v uint64
	last := (at + n - 1) / 8
	for i := at / 8; i <= last; i++ {
		c := s.At(i)
		if i == at/8 {
			c &= 0xff >> (at % 8)
		}
		if i == last {
			unused := 7 - (at+n-1)%8
			v = v<<(8-unused) | uint64(c>>unused)
		} else {
			v = v<<8 | uint64(c)
		}
	}
	return v
}

// WithBits returns the bytes that up to 64 bits are in as they would be if these were the lowest n of a number, and at which
// offset they are. It changes nothing.
func (s String) WithBits(at, n int, v uint64) (offset int, b [9]byte, size int) {
	offset = at / 8
	size = (at+n-1)/8 - offset + 1
	for i := range size {
		b[i] = s.At(offset + i)
	}
	for i := range n {
		place := at%8 + i
		mask := byte(0x80) >> (place % 8)
		if v>>(n-1-i)&1 != 0 {
			b[place/8] |= mask
		} else {
			b[place/8] &^= mask
		}
	}
	return offset, b, size
}
