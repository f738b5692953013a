package lists

import "github.com/weirmq/weir/internal/command"

var llen = command.Spec{
	Name: "llen", Group: command.List, Since: "1.0.0", Arity: 2,
	Syntax:  "key",
	Summary: "Return the number of elements of a list.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1).For("RO"),
	Run:     command.Handle(parseLLen, runLLen),
}

func parseLLen(args command.Args) (key []byte, err error) { return args[1], nil }

func runLLen(c *command.Call, key []byte) error {
	l, err := c.Tx.List(key)
	if err != nil {
		return err
	}
	c.Out.Int(int64(l.Len()))
	return nil
}
