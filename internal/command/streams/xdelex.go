package streams

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

var xdelex = command.Spec{
	Name: "xdelex", Group: command.Streams, Since: "8.2.0", Arity: -5,
	Syntax:     "key [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
	Summary:    "Delete entries of a stream, with a say in what groups still refer to, and return what became of each.",
	Complexity: "O(N log M) for N IDs and M entries, for each group that is asked or changed",
	Flags:      command.Write | command.Fast | command.Frees,
	Keys:       command.KeyAt(1).For("RW delete"),
	Run:        about(1, command.Handle(parseXDelEx, runXDelEx)),
}

type xdelexArgs struct {
	key []byte
	idBlock
}

func parseXDelEx(args command.Args) (xdelexArgs, error) {
	return xdelexArgs{args[1], parseIDBlock(args[2:])}, nil
}

func runXDelEx(c *command.Call, a xdelexArgs) error {
	s, err := c.Tx.Stream(a.key)
	if err == nil {
		err = a.err
	}
	if err != nil {
		return err
	}
	if s == nil {
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
		r = newReferrers(s, v.ids[0], nil)
	}
	var w wanting
	for i, id := range v.ids {
		ok, over := w.has(s, id)
		switch {
		case over:
			return w.err
		case !ok:
		case r != nil && r.to(id):
			v.status[i] = statusKept
		default:
			v.status[i] = statusDeleted
		}
	}
	if w.err != nil {
		return w.err
	}
	if a.refs == refsDelete {
		dropReferences(c, a.key, s, v.ids)
	}
	if deleted := v.with(statusDeleted); len(deleted) > 0 {
		c.Tx.StreamDelete(a.key, deleted)
	}
	v.write(c, ids, statusKept)
	return nil
}
