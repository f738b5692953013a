package crash

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/weirmq/weir/internal/oracle"
)

// full is what XINFO STREAM FULL shows of a stream, or that there is none.
type full struct {
	exists bool
	last   uint16
	live   []uint16
	groups []fullGroup
}

type fullGroup struct {
	name        string
	delivered   uint16
	lag         int
	entriesRead string
	pending     []fullPending
	consumers   []fullConsumer
}

type fullPending struct {
	n          uint16
	owner      string
	at         int64
	deliveries int
}

type fullConsumer struct {
	name         string
	seen, active int64
	pending      []fullPending // their owner is the consumer
}

// readFull asks for everything. It checks what must agree with itself: counts and
// lists, the pending of the group and that of its consumers, the lag and the
// entries.
func readFull(c *oracle.Conn, key string) (f *full, err error) {
	rep, err := c.Do("XINFO", "STREAM", key, "FULL", "COUNT", "0")
	if err != nil {
		return nil, err
	}
	f = &full{}
	if rep.IsError() && rep.Text == "ERR no such key" {
		return f, nil
	}
	p := &fullParser{}
	m := p.fields(rep)
	f.exists, f.last = true, p.id(m["last-generated-id"])
	for _, e := range m["entries"].Elems {
		f.live = append(f.live, p.entry(e))
	}
	if p.integer(m["length"]) != int64(len(f.live)) {
		p.fail("length is %s, of %d entries", m["length"], len(f.live))
	}
	for _, g := range m["groups"].Elems {
		f.groups = append(f.groups, p.group(g, f.live))
	}
	if p.err != nil {
		return nil, fmt.Errorf("%s: %w", key, p.err)
	}
	return f, nil
}

// fullParser keeps the first thing that is wrong.
type fullParser struct{ err error }

func (p *fullParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *fullParser) fields(rep oracle.Reply) map[string]oracle.Reply {
	if rep.Kind != '*' || len(rep.Elems) == 0 {
		p.fail("not a map: %s", rep)
	}
	return fields(rep)
}

func (p *fullParser) integer(rep oracle.Reply) int64 {
	n, err := strconv.ParseInt(rep.Text, 10, 64)
	if err != nil || rep.Kind != ':' {
		p.fail("not an integer: %s", rep)
	}
	return n
}

func (p *fullParser) id(rep oracle.Reply) uint16 {
	text, err := number(rep)
	n, err2 := strconv.ParseUint(text, 10, 16)
	if err != nil || err2 != nil {
		p.fail("an ID that nobody used: %s", rep)
	}
	return uint16(n)
}

func (p *fullParser) entry(rep oracle.Reply) uint16 {
	text, err := entryNumbers(oracle.Reply{Kind: '*', Elems: []oracle.Reply{rep}})
	if err != nil || strings.HasSuffix(text, "!") {
		p.fail("an entry that nobody wrote: %s, %v", rep, err)
		return 0
	}
	return p.id(rep.Elems[0])
}

func (p *fullParser) group(rep oracle.Reply, live []uint16) fullGroup {
	m := p.fields(rep)
	g := fullGroup{name: m["name"].Text, delivered: p.id(m["last-delivered-id"]), lag: int(p.integer(m["lag"])), entriesRead: m["entries-read"].Text}
	above := 0
	for _, n := range live {
		if n > g.delivered {
			above++
		}
	}
	if g.lag != above {
		p.fail("group %s: lag is %d, and there are %d entries above %d", g.name, g.lag, above, g.delivered)
	}
	for _, row := range m["pending"].Elems {
		if len(row.Elems) != 4 {
			p.fail("a pending row of %s", row)
			return g
		}
		g.pending = append(g.pending, fullPending{p.id(row.Elems[0]), row.Elems[1].Text, p.integer(row.Elems[2]), int(p.integer(row.Elems[3]))})
	}
	if n := p.integer(m["pel-count"]); n != int64(len(g.pending)) {
		p.fail("group %s: pel-count is %d, of %d", g.name, n, len(g.pending))
	}
	var owned, ours []fullPending
	for _, row := range g.pending {
		if row.owner != "" {
			ours = append(ours, row)
		}
	}
	if n := len(g.pending) - len(ours); n > 0 && p.integer(m["nacked-count"]) != int64(n) {
		p.fail("group %s: nacked-count is %s, of %d", g.name, m["nacked-count"], n)
	}
	for _, c := range m["consumers"].Elems {
		g.consumers = append(g.consumers, p.consumer(c))
		owned = append(owned, g.consumers[len(g.consumers)-1].pending...)
	}
	slices.SortFunc(owned, func(a, b fullPending) int { return int(a.n) - int(b.n) })
	if !slices.Equal(owned, ours) {
		p.fail("group %s: pending for it is\n%v\nand for its consumers\n%v", g.name, g.pending, owned)
	}
	return g
}

func (p *fullParser) consumer(rep oracle.Reply) fullConsumer {
	m := p.fields(rep)
	c := fullConsumer{name: m["name"].Text, seen: p.integer(m["seen-time"]), active: p.integer(m["active-time"])}
	for _, row := range m["pending"].Elems {
		if len(row.Elems) != 3 {
			p.fail("a pending row of %s", row)
			return c
		}
		c.pending = append(c.pending, fullPending{p.id(row.Elems[0]), c.name, p.integer(row.Elems[1]), int(p.integer(row.Elems[2]))})
	}
	if n := p.integer(m["pel-count"]); n != int64(len(c.pending)) {
		p.fail("consumer %s: pel-count is %d, of %d", c.name, n, len(c.pending))
	}
	return c
}

// difference says where a stream is not as the ledger has it, "" if nowhere. A
// consumer may have been seen since it last got something: that is not logged, and
// not in the ledger, but checkpoints have it.
func (l *ledger) difference(f *full) string {
	switch {
	case l.exists != f.exists:
		return fmt.Sprintf("that it exists is %v, not %v", f.exists, l.exists)
	case l.last != f.last:
		return fmt.Sprintf("its last ID is %d, not %d", f.last, l.last)
	case !slices.Equal(l.live, f.live):
		return fmt.Sprintf("its entries are\n%v, not\n%v", f.live, l.live)
	case len(l.groups) != len(f.groups):
		return fmt.Sprintf("it has %d groups, not %d", len(f.groups), len(l.groups))
	}
	for _, got := range f.groups {
		g := l.groups[got.name]
		if g == nil {
			return fmt.Sprintf("it has a group %q", got.name)
		}
		if text := g.difference(&got); text != "" {
			return fmt.Sprintf("group %s: %s", got.name, text)
		}
	}
	return ""
}

func (g *ledgerGroup) difference(got *fullGroup) string {
	if got.delivered != g.delivered {
		return fmt.Sprintf("last delivered is %d, not %d", got.delivered, g.delivered)
	}
	if len(got.pending) != len(g.pending) {
		return fmt.Sprintf("pending are\n%v, not\n%v", got.pending, g.pending)
	}
	for i, p := range g.pending {
		if q := got.pending[i]; q.n != p.n || q.owner != p.owner || q.deliveries != p.deliveries || !p.at.contains(q.at) {
			return fmt.Sprintf("entry %d is pending for %s, delivered %d times, last at %d; not %d for %s, %d times, at %s",
				q.n, q.owner, q.deliveries, q.at, p.n, p.owner, p.deliveries, p.at)
		}
	}
	var names []string
	for _, c := range got.consumers {
		names = append(names, c.name)
		want := g.consumers[c.name]
		if want == nil {
			return fmt.Sprintf("it has a consumer %q", c.name)
		}
		if c.seen < want.seen.from || !want.active.contains(c.active) {
			return fmt.Sprintf("consumer %s: seen at %d, active at %d; not at %s and %s", c.name, c.seen, c.active, want.seen, want.active)
		}
	}
	if want := slices.Sorted(maps.Keys(g.consumers)); !slices.Equal(want, names) {
		return fmt.Sprintf("its consumers are %v, not %v", names, want)
	}
	return ""
}

// keepSeen takes from before when consumers were seen: what memory says of it is
// not in the log, and may be gone next time.
func (l *ledger) keepSeen(before *ledger) {
	for name, g := range l.groups {
		for consumer, c := range g.consumers {
			c.seen = before.groups[name].consumers[consumer].seen
		}
	}
}

// ledger is what the next operations start from: all times are exact now.
func (f *full) ledger() *ledger {
	l := &ledger{f.exists, f.last, f.live, map[string]*ledgerGroup{}}
	for _, g := range f.groups {
		lg := &ledgerGroup{delivered: g.delivered, consumers: map[string]*ledgerConsumer{}}
		for _, p := range g.pending {
			lg.pending = append(lg.pending, ledgerPending{p.n, p.owner, p.deliveries, span{p.at, p.at}})
		}
		for _, c := range g.consumers {
			lg.consumers[c.name] = &ledgerConsumer{span{c.seen, c.seen}, span{c.active, c.active}}
		}
		l.groups[g.name] = lg
	}
	return l
}
