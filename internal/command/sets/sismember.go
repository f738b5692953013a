package sets

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var sismember = command.Spec{
	Name: "sismember", Group: command.Set, Since: "1.0.0", Arity: 3,
	Syntax:  "key member",
	Summary: "Tell whether a set has a member.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1).For("RO"),
	Run: command.Handle(parseMembers, func(c *command.Call, a members) error {
		s, err := c.Tx.Set(a.key)
		if err != nil {
			return err
		}
		writeIsMember(c, s, a.members[0])
		return nil
	}),
}

var smismember = command.Spec{
	Name: "smismember", Group: command.Set, Since: "6.2.0", Arity: -3,
	Syntax:     "key member [member ...]",
	Summary:    "Tell for each of some words whether a set has it as a member.",
	Complexity: "O(N) for N members",
	Flags:      command.ReadOnly | command.Fast,
	Keys:       command.KeyAt(1),
	Run: command.Handle(parseMembers, func(c *command.Call, a members) error {
		s, err := c.Tx.Set(a.key)
		if err != nil {
			return err
		}
		c.Out.Array(len(a.members))
		for _, m := range a.members {
			writeIsMember(c, s, m)
		}
		return nil
	}),
}

func writeIsMember(c *command.Call, s data.Set, member []byte) {
	if s.Contains(member) {
		c.Out.Int(1)
	} else {
		c.Out.Int(0)
	}
}
