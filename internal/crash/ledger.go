package crash

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ledger is what a stream and its groups must be after the operations of one
// client, who has them for himself: maps and slices, no cleverness, and every
// time with the bounds that an observer can know.
type ledger struct {
	exists bool
	last   uint16
	live   []uint16 // ascending
	groups map[string]*ledgerGroup
}

type ledgerGroup struct {
	delivered uint16
	consumers map[string]*ledgerConsumer
	pending   []ledgerPending // ascending
}

type ledgerPending struct {
	n          uint16
	owner      string
	deliveries int
	at         span
}

type ledgerConsumer struct {
	seen   span // as far as it is logged: the last creation, delivery or claim
	active span // the last delivery or claim; never if there was none
}

// span bounds a time of the server's clock, in unix ms: what a client knows is
// when it sent the command and when it had the reply. After a restart the time
// itself is known, and both bounds are the same.
type span struct{ from, to int64 }

var never = span{-1, -1}

func (s span) contains(ms int64) bool { return s.from <= ms && ms <= s.to }
func (s span) String() string {
	if s.from == s.to {
		return strconv.FormatInt(s.from, 10)
	}
	return fmt.Sprintf("%d to %d", s.from, s.to)
}

func newLedger() *ledger { return &ledger{groups: map[string]*ledgerGroup{}} }

// apply does an operation at a time, and says how it must be answered.
func (l *ledger) apply(o op, at span) string {
	g := l.groups[o.groupName()]
	switch o.kind {
	case opAdd:
		l.exists, l.last = true, o.ids[0] // a client adds in order
		l.live = append(l.live, o.ids[0])
		return "ok"
	case opDelete:
		before := len(l.live)
		l.live = slices.DeleteFunc(l.live, func(n uint16) bool { return slices.Contains(o.ids, n) })
		return strconv.Itoa(before - len(l.live))
	case opTrim:
		gone := max(0, len(l.live)-o.count)
		if o.mode == "DELREF" {
			l.dropReferences(l.live[:gone])
		}
		l.live = slices.Clone(l.live[gone:])
		return strconv.Itoa(gone)
	case opCreate:
		l.exists = true
		if g != nil {
			return "BUSYGROUP"
		}
		l.groups[o.groupName()] = &ledgerGroup{delivered: o.ids[0], consumers: map[string]*ledgerConsumer{}}
		return "ok"
	case opDestroy:
		switch {
		case !l.exists:
			return "ERR"
		case g == nil:
			return "0"
		}
		delete(l.groups, o.groupName())
		return "1"
	case opAck:
		if g == nil {
			return "0"
		}
		return strconv.Itoa(g.ack(o.ids))
	case opDeleteEx:
		return l.deleteEach(o, l.has)
	case opAckDelete:
		return l.deleteEach(o, func(n uint16) bool { return g != nil && g.ack([]uint16{n}) == 1 })
	}
	if g == nil {
		if !l.exists && (o.kind == opSetID || o.kind == opCreateConsumer || o.kind == opDeleteConsumer) {
			return "ERR" // that the key is not there
		}
		return "NOGROUP"
	}
	switch o.kind {
	case opSetID:
		g.delivered = o.ids[0]
		return "ok"
	case opCreateConsumer:
		if g.consumers[o.consumerName()] != nil {
			return "0"
		}
		g.consumer(o, at)
		return "1"
	case opDeleteConsumer:
		before := len(g.pending)
		g.pending = slices.DeleteFunc(g.pending, func(p ledgerPending) bool { return p.owner == o.consumerName() })
		delete(g.consumers, o.consumerName())
		return strconv.Itoa(before - len(g.pending))
	case opRead:
		return l.read(g, o, at)
	case opHistory:
		return l.history(g, o, at)
	case opReadClaim:
		return l.readClaim(g, o, at)
	case opRelease:
		return l.release(g, o)
	case opClaim:
		return l.claim(g, o, at)
	case opAutoClaim:
		return l.autoClaim(g, o, at)
	}
	panic("unknown operation")
}

func (l *ledger) has(n uint16) bool {
	_, found := slices.BinarySearch(l.live, n)
	return found
}

// consumer is the one that an operation names, made if need be.
func (g *ledgerGroup) consumer(o op, at span) *ledgerConsumer {
	c := g.consumers[o.consumerName()]
	if c == nil {
		c = &ledgerConsumer{seen: at, active: never}
		g.consumers[o.consumerName()] = c
	}
	return c
}

func (g *ledgerGroup) find(n uint16) (int, bool) {
	return slices.BinarySearchFunc(g.pending, n, func(p ledgerPending, n uint16) int { return cmp.Compare(p.n, n) })
}

// put makes an entry pending, or changes the one that is.
func (g *ledgerGroup) put(p ledgerPending) {
	if i, found := g.find(p.n); found {
		g.pending[i] = p
	} else {
		g.pending = slices.Insert(g.pending, i, p)
	}
}

func (g *ledgerGroup) ack(ids []uint16) int {
	before := len(g.pending)
	g.pending = slices.DeleteFunc(g.pending, func(p ledgerPending) bool { return slices.Contains(ids, p.n) })
	return before - len(g.pending)
}

func (l *ledger) read(g *ledgerGroup, o op, at span) string {
	c := g.consumer(o, at)
	first, found := slices.BinarySearch(l.live, g.delivered)
	if found {
		first++
	}
	got := l.live[first:min(first+o.count, len(l.live))]
	if len(got) == 0 {
		return ""
	}
	g.delivered = got[len(got)-1]
	if !o.noAck {
		for _, n := range got {
			g.put(ledgerPending{n, o.consumerName(), 1, at})
		}
		c.seen, c.active = at, at
	}
	return numbers(got)
}

func (l *ledger) history(g *ledgerGroup, o op, at span) string {
	g.consumer(o, at)
	var got []string
	for i := range g.pending {
		p := &g.pending[i]
		switch {
		case p.n <= o.ids[0] || p.owner != o.consumerName() || len(got) == o.count:
		case !l.has(p.n):
			got = append(got, fmt.Sprint(p.n, "!"))
		default:
			p.countUp()
			p.at = at
			got = append(got, fmt.Sprint(p.n))
		}
	}
	return strings.Join(got, " ")
}

func (l *ledger) claim(g *ledgerGroup, o op, at span) string {
	g.delivered = max(g.delivered, o.lastID)
	var got []uint16
	for _, n := range o.ids {
		i, pending := g.find(n)
		switch {
		case !l.has(n):
			g.ack([]uint16{n})
		case pending:
			g.take(g.pending[i], o, at)
			got = append(got, n)
		case o.force:
			g.take(ledgerPending{n: n, deliveries: 1}, o, at)
			got = append(got, n)
		}
	}
	return numbers(got)
}

// take makes an entry the claimant's.
func (g *ledgerGroup) take(p ledgerPending, o op, at span) {
	c := g.consumer(o, at)
	c.seen, c.active = at, at
	p.owner, p.at = o.consumerName(), at
	if o.timeMS > 0 {
		p.at = span{o.timeMS, o.timeMS}
	}
	if o.retry >= 0 {
		p.deliveries = o.retry
	} else if !o.justID {
		p.countUp()
	}
	g.put(p)
}

func (p *ledgerPending) countUp() {
	if p.deliveries < math.MaxInt {
		p.deliveries++
	}
}

// readClaim claims everything that is pending and reads everything that is new.
// What is both, for the group was set back, comes twice.
func (l *ledger) readClaim(g *ledgerGroup, o op, at span) string {
	var got []delivered
	g.consumer(o, at)
	for _, p := range slices.Clone(g.pending) {
		if !l.has(p.n) {
			g.ack([]uint16{p.n})
			continue
		}
		got = append(got, delivered{p.n, p.deliveries})
		g.take(p, o, at)
	}
	for _, n := range l.live {
		if n > g.delivered {
			got = append(got, delivered{n, 0})
		}
	}
	o.count = len(l.live)
	l.read(g, o, at)
	slices.SortStableFunc(got, func(a, b delivered) int { return int(a.n) - int(b.n) })
	return deliveredText(got)
}

// release makes entries nobody's.
func (l *ledger) release(g *ledgerGroup, o op) string {
	released := 0
	for _, n := range o.ids {
		p := ledgerPending{n: n}
		if i, pending := g.find(n); pending {
			p.deliveries = g.pending[i].deliveries
		} else if !o.force || !l.has(n) {
			continue
		}
		switch o.mode {
		case "SILENT":
			p.deliveries = max(p.deliveries-1, 0)
		case "FATAL":
			p.deliveries = math.MaxInt
		}
		g.put(p)
		released++
	}
	return strconv.Itoa(released)
}

// deleteEach deletes entries, with what mode says about references to them, and
// says of each ID what became of it. Those that are not found are none of the
// command's business.
func (l *ledger) deleteEach(o op, found func(uint16) bool) string {
	var each []string
	var gone []uint16
	for _, n := range o.ids {
		switch {
		case !found(n):
			each = append(each, "-1")
			if o.mode == "DELREF" && o.kind == opDeleteEx {
				gone = append(gone, n) // its references go, even so
			}
		case o.mode == "ACKED" && l.referred(n):
			each = append(each, "2")
		default:
			each = append(each, "1")
			gone = append(gone, n)
		}
	}
	if o.mode == "DELREF" {
		l.dropReferences(gone)
	}
	l.live = slices.DeleteFunc(l.live, func(n uint16) bool { return slices.Contains(gone, n) })
	return strings.Join(each, " ")
}

// referred says that a group has an entry pending, or has yet to deliver it.
func (l *ledger) referred(n uint16) bool {
	for _, g := range l.groups {
		if _, pending := g.find(n); pending || n > g.delivered {
			return true
		}
	}
	return false
}

func (l *ledger) dropReferences(ids []uint16) {
	for _, g := range l.groups {
		g.ack(ids)
	}
}

func (l *ledger) autoClaim(g *ledgerGroup, o op, at span) string {
	var got, gone []uint16
	next := uint16(0)
	for _, p := range slices.Clone(g.pending) {
		switch {
		case p.n < o.ids[0]:
		case len(got)+len(gone) == o.count:
			if next == 0 {
				next = p.n
			}
		case !l.has(p.n):
			g.ack([]uint16{p.n})
			gone = append(gone, p.n)
		default:
			g.take(p, o, at)
			got = append(got, p.n)
		}
	}
	return fmt.Sprintf("%s, gone %s, next %d", numbers(got), numbers(gone), next)
}

func numbers(ids []uint16) string {
	text := make([]string, len(ids))
	for i, n := range ids {
		text[i] = strconv.Itoa(int(n))
	}
	return strings.Join(text, " ")
}
