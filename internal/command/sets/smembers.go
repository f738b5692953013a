package sets

import "github.com/weirmq/weir/internal/command"

var smembers = command.Spec{
	Name: "smembers", Group: command.Set, Since: "1.0.0", Arity: 2,
	Syntax:     "key",
	Summary:    "Return all members of a set.",
	Complexity: "O(N) for N members",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       unordered,
	Run: command.Plain(func(c *command.Call) error {
		s, err := c.Tx.Set(c.Args[1])
		if err != nil {
			return err
		}
		writeSet(c, s)
		return nil
	}),
}

var scard = command.Spec{
	Name: "scard", Group: command.Set, Since: "1.0.0", Arity: 2,
	Syntax:  "key",
	Summary: "Return the number of members of a set.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1).For("RO"),
	Run: command.Plain(func(c *command.Call) error {
		s, err := c.Tx.Set(c.Args[1])
		if err != nil {
			return err
		}
		c.Out.Int(int64(s.Len()))
		return nil
	}),
}
