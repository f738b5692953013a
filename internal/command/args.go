package command

import (
	"bytes"
	"math"
	"math/big"
	"strconv"

	"github.com/weirmq/weir/internal/longdouble"
	"github.com/weirmq/weir/internal/state"
)

// ParseInt reads a signed decimal as strictly as Redis does: no leading zeros, plus sign or spaces.
func ParseInt(b []byte) (int64, error) {
	digits := b
	negative := len(b) > 1 && b[0] == '-'
	if negative {
		digits = b[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && (len(digits) > 1 || negative) {
		return 0, ErrNotInteger
	}
	var v uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, ErrNotInteger
		}
		v = v*10 + uint64(c-'0')
	}
	switch {
	case negative && v <= -math.MinInt64:
		return -int64(v), nil
	case !negative && v <= math.MaxInt64:
		return int64(v), nil
	default:
		return 0, ErrNotInteger
	}
}

// ParseFloat reads a double as Redis does: decimal or hexadecimal, infinite too, but neither NaN, nor what is too large
// or, without being zero, too small for one.
func ParseFloat(b []byte) (float64, error) {
	if v, ok := shortInteger(b); ok {
		return v, nil
	}
	hex, exponent := false, false
	for _, c := range b {
		switch c {
		case 'x', 'X':
			hex = true
		case 'p', 'P':
			exponent = true
		case '_': // of Go's notation only
			return 0, ErrNotFloat
		}
	}
	if hex && !exponent {
		b = append(b[:len(b):len(b)], "p0"...) // C leaves the exponent out, Go does not
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsNaN(v) || v == 0 && underflown(b) {
		return 0, ErrNotFloat
	}
	return v, nil
}

// shortInteger reads what most numbers are: an integer that a double holds exactly.
func shortInteger(b []byte) (v float64, ok bool) {
	if len(b) == 0 || len(b) > 15 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return float64(n), true
}

// underflown reports whether a number that reads as zero has another digit than 0 before its exponent.
func underflown(b []byte) bool {
	digits := bytes.TrimLeft(b, "+-0xX.")
	return len(digits) > 0 && digits[0] != 'e' && digits[0] != 'E' && digits[0] != 'p' && digits[0] != 'P'
}

// ParseTimeout reads how long a command may block, in seconds, and returns milliseconds: 0 is for ever. What is no whole number
// of milliseconds is rounded up, with the rounding errors of a long double, which Redis computes with: -0.001 is 0.
func ParseTimeout(b []byte) (ms int64, err error) {
	if seconds, ok := shortInteger(b); ok {
		return int64(seconds) * 1000, nil
	}
	seconds, ok := longdouble.Parse(b)
	if !ok {
		return 0, ErrTimeoutNotFloat
	}
	exact := seconds.Mul(seconds, thousand)
	if exact.IsInf() {
		return 0, ErrTimeoutNegative // Redis lets it overflow
	}
	whole, accuracy := exact.Int64()
	switch {
	case whole < 0, whole == math.MaxInt64 && accuracy != big.Exact:
		return 0, ErrTimeoutNegative
	case accuracy == big.Below:
		whole++
	}
	return whole, nil
}

var thousand = big.NewFloat(1000)

// ParseDB reads the number of a database.
func ParseDB(b []byte) (int, error) {
	db, err := ParseInt(b)
	switch {
	case err != nil:
		return 0, err
	case db < math.MinInt32 || db > math.MaxInt32:
		return 0, Errorf("ERR value is out of range, value must between %d and %d", math.MinInt32, math.MaxInt32)
	case db < 0 || db >= state.Databases:
		return 0, ErrInvalidDB
	}
	return int(db), nil
}
