package keys

import (
	"bytes"

	"github.com/weirmq/weir/internal/command"
)

var rename = command.Spec{
	Name: "rename", Group: command.Generic, Since: "1.0.0", Arity: 3,
	Syntax:  "key newkey",
	Summary: "Give what a key holds another name. What has that name is gone.",
	Flags:   command.Write,
	Keys:    command.KeyAt(1).For("RW access delete").And(command.KeyAt(2).For("OW update")),
	Run: command.Plain(func(c *command.Call) error {
		if _, err := renameKey(c, true); err != nil {
			return err
		}
		c.Out.OK()
		return nil
	}),
}

var renamenx = command.Spec{
	Name: "renamenx", Group: command.Generic, Since: "1.0.0", Arity: 3,
	Syntax:  "key newkey",
	Summary: "Give what a key holds another name, unless there is a key of that name, and return whether it was done.",
	Flags:   command.Write | command.Fast,
	Keys:    command.KeyAt(1).For("RW access delete").And(command.KeyAt(2).For("OW insert")),
	Run: command.Plain(func(c *command.Call) error {
		renamed, err := renameKey(c, false)
		if err != nil {
			return err
		}
		answer(c, renamed)
		return nil
	}),
}

func renameKey(c *command.Call, replace bool) (done bool, err error) {
	key, to := c.Args[1], c.Args[2]
	if !c.Tx.Lookup(key).Exists() {
		return false, command.ErrNoSuchKey
	}
	if bytes.Equal(key, to) {
		return replace, nil
	}
	if !replace && c.Tx.Lookup(to).Exists() {
		return false, nil
	}
	c.Tx.Move(key, c.Tx.DB(), to)
	return true, nil
}

// answer writes 1 for yes and 0 for no.
func answer(c *command.Call, yes bool) {
	if yes {
		c.Out.Int(1)
	} else {
		c.Out.Int(0)
	}
}
