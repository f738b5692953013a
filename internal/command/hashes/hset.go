package hashes

import "github.com/weirmq/weir/internal/command"

var hset = command.Spec{
	Name: "hset", Group: command.Hash, Since: "2.0.0", Arity: -4,
	Syntax:     "key field value [field value ...]",
	Summary:    "Set fields of a hash, and return how many of them were not there.",
	Complexity: "O(N) for N fields",
	Flags:      command.Write | command.DenyOOM | command.Fast,
	Keys:       command.KeyAt(1),
	Run: command.Plain(func(c *command.Call) error {
		added, err := set(c, "hset")
		c.Out.Int(int64(added))
		return err
	}),
}

var hmset = command.Spec{
	Name: "hmset", Group: command.Hash, Since: "2.0.0", Arity: -4,
	Deprecated: "4.0.0", ReplacedBy: "`HSET` with multiple field-value pairs",
	Syntax:     "key field value [field value ...]",
	Summary:    "Set fields of a hash.",
	Complexity: "O(N) for N fields",
	Flags:      command.Write | command.DenyOOM | command.Fast,
	Keys:       command.KeyAt(1),
	Run: command.Plain(func(c *command.Call) error {
		_, err := set(c, "hmset")
		c.Out.OK()
		return err
	}),
}

func set(c *command.Call, name string) (added int, err error) {
	key, pairs := c.Args[1], c.Args[2:]
	if len(pairs)%2 != 0 {
		return 0, command.Errorf("ERR wrong number of arguments for '%s' command", name)
	}
	if _, err := c.Tx.Hash(key); err != nil {
		return 0, err
	}
	return c.Tx.HashSet(key, pairs), nil
}

var hsetnx = command.Spec{
	Name: "hsetnx", Group: command.Hash, Since: "2.0.0", Arity: 4,
	Syntax:  "key field value",
	Summary: "Set a field of a hash if it is not there.",
	Flags:   command.Write | command.DenyOOM | command.Fast,
	Keys:    command.KeyAt(1).For("RW insert"),
	Run: command.Plain(func(c *command.Call) error {
		h, err := c.Tx.Hash(c.Args[1])
		if err != nil {
			return err
		}
		if _, ok := h.Get(c.Args[2]); ok {
			c.Out.Int(0)
			return nil
		}
		c.Tx.HashSet(c.Args[1], c.Args[2:])
		c.Out.Int(1)
		return nil
	}),
}
