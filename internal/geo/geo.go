// Package geo is places on Earth as numbers: the geohashes of 52 bits that sorted sets keep as scores, the distances between
// places, and the cells in which to look for what is near.
//
// It computes as Redis does, to the last bit: which cells are searched, and in which order, decides the order of results, and
// distances are stored as scores with all of their digits. So the formulas keep its order of operations (a conversion to
// float64 around a product keeps compilers from fusing it with a sum), and sine, cosine and arc sine are rounded correctly
// (trig.go), which those of C nearly always are, and those of Go are not.
package geo

import "math"

// Point is a place in degrees.
type Point struct{ Longitude, Latitude float64 }

// The places that a hash can stand for. What is nearer to the poles is outside.
const (
	MaxLongitude = 180
	MaxLatitude  = 85.05112878
)

// Valid reports whether a hash can stand for a place.
func (p Point) Valid() bool {
	return p.Longitude >= -MaxLongitude && p.Longitude <= MaxLongitude && p.Latitude >= -MaxLatitude && p.Latitude <= MaxLatitude
}

const steps = 26 // halvings of the range of each coordinate in a full hash

// Hash returns the 52 bits that stand for a valid place: those of longitude and latitude by turns.
func Hash(p Point) uint64 { return encode(p, MaxLatitude, steps) }

// encode halves the ranges of both coordinates so many times.
func encode(p Point, maxLatitude float64, step uint) uint64 {
	x := (p.Longitude + MaxLongitude) / (2 * MaxLongitude)
	y := (p.Latitude + maxLatitude) / (2 * maxLatitude)
	scale := float64(uint64(1) << step)
	return interleave(uint32(y*scale), uint32(x*scale))
}

// interleave puts the bits of y at the even places, and those of x at the odd ones.
func interleave(y, x uint32) uint64 { return spread(y) | spread(x)<<1 }

func spread(v uint32) uint64 {
	s := uint64(v)
	s = (s | s<<16) & 0x0000ffff0000ffff
	s = (s | s<<8) & 0x00ff00ff00ff00ff
	s = (s | s<<4) & 0x0f0f0f0f0f0f0f0f
	s = (s | s<<2) & 0x3333333333333333
	return (s | s<<1) & 0x5555555555555555
}

func gather(s uint64) uint32 {
	s &= 0x5555555555555555
	s = (s | s>>1) & 0x3333333333333333
	s = (s | s>>2) & 0x0f0f0f0f0f0f0f0f
	s = (s | s>>4) & 0x00ff00ff00ff00ff
	s = (s | s>>8) & 0x0000ffff0000ffff
	return uint32(s | s>>16)
}

// area is what a cell covers.
type area struct{ low, high Point }

func (c cell) area() area {
	scale := float64(uint64(1) << c.step)
	side := func(index uint32, max float64) (low, high float64) {
		low = -max + float64(float64(index)/scale*(2*max))
		high = -max + float64((float64(index)+1)/scale*(2*max))
		return low, high
	}
	var a area
	a.low.Longitude, a.high.Longitude = side(gather(c.bits>>1), MaxLongitude)
	a.low.Latitude, a.high.Latitude = side(gather(c.bits), MaxLatitude)
	return a
}

// Place returns the middle of what a hash stands for.
func Place(hash uint64) Point {
	a := cell{hash, steps}.area()
	middle := func(low, high, max float64) float64 { return math.Max(-max, math.Min(max, (low+high)/2)) }
	return Point{
		middle(a.low.Longitude, a.high.Longitude, MaxLongitude),
		middle(a.low.Latitude, a.high.Latitude, MaxLatitude),
	}
}

// Text returns the hash of a place as the rest of the world writes it: in 11 characters of base 32, with latitudes up to the
// poles. There are bits for ten characters only; the last one is always 0.
func Text(p Point) string {
	const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"
	bits := encode(p, 90, steps)
	var text [11]byte
	for i := range 10 {
		text[i] = alphabet[bits>>(47-5*i)&31]
	}
	text[10] = alphabet[0]
	return string(text[:])
}

const earthRadius = 6372797.560856 // metres

// degree is one in radians: a quotient of doubles, not the exact quotient of constants.
var degree = func(pi float64) float64 { return pi / 180 }(math.Pi)

// Distance returns the metres between two places on a sphere, by the haversine formula.
func Distance(a, b Point) float64 {
	lat1, lat2 := a.Latitude*degree, b.Latitude*degree
	u := sin((lat2 - lat1) / 2)
	v := sin((b.Longitude*degree - a.Longitude*degree) / 2)
	h := float64(u*u) + float64(float64(float64(cos(lat1)*cos(lat2))*v)*v)
	return 2 * earthRadius * asin(math.Sqrt(h))
}
