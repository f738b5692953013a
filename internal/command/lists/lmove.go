package lists

import (
	"bytes"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
)

var lmove = command.Spec{
	Name: "lmove", Group: command.List, Since: "6.2.0", Arity: 5,
	Syntax:  "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
	Summary: "Take the element at one end of a list, add it at one end of another or the same list, and return it.",
	Flags:   command.Write | command.DenyOOM,
	Keys:    movedKeys,
	Run:     command.Handle(parseLMove, runMove),
}

var rpoplpush = command.Spec{
	Name: "rpoplpush", Group: command.List, Since: "1.2.0", Arity: 3,
	Deprecated: "6.2.0", ReplacedBy: "`LMOVE` with the `RIGHT` and `LEFT` arguments",
	Syntax:  "source destination",
	Summary: "Take the last element of a list, add it at the front of another or the same list, and return it.",
	Flags:   command.Write | command.DenyOOM,
	Keys:    movedKeys,
	Run:     command.Handle(parseRPopLPush, runMove),
}

var blmove = command.Spec{
	Name: "blmove", Group: command.List, Since: "6.2.0", Arity: 6,
	Syntax:  "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
	Summary: "Do what LMOVE does, and wait for an element if there is none.",
	Flags:   command.Write | command.DenyOOM | command.NoScript | command.Blocking,
	Keys:    movedKeys,
	Run:     command.Handle(parseBLMove, runBlockingMove),
}

var brpoplpush = command.Spec{
	Name: "brpoplpush", Group: command.List, Since: "2.2.0", Arity: 4,
	Deprecated: "6.2.0", ReplacedBy: "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
	Syntax:  "source destination timeout",
	Summary: "Do what RPOPLPUSH does, and wait for an element if there is none.",
	Flags:   command.Write | command.DenyOOM | command.NoScript | command.Blocking,
	Keys:    movedKeys,
	Run:     command.Handle(parseBRPopLPush, runBlockingMove),
}

var movedKeys = command.KeyAt(1).For(popped).And(command.KeyAt(2).For(pushed))

// moveArgs are of all four commands; timeoutMS of those that block.
type moveArgs struct {
	from, to           []byte
	fromFront, toFront bool
	timeoutMS          int64
}

func parseLMove(args command.Args) (a moveArgs, err error) {
	a.from, a.to = args[1], args[2]
	if a.fromFront, err = parseSide(args[3]); err != nil {
		return a, err
	}
	a.toFront, err = parseSide(args[4])
	return a, err
}

func parseRPopLPush(args command.Args) (moveArgs, error) {
	return moveArgs{from: args[1], to: args[2], toFront: true}, nil
}

func parseBLMove(args command.Args) (moveArgs, error) {
	a, err := parseLMove(args)
	if err == nil {
		a.timeoutMS, err = command.ParseTimeout(args[5])
	}
	return a, err
}

func parseBRPopLPush(args command.Args) (moveArgs, error) {
	a, err := parseRPopLPush(args)
	if err == nil {
		a.timeoutMS, err = command.ParseTimeout(args[3])
	}
	return a, err
}

func runMove(c *command.Call, a moveArgs) error {
	done, err := a.move(c)
	if !done && err == nil {
		c.Out.Null()
	}
	return err
}

func runBlockingMove(c *command.Call, a moveArgs) error {
	done, err := a.move(c)
	if !done && err == nil {
		c.Block(waiting([][]byte{a.from}, a.timeoutMS, a.again))
	}
	return err
}

// again copies what a waiter needs of the arguments. A source of another type leaves it waiting; a destination of another
// type does not.
func (a moveArgs) again() func(*command.Call) (bool, error) {
	a.from, a.to = bytes.Clone(a.from), bytes.Clone(a.to)
	return func(c *command.Call) (bool, error) {
		if c.Tx.Peek(a.from).Kind != state.KindList {
			return false, nil
		}
		return a.move(c)
	}
}

// move moves an item and replies with it, or returns false if there is none.
func (a *moveArgs) move(c *command.Call) (done bool, err error) {
	from, err := c.Tx.List(a.from)
	if err != nil || from.Len() == 0 {
		return false, err
	}
	if _, err := c.Tx.List(a.to); err != nil {
		return false, err
	}
	writeItem(c.Out, end(from, a.fromFront))
	c.Tx.ListMove(a.from, a.fromFront, a.to, a.toFront)
	return true, nil
}
