package stream

import (
	"errors"
	"math"
	"strconv"
)

// ID names an entry: a time in unix milliseconds and a sequence number within
// that millisecond. IDs order by MS, then by Seq. The zero ID is below every
// entry and never names one.
type ID struct{ MS, Seq uint64 }

// MinID and MaxID bound the space of IDs.
var (
	MinID = ID{}
	MaxID = ID{math.MaxUint64, math.MaxUint64}
)

// ErrInvalidID is what ParseID answers to anything that is not an ID.
var ErrInvalidID = errors.New("stream: invalid ID")

// MaxIDText bounds the text of an ID that ParseID looks at. Leading zeros may
// make an ID longer than its 41 significant bytes.
const MaxIDText = 127

// Compare is -1, 0 or 1 for a below, equal to or above b.
func (a ID) Compare(b ID) int {
	switch {
	case a == b:
		return 0
	case a.Less(b):
		return -1
	}
	return 1
}

// Less reports whether a is below b.
func (a ID) Less(b ID) bool {
	return a.MS < b.MS || a.MS == b.MS && a.Seq < b.Seq
}

// Next is the ID right above a; false if a is MaxID.
func (a ID) Next() (ID, bool) {
	if a.Seq != math.MaxUint64 {
		return ID{a.MS, a.Seq + 1}, true
	}
	if a.MS != math.MaxUint64 {
		return ID{a.MS + 1, 0}, true
	}
	return a, false
}

// Prev is the ID right below a; false if a is MinID.
func (a ID) Prev() (ID, bool) {
	if a.Seq != 0 {
		return ID{a.MS, a.Seq - 1}, true
	}
	if a.MS != 0 {
		return ID{a.MS - 1, math.MaxUint64}, true
	}
	return a, false
}

// AppendText appends "ms-seq" to dst.
func (a ID) AppendText(dst []byte) []byte {
	dst = strconv.AppendUint(dst, a.MS, 10)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, a.Seq, 10)
}

func (a ID) String() string {
	var buf [41]byte
	return string(a.AppendText(buf[:0]))
}

// ParseID reads "ms" or "ms-seq" in decimal; missingSeq stands in for an absent
// seq. Each number may have leading zeros, and white space and one plus sign
// before it, which existing servers have always let pass; anything else, a
// number above 2^64-1 and texts above 127 bytes are ErrInvalidID.
func ParseID(b []byte, missingSeq uint64) (ID, error) {
	if len(b) > MaxIDText {
		return ID{}, ErrInvalidID
	}
	ms, n, ok := parseNumber(b)
	if !ok {
		return ID{}, ErrInvalidID
	}
	if n == len(b) {
		return ID{ms, missingSeq}, nil
	}
	if b[n] != '-' {
		return ID{}, ErrInvalidID
	}
	rest := b[n+1:]
	seq, n, ok := parseNumber(rest)
	if !ok || n != len(rest) {
		return ID{}, ErrInvalidID
	}
	return ID{ms, seq}, nil
}

// parseNumber reads a number at the start of b and tells how many bytes of b
// it took.
func parseNumber(b []byte) (v uint64, n int, ok bool) {
	for n < len(b) && (b[n] == ' ' || b[n]-'\t' <= '\r'-'\t') {
		n++
	}
	if n < len(b) && b[n] == '+' {
		n++
	}
	first := n
	for ; n < len(b) && b[n]-'0' <= 9; n++ {
		d := uint64(b[n] - '0')
		if v > (math.MaxUint64-d)/10 {
			return 0, 0, false
		}
		v = v*10 + d
	}
	return v, n, n > first
}
