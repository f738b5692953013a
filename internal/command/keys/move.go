package keys

import "github.com/weirmq/weir/internal/command"

const errSameObject command.Error = "ERR source and destination objects are the same"

var move = command.Spec{
	Name: "move", Group: command.Generic, Since: "1.0.0", Arity: 3,
	Syntax:  "key db",
	Summary: "Move a key to another database, unless there is a key of that name, and return whether it was done.",
	Flags:   command.Write | command.Fast,
	Keys:    command.KeyAt(1).For("RW access update"),
	Run: command.Handle(func(args command.Args) (int, error) { return command.ParseDB(args[2]) },
		func(c *command.Call, to int) error {
			here, key := c.Tx.DB(), c.Args[1]
			if to == here {
				return errSameObject
			}
			if !c.Tx.Lookup(key).Exists() || existsIn(c, to, key) {
				c.Out.Int(0)
				return nil
			}
			c.Tx.Move(key, to, key)
			c.Out.Int(1)
			return nil
		}),
}

// existsIn reports whether there is a key in a database.
func existsIn(c *command.Call, db int, key []byte) bool {
	here := c.Tx.DB()
	c.Tx.Use(db)
	defer c.Tx.Use(here)
	return c.Tx.Peek(key).Exists()
}
