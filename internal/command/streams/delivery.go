package streams

import (
	"errors"
	"math"

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

	cold      bool // a stream has blocks that are not in memory
	atOnce    bool // what is decided about one stream is done before the next is looked at
	rehearsal int  // of so many reads of a stream in a row, which change nothing (see cold.go); 0: it is none
}

// decision is what becomes of entries of one source.
type decision struct {
	source
	of        *groups.Group // that reads it
	deleted   []stream.ID   // are pending, but not in the stream any more
	claimed   []stream.ID   // go from whoever has them to the consumer, or were its own
	delivered bool          // there are entries that nobody of the group got yet; these are:
	fresh     []stream.ID   // that are pending then
	last      stream.ID     // the last of them
	read      int64         // what the group has read then
}

// readOnce delivers and replies and returns true, or writes nothing and returns false if there is nothing to deliver. The
// group is there at every source.
func (d *delivery) readOnce(c *command.Call, sources []source) (bool, error) {
	d.atOnce = !d.cold
	if d.cold && repeats(sources) {
		if err := d.rehearse(c, sources); err != nil {
			return false, err
		}
		d.atOnce = true
	}
	return d.read(c, sources)
}

// repeats reports whether a key is named twice. What is read there for the second time depends on what the first time has
// changed.
func repeats(sources []source) bool {
	if len(sources) == 1 {
		return false
	}
	seen := make(map[string]bool, len(sources))
	for _, src := range sources {
		seen[string(src.key)] = true
	}
	return len(seen) < len(sources)
}

// rehearse makes sure that read will find at hand what it reads. All reads of a key together get no more than one alone may
// have whose limit is as high as theirs together.
func (d *delivery) rehearse(c *command.Call, sources []source) error {
	mark := c.Out.Mark()
	defer c.Out.Truncate(mark)
	dry := *d
	dry.rehearsal = len(sources)
	if n := uint64(len(sources)); dry.limits.count > math.MaxUint64/n {
		dry.limits.count = 0
	} else {
		dry.limits.count *= n
	}
	if dry.limits.maxSize > 0 {
		dry.limits.maxSize += maxHeader // of an array of one
	}
	var w wanting
	for i := range sources {
		if _, err := dry.read(c, sources[i:i+1]); w.stops(err) {
			break
		}
	}
	return w.err
}

// read is readOnce once it is certain that what is to be done at once can be done.
func (d *delivery) read(c *command.Call, sources []source) (bool, error) {
	var r reading
	var w wanting
	r.begin(c, d.limits, len(sources))
	r.collected = c.Tx.BorrowIDs()
	c.RetryMS = 0
	var later []decision
	for _, src := range sources {
		decided, err := d.decide(c, &r, src)
		if w.stops(command.Lost(src.key, err)) || w.err != nil && d.atOnce {
			break
		}
		if d.atOnce {
			d.carryOut(c, &decided, len(sources))
			r.collected = r.collected[:0]
		} else {
			later = append(later, decided)
		}
	}
	if w.err == nil && d.rehearsal == 0 {
		for i := range later {
			d.carryOut(c, &later[i], len(sources))
		}
	}
	c.Tx.ReturnIDs(r.collected)
	return r.finish(len(sources)), w.err
}

// carryOut makes a decision true.
func (d *delivery) carryOut(c *command.Call, decided *decision, sources int) {
	key := decided.key
	seeConsumer(c, key, d.group, decided.of, d.consumer)
	if len(decided.deleted) > 0 {
		c.Tx.GroupAck(key, d.group, inOrder(decided.deleted))
	}
	if len(decided.claimed) > 0 {
		activeMS := c.NowMS
		if decided.above != newEntries {
			activeMS = groups.Unknown // who reads again gets nothing new
		}
		c.Tx.GroupClaim(key, d.group, d.consumer, decided.claimed, activeMS, c.NowMS, groups.Count{How: groups.CountUp})
	}
	if decided.delivered {
		c.Tx.GroupDeliver(key, d.group, d.consumer, decided.fresh, c.NowMS, decided.last, decided.read)
	}
	d.retry(c, decided.source, sources)
}

// decide writes what a source gives.
func (d *delivery) decide(c *command.Call, r *reading, src source) (decision, error) {
	s, g, _ := groupAt(c, src.key, d.group)
	decided := decision{source: src, of: g}
	r.open(src.key)
	if src.above != newEntries {
		err := d.readHistory(c, r, s, g, &decided)
		r.close(!r.full) // an empty list says that nothing is pending
		return decided, err
	}
	var w wanting
	if d.claim && w.stops(d.claimOldest(c, r, s, g, &decided)) {
		return decided, w.err
	}
	w.stops(d.readNew(r, s, g, &decided))
	r.close(false)
	return decided, w.err
}

// readNew takes the entries that nobody of the group got yet.
func (d *delivery) readNew(r *reading, s *state.Stream, g *groups.Group, decided *decision) error {
	if !r.wants() {
		return nil
	}
	if some, err := above(s, g.LastDelivered()); !some || err != nil {
		return err
	}
	from, _ := g.LastDelivered().Next()
	var before *previously
	if d.claim {
		before = new(previously)
	}
	start := len(r.collected)
	var w wanting
	if w.stops(r.addRange(s, from, before)) || len(r.collected) == start {
		return w.err
	}
	ids := r.collected[start:]
	decided.delivered, decided.last = true, ids[len(ids)-1]
	if !d.noAck {
		decided.fresh = ids
	}
	var err error
	decided.read, err = readAfter(g, s, ids)
	w.stops(err)
	return w.err
}

// readAfter is what the group has read after the delivery of entries: unknown if that depends on a block that is lost, for
// what nobody wants to read must not keep anybody from what is new.
func readAfter(g *groups.Group, s *state.Stream, ids []stream.ID) (int64, error) {
	read, err := g.ReadAfter(s.Stream, ids)
	if err == nil {
		return read, nil
	}
	if lost := (*stream.LostError)(nil); errors.As(err, &lost) {
		return groups.Unknown, nil
	}
	return 0, err
}

// readHistory takes again what is pending for the consumer. Of what was deleted since it shows the IDs.
func (d *delivery) readHistory(c *command.Call, r *reading, s *state.Stream, g *groups.Group, decided *decision) error {
	consumer := g.Consumer(d.consumer)
	if consumer == nil {
		return nil
	}
	from, _ := decided.above.Next()
	pending := g.PendingOf(consumer, from)
	start := len(r.collected)
	var w wanting
	for r.wants() && pending.Next() {
		it := s.Range(pending.ID(), pending.ID())
		if it.Next() {
			if !r.put(&it, nil) {
				break
			}
			continue
		}
		switch err := it.Err(); {
		case err == nil:
			r.putDeleted(c, pending.ID())
		case w.stops(err):
			return w.err
		default:
			r.pass(pending.ID())
		}
	}
	decided.claimed = r.collected[start:]
	return w.err
}

// claimOldest takes entries that were pending, for anybody, for long enough: those that were released first, then those
// delivered the longest ago. What was deleted since is no longer pending.
func (d *delivery) claimOldest(c *command.Call, r *reading, s *state.Stream, g *groups.Group, decided *decision) error {
	first := uint64(claimStep)
	if d.limits.count > 0 {
		first = min(first, d.limits.count)
	}
	start, deleted := len(r.collected), decided.deleted
	var w wanting
	for ask := int(first); r.wants() && len(deleted) < maxPurge*max(d.rehearsal, 1); ask *= 2 {
		// Nothing is changed yet: what was looked at comes first again.
		oldest := g.Oldest(d.untilMS(c), ask+len(deleted))
		enough := len(oldest) == ask+len(deleted)
		for _, p := range oldest[len(r.collected)-start+len(deleted):] {
			it := s.Range(p.ID, p.ID)
			switch ok, err := it.Next(), it.Err(); {
			case ok:
				r.put(&it, &previously{idleMS(c.NowMS, p), p.Deliveries})
			case err == nil:
				deleted = append(deleted, p.ID)
			case w.stops(err):
				return w.err
			default:
				r.pass(p.ID)
			}
			if !r.wants() {
				break
			}
		}
		if !enough {
			break // they were all
		}
	}
	decided.claimed, decided.deleted = r.collected[start:], deleted
	return w.err
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
func (d *delivery) retry(c *command.Call, src source, sources int) {
	if !d.claim || d.minIdleMS > maxBlockMS || src.above != newEntries {
		return
	}
	_, g, _ := groupAt(c, src.key, d.group)
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
