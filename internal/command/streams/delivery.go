package streams

import (
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
	rehearsal int  // of so many reads of a stream in a row, which change nothing (see cold.go); 0: it is none
}

// readOnce delivers and replies and returns true, or writes nothing and returns false if there is nothing to deliver. The
// group is there at every source.
func (d *delivery) readOnce(c *command.Call, sources []source) (bool, error) {
	if d.cold {
		if err := d.rehearse(c, sources); err != nil {
			return false, err
		}
	}
	return d.read(c, sources)
}

// rehearse makes sure that read will find at hand what it reads.
func (d *delivery) rehearse(c *command.Call, sources []source) error {
	mark := c.Out.Mark()
	defer c.Out.Truncate(mark)
	dry := *d
	dry.rehearsal = 1
	if !repeats(sources) {
		_, err := dry.read(c, sources)
		return err
	}
	// What is read of a key for the second time depends on what the first time has changed. Together they get no more
	// than one alone may have whose limit is as high as theirs together.
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
		if _, err := dry.read(c, sources[i:i+1]); w.is(err) {
			break
		}
	}
	return w.err
}

// repeats reports whether a key is named twice.
func repeats(sources []source) bool {
	seen := make(map[string]bool, len(sources))
	for _, src := range sources {
		seen[string(src.key)] = true
	}
	return len(seen) < len(sources)
}

func (d *delivery) read(c *command.Call, sources []source) (bool, error) {
	var r reading
	var w wanting
	r.begin(c, d.limits, len(sources))
	r.collected = c.Tx.BorrowIDs()
	c.RetryMS = 0
	for _, src := range sources {
		if w.is(command.Lost(src.key, d.readSource(c, &r, src))) || w.err != nil && d.rehearsal == 0 {
			break
		}
		d.retry(c, src, len(sources))
	}
	c.Tx.ReturnIDs(r.collected)
	return r.finish(len(sources)), w.err
}

func (d *delivery) readSource(c *command.Call, r *reading, src source) error {
	s, g, _ := groupAt(c, src.key, d.group)
	if d.rehearsal == 0 {
		seeConsumer(c, src.key, d.group, g, d.consumer)
	}
	r.open(src.key)
	if src.above != newEntries {
		err := d.readHistory(c, r, src, s, g)
		r.close(!r.full) // an empty list says that nothing is pending
		return err
	}
	var w wanting
	if d.claim && w.is(d.claimOldest(c, r, src.key, s, g)) {
		return w.err
	}
	w.is(d.readNew(c, r, src.key, s, g))
	r.close(false)
	return w.err
}

// readNew delivers the entries that nobody of the group got yet.
func (d *delivery) readNew(c *command.Call, r *reading, key []byte, s *state.Stream, g *groups.Group) error {
	if !r.wants() {
		return nil
	}
	if some, err := above(s, g.LastDelivered()); !some || err != nil {
		return err
	}
	from, _ := g.LastDelivered().Next()
	r.collected = r.collected[:0]
	var before *previously
	if d.claim {
		before = new(previously)
	}
	var w wanting
	if w.is(r.addRange(s, from, before)) {
		return w.err
	}
	n := len(r.collected)
	if n == 0 {
		return w.err
	}
	last := r.collected[n-1]
	read, err := g.ReadAfter(s.Stream, r.collected)
	if w.is(err) || w.err != nil || d.rehearsal > 0 {
		return w.err
	}
	if d.noAck {
		r.collected = r.collected[:0]
	}
	c.Tx.GroupDeliver(key, d.group, d.consumer, r.collected, c.NowMS, last, read)
	return nil
}

// readHistory delivers again what is pending for the consumer. Of what was deleted since it shows the IDs.
func (d *delivery) readHistory(c *command.Call, r *reading, src source, s *state.Stream, g *groups.Group) error {
	consumer := g.Consumer(d.consumer)
	if consumer == nil {
		return nil // in a rehearsal
	}
	from, _ := src.above.Next()
	pending := g.PendingOf(consumer, from)
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
		case w.is(err):
			return w.err
		default:
			r.pass(pending.ID())
		}
	}
	if w.err == nil && len(r.collected) > 0 && d.rehearsal == 0 {
		c.Tx.GroupClaim(src.key, d.group, d.consumer, r.collected, groups.Unknown, c.NowMS, groups.Count{How: groups.CountUp})
	}
	return w.err
}

// claimOldest delivers entries that were pending, for anybody, for long enough: those that were released first, then
// those delivered the longest ago. What was deleted since is no longer pending.
func (d *delivery) claimOldest(c *command.Call, r *reading, key []byte, s *state.Stream, g *groups.Group) error {
	first := uint64(claimStep)
	if d.limits.count > 0 {
		first = min(first, d.limits.count)
	}
	var deleted []stream.ID
	var w wanting
	for ask := int(first); r.wants() && len(deleted) < maxPurge*max(d.rehearsal, 1); ask *= 2 {
		// Nothing is changed yet: what was looked at comes first again.
		oldest := g.Oldest(d.untilMS(c), ask+len(deleted))
		enough := len(oldest) == ask+len(deleted)
		for _, p := range oldest[len(r.collected)+len(deleted):] {
			it := s.Range(p.ID, p.ID)
			switch ok, err := it.Next(), it.Err(); {
			case ok:
				r.put(&it, &previously{idleMS(c.NowMS, p), p.Deliveries})
			case err == nil:
				deleted = append(deleted, p.ID)
			case w.is(err):
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
	if w.err != nil || d.rehearsal > 0 {
		return w.err
	}
	if len(deleted) > 0 {
		c.Tx.GroupAck(key, d.group, inOrder(deleted))
	}
	if len(r.collected) > 0 {
		c.Tx.GroupClaim(key, d.group, d.consumer, r.collected, c.NowMS, c.NowMS, groups.Count{How: groups.CountUp})
	}
	return nil
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
