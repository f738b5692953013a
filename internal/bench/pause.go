package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// How long other clients wait while a checkpoint is made of a state that is all
// in memory: very many streams, whose open blocks are too small to be worth a
// place in a segment file, and a group with pending entries.

const (
	pauseTarget = 10 // ms, of p99.9
	pingRate    = 1000
	// Of the load beside it.
	writeEvery = 10 * time.Millisecond
	writeBatch = 100
)

// noOtherCheckpoint begins but those that are asked for.
var noOtherCheckpoint = []string{"--checkpoint-log-size", "64gb"}

// heap is a state that stays in memory.
type heap struct {
	streams, events int // of each stream
	pending         int
}

// heapFor has about so many bytes in Weir's memory.
func heapFor(bytes int) heap {
	const events, each = 9, 2600 // some 1.2 KB are one open block, the rest is room to grow and what a stream takes anyway
	return heap{streams: max(bytes/each/8*8, 8), events: events, pending: max(bytes/1000, 10_000)}
}

func (p heap) fill(source source) fill {
	return fill{source: source, streams: p.streams, connections: 8, n: uint64(p.streams * p.events)}
}

func (h *history) pauses(c *chapter) error {
	// A 50th of the raw history: 1 GB beside 50 million events.
	p := heapFor(int(min(h.events*20, 1<<30)))
	c.say("%d streams of %d events (%s) each, and a group with %d pending entries of %d consumers. PING %d times a second on a connection of its own, when it is due, also when replies are late; "+
		"a time is from when it was due to its reply; beside it how late the client itself woke up, who needs one of the cores, too. With writes: %d XADDs to random streams of these every %v beside it on another connection. "+
		"Quiet is as long as the checkpoint before it took, %.1f s at least. Redis has the same and makes a BGSAVE; the CPU of its child is not counted. The own longest hold is what the server says of itself: Weir the longest time that the checkpoint held the lock, Redis the time of its fork. Figures above are of the PINGs of all rounds together.\n",
		p.streams, p.events, h.flights, p.pending, consumers, pingRate, writeBatch, writeEvery, h.quiet().Seconds())
	c.say("\n%s; `redis-server %s`\n", h.freeLine(noOtherCheckpoint...), quoteArgs(redisArgs("everysec")))
	c.table("server", "what", "p50, ms", "p99.9, ms", "longest, ms", "client late, p99.9, ms", "PINGs", "server CPU, s", "seconds", "own longest hold, ms", "file")
	for _, kind := range turn(1) {
		if err := h.pausesOf(c, p, kind); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

// quiet is how long PINGs are sent without a checkpoint.
func (h *history) quiet() time.Duration {
	if h.events < 1_000_000 {
		return time.Second / 2
	}
	return 3 * time.Second
}

func (h *history) pausesOf(c *chapter, state heap, kind string) error {
	dir := filepath.Join(h.work, "pauses")
	var further []string
	if kind == weir {
		further = noOtherCheckpoint
	}
	s, err := startServer(h.options, kind, dir, "everysec", further...)
	if err != nil {
		return err
	}
	defer func() {
		s.Kill()
		_ = os.RemoveAll(dir)
	}()
	if _, err := state.fill(h.flights).run(s.Addr, s.Pid()); err != nil {
		return err
	}
	group := session{server: s, random: rand.New(rand.NewPCG(1, 2))}
	if err := errors.Join(group.fill("pending", state.pending, nil), group.do("XGROUP", "CREATE", "pending", turns, "0")); err != nil {
		return err
	}
	if _, err := group.deliver("pending", turns, consumers, turnCount, state.pending); err != nil {
		return err
	}
	used, err := usedMemory(s.Addr)
	if err != nil {
		return err
	}

	during := map[string][]int64{} // of all rounds, ns
	quiet := h.quiet()
	for range h.rounds {
		for _, phase := range phases {
			work := func() error { time.Sleep(quiet); return nil }
			if phase.saving {
				work = func() error { return bgsave(s.Addr) }
			}
			p, took, b, err := pingsBeside(s, phase.writes, state.streams, work, h.flights)
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", phase.name, err, tail(s.Output()))
			}
			if phase.saving {
				quiet = max(h.quiet(), time.Duration(took*float64(time.Second)))
			}
			during[phase.name] = append(during[phase.name], p.took...)
			c.say("| %s | %s | %.2f | %.2f | %.2f | %.2f | %d | %.2f | %.2f |", kind, phase.name, quantile(p.took, 0.5)/1e6,
				quantile(p.took, 0.999)/1e6, quantile(p.took, 1)/1e6, quantile(p.late, 0.999)/1e6, len(p.took), b.server*took, took)
			if !phase.saving {
				c.say(" | |\n")
				continue
			}
			hold, bytes, err := lastSave(s, kind)
			if err != nil {
				return err
			}
			c.say(" %.2f | %s |\n", hold, size(bytes))
		}
	}
	for _, phase := range phases {
		times := during[phase.name]
		slices.Sort(times)
		p999 := quantile(times, 0.999) / 1e6
		what := fmt.Sprintf("%s with %s of used_memory: %d PINGs at %d/s, %s: p50; p99.9; longest, ms", kind, size(used), len(times), pingRate, phase.name)
		measured := fmt.Sprintf("%.2f; %.2f; %.2f", quantile(times, 0.5)/1e6, p999, quantile(times, 1)/1e6)
		if kind == weir && phase.saving {
			c.found(what, fmt.Sprintf("p99.9 < %d ms", pauseTarget), measured, p999 < pauseTarget)
		} else {
			c.noted(what, measured)
		}
	}
	return nil
}

// lastSave is what a server says of its last checkpoint: milliseconds, bytes.
func lastSave(s *oracle.Server, kind string) (hold, bytes float64, err error) {
	if kind == redis {
		hold, err = info(s.Addr, "stats", "latest_fork_usec")
		file, serr := os.Stat(filepath.Join(s.Dir, "dump.rdb"))
		if err = errors.Join(err, serr); err != nil {
			return 0, 0, err
		}
		return hold / 1000, float64(file.Size()), nil
	}
	hold, err = info(s.Addr, "persistence", "checkpoint_pause_usec")
	if err == nil {
		bytes, err = info(s.Addr, "persistence", "checkpoint_bytes")
	}
	return hold / 1000, bytes, err
}

// phases of a round.
var phases = []struct {
	name           string
	saving, writes bool
}{{"during a BGSAVE", true, false}, {"quiet", false, false}, {"during a BGSAVE, with writes", true, true}, {"quiet, with writes", false, true}}

// bgsave makes a checkpoint and waits until it is counted.
func bgsave(addr string) error {
	before, err := info(addr, "persistence", "rdb_saves")
	if err != nil {
		return err
	}
	if _, err := ask(addr, "BGSAVE"); err != nil {
		return err
	}
	for {
		time.Sleep(20 * time.Millisecond)
		reply, err := ask(addr, "INFO", "persistence")
		switch {
		case err != nil:
			return err
		case !strings.Contains(reply.Text, "rdb_last_bgsave_status:ok"):
			return fmt.Errorf("the checkpoint failed:\n%s", reply.Text)
		case strings.Contains(reply.Text, "rdb_bgsave_in_progress:0") && !strings.Contains(reply.Text, fmt.Sprintf("rdb_saves:%.0f\r\n", before)):
			return nil // Redis counts it when it begins
		}
	}
}

// pinged is one phase's PINGs, in nanoseconds, ascending.
type pinged struct {
	took []int64
	// late is how late the client itself woke up for one that was not held up by
	// the one before: on two cores it has to wait for a core like anybody else.
	late []int64
}

// pingsBeside sends PINGs while work runs.
func pingsBeside(s *oracle.Server, writes bool, streams int, work func() error, events source) (p pinged, took float64, b bounds, err error) {
	end := make(chan struct{})
	beside := make(chan error, 2)
	go func() { beside <- p.send(s.Addr, end) }()
	running := 1
	if writes {
		running++
		go func() { beside <- writesBeside(s.Addr, streams, events, end) }()
	}
	took, b, err = use(s.Pid(), work)
	close(end)
	for range running {
		err = errors.Join(err, <-beside)
	}
	p.sort()
	return p, took, b, err
}

func (p *pinged) sort() {
	slices.Sort(p.took)
	slices.Sort(p.late)
}

func (p *pinged) send(addr string, end <-chan struct{}) error {
	g, err := gather(addr, 1)
	if err != nil {
		return err
	}
	defer g.close()
	c := g.conns[0]
	for due := monotonic(); ; due += int64(time.Second) / pingRate {
		select {
		case <-end:
			return nil
		default:
		}
		if monotonic() < due {
			sleepUntil(due)
			p.late = append(p.late, monotonic()-due)
		}
		if err := c.ping(); err != nil {
			return err
		}
		p.took = append(p.took, monotonic()-due)
	}
}

func writesBeside(addr string, streams int, events source, end <-chan struct{}) error {
	i := uint64(1) << 40
	return batchesBeside(addr, end, func(b []byte) []byte {
		b, _ = appendXADD(b, int(mix(i)%uint64(streams)), events, i)
		i++
		return b
	})
}

// batchesBeside sends commands at a steady rate until end is closed.
func batchesBeside(addr string, end <-chan struct{}, command func(b []byte) []byte) error {
	g, err := gather(addr, 1)
	if err != nil {
		return err
	}
	defer g.close()
	c := g.conns[0]
	for due := monotonic(); ; due += int64(writeEvery) {
		select {
		case <-end:
			return nil
		default:
		}
		sleepUntil(due)
		c.out = c.out[:0]
		for range writeBatch {
			c.out = command(c.out)
		}
		if err := c.exchange(c.out, writeBatch, nil); err != nil {
			return err
		}
	}
}
