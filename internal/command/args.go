package command

import "math"

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
