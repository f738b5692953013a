package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// pending is what entries cost that were delivered and not acknowledged: memory,
// and time of the commands that look for them.
type pending struct {
	entries int
	memory  map[string][]*footprint // by server
	lookups map[string][]*lookup
}

// footprint is the memory of one case: what the server takes after the delivery
// less what it took before.
type footprint struct {
	name    string
	pending float64
	rss     float64 // bytes
	used    float64 // used_memory of INFO
	atOnce  float64 // RSS before the server has given back what it can
	target  float64 // bytes per pending entry, 0 for none
}

// The targets of memory per pending entry, in bytes, and of lookups.
const (
	scatteredTarget = 16
	inOrderTarget   = 4
	lookupTarget    = 2 // times the time with smallPending
)

// One group reads by turns, the other has one consumer.
const (
	turns     = "turns"
	consumers = 8
	turnCount = 7
	alone     = "alone"
)

// measurePending runs once. Below a scale of a half, fewer entries: of less than
// a million, the memory is lost in what the RSS moves by anyway.
func measurePending(o options, work string) (*pending, error) {
	p := &pending{entries: int(5_000_000 * min(1, 2*o.scale)), memory: map[string][]*footprint{}, lookups: map[string][]*lookup{}}
	for _, kind := range turn(0) {
		dir := filepath.Join(work, "data")
		if err := p.serve(o, kind, dir); err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
		fmt.Fprint(os.Stderr, p.line(kind))
	}
	return p, nil
}

func (p *pending) serve(o options, kind, dir string) error {
	server, err := startServer(o, kind, dir, "everysec")
	if err != nil {
		return err
	}
	defer server.Kill()
	s := session{server: server, random: rand.New(rand.NewPCG(1, 2))}
	if err := s.measure(p, kind); err != nil {
		return fmt.Errorf("%w\n%s", err, server.Output())
	}
	return server.Stop()
}

// session is one server's part of it.
type session struct {
	server *oracle.Server
	random *rand.Rand
}

func (s *session) measure(p *pending, kind string) error {
	// Streams first, so that only groups grow after the first look at the memory;
	// what frees memory, which the next case would use again, last.
	if err := s.fill("bench", p.entries, nil); err != nil {
		return err
	}
	small, err := s.smallGroups()
	if err != nil {
		return err
	}
	sparse := p.entries / 2
	at := int64(1_700_000_000_000)
	if err := s.fill("sparse", sparse, func() string {
		at += 1 + s.random.Int64N(2000)
		return strconv.FormatInt(at, 10) + "-" + strconv.Itoa(1+s.random.IntN(3))
	}); err != nil {
		return err
	}
	for _, made := range [][2]string{{"bench", turns}, {"bench", alone}, {"sparse", turns}} {
		if err := s.do("XGROUP", "CREATE", made[0], made[1], "0"); err != nil {
			return err
		}
	}

	inOrder := &footprint{name: "one consumer in order, nothing acknowledged", target: inOrderTarget}
	err = s.footprint(inOrder, "bench", alone, func() error {
		_, err := s.deliver("bench", alone, 1, 100, p.entries)
		return err
	})
	if err != nil {
		return err
	}
	scattered := &footprint{name: fmt.Sprintf("%d consumers by turns of COUNT %d, every third acknowledged at random", consumers, turnCount), target: scatteredTarget}
	err = s.footprint(scattered, "bench", turns, func() error {
		ids, err := s.deliver("bench", turns, consumers, turnCount, p.entries)
		if err != nil {
			return err
		}
		s.random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		timed := min(lookupBatches*lookupBatch, len(ids)/3)
		if p.lookups[kind], err = s.lookups(ids[:timed], ids[len(ids)/3:], small); err != nil {
			return err
		}
		return s.acknowledge("bench", turns, ids[timed:len(ids)/3])
	})
	if err != nil {
		return err
	}
	apart := &footprint{name: fmt.Sprintf("the same, of %d entries about a second apart", sparse)}
	err = s.footprint(apart, "sparse", turns, func() error {
		ids, err := s.deliver("sparse", turns, consumers, turnCount, sparse)
		if err != nil {
			return err
		}
		s.random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		return s.acknowledge("sparse", turns, ids[:len(ids)/3])
	})
	p.memory[kind] = []*footprint{inOrder, scattered, apart}
	return err
}

// footprint notes what the memory grows by while work makes entries of a group pending.
func (s *session) footprint(f *footprint, key, name string, work func() error) error {
	if err := s.grow(f, work); err != nil {
		return err
	}
	var err error
	f.pending, err = s.pendingOf(key, name)
	return err
}

// grow notes what the memory grows by while work runs.
func (s *session) grow(f *footprint, work func() error) error {
	rss0, used0, err := s.settle()
	if err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	atOnce, err := rss(s.server.Pid())
	if err != nil {
		return err
	}
	rss1, used1, err := s.settle()
	f.rss, f.used, f.atOnce = rss1-rss0, used1-used0, atOnce-rss0
	return err
}

// settle makes the server give back what it does not need, which both do by themselves in some seconds without work, and returns
// its RSS and used_memory when it has.
func (s *session) settle() (resident, used float64, err error) {
	const (
		step   = 50 * time.Millisecond
		steady = 20 // looks that show nothing less
	)
	if err := s.do("MEMORY", "PURGE"); err != nil {
		return 0, 0, err
	}
	resident = math.Inf(1)
	for looks := 0; looks < steady; looks++ {
		time.Sleep(step)
		now, err := rss(s.server.Pid())
		if err != nil {
			return 0, 0, err
		}
		if now < resident {
			resident, looks = now, 0
		}
	}
	used, err = usedMemory(s.server.Addr)
	return resident, used, err
}

func (s *session) do(args ...string) error {
	c, err := oracle.Dial(s.server.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_, err = c.MustDo(args...)
	return err
}

// pendingOf is how many entries of a group are pending, as the server says.
func (s *session) pendingOf(key, name string) (float64, error) {
	c, err := oracle.Dial(s.server.Addr)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }()
	reply, err := c.MustDo("XPENDING", key, name)
	if err != nil {
		return 0, err
	}
	if len(reply.Elems) != 4 {
		return 0, fmt.Errorf("XPENDING replies %v", reply)
	}
	return strconv.ParseFloat(reply.Elems[0].Text, 64)
}

func (p *pending) line(kind string) string {
	text := fmt.Sprintf("pending %-10s", kind)
	for _, f := range p.memory[kind] {
		text += fmt.Sprintf(" %.1f B (used_memory %.1f)", f.rss/f.pending, f.used/f.pending)
	}
	for _, l := range p.lookups[kind] {
		text += fmt.Sprintf("  %s %.2f/%.2f us", l.name, l.many*1e6, l.few*1e6)
	}
	return text + "\n"
}

func (p *pending) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %d pending entries\n\nA stream of so many entries of one small field; sync everysec. Memory after the delivery less memory before it, "+
		"both after MEMORY PURGE, divided by the pending entries that XPENDING counts. Weir's used_memory is then its live heap. "+
		"Targets are for the larger of the two.\n\n", p.entries)
	b.WriteString("| bytes per pending entry | pending | Redis, RSS | Weir, RSS | ratio | Redis, used_memory | Weir, used_memory | target |\n|---|---|---|---|---|---|---|---|\n")
	for i, w := range p.memory[weir] {
		r := p.memory[redis][i]
		target := ""
		if w.target > 0 {
			target = fmt.Sprintf("≤ %.0f: %s", w.target, reached(max(w.rss, w.used)/w.pending <= w.target))
		}
		fmt.Fprintf(b, "| %s | %.0f | %.1f | %.1f | **%.2f** | %.1f | %.1f | %s |\n", w.name, w.pending,
			r.rss/r.pending, w.rss/w.pending, (w.rss/w.pending)/(r.rss/r.pending), r.used/r.pending, w.used/w.pending, target)
	}
	fmt.Fprintf(b, "\nThe same server, %d entries pending against %d in groups of other streams; %d commands of each, pipeline %d, by turns; medians.\n\n",
		p.entries, smallPending, lookupBatches*lookupBatch, lookupBatch)
	b.WriteString("| µs per command | Redis, few | Redis, many | ratio | Weir, few | Weir, many | ratio | target |\n|---|---|---|---|---|---|---|---|\n")
	for i, w := range p.lookups[weir] {
		r := p.lookups[redis][i]
		fmt.Fprintf(b, "| %s | %.2f | %.2f | %.2f | %.2f | %.2f | **%.2f** | ≤ %d: %s |\n", w.name, r.few*1e6, r.many*1e6, r.many/r.few,
			w.few*1e6, w.many*1e6, w.many/w.few, lookupTarget, reached(w.many <= lookupTarget*w.few))
	}
}
