package sets

import (
	"bytes"

	"github.com/weirmq/weir/internal/command"
)

var smove = command.Spec{
	Name: "smove", Group: command.Set, Since: "1.0.0", Arity: 4,
	Syntax:  "source destination member",
	Summary: "Move a member from one set to another, and tell whether it was there.",
	Flags:   command.Write | command.Fast,
	Keys:    command.KeyAt(1).For("RW access delete").And(command.KeyAt(2).For("RW insert")),
	Run:     command.Handle(parseSMove, runSMove),
}

type smoveArgs struct {
	source, destination []byte
	member              [][]byte // one
}

func parseSMove(args command.Args) (smoveArgs, error) {
	return smoveArgs{args[1], args[2], args[3:4]}, nil
}

func runSMove(c *command.Call, a smoveArgs) error {
	from, err := c.Tx.Set(a.source)
	if err != nil {
		return err
	}
	if from.Len() > 0 { // else Redis does not look at the other
		if _, err := c.Tx.Set(a.destination); err != nil {
			return err
		}
	}
	if !from.Contains(a.member[0]) {
		c.Out.Int(0)
		return nil
	}
	if !bytes.Equal(a.source, a.destination) {
		c.Tx.SetRemove(a.source, a.member)
		c.Tx.SetAdd(a.destination, a.member)
	}
	c.Out.Int(1)
	return nil
}
