package data

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
)

// ListItem is an element of a list: a text, or a number, which stands for its decimal digits. Text is nil for a number.
// Every element that reads as a number is one, so that two items are equal if their fields are.
type ListItem struct {
	Text   []byte
	Number int64
}

// MakeListItem returns text as an item, which aliases it.
func MakeListItem(text []byte) ListItem {
	if n, ok := listNumber(text); ok {
		return ListItem{Number: n}
	}
	if text == nil {
		text = []byte{}
	}
	return ListItem{Text: text}
}

// Equal reports whether two items are the same text.
func (it ListItem) Equal(other ListItem) bool {
	return (it.Text == nil) == (other.Text == nil) && it.Number == other.Number && bytes.Equal(it.Text, other.Text)
}

// AppendText appends the item's text.
func (it ListItem) AppendText(b []byte) []byte {
	if it.Text == nil {
		return strconv.AppendInt(b, it.Number, 10)
	}
	return append(b, it.Text...)
}

// listNumber reads a number whose decimal digits are exactly text.
func listNumber(text []byte) (n int64, ok bool) {
	digits := text
	negative := len(text) > 1 && text[0] == '-'
	if negative {
		digits = text[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && (len(digits) > 1 || negative) {
		return 0, false
	}
	var v uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	if negative {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v < 1<<63
}

// Items lie one behind the other, and can be read from both ends:
//
//	+---------------------+--------------------------+
//	| body                | size of the body         |
//	+---------------------+--------------------------+
//
//	body   first byte   then
//	       00 - 7f      so many bytes of text
//	       80 - df      nothing: the number is the byte less 80
//	       e0 - ef      a byte: the number has 12 bits, the highest in the low half of the first byte
//	       f0 - f7      a number of 1 to 8 bytes, little endian, in two's complement
//	       f8           uvarint length, text
//
// The size is a uvarint with its bytes in reverse order, so that it is read from the back. An element has one encoding only.
const (
	itemSmall  = 0x80
	item12Bits = 0xe0
	itemBytes  = 0xf0
	itemLong   = 0xf8
)

// numberBytes is in how many bytes of two's complement a number fits.
func numberBytes(n int64) int { return (bits.Len64(uint64(n^n>>63)) + 8) / 8 }

func (it ListItem) body() int {
	switch {
	case it.Text != nil && len(it.Text) < itemSmall:
		return 1 + len(it.Text)
	case it.Text != nil:
		return 1 + uvarintSize(len(it.Text)) + len(it.Text)
	case it.Number >= 0 && it.Number < item12Bits-itemSmall:
		return 1
	case it.Number >= 0 && it.Number < 1<<12:
		return 2
	default:
		return 1 + numberBytes(it.Number)
	}
}

// size is how many bytes append appends.
func (it ListItem) size() int {
	body := it.body()
	return body + uvarintSize(body)
}

func (it ListItem) append(b []byte) []byte {
	body := it.body()
	switch {
	case it.Text != nil:
		if len(it.Text) < itemSmall {
			b = append(b, byte(len(it.Text)))
		} else {
			b = binary.AppendUvarint(append(b, itemLong), uint64(len(it.Text)))
		}
		b = append(b, it.Text...)
	case body == 1:
		b = append(b, itemSmall+byte(it.Number))
	case body == 2 && it.Number >= 0 && it.Number < 1<<12:
		b = append(b, item12Bits+byte(it.Number>>8), byte(it.Number))
	default:
		b = append(b, itemBytes+byte(body-2))
		for i := range body - 1 {
			b = append(b, byte(it.Number>>(8*i)))
		}
	}
	if body < 0x80 {
		return append(b, byte(body))
	}
	at := len(b)
	b = binary.AppendUvarint(b, uint64(body))
	slices.Reverse(b[at:])
	return b
}

// bodySize is the size of the body of the first item.
func bodySize(b []byte) int {
	switch c := b[0]; {
	case c < itemSmall:
		return 1 + int(c)
	case c < item12Bits:
		return 1
	case c < itemBytes:
		return 2
	case c < itemLong:
		return int(c) - itemBytes + 2
	}
	n, size := binary.Uvarint(b[1:])
	return 1 + size + int(n)
}

// firstSize is the size of the first item.
func firstSize(b []byte) int {
	body := bodySize(b)
	return body + uvarintSize(body)
}

// lastSize is the size of the last item.
func lastSize(b []byte) int {
	end := len(b) - 1
	if b[end] < 0x80 {
		return int(b[end]) + 1
	}
	body, i := 0, 0
	for ; b[end-i] >= 0x80; i++ {
		body |= int(b[end-i]&0x7f) << (7 * i)
	}
	return body | int(b[end-i])<<(7*i) + i + 1
}

// firstItem decodes the first item.
func firstItem(b []byte) (it ListItem, size int) {
	body := bodySize(b)
	switch c := b[0]; {
	case c < itemSmall:
		it.Text = b[1:body:body]
	case c < item12Bits:
		it.Number = int64(c - itemSmall)
	case c < itemBytes:
		it.Number = int64(c-item12Bits)<<8 | int64(b[1])
	case c < itemLong:
		for i := body - 1; i > 0; i-- {
			it.Number = it.Number<<8 | int64(b[i])
		}
		unused := 64 - 8*(body-1)
		it.Number = it.Number << unused >> unused
	default:
		_, n := binary.Uvarint(b[1:])
		it.Text = b[1+n : body : body]
	}
	return it, body + uvarintSize(body)
}

// checkItem returns the size of the first item of bytes that may be anything; 0 if there is none, or not in the encoding
// that it should have.
func checkItem(b []byte) (size int) {
	if len(b) < 2 {
		return 0
	}
	body := 0
	if b[0] == itemLong {
		n, size := binary.Uvarint(b[1:])
		if size <= 0 || n > uint64(len(b)) {
			return 0
		}
		body = 1 + size + int(n)
	} else if b[0] < itemLong {
		body = bodySize(b)
	}
	size = body + uvarintSize(body)
	if body == 0 || size > len(b) {
		return 0
	}
	it, _ := firstItem(b)
	if it.Text != nil {
		it = MakeListItem(it.Text)
	}
	var few [32]byte
	if long := b[:size]; len(it.Text) > 16 {
		// Do not copy it: what is around the text must be what append writes.
		head := ListItem{Text: it.Text}.body() - len(it.Text)
		ends := append(few[:0], long[:head]...)
		ends = append(ends, long[body:]...)
		if !bytes.Equal(ends, itemEnds(len(it.Text))) {
			return 0
		}
	} else if it.size() != size || !bytes.Equal(it.append(few[:0]), long) {
		return 0
	}
	return size
}

// itemEnds is what an item with so many bytes of text, which are no number, has around them.
func itemEnds(n int) []byte {
	var ends []byte
	if n < itemSmall {
		ends = append(ends, byte(n))
	} else {
		ends = binary.AppendUvarint(append(ends, itemLong), uint64(n))
	}
	at, body := len(ends), len(ends)+n
	ends = binary.AppendUvarint(ends, uint64(body))
	slices.Reverse(ends[at:])
	return ends
}
