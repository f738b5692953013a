package streams

import (
	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// delivery is what a consumer asked for, beside the streams.
type delivery struct {
	group, consumer []byte
	noAck           bool
	claim           bool
	minIdleMS       int64
	limits          readLimits
}

// readOnce delivers and replies and returns true, or writes nothing and returns false if there is nothing to deliver. The
// group is there at every source.
func (d *delivery) readOnce(c *command.Call, sources []source) bool {
	var r reading
	r.begin(c, d.limits, len(sources))
	r.collected = c.Tx.BorrowIDs()
	c.RetryMS = 0
	for _, src := range sources {
		s, g, _ := groupAt(c, src.key, d.group)
		consumer := consumerAt(c, src.key, d.group, g, d.consumer)
		r.open(src.key)
		if src.above != newEntries {
			d.readHistory(c, &r, src, s, g, consumer)
			r.close(!r.full) // an empty list says that nothing is pending
			continue
		}
		if d.claim {
			d.claimOldest(c, &r, src.key, s, g)
		}
		d.readNew(c, &r, src.key, s, g)
		r.close(false)
		d.retry(c, g, len(sources))
	}
	c.Tx.ReturnIDs(r.collected)
	return r.finish(len(sources))
}

// readNew delivers the entries that nobody of the group got yet.
func (d *delivery) readNew(c *command.Call, r *reading, key []byte, s *state.Stream, g *groups.Group) {
	if !above(s, g.LastDelivered()) {
		return
	}
	from, _ := g.LastDelivered().Next()
	r.collected = r.collected[:0]
	if d.claim {
		r.addRange(s, from, new(previously))
	} else {
		r.addRange(s, from, nil)
	}
	n := len(r.collected)
	if n == 0 {
		return
	}
	last := r.collected[n-1]
	read, _ := g.ReadAfter(s.Stream, r.collected)
	if d.noAck {
		r.collected = r.collected[:0]
	}
	c.Tx.GroupDeliver(key, d.group, d.consumer, r.collected, c.NowMS, last, read)
}

// readHistory delivers again what is pending for the consumer. Of what was deleted since it shows the IDs.
func (d *delivery) readHistory(c *command.Call, r *reading, src source, s *state.Stream, g *groups.Group, consumer *groups.Consumer) {
	from, _ := src.above.Next()
	pending := g.PendingOf(consumer, from)
	for r.wants() && pending.Next() {
		it := s.Range(pending.ID(), pending.ID())
		if !it.Next() {
			r.putDeleted(c, pending.ID())
		} else if !r.put(&it, nil) {
			break
		}
	}
	if len(r.collected) > 0 {
		c.Tx.GroupClaim(src.key, d.group, d.consumer, r.collected, groups.Unknown, c.NowMS, groups.Count{How: groups.CountUp})
	}
}

// claimOldest delivers entries that were pending, for anybody, for long enough: those that were released first, then
// those delivered the longest ago. What was deleted since is no longer pending.
func (d *delivery) claimOldest(c *command.Call, r *reading, key []byte, s *state.Stream, g *groups.Group) {
	first := uint64(claimStep)
	if d.limits.count > 0 {
		first = min(first, d.limits.count)
	}
	purged := 0
	for ask := int(first); r.wants() && purged < maxPurge; ask *= 2 {
		// What was put into the reply is not claimed yet: it comes first again.
		oldest := g.Oldest(d.untilMS(c), ask)
		var deleted []stream.ID
		for _, p := range oldest[len(r.collected):] {
			it := s.Range(p.ID, p.ID)
			if !it.Next() {
				deleted = append(deleted, p.ID)
			} else if !r.put(&it, &previously{idleMS(c.NowMS, p), p.Deliveries}) || !r.wants() {
				break
			}
		}
		if len(deleted) > 0 {
			purged += c.Tx.GroupAck(key, d.group, deleted)
		}
		if len(oldest) < ask {
			break // they were all
		}
	}
	if len(r.collected) > 0 {
		c.Tx.GroupClaim(key, d.group, d.consumer, r.collected, c.NowMS, c.NowMS, groups.Count{How: groups.CountUp})
	}
}

// claimStep is how many of the oldest a claim asks for first, if its COUNT is not lower: a limit on bytes may end it soon.
const claimStep = 128

// maxPurge bounds how many deleted entries a claim finds before it gives up: who has pending millions of them does not
// make everybody wait.
const maxPurge = 10_000

// untilMS is the last time at which something was delivered that may be claimed. What is nobody's counts as delivered at
// 0, and may be claimed at once.
func (d *delivery) untilMS(c *command.Call) int64 { return max(c.NowMS-d.minIdleMS, 0) }

// mayClaim reports whether something is pending for long enough.
func (d *delivery) mayClaim(c *command.Call, g *groups.Group) bool {
	oldest, ok := g.OldestDelivery()
	return d.claim && ok && oldest <= d.untilMS(c)
}

// retry asks, for a claim, to look again when an entry may be claimed: of those that are pending, or that others may get
// meanwhile.
func (d *delivery) retry(c *command.Call, g *groups.Group, sources int) {
	if !d.claim || d.minIdleMS > maxBlockMS {
		return
	}
	at := c.NowMS + max(d.minIdleMS, minRetryMS, int64(sources)/retriesPerMS)
	if oldest, ok := g.OldestDelivery(); ok {
		at = min(at, oldest+d.minIdleMS)
	}
	if c.RetryMS == 0 || at < c.RetryMS {
		c.RetryMS = at
	}
}

// How often a waiter looks for entries that nobody has got yet: minRetryMS apart at least, and less often if it is at very
// many streams.
const (
	minRetryMS   = 100
	retriesPerMS = 10
)

// idleMS is for how long nobody was given an entry: -1 if it is nobody's.
func idleMS(nowMS int64, p groups.Entry) int64 {
	if p.Consumer == nil {
		return -1
	}
	return max(nowMS-p.DeliveredMS, 0)
}
