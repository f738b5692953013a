package groups

import (
	"iter"
	"math"
	"unsafe"

	"github.com/tidwall/btree"

	"github.com/weirmq/weir/stream"
)

// Set is the groups of one stream. A nil Set has none; the zero value is empty and ready for use.
type Set struct {
	byName btree.Map[string, *Group]
}

// Len returns the number of groups.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return s.byName.Len()
}

// Get returns the group of that name, nil if there is none.
func (s *Set) Get(name []byte) *Group {
	if s == nil {
		return nil
	}
	g, _ := s.byName.Get(view(name))
	return g
}

// All goes over the groups in the byte order of their names.
func (s *Set) All() iter.Seq[*Group] {
	return func(yield func(*Group) bool) {
		if s != nil {
			s.byName.Scan(func(_ string, g *Group) bool { return yield(g) })
		}
	}
}

// Create adds a group whose next delivery begins above last. entriesRead is how many entries of the stream's life it is
// ahead of, or Unknown. There must be no group of that name.
func (s *Set) Create(name []byte, last stream.ID, entriesRead int64) *Group {
	g := &Group{name: string(name), last: last, entriesRead: entriesRead}
	s.byName.Set(g.name, g)
	return g
}

// Destroy removes a group with all it knows, and reports whether there was one.
func (s *Set) Destroy(name []byte) bool {
	if s == nil {
		return false
	}
	_, ok := s.byName.Delete(view(name))
	return ok
}

// Bytes estimates the memory that the set holds, in time that goes by the number of groups and consumers. What it shares
// with a Copy is counted; what only a Copy still holds is not.
func (s *Set) Bytes() int {
	if s == nil {
		return 0
	}
	const (
		perGroup    = int(unsafe.Sizeof(Group{})) + 64 // and its place in the tree
		perConsumer = int(unsafe.Sizeof(Consumer{})) + 64
		perPage     = int(unsafe.Sizeof(page{}))
		pointer     = int(unsafe.Sizeof(uintptr(0)))
	)
	n := int(unsafe.Sizeof(*s))
	for g := range s.All() {
		l := &g.pending
		n += perGroup + len(g.name) + l.room + len(l.pages)*perPage
		n += (cap(l.pages)+cap(l.byAge)+cap(l.owners))*pointer + cap(l.free)*4
		for _, c := range l.owners {
			if c != nil {
				n += perConsumer + len(c.name) + cap(c.pages)*pointer
			}
		}
	}
	return n
}

// view is name as a string that is only looked at.
func view(name []byte) string { return unsafe.String(unsafe.SliceData(name), len(name)) }

// Unknown says that a group does not know how many entries were read, or a consumer's time that there was none.
const Unknown = -1

// Group is a consumer group.
type Group struct {
	name        string
	last        stream.ID
	entriesRead int64

	consumers btree.Map[string, *Consumer]
	pending   pendingList
}

// Name returns the group's name: any bytes.
func (g *Group) Name() string { return g.name }

// LastDelivered is the ID above which the next delivery begins.
func (g *Group) LastDelivered() stream.ID { return g.last }

// EntriesRead is how many of the entries ever added the group has read, or Unknown.
func (g *Group) EntriesRead() int64 { return g.entriesRead }

// Advance sets LastDelivered and EntriesRead.
func (g *Group) Advance(last stream.ID, entriesRead int64) { g.last, g.entriesRead = last, entriesRead }

// Consumer is a member of a group. It is there from its creation until it is deleted, whether a client is connected or
// not.
type Consumer struct {
	name     string
	index    uint32 // of this consumer in pendingList.owners; at least 1
	pending  int
	pages    pages // exactly those in which it owns an entry
	seenMS   int64
	activeMS int64
}

// Name returns the consumer's name: any bytes.
func (c *Consumer) Name() string { return c.name }

// Pending is the number of entries delivered to the consumer and not acknowledged.
func (c *Consumer) Pending() int { return c.pending }

// SeenMS is the time at which the consumer last tried to read or claim.
func (c *Consumer) SeenMS() int64 { return c.seenMS }

// ActiveMS is the time at which the consumer last got something, or Unknown.
func (c *Consumer) ActiveMS() int64 { return c.activeMS }

// See notes that the consumer tried to read or to claim.
func (c *Consumer) See(nowMS int64) { c.seenMS = nowMS }

// Activate notes that the consumer got something.
func (c *Consumer) Activate(nowMS int64) { c.seenMS, c.activeMS = nowMS, nowMS }

// Consumers returns the number of consumers.
func (g *Group) Consumers() int { return g.consumers.Len() }

// Consumer returns the consumer of that name, nil if there is none.
func (g *Group) Consumer(name []byte) *Consumer {
	c, _ := g.consumers.Get(view(name))
	return c
}

// AllConsumers goes over the consumers in the byte order of their names.
func (g *Group) AllConsumers() iter.Seq[*Consumer] {
	return func(yield func(*Consumer) bool) {
		g.consumers.Scan(func(_ string, c *Consumer) bool { return yield(c) })
	}
}

// CreateConsumer adds a consumer. There must be none of that name.
func (g *Group) CreateConsumer(name []byte, nowMS int64) *Consumer {
	c := &Consumer{name: string(name), seenMS: nowMS, activeMS: Unknown}
	g.pending.enrol(c)
	g.consumers.Set(c.name, c)
	return c
}

// DeleteConsumer removes a consumer, and with it everything that is pending for it, and returns how much that was. There
// must be a consumer of that name.
func (g *Group) DeleteConsumer(name []byte) (pending int) {
	c, _ := g.consumers.Delete(view(name))
	pending = c.pending
	g.pending.expel(c)
	return pending
}

// Deliver makes entries pending for a consumer, with one delivery each. IDs ascend. An entry that is pending already
// moves to the consumer, and its count begins again.
func (g *Group) Deliver(c *Consumer, ids []stream.ID, nowMS int64) {
	n := g.pending.appendable(ids)
	g.pending.upsert(ids[:n], c.index, 1, func(e *entry) { e.deliveredMS, e.deliveries = nowMS, 1 })
	g.pending.append(ids[n:], c.index, nowMS)
}

// Count says what becomes of the number of deliveries of a pending entry.
type Count struct {
	How CountHow
	To  int64 // of CountSet; not negative
}

// CountHow is a way to change a count.
type CountHow uint8

// The ways to change a count. It stays between 0 and the largest int64.
const (
	CountKeep CountHow = iota
	CountUp            // one more
	CountDown          // one less
	CountSet
)

func (a Count) apply(n int64) int64 {
	switch a.How {
	case CountUp:
		if n < math.MaxInt64 {
			n++
		}
	case CountDown:
		n = max(n-1, 0)
	case CountSet:
		n = a.To
	}
	return n
}

// Claim makes entries pending for a consumer, as if delivered at deliveredMS. One that is not pending yet counts as
// delivered once before.
func (g *Group) Claim(c *Consumer, ids []stream.ID, deliveredMS int64, count Count) {
	g.pending.upsert(ids, c.index, 1, func(e *entry) { e.deliveredMS, e.deliveries = deliveredMS, count.apply(e.deliveries) })
}

// Release takes pending entries from their consumers without acknowledging them: they are nobody's, and the first that
// Oldest finds. One that is not pending yet becomes so, with no delivery.
func (g *Group) Release(ids []stream.ID, count Count) {
	g.pending.release(ids, count)
}

// Ack ends the wait for entries, and returns how many of them were pending.
func (g *Group) Ack(ids []stream.ID) (acked int) { return g.pending.remove(ids) }

// PendingCount returns how many entries are pending, those that are nobody's included.
func (g *Group) PendingCount() int { return g.pending.n }

// FirstPending returns the lowest pending ID, false if nothing is pending.
func (g *Group) FirstPending() (stream.ID, bool) {
	if p := g.pending.pages; len(p) > 0 {
		return p[0].first, true
	}
	return stream.ID{}, false
}

// LastPending returns the highest pending ID, false if nothing is pending.
func (g *Group) LastPending() (stream.ID, bool) {
	if p := g.pending.pages; len(p) > 0 {
		return p[len(p)-1].last, true
	}
	return stream.ID{}, false
}
