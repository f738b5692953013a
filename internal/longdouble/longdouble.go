// Package longdouble computes as a C program does with the long double of x86: a mantissa of 64 bits, an exponent of 15.
// Numbers that are kept as text are added with it, so that the sum is, to the last digit, the one that other programs get
// from the same text.
//
//	a, ok := longdouble.Parse([]byte("0.1"))
//	b, ok := longdouble.Parse([]byte("0.2"))
//	sum, ok := longdouble.Add(a, b)
//	text := longdouble.Append(nil, sum) // 0.3
//
// A number is a big.Float of precision 64, finite or infinite. Subnormal numbers are more precise here than in C, which
// nothing shows: they, and what becomes of them in a sum, are written as 0.
package longdouble

import (
	"bytes"
	"math/big"
)

const (
	precision = 64
	// A finite number that is not zero is m × 2^e, ½ <= m < 1, with e up to maxExponent; below minExponent it rounds to 0.
	maxExponent = 16384
	minExponent = -16445

	// MaxText is the length of the longest text that is read, and longer than any that is written.
	MaxText = 5*1024 - 1
)

// Parse reads a number as strtold does, but neither spaces before it, nor anything behind it, nor NaN. Infinity is a number
// when it is spelt; what is too large or too small for a long double is none.
func Parse(text []byte) (*big.Float, bool) {
	if len(text) == 0 || len(text) > MaxText {
		return nil, false
	}
	negative := text[0] == '-'
	if negative || text[0] == '+' {
		text = text[1:]
	}
	z, ok := parseMagnitude(text)
	if ok && negative {
		z.Neg(z)
	}
	return z, ok
}

func parseMagnitude(text []byte) (*big.Float, bool) {
	switch {
	case bytes.EqualFold(text, []byte("inf")), bytes.EqualFold(text, []byte("infinity")):
		return new(big.Float).SetInf(false), true
	case len(text) > 1 && text[0] == '0' && text[1]|0x20 == 'x':
		return parseHexadecimal(text[2:])
	default:
		return parseDecimal(text)
	}
}

// parseDecimal reads digits × 10^exponent. The quotient or product is exact before it is rounded once: big.Float's own
// reading of decimals is not.
func parseDecimal(text []byte) (*big.Float, bool) {
	mantissa, exponent, ok := scan(text, 'e', isDigit)
	if !ok {
		return nil, false
	}
	z := new(big.Float).SetPrec(precision)
	if len(mantissa) == 0 {
		return z, true
	}
	// It lies between 10^(size-1) and 10^size.
	if size := exponent + len(mantissa); size > maxExponent*3/10+100 || size < minExponent*3/10-100 {
		return nil, false
	}
	digits, _ := new(big.Int).SetString(string(mantissa), 10)
	if exponent >= 0 {
		z.SetInt(digits.Mul(digits, powerOfTen(exponent)))
	} else {
		// Integers become floats of as many bits as they need.
		z.Quo(new(big.Float).SetInt(digits), new(big.Float).SetInt(powerOfTen(-exponent)))
	}
	return z, inRange(z)
}

func powerOfTen(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func parseHexadecimal(text []byte) (*big.Float, bool) {
	mantissa, exponent, ok := scan(text, 'p', isHexDigit)
	if !ok {
		return nil, false
	}
	z := new(big.Float).SetPrec(precision)
	if len(mantissa) == 0 {
		return z, true
	}
	digits, _ := new(big.Int).SetString(string(mantissa), 16)
	z.SetInt(digits)
	z.SetMantExp(z, exponent)
	return z, inRange(z)
}

// maxScanned is above the exponent of any number that MaxText digits can make finite.
const maxScanned = 1 << 20

// scan takes digits, perhaps with a point among them, and perhaps an exponent, whose base is ten, and two if the mark is p.
// It returns the digits as an integer without leading zeros, and the exponent that makes it the number.
func scan(text []byte, mark byte, digit func(byte) bool) (mantissa []byte, exponent int, ok bool) {
	step := 1
	if mark == 'p' {
		step = 4
	}
	i, any, point := 0, false, false
	for ; i < len(text) && (digit(text[i]) || text[i] == '.' && !point); i++ {
		if text[i] == '.' {
			point = true
			continue
		}
		any = true
		if text[i] != '0' || len(mantissa) > 0 {
			mantissa = append(mantissa, text[i])
		}
		if point {
			exponent -= step
		}
	}
	if i == len(text) || !any {
		return mantissa, exponent, any && i == len(text)
	}
	if text[i]|0x20 != mark {
		return nil, 0, false
	}
	n, ok := scanExponent(text[i+1:])
	return mantissa, exponent + n, ok
}

// scanExponent reads a signed integer; a huge one becomes maxScanned.
func scanExponent(text []byte) (n int, ok bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative || len(text) > 0 && text[0] == '+' {
		text = text[1:]
	}
	for _, c := range text {
		if !isDigit(c) {
			return 0, false
		}
		n = min(n*10+int(c-'0'), maxScanned)
	}
	if negative {
		n = -n
	}
	return n, len(text) > 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHexDigit(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// inRange says that a positive number is neither rounded to infinity nor to zero.
func inRange(z *big.Float) bool {
	e := z.MantExp(nil)
	return e <= maxExponent && e >= minExponent && (e > minExponent || z.MinPrec() > 1)
}

// Add returns a + b, rounded; false if that is infinite or no number.
func Add(a, b *big.Float) (*big.Float, bool) {
	if a.IsInf() || b.IsInf() {
		return nil, false
	}
	z := new(big.Float).SetPrec(precision).Add(a, b)
	return z, z.MantExp(nil) <= maxExponent
}

// Append writes a finite number with up to 17 digits behind the point, without exponent and without zeros at the end.
func Append(b []byte, x *big.Float) []byte {
	start := len(b)
	b = x.Append(b, 'f', 17)
	b = bytes.TrimRight(b, "0")
	b = bytes.TrimSuffix(b, []byte("."))
	if string(b[start:]) == "-0" {
		return append(b[:start], '0')
	}
	return b
}
