package hashes

import "github.com/weirmq/weir/internal/command"

var hgetall = command.Spec{
	Name: "hgetall", Group: command.Hash, Since: "2.0.0", Arity: 2,
	Syntax:     "key",
	Summary:    "Return all fields of a hash and their values.",
	Complexity: "O(N) for N fields",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       unordered,
	Run: command.Plain(func(c *command.Call) error {
		h, err := c.Tx.Hash(c.Args[1])
		if err != nil {
			return err
		}
		c.Out.Map(h.Live())
		for field, value := range h.All() {
			c.Out.Bulk(field)
			c.Out.Bulk(value)
		}
		return nil
	}),
}

var hkeys = command.Spec{
	Name: "hkeys", Group: command.Hash, Since: "2.0.0", Arity: 2,
	Syntax:     "key",
	Summary:    "Return all fields of a hash.",
	Complexity: "O(N) for N fields",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       unordered,
	Run: command.Plain(func(c *command.Call) error {
		h, err := c.Tx.Hash(c.Args[1])
		if err != nil {
			return err
		}
		c.Out.Array(h.Live())
		for field := range h.All() {
			c.Out.Bulk(field)
		}
		return nil
	}),
}

var hvals = command.Spec{
	Name: "hvals", Group: command.Hash, Since: "2.0.0", Arity: 2,
	Syntax:     "key",
	Summary:    "Return the values of all fields of a hash.",
	Complexity: "O(N) for N fields",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       unordered,
	Run: command.Plain(func(c *command.Call) error {
		h, err := c.Tx.Hash(c.Args[1])
		if err != nil {
			return err
		}
		c.Out.Array(h.Live())
		for _, value := range h.All() {
			c.Out.Bulk(value)
		}
		return nil
	}),
}

var hlen = command.Spec{
	Name: "hlen", Group: command.Hash, Since: "2.0.0", Arity: 2,
	Syntax:  "key",
	Summary: "Return the number of fields of a hash; those are counted that have expired and were not deleted yet.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1).For("RO"),
	Run: command.Plain(func(c *command.Call) error {
		h, err := c.Tx.Hash(c.Args[1])
		c.Out.Int(int64(h.Len()))
		return err
	}),
}
