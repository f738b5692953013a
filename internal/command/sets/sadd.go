package sets

import "github.com/weirmq/weir/internal/command"

var sadd = command.Spec{
	Name: "sadd", Group: command.Set, Since: "1.0.0", Arity: -3,
	Syntax:     "key member [member ...]",
	Summary:    "Add members to a set, and return how many were not in it.",
	Complexity: "O(N) for N members",
	Flags:      command.Write | command.DenyOOM | command.Fast,
	Keys:       command.KeyAt(1).For("RW insert"),
	Run:        command.Handle(parseMembers, runSAdd),
}

func runSAdd(c *command.Call, a members) error {
	if _, err := c.Tx.Set(a.key); err != nil {
		return err
	}
	c.Out.Int(int64(c.Tx.SetAdd(a.key, a.members)))
	return nil
}
