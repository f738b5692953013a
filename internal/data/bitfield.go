package data

import "math"

// BitField is an integer within a string, the highest bit first.
type BitField struct {
	At     int // its first bit
	Bits   int // 1 to 64, and to 63 if it is not signed
	Signed bool
}

// Overflow is what becomes of a number that a field cannot hold.
type Overflow uint8

// What becomes of it.
const (
	Wrap     Overflow = iota // its lowest bits remain
	Saturate                 // it is the largest or the smallest that there is
	Fail                     // nothing
)

// In returns the integer.
func (f BitField) In(s String) int64 { return f.extend(s.BitsAt(f.At, f.Bits)) }

// extend makes a number of the lowest bits of v.
func (f BitField) extend(v uint64) int64 {
	unused := 64 - f.Bits
	if f.Signed {
		return int64(v<<unused) >> unused
	}
	return int64(v << unused >> unused)
}

// Fit returns the sum of a number and an increment as the field can hold it; ok is false if it cannot, and overflow is Fail.
//
// Numbers that do not fit by themselves, for they were given, are taken as Redis takes them: a negative one is above what an
// unsigned field can hold, and one that is far below what a signed field can hold is above it.
func (f BitField) Fit(v, by int64, overflow Overflow) (fit int64, ok bool) {
	lowest, highest := f.limits()
	room := int64(uint64(highest) - uint64(v)) // wraps if the number is far below the lowest
	var above, below bool
	if f.Signed {
		above = v > highest || (f.Bits < 64 || v >= 0 && by > 0) && by > room
		below = v < lowest || (f.Bits < 64 || v < 0 && by < 0) && by < lowest-v
	} else {
		above = v < 0 || v > highest || by > 0 && by > room
		below = by < 0 && by < -v
	}
	switch {
	case !above && !below:
		return v + by, true
	case overflow == Wrap:
		return f.extend(uint64(v) + uint64(by)), true
	case overflow == Fail:
		return 0, false
	case above:
		return highest, true
	default:
		return lowest, true
	}
}

func (f BitField) limits() (lowest, highest int64) {
	if !f.Signed {
		return 0, math.MaxInt64 >> (63 - f.Bits)
	}
	highest = math.MaxInt64 >> (64 - f.Bits)
	return -highest - 1, highest
}
