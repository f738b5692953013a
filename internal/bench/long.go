package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// longStream is what a long stream costs: memory, and time at start.
type longStream struct {
	entries int
	rss     map[string][]float64 // after the load, then after each restart; bytes
	used    map[string][]float64 // used_memory of INFO, likewise
	restart map[string][]float64 // seconds from start to the first PONG
}

// measureLongStream fills a stream on each server once, then restarts them in
// turns.
func measureLongStream(o options, work string) (*longStream, error) {
	l := &longStream{entries: o.entries, rss: map[string][]float64{}, used: map[string][]float64{}, restart: map[string][]float64{}}
	dir := func(kind string) string { return filepath.Join(work, "long-"+kind) }
	for _, kind := range turn(0) {
		fill := load{50, 16, xadd, 0}
		if err := l.visit(o, kind, dir(kind), func(addr string) error {
			_, err := fill.run(addr, o.entries)
			return err
		}); err != nil {
			return nil, err
		}
	}
	for round := range o.rounds {
		for _, kind := range turn(round) {
			began := time.Now()
			if err := l.visit(o, kind, dir(kind), func(string) error {
				l.restart[kind] = append(l.restart[kind], time.Since(began).Seconds())
				return nil
			}); err != nil {
				return nil, err
			}
			fmt.Fprintf(os.Stderr, "restart %s: %.2f s\n", kind, l.restart[kind][round])
		}
	}
	return l, nil
}

// visit starts a server, lets do work with it, notes its memory and stops it.
func (l *longStream) visit(o options, kind, dir string, do func(addr string) error) error {
	s, err := startServer(o, kind, dir, "everysec")
	if err != nil {
		return err
	}
	defer s.Kill()
	if err := do(s.Addr); err != nil {
		return err
	}
	resident, err := rss(s.Pid())
	if err != nil {
		return err
	}
	used, err := usedMemory(s.Addr)
	if err != nil {
		return err
	}
	l.rss[kind] = append(l.rss[kind], resident)
	l.used[kind] = append(l.used[kind], used)
	return s.Stop()
}
