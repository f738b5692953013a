package streams

import (
	"container/heap"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// walk goes over the pending entries of a group. It begins with seek or find.
type walk struct {
	group *groups.Group
	it    groups.Iter
	began bool
	over  bool      // it stands on nothing: there is nothing at or above the last ID asked for
	asked stream.ID // by find
}

// seek goes to the first entry that is not below id, and reports whether there is one. It goes forwards only, and ends
// once there is none.
func (w *walk) seek(id stream.ID) bool {
	const steps = 64 // after which it is cheaper to search
	if w.began {
		for range steps {
			if !w.it.ID().Less(id) {
				return true
			}
			if !w.it.Next() {
				return false
			}
		}
	}
	w.it, w.began = w.group.Pending(id), true
	return w.it.Next()
}

// find goes to the entry of that ID, and reports whether it is pending. It may be asked for IDs in any order, but is
// quickest when they ascend.
func (w *walk) find(id stream.ID) bool {
	switch {
	case w.began && id.Less(w.asked):
		w.began = false
		fallthrough
	case !w.over && !(w.began && id.Less(w.it.ID())):
		w.over = !w.seek(id)
	}
	w.asked = id
	return !w.over && w.it.ID() == id
}

// referrers tells which entries the groups of a stream refer to, for IDs that are asked about in ascending order. It
// walks over the pending entries of all groups at once, and leaps over those that nobody asks about.
type referrers struct {
	delivered stream.ID // the lowest that a group has come to
	walks     walks
}

// newReferrers is for questions about IDs from an ID on. What is pending in the group except, if it is not nil, does not
// count.
func newReferrers(s *state.Stream, from stream.ID, except *groups.Group) *referrers {
	r := &referrers{delivered: stream.MaxID}
	for g := range s.Groups.All() {
		if last := g.LastDelivered(); last.Less(r.delivered) {
			r.delivered = last
		}
		w := walk{group: g}
		if g != except && w.seek(from) {
			r.walks = append(r.walks, w)
		}
	}
	heap.Init(&r.walks)
	return r
}

// to reports whether a group refers to an entry, or has yet to deliver it.
func (r *referrers) to(id stream.ID) bool {
	if r.delivered.Less(id) {
		return true
	}
	for len(r.walks) > 0 && r.walks[0].it.ID().Less(id) {
		if !r.walks[0].seek(id) {
			last := len(r.walks) - 1
			r.walks[0] = r.walks[last]
			r.walks = r.walks[:last]
		}
		if len(r.walks) > 0 {
			heap.Fix(&r.walks, 0)
		}
	}
	return len(r.walks) > 0 && r.walks[0].it.ID() == id
}

// first is the lowest pending ID from where the questions began, MaxID if there is none. It is valid until the first
// question.
func (r *referrers) first() stream.ID {
	if len(r.walks) == 0 {
		return stream.MaxID
	}
	return r.walks[0].it.ID()
}

// walks is a heap with the walk on top that stands on the lowest ID.
type walks []walk

func (h walks) Len() int           { return len(h) }
func (h walks) Less(i, j int) bool { return h[i].it.ID().Less(h[j].it.ID()) }
func (h walks) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *walks) Push(x any)        { *h = append(*h, x.(walk)) }
func (h *walks) Pop() any          { panic("streams: a walk is replaced, not popped") }

// presence tells whether a stream has entries, for IDs that are asked about in ascending order while it does not change.
// It walks along as long as they are neighbours, which is quicker than to search for each.
type presence struct {
	stream *state.Stream
	it     stream.Iter
	began  bool
	over   bool // there is nothing at or above the last ID asked for
}

func (p *presence) has(id stream.ID) (bool, error) {
	const steps = 8 // after which it is quicker to search
	if p.over {
		return false, nil
	}
	if p.began {
		for range steps {
			if !p.it.ID().Less(id) {
				return p.it.ID() == id, nil
			}
			if !p.it.Next() {
				return p.ended()
			}
		}
	}
	p.it, p.began = p.stream.Range(id, stream.MaxID), true
	if !p.it.Next() {
		return p.ended()
	}
	return p.it.ID() == id, nil
}

// ended says why the walk cannot go on: there is nothing more, or a block cannot be read. Behind that it can begin again.
func (p *presence) ended() (bool, error) {
	err := p.it.Err()
	p.over, p.began = err == nil, false
	return false, err
}
