package streams

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

var xack = command.Spec{
	Name: "xack", Group: command.Streams, Since: "5.0.0", Arity: -4,
	Syntax:     "key group id [id ...]",
	Summary:    "Acknowledge entries that were delivered to a group, and return how many were pending.",
	Complexity: "O(N log M) for N IDs and M pending entries",
	Flags:      command.Write | command.Reads | command.Fast | command.Frees,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseXAck, runXAck),
}

// xackArgs leaves the IDs as text: what is wrong with them matters only if there is a group.
type xackArgs struct {
	key, group []byte
	ids        [][]byte
}

func parseXAck(args command.Args) (xackArgs, error) { return xackArgs{args[1], args[2], args[3:]}, nil }

func runXAck(c *command.Call, a xackArgs) error {
	_, g, err := groupAt(c, a.key, a.group)
	if err != nil {
		return err
	}
	if g == nil {
		c.Out.Int(0)
		return nil
	}
	// All or nothing: a malformed ID must not leave half of them acknowledged.
	var few [128]stream.ID
	ids, err := parseIDs(few[:0], a.ids)
	if err != nil {
		return err
	}
	acked := 0
	if g.PendingCount() > 0 {
		acked = c.Tx.GroupAck(a.key, a.group, ids)
	}
	c.Out.Int(int64(acked))
	return nil
}
