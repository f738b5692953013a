package strings

import (
	"math"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/longdouble"
	"github.com/weirmq/weir/internal/state"
)

const (
	errOverflow     command.Error = "ERR increment or decrement would overflow"
	errDecrOverflow command.Error = "ERR decrement would overflow"
	errInfinite     command.Error = "ERR increment would produce NaN or Infinity"
)

var incr = counter("incr", 2, "key", "Add one to the integer that a key holds as text. One that does not exist is 0.",
	func(command.Args) (int64, error) { return 1, nil })

var decr = counter("decr", 2, "key", "Subtract one from the integer that a key holds as text.",
	func(command.Args) (int64, error) { return -1, nil })

var incrby = counter("incrby", 3, "key increment", "Add to the integer that a key holds as text.",
	func(args command.Args) (int64, error) { return command.ParseInt(args[2]) })

var decrby = counter("decrby", 3, "key decrement", "Subtract from the integer that a key holds as text.",
	func(args command.Args) (int64, error) {
		by, err := command.ParseInt(args[2])
		if err == nil && by == math.MinInt64 {
			err = errDecrOverflow
		}
		return -by, err
	})

// counter declares a command that adds what parse returns.
func counter(name string, arity int, syntax, summary string, parse func(command.Args) (int64, error)) command.Spec {
	return command.Spec{
		Name: name, Group: command.String, Since: "1.0.0", Arity: arity,
		Syntax:  syntax,
		Summary: summary,
		Flags:   command.Write | command.DenyOOM | command.Fast,
		Keys:    command.KeyAt(1).For("RW access update"),
		Run:     command.Handle(parse, runIncr),
	}
}

func runIncr(c *command.Call, by int64) error {
	s, err := c.Tx.String(c.Args[1])
	if err != nil {
		return err
	}
	var n int64
	if s.Exists() {
		if n, err = command.ParseInt(s.Packed); err != nil { // those of a large string are none
			return err
		}
	}
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		return errOverflow
	}
	n += by
	c.Tx.StringSetNumber(c.Args[1], n)
	c.Out.Int(n)
	return nil
}

var incrbyfloat = command.Spec{
	Name: "incrbyfloat", Group: command.String, Since: "2.6.0", Arity: 3,
	Syntax:  "key increment",
	Summary: "Add to the number that a key holds as text, and return the sum. One that does not exist is 0.",
	Flags:   command.Write | command.DenyOOM | command.Fast,
	Keys:    command.KeyAt(1).For("RW access update"),
	Run:     command.Plain(runIncrByFloat),
}

func runIncrByFloat(c *command.Call) error {
	s, err := c.Tx.String(c.Args[1])
	if err != nil {
		return err
	}
	text := []byte("0")
	if s.Exists() {
		text = s.Packed // a large string is no number
	}
	n, ok := longdouble.Parse(text)
	if !ok {
		return command.ErrNotFloat
	}
	by, ok := longdouble.Parse(c.Args[2])
	if !ok {
		return command.ErrNotFloat
	}
	sum, ok := longdouble.Add(n, by)
	if !ok {
		return errInfinite
	}
	var room [64]byte
	text = longdouble.Append(room[:0], sum)
	c.Tx.StringSet(c.Args[1], text, state.Until{Keep: true})
	c.Out.Bulk(text)
	return nil
}
