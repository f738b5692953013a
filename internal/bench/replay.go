package main

import (
	"fmt"

	"github.com/weirmq/weir/internal/oracle"
)

// All of the history is read by one client, stream after stream.

const replayEvents = 1_000_000 // a second, at least

// bounds is what a client and a server used while something was measured, as
// shares of a core and of the disk.
type bounds struct {
	server, client float64
	disk           float64 // bytes read per second
}

// what names that which cannot go faster.
func (b bounds) what() string {
	switch {
	case b.server > 0.85:
		return "the server's CPU"
	case b.client > 0.85:
		return "the client's CPU"
	case b.server+b.client > 0.75 && b.disk < 1<<20:
		return "client and server take turns: one connection, one request at a time"
	case b.disk > 1<<20:
		return "the disk, in turns with client and server"
	}
	return "waiting, also for cores that others use"
}

func (h *history) replays(c *chapter) error {
	c.say("%s; one connection, for each of the %d streams `XREAD COUNT 1000 STREAMS events:N LAST-ID` until nothing comes, the next one sent when the reply before is whole. "+
		"The client looks at lengths and at the first and last ID of each reply, and counts entries: all %d must come.\n", h.line(), historyStreams, h.count)
	c.table("page cache", "events/s", "server, share of a core", "client, share of a core", "server CPU per event, µs", "read from disk", "bound by")
	measure := func(cache string, prepare func() error) (perSecond []float64, last bounds, err error) {
		rounds := h.rounds
		if cache == "dropped" {
			rounds = 1 // reading warms it
		}
		for range rounds {
			speed, b, err := h.replay(prepare)
			if err != nil {
				return nil, b, err
			}
			c.say("| %s | %.0f | %.2f | %.2f | %.3f | %s/s | %s |\n", cache, speed, b.server, b.client, b.server/speed*1e6, size(b.disk), b.what())
			perSecond, last = append(perSecond, speed), b
		}
		return perSecond, last, nil
	}
	speed, b, err := measure("warm", func() error { return warm(h.dir) })
	if err != nil {
		return err
	}
	c.found(fmt.Sprintf("replay of all %d events through XREAD COUNT 1000, one client, page cache warm, events/s", h.count), fmt.Sprintf("≥ %d", replayEvents),
		fmt.Sprintf("%s; bound by: %s", spread(speed, "%.0f"), b.what()), median(speed) >= replayEvents)
	if !mayDrop() {
		return nil
	}
	speed, b, err = measure("dropped", dropPageCache)
	if err == nil {
		c.noted("the same, page cache dropped before, events/s", fmt.Sprintf("%.0f; bound by: %s", speed[0], b.what()))
	}
	return err
}

// replay is one round.
func (h *history) replay(prepare func() error) (perSecond float64, b bounds, err error) {
	s, err := h.serve()
	if err != nil {
		return 0, b, err
	}
	defer s.Kill()
	if err := prepare(); err != nil {
		return 0, b, err
	}
	var n uint64
	took, b, err := use(s.Pid(), func() (err error) {
		n, err = readAll(s.Addr)
		return err
	})
	if err == nil && n != h.count {
		err = fmt.Errorf("%d of %d events came", n, h.count)
	}
	if err != nil {
		return 0, b, fmt.Errorf("%w\n%s", err, tail(s.Output()))
	}
	return float64(n) / took, b, s.Stop()
}

// readAll reads every entry of every stream with one connection.
func readAll(addr string) (n uint64, err error) {
	g, err := gather(addr, 1)
	if err != nil {
		return 0, err
	}
	defer g.close()
	c := g.conns[0]
	c.walk = &walk{xread: true}
	for i := range historyStreams {
		for last := (entryID{}); ; {
			c.out = oracle.AppendCommand(c.out[:0], "XREAD", "COUNT", "1000", "STREAMS", eventStream(i), last.String())
			if err := c.exchange(c.out, 1, nil); err != nil {
				return n, err
			}
			if c.walk.n == 0 {
				break
			}
			if first := c.walk.first; first.ms < last.ms || first.ms == last.ms && first.seq <= last.seq {
				return n, fmt.Errorf("after %s came %s", last, first)
			}
			last = c.walk.last
			n += uint64(c.walk.n)
		}
	}
	return n, nil
}

// use says how long work takes and what this process and a server use for it.
func use(pid int, work func() error) (seconds float64, b bounds, err error) {
	server, err := cpuTime(pid)
	if err != nil {
		return 0, b, err
	}
	disk, err := diskReads(pid)
	if err != nil {
		return 0, b, err
	}
	client, began := ownCPU(), monotonic()
	if err := work(); err != nil {
		return 0, b, err
	}
	seconds = float64(monotonic()-began) / 1e9
	b.client = (ownCPU() - client) / seconds
	serverAfter, err := cpuTime(pid)
	if err != nil {
		return 0, b, err
	}
	diskAfter, err := diskReads(pid)
	b.server, b.disk = (serverAfter-server)/seconds, (diskAfter-disk)/seconds
	return seconds, b, err
}
