package keys

import (
	"bytes"

	"github.com/weirmq/weir/internal/command"
)

var copyKey = command.Spec{
	Name: "copy", Group: command.Generic, Since: "6.2.0", Arity: -3,
	Syntax: "source destination [DB destination-db] [REPLACE]",
	Summary: "Copy what a key holds to another key, in this or another database, and return whether it was done: " +
		"not, unless with REPLACE, if there is a key of that name.",
	Complexity: "O(N) for N elements; what of a stream is in files is not copied, but shared",
	Flags:      command.Write | command.Reads | command.DenyOOM,
	Keys:       command.KeyAt(1).For("RO access").And(command.KeyAt(2).For("OW update")),
	Run:        command.Handle(parseCopy, runCopy),
}

type copyArgs struct {
	db      int // -1: this
	replace bool
}

func parseCopy(args command.Args) (a copyArgs, err error) {
	a.db = -1
	for rest := args[3:]; len(rest) > 0; {
		switch {
		case command.EqualFold(rest[0], "REPLACE"):
			a.replace, rest = true, rest[1:]
		case len(rest) > 1 && command.EqualFold(rest[0], "DB"):
			if a.db, err = command.ParseDB(rest[1]); err != nil {
				return a, err
			}
			rest = rest[2:]
		default:
			return a, command.ErrSyntax
		}
	}
	return a, nil
}

func runCopy(c *command.Call, a copyArgs) error {
	key, to := c.Args[1], c.Args[2]
	if a.db < 0 {
		a.db = c.Tx.DB()
	}
	if a.db == c.Tx.DB() && bytes.Equal(key, to) {
		return errSameObject
	}
	if !c.Tx.Lookup(key).Exists() || !a.replace && existsIn(c, a.db, to) {
		c.Out.Int(0)
		return nil
	}
	c.Tx.Copy(key, a.db, to)
	c.Out.Int(1)
	return nil
}
