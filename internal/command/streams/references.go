package streams

import (
	"container/heap"
	"slices"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// A group refers to an entry as long as it is pending there. What becomes of such references when an entry is to go:
//
//	KEEPREF  they stay; the entry is pending without being there
//	DELREF   they go with it
//	ACKED    it goes only if there are none, and no group has yet to deliver it
type references uint8

const (
	refsKeep references = iota
	refsDelete
	refsAcked
)

func parseReferences(word []byte) (r references, ok bool) {
	switch {
	case command.EqualFold(word, "KEEPREF"):
		return refsKeep, true
	case command.EqualFold(word, "DELREF"):
		return refsDelete, true
	case command.EqualFold(word, "ACKED"):
		return refsAcked, true
	}
	return refsKeep, false
}

// idBlock is what XDELEX and XACKDEL are told behind their names: [KEEPREF | DELREF | ACKED] IDS numids id [id ...], in
// any order. What is wrong with it matters only once the key is known not to hold something else; and what is wrong
// with the IDs, which are left as text, only if it holds a stream.
type idBlock struct {
	refs references
	ids  [][]byte
	err  error
}

const (
	errNumIDs      command.Error = "ERR Number of IDs must be a positive integer"
	errNumIDsWrong command.Error = "ERR The `numids` parameter must match the number of arguments"
	errNoIDs       command.Error = "ERR IDS option is required"
)

func parseIDBlock(rest [][]byte) (b idBlock) {
	for refsGiven := false; len(rest) > 0; {
		if refs, ok := parseReferences(rest[0]); ok && !refsGiven {
			b.refs, refsGiven, rest = refs, true, rest[1:]
			continue
		}
		if b.ids != nil || len(rest) < 2 || !command.EqualFold(rest[0], "IDS") {
			b.err = command.ErrSyntax
			return b
		}
		n, err := command.ParseInt(rest[1])
		if err != nil || n < 1 {
			b.err = errNumIDs
			return b
		}
		if n > int64(len(rest)-2) {
			b.err = errNumIDsWrong
			return b
		}
		b.ids, rest = rest[2:2+n], rest[2+n:]
	}
	if b.ids == nil {
		b.err = errNoIDs
	}
	return b
}

// verdicts are what becomes of the IDs that a command names, which ascend here.
type verdicts struct {
	ids    []stream.ID
	status []int8
}

// Statuses of IDs in the replies of XDELEX and XACKDEL.
const (
	statusNone    int8 = -1 // there is no such ID
	statusDeleted int8 = 1
	statusKept    int8 = 2 // a group refers to it, or has yet to deliver it
)

// newVerdicts says of all IDs, each once and in ascending order, that there are none.
func newVerdicts(ids []stream.ID) verdicts {
	if !ascend(ids) {
		ids = slices.Compact(inOrder(ids))
	}
	v := verdicts{ids, make([]int8, len(ids))}
	for i := range v.status {
		v.status[i] = statusNone
	}
	return v
}

// with returns the IDs of a status.
func (v *verdicts) with(status int8) (ids []stream.ID) {
	for i, id := range v.ids {
		if v.status[i] == status {
			ids = append(ids, id)
		}
	}
	return ids
}

// write answers for each ID as the client named it. One that is named again is not there any more, if it was deleted;
// kept says what it is if it was kept.
func (v *verdicts) write(c *command.Call, named []stream.ID, kept int8) {
	c.Out.Array(len(named))
	for _, id := range named {
		i, _ := slices.BinarySearchFunc(v.ids, id, stream.ID.Compare)
		c.Out.Int(int64(v.status[i]))
		switch v.status[i] {
		case statusDeleted:
			v.status[i] = statusNone
		case statusKept:
			v.status[i] = kept
		}
	}
}

// writeNone answers that there is none of n IDs.
func writeNone(c *command.Call, n int) {
	c.Out.Array(n)
	for range n {
		c.Out.Int(int64(statusNone))
	}
}

// dropReferences ends the wait for entries in every group. The IDs ascend; the entries need not be there.
func dropReferences(c *command.Call, key []byte, s *state.Stream, ids []stream.ID) {
	var found []stream.ID
	for g := range s.Groups.All() {
		found = found[:0]
		w := walk{group: g}
		for i := 0; i < len(ids) && w.seek(ids[i]); {
			// The list leaps to where the walk is, as the walk does to where the list is.
			n, ok := slices.BinarySearchFunc(ids[i:], w.it.ID(), stream.ID.Compare)
			if i += n; ok {
				found = append(found, ids[i])
				i++
			}
		}
		ackFound(c, key, g, found)
	}
}

// batch is how many IDs one change names, if there is no end of them: they wait in memory.
const batch = 4096

// dropReferencesBetween is dropReferences for the entries that are there between two IDs, both included.
func dropReferencesBetween(c *command.Call, key []byte, s *state.Stream, from, to stream.ID) {
	var found []stream.ID
	for g := range s.Groups.All() {
		found = found[:0]
		live := presence{stream: s}
		for it := g.Pending(from); it.Next() && !to.Less(it.ID()); {
			id := it.ID()
			if !live.has(id) {
				continue
			}
			if found = append(found, id); len(found) == batch {
				ackFound(c, key, g, found)
				found = found[:0]
				it = g.Pending(id)
			}
		}
		ackFound(c, key, g, found)
	}
}

func ackFound(c *command.Call, key []byte, g *groups.Group, found []stream.ID) {
	if len(found) > 0 {
		c.Tx.GroupAck(key, []byte(g.Name()), found)
	}
}

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
