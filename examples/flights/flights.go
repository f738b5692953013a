package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// The file is data/flights-20k.json of the npm package vega-datasets 3.2.1,
// compressed: 20,000 flights of the first quarter of 2001 from the on-time
// performance data of the US Bureau of Transportation Statistics, a work of the
// US government and so in the public domain.
//
//go:embed flights-20k.json.gz
var flightsGz []byte

// flight is one row of the file, and one entry of the stream.
type flight struct {
	departed time.Time // the file names no time zone; read as UTC
	delay    int       // minutes late on arrival, negative when early
	distance int       // miles
	from, to string    // airports
}

// loadFlights returns the flights of the file, the earliest first.
func loadFlights() ([]flight, error) {
	unzip, err := gzip.NewReader(bytes.NewReader(flightsGz))
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Date                string
		Delay, Distance     int
		Origin, Destination string
	}
	if err := json.NewDecoder(unzip).Decode(&rows); err != nil {
		return nil, err
	}
	flights := make([]flight, len(rows))
	for i, r := range rows {
		departed, err := time.Parse("2006/01/02 15:04", r.Date)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
		flights[i] = flight{departed, r.Delay, r.Distance, r.Origin, r.Destination}
	}
	slices.SortStableFunc(flights, func(a, b flight) int { return a.departed.Compare(b.departed) })
	return flights, nil
}

// id is the flight's own time, as a stream ID whose second half the broker
// chooses: several flights depart in the same minute.
func (f flight) id() string { return startOf(f.departed) + "-*" }

// startOf is the ID at which a replay from a moment begins.
func startOf(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

func (f flight) fields() []any {
	return []any{"origin", f.from, "destination", f.to, "delay", f.delay, "distance", f.distance}
}

// delays is what both the live consumer and the replay compute: how late
// flights from each airport were.
type delays struct {
	flights  int
	airports map[string]*airport
}

type airport struct {
	code           string
	flights, total int
}

func (a *airport) mean() float64 { return float64(a.total) / float64(a.flights) }

// add counts one entry, as it came from the stream.
func (d *delays) add(id string, fields map[string]any) error {
	origin, _ := fields["origin"].(string)
	minutes, err := strconv.Atoi(fmt.Sprint(fields["delay"]))
	if err != nil || origin == "" {
		return fmt.Errorf("entry %s is not a flight: %v", id, fields)
	}
	if d.airports == nil {
		d.airports = map[string]*airport{}
	}
	a := d.airports[origin]
	if a == nil {
		a = &airport{code: origin}
		d.airports[origin] = a
	}
	a.flights++
	a.total += minutes
	d.flights++
	return nil
}

// worst returns the n airports with the highest mean delay among those with at
// least the given number of flights.
func (d *delays) worst(n, atLeast int) []*airport {
	var list []*airport
	for _, a := range d.airports {
		if a.flights >= atLeast {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b *airport) int {
		return cmp.Or(cmp.Compare(b.mean(), a.mean()), cmp.Compare(a.code, b.code))
	})
	return list[:min(n, len(list))]
}
