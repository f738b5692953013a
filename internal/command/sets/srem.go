package sets

import "github.com/weirmq/weir/internal/command"

var srem = command.Spec{
	Name: "srem", Group: command.Set, Since: "1.0.0", Arity: -3,
	Syntax:     "key member [member ...]",
	Summary:    "Remove members from a set, and return how many were in it.",
	Complexity: "O(N) for N members",
	Flags:      command.Write | command.Fast | command.Frees,
	Keys:       command.KeyAt(1).For("RW delete"),
	Run:        command.Handle(parseMembers, runSRem),
}

func runSRem(c *command.Call, a members) error {
	s, err := c.Tx.Set(a.key)
	if err != nil {
		return err
	}
	removed := 0
	if s.Len() > 0 {
		removed = c.Tx.SetRemove(a.key, a.members)
	}
	c.Out.Int(int64(removed))
	return nil
}
