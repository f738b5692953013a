package streams

import "github.com/weirmq/weir/internal/command"

var xlen = command.Spec{
	Name: "xlen", Group: command.Streams, Since: "5.0.0", Arity: 2,
	Syntax:  "key",
	Summary: "Return the number of entries of a stream.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1).For("RO"),
	Run:     command.Handle(parseXLen, runXLen),
}

func parseXLen(args command.Args) (key []byte, err error) { return args[1], nil }

func runXLen(c *command.Call, key []byte) error {
	s, err := c.Tx.Stream(key)
	if err != nil {
		return err
	}
	if s == nil {
		c.Out.Int(0)
		return nil
	}
	c.Out.Int(int64(s.Len()))
	return nil
}
