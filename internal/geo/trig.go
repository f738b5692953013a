package geo

import "math"

// Sine, cosine and arc sine, rounded correctly but for one case in some 2^40: they are computed in double-doubles, sums of two
// float64 that together have 106 bits.

type double struct{ high, low float64 }

// sum adds two numbers; nothing is lost.
func sum(a, b float64) double {
	s := a + b
	t := s - a
	return double{s, (a - (s - t)) + (b - t)}
}

func product(a, b float64) double {
	p := a * b
	return double{p, math.FMA(a, b, -p)}
}

func (a double) add(b double) double {
	s, t := sum(a.high, b.high), sum(a.low, b.low)
	s = sum(s.high, s.low+t.high)
	return sum(s.high, s.low+t.low)
}

func (a double) mul(b double) double {
	p := product(a.high, b.high)
	return sum(p.high, p.low+(float64(a.high*b.low)+float64(a.low*b.high)))
}

func (a double) negated() double { return double{-a.high, -a.low} }

// over divides by an integer.
func (a double) over(n float64) double {
	q := a.high / n
	p := product(q, n)
	return sum(q, ((a.high-p.high)-p.low+a.low)/n)
}

// halfPi is π/2 in three parts.
var halfPi = [3]float64{1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33}

// quarter returns x less so many right angles, at most half of one in size.
func quarter(x float64) (rest double, turns int) {
	n := math.Round(x / halfPi[0])
	p := product(-n, halfPi[0])
	q := product(-n, halfPi[1])
	rest = sum(x, p.high).add(double{p.low, 0}).add(q).add(double{-n * halfPi[2], 0})
	return rest, int(n)
}

// sinOf and cosOf are the series for an angle of at most half a right one.
func sinOf(x double) double {
	square := x.mul(x).negated()
	term, result := x, x
	for n := 2.0; math.Abs(term.high) > math.Abs(result.high)*0x1p-80; n += 2 {
		term = term.mul(square).over(n * (n + 1))
		result = result.add(term)
	}
	return result
}

func cosOf(x double) double {
	square := x.mul(x).negated()
	term := double{1, 0}
	result := term
	for n := 1.0; math.Abs(term.high) > 0x1p-80; n += 2 {
		term = term.mul(square).over(n * (n + 1))
		result = result.add(term)
	}
	return result
}

// sinCos returns the sine of x, for angles of some turns at most, and its cosine, in double-doubles.
func sinCos(x float64) (sin, cos double) {
	rest, turns := quarter(x)
	sin, cos = sinOf(rest), cosOf(rest)
	switch turns & 3 {
	case 1:
		return cos, sin.negated()
	case 2:
		return sin.negated(), cos.negated()
	case 3:
		return cos.negated(), sin
	default:
		return sin, cos
	}
}

func sin(x float64) float64 {
	rest, turns := quarter(x)
	var s double
	if turns&1 == 0 {
		s = sinOf(rest)
	} else {
		s = cosOf(rest)
	}
	if turns&2 != 0 {
		return -s.high
	}
	return s.high
}

func cos(x float64) float64 {
	rest, turns := quarter(x)
	var c double
	if turns&1 == 0 {
		c = cosOf(rest)
	} else {
		c = sinOf(rest).negated()
	}
	if turns&2 != 0 {
		return -c.high
	}
	return c.high
}

// asin corrects what the library knows nearly: where the sine is off by d, the angle is by d over the cosine.
func asin(y float64) float64 {
	angle := math.Asin(y)
	sine, cosine := sinCos(angle)
	off := (y - sine.high) - sine.low
	if off == 0 || math.Abs(y) == 1 {
		return angle
	}
	return angle + off/cosine.high
}
