package geo

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func randomPoint(r *rand.Rand) Point {
	return Point{r.Float64()*360 - 180, r.Float64()*2*MaxLatitude - MaxLatitude}
}

// TestPlacesAsRedisHasThem has hashes, texts and distances that redis-server 7.0.15 gave.
func TestPlacesAsRedisHasThem(t *testing.T) {
	palermo, catania := Point{13.361389, 38.115556}, Point{15.087269, 37.502669}
	if h := Hash(palermo); h != 3479099956230698 {
		t.Error(h)
	}
	if h := Hash(catania); h != 3479447370796909 {
		t.Error(h)
	}
	p, c := Place(Hash(palermo)), Place(Hash(catania))
	if got := fmt.Sprintf("%.17f %.17f", p.Longitude, p.Latitude); got != "13.36138933897018433 38.11555639549629859" {
		t.Error(got)
	}
	if got := fmt.Sprintf("%.4f", Distance(p, c)); got != "166274.1516" {
		t.Error(got)
	}
	if got := Text(p); got != "sqc8b49rny0" {
		t.Error(got)
	}
}

func TestAPlaceIsNearWhatWasHashed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 10000 {
		p := randomPoint(r)
		if d := Distance(p, Place(Hash(p))); d > 1 {
			t.Fatalf("%v is %v m away", p, d)
		}
		if q := Place(Hash(p)); Hash(q) != Hash(p) {
			t.Fatalf("%v hashes to another cell than %v", q, p)
		}
	}
}

// TestRangesCoverTheShape looks for random places in and around random shapes: what is in the shape is in a range. Shapes of
// thousands of kilometres are left out: there Redis, too, misses some.
func TestRangesCoverTheShape(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	inside := 0
	for range 2000 {
		center := Point{r.Float64()*340 - 170, r.Float64()*120 - 60}
		s := Shape{Center: center, Radius: math.Pow(10, 1+r.Float64()*4.5), Unit: 1}
		if r.IntN(2) == 0 {
			s.Box, s.Width, s.Height = true, s.Radius, s.Radius*r.Float64()
		}
		ranges := s.Ranges()
		if len(ranges) > 9 {
			t.Fatalf("%d ranges", len(ranges))
		}
		for range 50 {
			reach := s.Radius / 111000 * 1.5
			p := Point{center.Longitude + (r.Float64()-.5)*2*reach, center.Latitude + (r.Float64()-.5)*2*reach}
			if !p.Valid() {
				continue
			}
			place := Place(Hash(p))
			if _, in := s.Distance(place); !in {
				continue
			}
			inside++
			found := false
			for _, g := range ranges {
				found = found || g.Low <= Hash(p) && Hash(p) < g.High
			}
			if !found {
				t.Fatalf("%v is in %+v, but in none of %v", place, s, ranges)
			}
		}
	}
	if inside < 1000 {
		t.Errorf("only %d places were in a shape", inside)
	}
}

// TestTrigonometryIsRoundedCorrectly compares with the series in 200 bits.
func TestTrigonometryIsRoundedCorrectly(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 2000 {
		x := (r.Float64() - .5) * 2 * math.Pi
		if got, want := sin(x), series(x, 1); got != want {
			t.Fatalf("sin(%v) = %v, want %v", x, got, want)
		}
		if got, want := cos(x), series(x, 0); got != want {
			t.Fatalf("cos(%v) = %v, want %v", x, got, want)
		}
		y := r.Float64()
		angle := asin(y)
		for _, neighbour := range []float64{math.Nextafter(angle, 0), math.Nextafter(angle, 2)} {
			middle := new(big.Float).Add(exact(angle), exact(neighbour))
			side := exactSeries(middle.Quo(middle, exact(2)), 1).Cmp(exact(y))
			if neighbour < angle && side > 0 || neighbour > angle && side < 0 {
				t.Fatalf("asin(%v) = %v", y, angle)
			}
		}
	}
	for x, want := range map[float64]float64{0: 0, 1: math.Pi / 2} {
		if asin(x) != want {
			t.Errorf("asin(%v) = %v", x, asin(x))
		}
	}
}

func exact(f float64) *big.Float { return new(big.Float).SetPrec(200).SetFloat64(f) }

// series is the sine (from 1) or the cosine (from 0) of x.
func series(x float64, from int64) float64 {
	f, _ := exactSeries(exact(x), from).Float64()
	return f
}

func exactSeries(x *big.Float, from int64) *big.Float {
	square := new(big.Float).Mul(x, x)
	square.Neg(square)
	term := exact(1)
	if from == 1 {
		term.Copy(x)
	}
	sum := new(big.Float).Copy(term)
	for n := from + 1; n < 80; n += 2 {
		term.Mul(term, square)
		term.Quo(term, exact(float64(n*(n+1))))
		sum.Add(sum, term)
	}
	return sum
}

func BenchmarkDistance(b *testing.B) {
	p, q := Point{13, 38}, Point{15, 37}
	for b.Loop() {
		Distance(p, q)
	}
}
