package strings

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
)

var appendTo = command.Spec{
	Name: "append", Group: command.String, Since: "2.0.0", Arity: 3,
	Syntax:     "key value",
	Summary:    "Append to the string at a key, and return its length. A key that does not exist is made.",
	Complexity: "O(N) for N bytes that are appended",
	Flags:      command.Write | command.DenyOOM | command.Fast,
	Keys:       command.KeyAt(1).For("RW insert"),
	Run: command.Plain(func(c *command.Call) error {
		key, value := c.Args[1], c.Args[2]
		s, err := c.Tx.String(key)
		if err != nil {
			return err
		}
		if !s.Exists() {
			if err := checkValue(value); err != nil {
				return err
			}
			c.Tx.StringSet(key, value, state.Until{})
			c.Out.Int(int64(len(value)))
			return nil
		}
		size := int64(s.Len())
		if err := checkGrown(size, len(value)); err != nil {
			return err
		}
		c.Tx.StringAppend(key, value)
		c.Out.Int(size + int64(len(value)))
		return nil
	}),
}
