package main

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func testFlights(t testing.TB) []flightRow {
	rows, err := readFlights("../../" + flightsFile)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestEventsHaveTheirSizeAndAreTheSameEachTime(t *testing.T) {
	rows := testFlights(t)
	for _, c := range []struct {
		source   source
		from, to float64 // bytes of an event, on average
	}{{flights{rows, true}, 195, 205}, {flights{rows, false}, 58, 66}, {noise{}, 200, 200}} {
		const n = 50_000
		raw := 0
		for i := range uint64(n) {
			b, size := c.source.event(nil, i)
			raw += size
			if again, _ := c.source.event(nil, i); string(again) != string(b) {
				t.Fatalf("%s: event %d is %q, then %q", c.source, i, b, again)
			}
			r := reader{buf: b}
			texts := 0
			for bytes := 0; r.pos < len(b); texts++ {
				p, err := r.part()
				if err != nil || p.end == 0 || p.kind != '$' {
					t.Fatalf("%s: event %d is %q", c.source, i, b)
				}
				if bytes += p.n; p.end == len(b) && bytes != size {
					t.Fatalf("%s: event %d has %d bytes, not %d", c.source, i, bytes, size)
				}
				r.pos = p.end
			}
			if texts != 2*c.source.fields() {
				t.Fatalf("%s: event %d has %d names and values", c.source, i, texts)
			}
		}
		if mean := float64(raw) / n; mean < c.from || mean > c.to {
			t.Errorf("%s: %.1f bytes on average", c.source, mean)
		}
	}
}

func entryText(id, value string) string {
	b := appendBulk([]byte("*2\r\n"), id)
	return string(appendBulk(appendBulk(append(b, "*2\r\n"...), "f"), value))
}

func TestEntriesAreWalkedHoweverTheyArrive(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	three := entryText("1-1", "a\r\n*2\r\n") + entryText("1-2", "") + entryText("2-0", strings.Repeat("x", 1000))
	for _, c := range []struct {
		text        string
		xread       bool
		n           int
		first, last string
	}{
		{"*3\r\n" + three, false, 3, "1-1", "2-0"},
		{"*1\r\n" + entryText("7-7", "v"), false, 1, "7-7", "7-7"},
		{"*0\r\n", false, 0, "0-0", "0-0"},
		{"*1\r\n*2\r\n$3\r\nkey\r\n*3\r\n" + three, true, 3, "1-1", "2-0"},
		{"*-1\r\n", true, 0, "0-0", "0-0"},
	} {
		for range 200 {
			const replies = 3
			text := strings.Repeat(c.text, replies)
			var r reader
			w := walk{xread: c.xread}
			for got := 0; got < replies; {
				whole, err := w.next(&r)
				if err != nil {
					t.Fatalf("%q: %v", c.text, err)
				}
				if whole {
					if w.n != c.n || w.first.String() != c.first || w.last.String() != c.last || w.xread != c.xread {
						t.Fatalf("%q is %+v", c.text, w)
					}
					r.drop()
					got++
					continue
				}
				if text == "" {
					t.Fatalf("%q was not found whole", c.text)
				}
				n := min(len(text), 1+random.IntN(40))
				r.buf, text = append(r.buf, text[:n]...), text[n:]
			}
		}
	}
	for _, bad := range []string{"-ERR no\r\n", "*1\r\n*3\r\n$1\r\na\r\n", "*1\r\n*2\r\n:1\r\n*2\r\n", "*1\r\n*2\r\n$3\r\nabc\r\n*0\r\n", "*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n:1\r\n"} {
		if whole, err := (&walk{}).next(&reader{buf: []byte(bad)}); whole || err == nil {
			t.Errorf("%q is taken for entries", bad)
		}
	}
}

func BenchmarkEvent(b *testing.B) {
	f := flights{testFlights(b), true}
	var room []byte
	for i := range uint64(b.N) {
		room, _ = f.event(room[:0], i)
	}
}
