package streams

import (
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

func ackFound(c *command.Call, key []byte, g *groups.Group, found []stream.ID) {
	if len(found) > 0 {
		c.Tx.GroupAck(key, []byte(g.Name()), found)
	}
}
