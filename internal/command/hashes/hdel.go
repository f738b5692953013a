package hashes

import "github.com/weirmq/weir/internal/command"

var hdel = command.Spec{
	Name: "hdel", Group: command.Hash, Since: "2.0.0", Arity: -3,
	Syntax:     "key field [field ...]",
	Summary:    "Delete fields of a hash, and return how many of them were there.",
	Complexity: "O(N) for N fields",
	Flags:      command.Write | command.Fast | command.Frees,
	Keys:       command.KeyAt(1).For("RW delete"),
	Run: command.Plain(func(c *command.Call) error {
		h, err := c.Tx.Hash(c.Args[1])
		if err != nil {
			return err
		}
		deleted := 0
		if h.Len() > 0 {
			deleted = c.Tx.HashDelete(c.Args[1], c.Args[2:])
		}
		c.Out.Int(int64(deleted))
		return nil
	}),
}
