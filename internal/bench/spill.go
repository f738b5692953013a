package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// What spilling and checkpoints add to the price of an XADD.

const spillTarget = 1.4 // times the CPU of an XADD without

// spillCase is one of the servers that take turns.
type spillCase struct {
	name   string
	binary string
	args   []string
	fill   fill
}

// mostInOpen is how many events all open blocks together may hold: at 128 MB the
// broker begins to seal those of idle streams.
const mostInOpen = 800_000

func (h *history) spilling(c *chapter) error {
	n := min(h.events, 4_000_000)
	load := func(n uint64) fill {
		// So many streams that the events of each fit the largest open block.
		streams := int(n/200_000+1) * historyStreams
		return fill{source: h.flights, streams: streams, connections: historyStreams, n: n}
	}
	const roughly, checkpoints = 240, 8 // bytes of log of an event
	cases := []spillCase{
		{"spilling and checkpointing", h.weir, []string{"--checkpoint-log-size", strconv.Itoa(max(int(n)*roughly/checkpoints, 1<<20))}, load(n)},
		{"neither: all in open blocks", h.weir, []string{"--checkpoint-log-size", "64gb", "--stream-block-size", "16mb", "--stream-block-entries", "65535"}, load(min(n, mostInOpen))},
		{fmt.Sprintf("commit %.7s, which can do neither", lastInMemory), h.baseline, nil, load(n)},
	}
	for _, k := range cases {
		c.say("- %s: %s; %s\n", k.name, h.freeLine(k.args...), k.fill.line())
	}
	c.say("\nCPU is counted from the first XADD until the server is idle after the last one.\n")
	c.table("", "XADDs/s", "server CPU per XADD, µs", "client, share of a core", "checkpoints", "segments on disk", "RSS")
	speeds, cpus := map[string][]float64{}, map[string][]float64{}
	for round := range h.rounds {
		for i := range cases {
			k := cases[(i+round)%len(cases)]
			if err := h.spillRound(c, k, speeds, cpus); err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
		}
	}
	with := cases[0].name
	for _, k := range cases[1:] {
		dearer := median(cpus[with]) / median(cpus[k.name])
		c.found("server CPU per XADD while spilling and checkpointing, against "+k.name+", µs", fmt.Sprintf("≤ %.1fx", spillTarget),
			fmt.Sprintf("%s against %s: %.2fx; throughput %.2fx", spread(cpus[with], "%.2f"), spread(cpus[k.name], "%.2f"), dearer, median(speeds[with])/median(speeds[k.name])), dearer <= spillTarget)
	}
	return nil
}

func (h *history) spillRound(c *chapter, k spillCase, speeds, cpus map[string][]float64) error {
	dir := filepath.Join(h.work, "spilling")
	s, err := h.serveWith([]string{"env"}, k.binary, dir, k.args...)
	if err != nil {
		return err
	}
	defer func() {
		s.Kill()
		_ = os.RemoveAll(dir)
	}()
	a, err := h.appended(s, k.fill)
	if err != nil {
		return err
	}
	made, err := info(s.Addr, "persistence", "rdb_saves")
	if err != nil {
		return err
	}
	speeds[k.name], cpus[k.name] = append(speeds[k.name], a.perSecond), append(cpus[k.name], a.cpu*1e6)
	c.say("| %s | %.0f | %.2f | %.2f | %.0f | %s | %s |\n", k.name, a.perSecond, a.cpu*1e6, a.clientCPU, made, size(a.disk.segments), size(a.peak))
	return nil
}
