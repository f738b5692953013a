package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// source makes the events of a load. The i-th is always the same, whoever asks,
// so that every server and every round gets the same ones.
type source interface {
	// event appends the names and values of the i-th event as they go over the
	// wire, and says how many bytes of names and values that is.
	event(b []byte, i uint64) (wire []byte, raw int)
	fields() int
	String() string
}

// flights are rows of examples/flights, over and over, three months later each
// time. As they are in the file, an event has five fields and some 60 bytes. The
// long ones have what the tables of the Bureau of Transportation Statistics have
// besides (carrier, flight, tail number, times, taxiing) and an ID, random but
// the same for each event: some 200 bytes.
type flights struct {
	rows []flightRow
	long bool
}

type flightRow struct {
	at                                time.Time
	miles                             int
	delay, distance                   string
	origin, destination               string
	carrier, flight, gate, passengers string
}

const flightsFile = "examples/flights/flights-20k.json.gz"

func readFlights(path string) (rows []flightRow, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w (run this from the root of the repository)", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	unzip, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var list []struct {
		Date                string
		Delay, Distance     int
		Origin, Destination string
	}
	if err := json.NewDecoder(unzip).Decode(&list); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	carriers := []string{"AA", "AS", "CO", "DL", "HP", "NW", "TW", "UA", "US", "WN"}
	for i, r := range list {
		at, err := time.Parse("2006/01/02 15:04", r.Date)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		x := mix(uint64(i))
		rows = append(rows, flightRow{at: at, miles: r.Distance,
			delay: strconv.Itoa(r.Delay), distance: strconv.Itoa(r.Distance), origin: r.Origin, destination: r.Destination,
			carrier: carriers[x%10], flight: strconv.Itoa(int(1 + x>>8%2999)), gate: string(rune('A'+x>>24%6)) + strconv.Itoa(int(1+x>>32%40)),
			passengers: strconv.Itoa(int(40 + x>>40%140))})
	}
	slices.SortStableFunc(rows, func(a, b flightRow) int { return a.at.Compare(b.at) })
	return rows, nil
}

func (f flights) String() string {
	if f.long {
		return "flights of about 200 bytes"
	}
	return "flights as in the file"
}

func (f flights) fields() int {
	if f.long {
		return 15
	}
	return 5
}

const quarter = 90 * 24 * time.Hour

func (f flights) event(b []byte, i uint64) ([]byte, int) {
	n := uint64(len(f.rows))
	r := &f.rows[i%n]
	at := r.at.Add(time.Duration(i/n%400) * quarter)
	w := wire{b: b}
	w.time("date", at, "2006/01/02 15:04")
	w.text("delay", r.delay)
	w.text("distance", r.distance)
	w.text("origin", r.origin)
	w.text("destination", r.destination)
	if !f.long {
		return w.b, w.raw
	}
	x := mix(i)
	left := at.Add(time.Duration(x%60) * time.Second)
	w.text("carrier", r.carrier)
	w.text("flight", r.flight)
	w.tail("tail", x)
	w.text("gate", r.gate)
	w.text("passengers", r.passengers)
	w.time("departed", left, "2006-01-02 15:04:05")
	w.time("arrived", left.Add(time.Duration(r.miles)*8*time.Second+time.Duration(x>>8%600)*time.Second), "2006-01-02 15:04:05")
	w.number("taxi_out", 5+x>>48%40)
	w.number("taxi_in", 2+x>>56%20)
	w.hex("id", mix(x))
	return w.b, w.raw
}

// noise is events that no compression makes smaller.
type noise struct{}

func (noise) String() string { return "random bytes, 200 of them" }
func (noise) fields() int    { return 1 }

func (noise) event(b []byte, i uint64) ([]byte, int) {
	var value [192]byte
	for at := 0; at < len(value); at += 8 {
		i = mix(i + uint64(at))
		for k := range 8 {
			value[at+k] = byte(i >> (8 * k))
		}
	}
	w := wire{b: b}
	w.text("payload!", string(value[:]))
	return w.b, w.raw
}

// wire appends names and values as bulks, and counts their bytes.
type wire struct {
	b   []byte
	raw int
}

func (w *wire) text(name, value string) {
	w.b = appendBulk(appendBulk(w.b, name), value)
	w.raw += len(name) + len(value)
}

func (w *wire) time(name string, t time.Time, layout string) {
	var room [32]byte
	w.bytes(name, t.AppendFormat(room[:0], layout))
}

func (w *wire) bytes(name string, value []byte) {
	w.b = appendBulk(appendBulk(w.b, name), value)
	w.raw += len(name) + len(value)
}

// tail is a registration such as N437UA.
func (w *wire) tail(name string, x uint64) {
	var room [8]byte
	tail := strconv.AppendUint(append(room[:0], 'N'), 100+x>>16%900, 10)
	w.bytes(name, append(tail, byte('A'+x>>32%26), byte('A'+x>>40%26)))
}

func (w *wire) number(name string, n uint64) {
	var room [20]byte
	w.bytes(name, strconv.AppendUint(room[:0], n, 10))
}

func (w *wire) hex(name string, x uint64) {
	const digits = "0123456789abcdef"
	var value [16]byte
	for k := range value {
		value[k] = digits[x>>(4*k)&15]
	}
	w.bytes(name, value[:])
}

func appendBulk[T string | []byte](b []byte, value T) []byte {
	b = strconv.AppendInt(append(b, '$'), int64(len(value)), 10)
	b = append(append(b, '\r', '\n'), value...)
	return append(b, '\r', '\n')
}

// mix is splitmix64: a number that looks random, the same for the same x.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
