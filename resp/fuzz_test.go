package resp

import (
	"testing"
)

// FuzzParser looks for input on which the parser panics, reserves memory for what has not arrived, or depends on how
// the bytes were cut. The seeds are the requests of the golden table; what fuzzing has found stays in testdata/fuzz.
func FuzzParser(f *testing.F) {
	for _, m := range malformed {
		if len(m.request) < 5000 {
			f.Add([]byte(m.request), uint16(len(m.request)/2), m.password)
		}
	}
	f.Add([]byte("*3\r\n$4\r\nXADD\r\n$1\r\ns\r\n$300\r\nhalf of it"), uint16(20), false)
	limits := Limits{MaxBulk: 1000, MaxArgs: 50, MaxInline: 100}
	f.Fuzz(func(t *testing.T, stream []byte, cut uint16, unauthenticated bool) {
		whole := &Parser{Limits: limits, Unauthenticated: unauthenticated}
		want := run(whole, stream)
		at := min(int(cut), len(stream))
		parts := &Parser{Limits: limits, Unauthenticated: unauthenticated}
		if got := run(parts, stream[:at], stream[at:]); got != want {
			t.Errorf("cut at %d:\n%s\nwhole:\n%s", at, got, want)
		}
		size := 1 + int(cut)%7
		var pieces [][]byte
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		drip := &Parser{Limits: limits, Unauthenticated: unauthenticated}
		if got := run(drip, pieces...); got != want {
			t.Errorf("in pieces of %d:\n%s\nwhole:\n%s", size, got, want)
		}
		for _, p := range []*Parser{whole, parts, drip} {
			p.settle()
			if kept := cap(p.buf); kept > 2*len(stream)+smallBuffer {
				t.Errorf("%d bytes made the parser keep %d", len(stream), kept)
			}
		}
	})
}
