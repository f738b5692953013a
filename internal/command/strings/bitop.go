package strings

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var bitop = command.Spec{
	Name: "bitop", Group: command.Bitmap, Since: "2.6.0", Arity: -4,
	Syntax:     "<AND | OR | XOR | NOT> destkey key [key ...]",
	Summary:    "Combine the bits of strings, store the result, and return its length. Shorter strings go on with zeros.",
	Complexity: "O(N) for N bytes",
	Flags:      command.Write | command.Reads | command.DenyOOM,
	Keys:       command.KeyAt(2).For("OW update").And(command.KeysFrom(3).For("RO access")),
	Run:        command.Handle(parseBitOp, runBitOp),
}

const errNotOne command.Error = "ERR BITOP NOT must be called with a single source key."

func parseBitOp(args command.Args) (op data.BitOp, err error) {
	switch {
	case command.EqualFold(args[1], "AND"):
		op = data.BitAnd
	case command.EqualFold(args[1], "OR"):
		op = data.BitOr
	case command.EqualFold(args[1], "XOR"):
		op = data.BitXor
	case command.EqualFold(args[1], "NOT"):
		op = data.BitNot
		if len(args) != 4 {
			err = errNotOne
		}
	default:
		err = command.ErrSyntax
	}
	return op, err
}

func runBitOp(c *command.Call, op data.BitOp) error {
	key, sources := c.Args[2], c.Args[3:]
	longest := 0
	for _, source := range sources {
		s, err := c.Tx.String(source)
		if err != nil {
			return err
		}
		longest = max(longest, s.Len())
	}
	if longest == 0 {
		c.Tx.Delete(key)
	} else {
		c.Tx.StringCombine(key, op, sources)
	}
	c.Out.Int(int64(longest))
	return nil
}
