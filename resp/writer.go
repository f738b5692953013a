package resp

import (
	"math"
	"slices"
	"strconv"

	"github.com/tidwall/redcon"
)

// Writer encodes replies in the protocol that its client speaks: types that RESP2 lacks are written as the RESP2 type
// that redis-server uses instead. It appends to one buffer and allocates only when that must grow. Not safe for
// concurrent use.
//
//	w.Array(2)
//	w.Bulk(id)
//	m := w.Mark()
//	n := 0
//	for ... { w.Bulk(field); n++ }
//	w.InsertArray(m, n)          // the header, once the number is known
type Writer struct {
	buf      []byte
	proto    int
	limit    int // bytes; 0: none
	exceeded bool
}

// NewWriter returns a writer of its own, without a connection, that speaks protocol 2 or 3.
func NewWriter(protocol int) *Writer { return &Writer{proto: protocol} }

// Protocol is 2 or 3.
func (w *Writer) Protocol() int {
	if w.proto == 3 {
		return 3
	}
	return 2
}

// SetProtocol changes what is written from now on.
func (w *Writer) SetProtocol(protocol int) { w.proto = protocol }

// Bytes is what has been written since the last Seal or Reset; it aliases the buffer.
func (w *Writer) Bytes() []byte { return w.buf }

// Len is the number of those bytes.
func (w *Writer) Len() int { return len(w.buf) }

// Reset forgets them. One large reply does not keep its memory for ever.
func (w *Writer) Reset() {
	if cap(w.buf) > resetSize {
		w.buf = nil
	}
	w.buf = w.buf[:0]
}

const resetSize = 1 << 20 // a buffer that Reset keeps

// Grow makes room for so many bytes, so that a large reply is not copied again and again while it is written.
func (w *Writer) Grow(n int) {
	if !w.full() {
		w.buf = slices.Grow(w.buf, n)
	}
}

// Limit leaves out strings once more than so many bytes have been written since the last Seal or Reset; the reply is then of
// no use but to be replaced by an error. 0 is no limit, which a new Writer has.
func (w *Writer) Limit(bytes int) { w.limit, w.exceeded = bytes, false }

// Exceeded reports whether a string has been left out since the call of Limit.
func (w *Writer) Exceeded() bool { return w.exceeded }

// full reports whether a string is to be left out.
func (w *Writer) full() bool {
	if w.limit > 0 && len(w.buf) > w.limit {
		w.exceeded = true
	}
	return w.exceeded
}

// Raw appends bytes that are encoded already.
func (w *Writer) Raw(b []byte) {
	if !w.full() {
		w.buf = append(w.buf, b...)
	}
}

// RawString is Raw.
func (w *Writer) RawString(s string) {
	if !w.full() {
		w.buf = append(w.buf, s...)
	}
}

// SimpleString writes +s. Line ends in it become blanks.
func (w *Writer) SimpleString(s string) { w.line('+', s) }

// OK writes +OK.
func (w *Writer) OK() { w.buf = redcon.AppendOK(w.buf) }

// Error writes an error whose first word is its code: "WRONGTYPE Operation ...". Line ends in it become blanks.
func (w *Writer) Error(text string) { w.line('-', text) }

// line writes a reply that is one line whatever is in s. (redcon's AppendString and AppendError copy s to clean it,
// also when it is clean.)
func (w *Writer) line(kind byte, s string) {
	w.buf = append(w.buf, kind)
	at := len(w.buf)
	w.buf = append(w.buf, s...)
	for i := at; i < len(w.buf); i++ {
		if w.buf[i] == '\r' || w.buf[i] == '\n' {
			w.buf[i] = ' '
		}
	}
	w.buf = append(w.buf, '\r', '\n')
}

// Int writes :n.
func (w *Writer) Int(n int64) { w.buf = redcon.AppendInt(w.buf, n) }

// Bulk writes a bulk string.
func (w *Writer) Bulk(b []byte) {
	if w.limit == 0 || !w.full() {
		w.buf = AppendBulk(w.buf, b)
	}
}

// BulkString writes a bulk string.
func (w *Writer) BulkString(s string) {
	if w.limit == 0 || !w.full() {
		w.buf = AppendBulk(w.buf, s)
	}
}

// BulkInt writes a bulk string that holds a number.
func (w *Writer) BulkInt(n int64) {
	var digits [20]byte
	w.Bulk(strconv.AppendInt(digits[:0], n, 10))
}

// Null writes the absence of a string: $-1, or _ in RESP3.
func (w *Writer) Null() {
	if w.proto == 3 {
		w.buf = append(w.buf, '_', '\r', '\n')
		return
	}
	w.buf = redcon.AppendNull(w.buf)
}

// NullArray writes the absence of an array: *-1, or _ in RESP3.
func (w *Writer) NullArray() {
	if w.proto == 3 {
		w.buf = append(w.buf, '_', '\r', '\n')
		return
	}
	w.buf = append(w.buf, '*', '-', '1', '\r', '\n')
}

// Array begins an array of n.
func (w *Writer) Array(n int) { w.buf = redcon.AppendArray(w.buf, n) }

// Map begins n pairs: %n, or an array of 2n in RESP2.
func (w *Writer) Map(n int) { w.buf = w.appendMap(w.buf, n) }

// Set begins a set of n: ~n, or an array in RESP2.
func (w *Writer) Set(n int) {
	if w.proto == 3 {
		w.buf = AppendHeader(w.buf, '~', n)
		return
	}
	w.Array(n)
}

// Push begins a message of n parts that answers no command: >n, or an array in RESP2.
func (w *Writer) Push(n int) {
	if w.proto == 3 {
		w.buf = AppendHeader(w.buf, '>', n)
		return
	}
	w.Array(n)
}

// Double writes a float with 17 digits as redis-server 7.0 does: ,f or a bulk string in RESP2.
func (w *Writer) Double(f float64) {
	var digits [32]byte
	text := AppendDouble(digits[:0], f)
	if w.proto == 3 {
		w.buf = append(w.buf, ',')
		w.buf = append(w.buf, text...)
		w.buf = append(w.buf, '\r', '\n')
		return
	}
	w.Bulk(text)
}

// AppendDouble appends a float with 17 digits, as Double writes it.
func AppendDouble(b []byte, f float64) []byte {
	const whole = 1e17 // from here on there is an exponent
	if n := int64(f); f > -whole && f < whole && float64(n) == f && (n != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(b, n, 10) // most scores, and quickly
	}
	switch {
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	case math.IsNaN(f):
		return append(b, "nan"...)
	}
	return strconv.AppendFloat(b, f, 'g', 17, 64)
}

// Bool writes #t or #f, :1 or :0 in RESP2.
func (w *Writer) Bool(v bool) {
	switch {
	case w.proto == 3 && v:
		w.buf = append(w.buf, '#', 't', '\r', '\n')
	case w.proto == 3:
		w.buf = append(w.buf, '#', 'f', '\r', '\n')
	case v:
		w.Int(1)
	default:
		w.Int(0)
	}
}

// Verbatim writes text of a format of three letters ("txt", "mkd"); a bulk string in RESP2.
func (w *Writer) Verbatim(format, s string) {
	if w.proto != 3 {
		w.BulkString(s)
		return
	}
	w.buf = AppendHeader(w.buf, '=', len(s)+4)
	w.buf = append(w.buf, format[:3]...)
	w.buf = append(w.buf, ':')
	w.buf = append(w.buf, s...)
	w.buf = append(w.buf, '\r', '\n')
}

// BigNumber writes digits of any length; a bulk string in RESP2.
func (w *Writer) BigNumber(digits string) {
	if w.proto == 3 {
		w.line('(', digits)
		return
	}
	w.BulkString(digits)
}

// Mark is a place in what has been written since the last Seal.
func (w *Writer) Mark() int { return len(w.buf) }

// Truncate forgets everything written after the mark.
func (w *Writer) Truncate(mark int) { w.buf = w.buf[:mark] }

// InsertArray puts the header of an array of n before what was written after the mark.
func (w *Writer) InsertArray(mark, n int) {
	var header [24]byte
	w.insert(mark, redcon.AppendArray(header[:0], n))
}

// InsertBulk puts a bulk string before what was written after the mark.
func (w *Writer) InsertBulk(mark int, b []byte) {
	var room [64]byte
	w.insert(mark, redcon.AppendBulk(room[:0], b))
}

// InsertSet puts the header of a set of n before what was written after the mark.
func (w *Writer) InsertSet(mark, n int) {
	if w.proto != 3 {
		w.InsertArray(mark, n)
		return
	}
	var header [24]byte
	w.insert(mark, AppendHeader(header[:0], '~', n))
}

// InsertMap puts the header of n pairs before what was written after the mark.
func (w *Writer) InsertMap(mark, n int) {
	var header [24]byte
	w.insert(mark, w.appendMap(header[:0], n))
}

func (w *Writer) insert(mark int, header []byte) {
	w.buf = append(w.buf, header...)
	copy(w.buf[mark+len(header):], w.buf[mark:len(w.buf)-len(header)])
	copy(w.buf[mark:], header)
}

func (w *Writer) appendMap(b []byte, n int) []byte {
	if w.proto == 3 {
		return AppendHeader(b, '%', n)
	}
	return redcon.AppendArray(b, 2*n)
}

// AppendBulk appends a bulk string. Replies are mostly those, and short ones: this takes three quarters of the time of
// redcon's.
func AppendBulk[T []byte | string](b []byte, s T) []byte {
	b = AppendHeader(b, '$', len(s))
	b = append(b, s...)
	return append(b, '\r', '\n')
}

// AppendHeader appends what begins a bulk string of n bytes ('$') or an aggregate of n elements.
func AppendHeader(b []byte, kind byte, n int) []byte {
	switch {
	case n < 10:
		return append(b, kind, '0'+byte(n), '\r', '\n')
	case n < 100:
		return append(b, kind, '0'+byte(n/10), '0'+byte(n%10), '\r', '\n')
	}
	b = strconv.AppendUint(append(b, kind), uint64(n), 10)
	return append(b, '\r', '\n')
}
