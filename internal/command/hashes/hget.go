package hashes

import "github.com/weirmq/weir/internal/command"

var hget = command.Spec{
	Name: "hget", Group: command.Hash, Since: "2.0.0", Arity: 3,
	Syntax:  "key field",
	Summary: "Return the value of a field of a hash.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1),
	Run: command.Plain(func(c *command.Call) error {
		value, ok, err := get(c)
		writeValue(c, value, ok)
		return err
	}),
}

var hstrlen = command.Spec{
	Name: "hstrlen", Group: command.Hash, Since: "3.2.0", Arity: 3,
	Syntax:  "key field",
	Summary: "Return the length of the value of a field of a hash; 0 if it is not there.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1).For("RO"),
	Run: command.Plain(func(c *command.Call) error {
		value, _, err := get(c)
		c.Out.Int(int64(len(value)))
		return err
	}),
}

var hexists = command.Spec{
	Name: "hexists", Group: command.Hash, Since: "2.0.0", Arity: 3,
	Syntax:  "key field",
	Summary: "Tell whether a hash has a field.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1).For("RO"),
	Run: command.Plain(func(c *command.Call) error {
		_, ok, err := get(c)
		n := int64(0)
		if ok {
			n = 1
		}
		c.Out.Int(n)
		return err
	}),
}

// get returns the value of the field that a command names.
func get(c *command.Call) (value []byte, ok bool, err error) {
	h, err := c.Tx.Hash(c.Args[1])
	if err != nil {
		return nil, false, err
	}
	value, ok = h.Get(c.Args[2])
	return value, ok, nil
}

func writeValue(c *command.Call, value []byte, ok bool) {
	if ok {
		c.Out.Bulk(value)
	} else {
		c.Out.Null()
	}
}

var hmget = command.Spec{
	Name: "hmget", Group: command.Hash, Since: "2.0.0", Arity: -3,
	Syntax:     "key field [field ...]",
	Summary:    "Return the values of fields of a hash.",
	Complexity: "O(N) for N fields",
	Flags:      command.ReadOnly | command.Fast,
	Keys:       command.KeyAt(1),
	Run: command.Plain(func(c *command.Call) error {
		h, err := c.Tx.Hash(c.Args[1])
		if err != nil {
			return err
		}
		fields := c.Args[2:]
		c.Out.Array(len(fields))
		for _, field := range fields {
			value, ok := h.Get(field)
			writeValue(c, value, ok)
		}
		return nil
	}),
}
