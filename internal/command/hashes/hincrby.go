package hashes

import (
	"math/big"
	"strconv"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/longdouble"
)

const (
	errHashInteger  command.Error = "ERR hash value is not an integer"
	errHashFloat    command.Error = "ERR hash value is not a float"
	errOverflow     command.Error = "ERR increment or decrement would overflow"
	errIncrementInf command.Error = "ERR value is NaN or Infinity"
	errSumInf       command.Error = "ERR increment would produce NaN or Infinity"
)

var hincrby = command.Spec{
	Name: "hincrby", Group: command.Hash, Since: "2.0.0", Arity: 4,
	Syntax:  "key field increment",
	Summary: "Add to the integer in a field of a hash, 0 if it is not there, and return the sum.",
	Flags:   command.Write | command.DenyOOM | command.Fast,
	Keys:    command.KeyAt(1).For("RW access update"),
	Run: command.Plain(func(c *command.Call) error {
		by, err := command.ParseInt(c.Args[3])
		if err != nil {
			return err
		}
		text, ok, err := get(c)
		if err != nil {
			return err
		}
		var n int64
		if ok {
			if n, err = command.ParseInt(text); err != nil {
				return errHashInteger
			}
		}
		sum := n + by
		if by > 0 && sum < n || by < 0 && sum > n {
			return errOverflow
		}
		var digits [20]byte
		update(c, strconv.AppendInt(digits[:0], sum, 10))
		c.Out.Int(sum)
		return nil
	}),
}

// update sets the field that a command names; if it has a time, it keeps it.
func update(c *command.Call, value []byte) {
	pair := [...][]byte{c.Args[2], value}
	c.Tx.HashUpdate(c.Args[1], pair[:])
}

var hincrbyfloat = command.Spec{
	Name: "hincrbyfloat", Group: command.Hash, Since: "2.6.0", Arity: 4,
	Syntax:  "key field increment",
	Summary: "Add to the number in a field of a hash, 0 if it is not there, and return the sum.",
	Flags:   command.Write | command.DenyOOM | command.Fast,
	Keys:    command.KeyAt(1).For("RW access update"),
	Run: command.Plain(func(c *command.Call) error {
		by, ok := longdouble.Parse(c.Args[3])
		if !ok {
			return command.ErrNotFloat
		}
		if by.IsInf() {
			return errIncrementInf
		}
		text, there, err := get(c)
		if err != nil {
			return err
		}
		n := new(big.Float)
		if there {
			if n, ok = longdouble.Parse(text); !ok {
				return errHashFloat
			}
		}
		sum, ok := longdouble.Add(n, by)
		if !ok {
			return errSumInf
		}
		sumText := longdouble.Append(nil, sum)
		update(c, sumText)
		c.Out.Bulk(sumText)
		return nil
	}),
}
