package geo

import "math"

// Shape is what to search: a circle, or a box whose sides run along the meridians and the parallels.
type Shape struct {
	Center        Point
	Box           bool
	Radius        float64 // of a circle
	Width, Height float64 // of a box
	Unit          float64 // of these lengths, in metres
}

// Distance returns how far a place is from the centre, in metres, and whether it is in the shape.
func (s *Shape) Distance(p Point) (metres float64, inside bool) {
	if s.Box {
		if Distance(p, Point{p.Longitude, s.Center.Latitude}) > s.Height*s.Unit/2 ||
			Distance(p, Point{s.Center.Longitude, p.Latitude}) > s.Width*s.Unit/2 {
			return 0, false
		}
		return Distance(s.Center, p), true
	}
	metres = Distance(s.Center, p)
	return metres, metres <= s.Radius*s.Unit
}

// cell is a rectangle of the Earth: that of a hash of 2*step bits. With each step its sides are halved.
type cell struct {
	bits uint64
	step uint
}

// moved returns the cell beside a cell. The Earth is round, here also across the poles.
func (c cell) moved(x, y int) cell {
	longitude, latitude := gather(c.bits>>1), gather(c.bits)
	mask := uint32(1)<<c.step - 1
	if x != 0 {
		longitude = (longitude + uint32(x)) & mask
	}
	if y != 0 {
		latitude = (latitude + uint32(y)) & mask
	}
	return cell{interleave(latitude, longitude), c.step}
}

// Range is the hashes from Low up to High, which is not one of them.
type Range struct{ Low, High uint64 }

func (c cell) hashes() Range {
	shift := 2 * (steps - c.step)
	return Range{c.bits << shift, (c.bits + 1) << shift}
}

// directions are a cell and its neighbours in the order in which they are searched.
var directions = [9]struct{ x, y int }{{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}}

// Ranges returns in which hashes everything in the shape is, in the order of search: those of the cell with the centre, and
// of up to eight around it, which are large enough.
func (s *Shape) Ranges() []Range {
	bounds := s.bounds()
	center := cell{step: s.step()}
	center.bits = encode(s.Center, MaxLatitude, center.step)
	if center.step > 1 && !covered(center, bounds) {
		center.step--
		center.bits = encode(s.Center, MaxLatitude, center.step)
	}
	area := center.area()
	var ranges []Range
	for i, d := range directions {
		if center.step >= 2 && needless(d.x, d.y, area, bounds) {
			continue
		}
		r := center.moved(d.x, d.y).hashes()
		// Cells so large that both neighbours are the same are searched once.
		if i > 1 && len(ranges) > 1 && r == ranges[len(ranges)-1] {
			continue
		}
		ranges = append(ranges, r)
	}
	return ranges
}

// needless reports whether the cell in the middle reaches so far that none is needed in a direction.
func needless(x, y int, center, bounds area) bool {
	return y < 0 && center.low.Latitude < bounds.low.Latitude ||
		y > 0 && center.high.Latitude > bounds.high.Latitude ||
		x < 0 && center.low.Longitude < bounds.low.Longitude ||
		x > 0 && center.high.Longitude > bounds.high.Longitude
}

// radius is that of a circle around the shape, in metres.
func (s *Shape) radius() float64 {
	if s.Box {
		w, h := s.Width/2, s.Height/2
		return math.Sqrt(float64(w*w)+float64(h*h)) * s.Unit
	}
	return s.Radius * s.Unit
}

// step estimates how small cells may be so that nine of them cover the shape.
func (s *Shape) step() uint {
	const mercatorMax = 20037726.37
	radius := s.radius()
	if radius == 0 {
		return steps
	}
	step := -1
	for ; radius < mercatorMax; radius *= 2 {
		step++
	}
	if latitude := math.Abs(s.Center.Latitude); latitude > 80 {
		step -= 2
	} else if latitude > 66 {
		step--
	}
	return uint(max(1, min(step, steps)))
}

// bounds returns the degrees between which the shape lies, roughly.
func (s *Shape) bounds() area {
	width, height := s.Radius, s.Radius
	if s.Box {
		width, height = s.Width/2, s.Height/2
	}
	width, height = s.Unit*width, s.Unit*height
	p := s.Center
	latitude := height / earthRadius / degree
	nearPole := p.Latitude + latitude
	if p.Latitude < 0 {
		nearPole = p.Latitude - latitude
	}
	longitude := width / earthRadius / cos(nearPole*degree) / degree
	return area{Point{p.Longitude - longitude, p.Latitude - latitude}, Point{p.Longitude + longitude, p.Latitude + latitude}}
}

// covered reports whether the neighbours of a cell reach as far as the bounds.
func covered(c cell, bounds area) bool {
	return c.moved(0, 1).area().high.Latitude >= bounds.high.Latitude &&
		c.moved(0, -1).area().low.Latitude <= bounds.low.Latitude &&
		c.moved(1, 0).area().high.Longitude >= bounds.high.Longitude &&
		c.moved(-1, 0).area().low.Longitude <= bounds.low.Longitude
}
