package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/weirmq/weir/internal/oracle"
)

// XRANGE COUNT 100 at random IDs: where the cache is too small to help, and
// where everything is in it.

const (
	oldTarget       = 5000 // requests a second, at least
	hotTarget       = 1.5  // times what a stream in memory takes, at most
	readConnections = 50
	readCount       = 100
	lastMarks       = 10 // of a stream, after which perhaps no readCount entries come
)

// ranges is the load: random entries of those whose IDs are known.
type ranges struct {
	marks    [][]entryID
	requests int
}

func (r ranges) line() string {
	return fmt.Sprintf("%d connections, %d requests of each round `XRANGE events:N ID + COUNT %d` at random IDs of the streams, one after the other on each connection; the reply's first ID and its count are checked", readConnections, r.requests, readCount)
}

// run reads; perSecond counts requests, disk is bytes read for each of them.
func (r ranges) run(s *oracle.Server) (sample sample, disk float64, err error) {
	g, err := gather(s.Addr, readConnections)
	if err != nil {
		return sample, 0, err
	}
	defer g.close()
	random := rand.New(rand.NewPCG(3, 4)) // the same reads in each round
	type asked struct {
		id    entryID
		count int
		began int64
	}
	pending := make([]asked, readConnections)
	took := make([]int64, 0, r.requests)
	begin := func(c *conn) error {
		stream := random.IntN(len(r.marks))
		marks := r.marks[stream]
		at := random.IntN(len(marks) - lastMarks)
		pending[c.number] = asked{marks[at], readCount, monotonic()}
		c.out = oracle.AppendCommand(c.out[:0], "XRANGE", eventStream(stream), marks[at].String(), "+", "COUNT", strconv.Itoa(readCount))
		return c.send(c.out)
	}
	seconds, b, err := use(s.Pid(), func() error {
		left := r.requests
		for _, c := range g.conns {
			c.walk = &walk{}
			left--
			if err := begin(c); err != nil {
				return err
			}
		}
		return g.run(func(c *conn) error {
			p := pending[c.number]
			if c.walk.first != p.id || c.walk.n != p.count {
				return fmt.Errorf("XRANGE %s + COUNT %d replies with %d entries from %s on", p.id, p.count, c.walk.n, c.walk.first)
			}
			if took = append(took, monotonic()-p.began); len(took) == r.requests {
				return errEnough
			}
			if left == 0 {
				return nil
			}
			left--
			return begin(c)
		})
	})
	if err != nil {
		return sample, 0, fmt.Errorf("%w\n%s", err, tail(s.Output()))
	}
	slices.Sort(took)
	sample.perSecond = float64(r.requests) / seconds
	sample.p50, sample.p99 = quantile(took, 0.5)/1e6, quantile(took, 0.99)/1e6
	sample.serverCPU, sample.clientCPU = b.server/sample.perSecond, b.client
	return sample, b.disk / sample.perSecond, nil
}

func (c *chapter) reads(what string, s sample, disk float64) {
	c.say("| %s | %.0f | %.2f | %.2f | %.1f | %.2f | %s |\n", what, s.perSecond, s.p50, s.p99, s.serverCPU*1e6, s.clientCPU, size(disk))
}

func (c *chapter) readsTable(what string) {
	c.table(what, "requests/s", "p50, ms", "p99, ms", "server CPU of a request, µs", "client, share of a core", "read from disk for a request")
}

func (h *history) oldReads(c *chapter) error {
	args := []string{"--stream-cache-size", "1mb"}
	r := ranges{marks: h.marks, requests: int(min(max(h.events/100, 2000), 50_000))}
	c.say("%s; %s.\n", h.line(args...), r.line())
	c.readsTable("page cache")
	var warmed []float64
	for range h.rounds {
		s, disk, err := h.oldRound(r, args, func() error { return warm(h.dir) })
		if err != nil {
			return err
		}
		c.reads("warm", s, disk)
		warmed = append(warmed, s.perSecond)
	}
	c.found(fmt.Sprintf("XRANGE COUNT %d at random IDs of %d events, %d connections, cache of 1 MB, page cache warm, requests/s", readCount, h.count, readConnections),
		fmt.Sprintf("≥ %d", oldTarget), spread(warmed, "%.0f"), median(warmed) >= oldTarget)
	if !mayDrop() {
		return nil
	}
	s, disk, err := h.oldRound(r, args, dropPageCache)
	if err != nil {
		return err
	}
	c.reads("dropped", s, disk)
	c.noted("the same, page cache dropped before (reading warms it again), requests/s", fmt.Sprintf("%.0f", s.perSecond))
	return nil
}

func (h *history) oldRound(r ranges, args []string, prepare func() error) (sample, float64, error) {
	s, err := h.serve(args...)
	if err != nil {
		return sample{}, 0, err
	}
	defer s.Kill()
	if err := prepare(); err != nil {
		return sample{}, 0, err
	}
	out, disk, err := r.run(s)
	if err != nil {
		return out, disk, err
	}
	return out, disk, s.Stop()
}

// hotReads compares blocks that are in segment files and in the cache with
// streams that a weir without segment files keeps in memory.
func (h *history) hotReads(c *chapter) error {
	n := min(h.events, 500_000)
	cached := []string{"--stream-cache-size", "1gb"}
	f := fill{source: h.flights, streams: historyStreams, connections: historyStreams, n: n}
	r := ranges{requests: int(min(max(h.events/50, 2000), 50_000))}
	c.say("%s, once everything was read; commit %.7s, which keeps all of a stream in memory, beside it. Both by turns: %s. Then %s.\n",
		h.freeLine(cached...), lastInMemory, f.line(), r.line())
	c.readsTable("blocks")
	kinds := []string{"in memory", "in the cache"}
	speeds, cpus := map[string][]float64{}, map[string][]float64{}
	for round := range h.rounds {
		for i := range kinds {
			kind := kinds[(i+round)%len(kinds)]
			binary, args := h.baseline, []string(nil)
			if kind == "in the cache" {
				binary, args = h.weir, cached
			}
			s, err := h.hotRound(f, r, binary, args)
			if err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
			c.reads(kind, s, 0)
			speeds[kind], cpus[kind] = append(speeds[kind], s.perSecond), append(cpus[kind], s.serverCPU*1e6)
		}
	}
	slower := median(speeds["in memory"]) / median(speeds["in the cache"])
	dearer := median(cpus["in the cache"]) / median(cpus["in memory"])
	c.found(fmt.Sprintf("hot blocks against a stream in memory: XRANGE COUNT %d, requests/s", readCount), fmt.Sprintf("within %.1fx", hotTarget),
		fmt.Sprintf("%s against %s: %.2fx slower", spread(speeds["in the cache"], "%.0f"), spread(speeds["in memory"], "%.0f"), slower), slower <= hotTarget)
	c.found("the same, server CPU of a request, µs", fmt.Sprintf("within %.1fx", hotTarget),
		fmt.Sprintf("%s against %s: %.2fx", spread(cpus["in the cache"], "%.1f"), spread(cpus["in memory"], "%.1f"), dearer), dearer <= hotTarget)
	return nil
}

func (h *history) hotRound(f fill, r ranges, binary string, args []string) (sample, error) {
	dir := filepath.Join(h.work, "hot")
	s, err := h.serveWith([]string{"env"}, binary, dir, args...)
	if err != nil {
		return sample{}, err
	}
	defer func() {
		s.Kill()
		_ = os.RemoveAll(dir)
	}()
	a, err := h.appended(s, f)
	if err != nil {
		return sample{}, err
	}
	r.marks = a.marks
	// Everything once: what is not in memory comes into the cache.
	if _, err := readAll(s.Addr); err != nil {
		return sample{}, err
	}
	out, _, err := r.run(s)
	return out, err
}
