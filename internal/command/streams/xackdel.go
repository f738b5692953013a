package streams

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

var xackdel = command.Spec{
	Name: "xackdel", Group: command.Streams, Since: "8.2.0", Arity: -6,
	Syntax:     "key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
	Summary:    "Acknowledge entries that were delivered to a group and delete them, and return what became of each.",
	Complexity: "O(N log M) for N IDs and M entries, for each group that is asked or changed",
	Flags:      command.Write | command.Fast | command.Frees,
	Keys:       command.KeyAt(1).For("RW delete"),
	Run:        about(1, command.Handle(parseXAckDel, runXAckDel)),
}

type xackdelArgs struct {
	key, group []byte
	idBlock
}

func parseXAckDel(args command.Args) (xackdelArgs, error) {
	return xackdelArgs{args[1], args[2], parseIDBlock(args[3:])}, nil
}

func runXAckDel(c *command.Call, a xackdelArgs) error {
	s, g, err := groupAt(c, a.key, a.group)
	if err == nil {
		err = a.err
	}
	if err != nil {
		return err
	}
	if g == nil {
		writeNone(c, len(a.ids))
		return nil
	}
	ids, err := parseIDs(make([]stream.ID, 0, len(a.ids)), a.ids)
	if err != nil {
		return err
	}
	v := newVerdicts(ids)
	var r *referrers
	if a.refs == refsAcked {
		r = newReferrers(s, v.ids[0], g)
	}
	var acked, deleted []stream.ID
	mine := walk{group: g}
	var w wanting
	for i, id := range v.ids {
		if !mine.find(id) {
			continue
		}
		acked = append(acked, id)
		if v.status[i] = statusDeleted; r != nil && r.to(id) {
			v.status[i] = statusKept
		} else if ok, over := w.has(s, id); over {
			return w.err
		} else if ok {
			deleted = append(deleted, id)
		}
	}
	if w.err != nil {
		return w.err
	}
	switch {
	case len(acked) == 0:
	case a.refs == refsDelete:
		dropReferences(c, a.key, s, acked)
	default:
		c.Tx.GroupAck(a.key, a.group, acked)
	}
	if len(deleted) > 0 {
		c.Tx.StreamDelete(a.key, deleted)
	}
	v.write(c, ids, statusNone)
	return nil
}
