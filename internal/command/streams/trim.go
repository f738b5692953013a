package streams

import (
	"math"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// trim is one stream being trimmed. A rehearsal reads everything that is read then, and changes nothing: its changes and
// its reads take turns, and XADD changes before (see cold.go).
type trim struct {
	trimming
	c         *command.Call
	key       []byte
	stream    *state.Stream
	rehearsal bool
	adding    uint64 // of a rehearsal: so many entries will have been added until then
}

// apply trims the stream at key, if there is anything to trim, and returns how many entries went. It must have been
// rehearsed.
func (t *trimming) apply(c *command.Call, key []byte, s *state.Stream) (removed uint64, err error) {
	return (&trim{trimming: *t, c: c, key: key, stream: s}).run()
}

// rehearse makes sure that apply will find at hand what it reads, once so many entries, 0 or 1, were added to the stream at
// key.
func (t *trimming) rehearse(c *command.Call, key []byte, s *state.Stream, adding uint64) error {
	if s.InMemory() {
		return nil
	}
	rehearsal := trim{trimming: *t, c: c, key: key, stream: s, rehearsal: true, adding: adding}
	_, err := rehearsal.run()
	if err == nil && adding > 0 && t.approx && t.refs == refsKeep {
		err = rehearsal.planWithoutLast()
	}
	return err
}

// planWithoutLast reads what is read in order to leave the last entry alone, if all may go: the node that it is in would go
// now, but stays if the new entry comes into it.
func (t *trim) planWithoutLast() error {
	s := t.stream
	if t.by == trimMaxLen && t.maxLen > 1 {
		return nil
	}
	if t.by == trimMaxLen {
		_, _, err := s.PlanTrimMaxLen(1, true, t.limit)
		return err
	}
	last, ok, err := s.Last()
	if ok && err == nil && last.Less(t.minID) {
		_, _, err = s.PlanTrimMinID(last, true, t.limit)
	}
	return err
}

func (t *trim) run() (removed uint64, err error) {
	if t.refs != refsKeep {
		onHeap := *t // where its walks move it: other trims allocate nothing
		return onHeap.runToReferences()
	}
	through, removed, err := t.plan(t.approx)
	if err != nil {
		return 0, err
	}
	t.remove(through, removed)
	return removed, nil
}

func (t *trim) plan(approx bool) (through stream.ID, removed uint64, err error) {
	switch t.by {
	case trimMaxLen:
		return t.stream.PlanTrimMaxLen(t.maxLen-min(t.maxLen, t.adding), approx, t.limit)
	case trimMinID:
		return t.stream.PlanTrimMinID(t.minID, approx, t.limit)
	}
	return stream.ID{}, 0, nil
}

// remove removes the entries up to and including through.
func (t *trim) remove(through stream.ID, removed uint64) {
	if removed > 0 && !t.rehearsal {
		t.c.Tx.StreamTrim(t.key, through, removed)
	}
}

// drop removes entries from anywhere, and reports whether it has.
func (t *trim) drop(ids []stream.ID) bool {
	if len(ids) > 0 && !t.rehearsal {
		t.c.Tx.StreamDrop(t.key, ids)
	}
	return !t.rehearsal
}

// ack ends the wait for entries in a group, and reports whether it has.
func (t *trim) ack(g *groups.Group, ids []stream.ID) bool {
	if !t.rehearsal {
		ackFound(t.c, t.key, g, ids)
	}
	return !t.rehearsal
}

// runToReferences is run for DELREF and ACKED. Both go entry by entry: ~ means for them only that LIMIT counts.
func (t *trim) runToReferences() (uint64, error) {
	s := t.stream
	through, removed, err := t.plan(false)
	if err == nil && t.approx && t.limit > 0 && removed > t.limit {
		through, removed, err = s.PlanTrimMaxLen(s.Len()-t.limit, false, 0)
	}
	if removed == 0 || err != nil {
		return 0, err
	}
	first, _, err := s.First()
	if err != nil {
		return 0, err
	}
	if t.refs == refsDelete {
		if err := t.dropReferences(first, through); err != nil {
			return 0, err
		}
		t.remove(through, removed)
		return removed, nil
	}
	r := newReferrers(s, first, nil)
	if !r.delivered.Less(through) && through.Less(r.first()) {
		t.remove(through, removed) // nobody refers to anything of it
		return removed, nil
	}
	return t.runAcked(r, removed)
}

// batch is how many IDs one change names, if there is no end of them: they wait in memory.
const batch = 4096

// dropReferences ends the wait, in every group, for the entries that are there between two IDs, both included.
func (t *trim) dropReferences(from, to stream.ID) error {
	var found []stream.ID
	for g := range t.stream.Groups.All() {
		found = found[:0]
		live := presence{stream: t.stream}
		for it := g.Pending(from); it.Next() && !to.Less(it.ID()); {
			id := it.ID()
			ok, err := live.has(id)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if found = append(found, id); len(found) == batch {
				if t.ack(g, found) {
					it = g.Pending(id)
				}
				found = found[:0]
			}
		}
		t.ack(g, found)
	}
	return nil
}

// ackedLooks is how many entries a trim by ACKED and ~ looks at for each that LIMIT allows to go. Else every XADD would
// walk over everything that a group has left pending, and be slower each time. Who wants what is behind so much says
// LIMIT 0, or = instead of ~.
const ackedLooks = 10

// runAcked takes the oldest entries that no group refers to, from wherever they are: most of them at most, and with
// MINID none at or above it.
func (t *trim) runAcked(r *referrers, most uint64) (removed uint64, err error) {
	last := r.delivered
	if t.by == trimMinID {
		if below, ok := t.minID.Prev(); ok && below.Less(last) {
			last = below
		}
	}
	looks := uint64(math.MaxUint64)
	if t.approx && t.limit > 0 && t.limit < looks/ackedLooks {
		looks = t.limit * ackedLooks
	}
	var through stream.ID // the last before the first that stays
	var front uint64      // removed up to through
	var ids []stream.ID   // behind that one
	kept := false
	it := t.stream.Range(stream.MinID, last)
	for ; looks > 0 && removed < most; looks-- {
		if !it.Next() {
			err = it.Err()
			break
		}
		id := it.ID()
		if r.to(id) {
			kept = true
			continue
		}
		if removed++; !kept {
			through, front = id, removed
			continue
		}
		if ids = append(ids, id); len(ids) == batch {
			if t.drop(ids) {
				it = t.stream.Range(id, last)
			}
			ids = ids[:0]
		}
	}
	if err != nil {
		return 0, err
	}
	t.drop(ids)
	t.remove(through, front)
	return removed, nil
}
