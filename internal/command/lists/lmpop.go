package lists

import (
	"bytes"

	"github.com/weirmq/weir/internal/command"
)

var lmpop = command.Spec{
	Name: "lmpop", Group: command.List, Since: "7.0.0", Arity: -4,
	Syntax:     "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
	Summary:    "Take elements from an end of the first of several lists that has any, and return its key and them.",
	Complexity: "O(N+M), for N keys and M elements",
	Flags:      command.Write | command.Frees,
	Keys:       command.NumKeys(1).For(popped),
	Run:        command.Handle(parseLMPop, runLMPop),
}

var blmpop = command.Spec{
	Name: "blmpop", Group: command.List, Since: "7.0.0", Arity: -5,
	Syntax:     "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
	Summary:    "Do what LMPOP does, and wait for elements if there are none.",
	Complexity: "O(N+M), for N keys and M elements",
	Flags:      command.Write | command.Blocking | command.Frees,
	Keys:       command.NumKeys(2).For(popped),
	Run:        command.Handle(parseBLMPop, runBLMPop),
}

type mpopArgs struct {
	keys      [][]byte
	front     bool
	count     int64
	timeoutMS int64 // of BLMPOP
}

func parseLMPop(args command.Args) (mpopArgs, error) { return parseMPop(args[1:]) }

// parseBLMPop looks at the timeout last, as Redis does.
func parseBLMPop(args command.Args) (mpopArgs, error) {
	a, err := parseMPop(args[2:])
	if err == nil {
		a.timeoutMS, err = command.ParseTimeout(args[1])
	}
	return a, err
}

// parseMPop reads what begins with the number of keys.
func parseMPop(args command.Args) (mpopArgs, error) {
	a := mpopArgs{count: 1}
	n, err := command.ParseInt(args[0])
	if err != nil || n <= 0 {
		return a, command.ErrNumKeys
	}
	if n >= int64(len(args))-1 {
		return a, command.ErrSyntax
	}
	a.keys = args[1 : 1+n]
	rest := args[1+n:]
	if a.front, err = parseSide(rest[0]); err != nil {
		return a, err
	}
	switch {
	case len(rest) == 1:
		return a, nil
	case len(rest) == 2 || !command.EqualFold(rest[1], "COUNT"):
		return a, command.ErrSyntax
	}
	a.count, err = command.ParseInt(rest[2])
	switch {
	case err != nil || a.count <= 0:
		return a, errCount
	case len(rest) > 3:
		return a, command.ErrSyntax
	}
	return a, nil
}

func runLMPop(c *command.Call, a mpopArgs) error {
	done, err := a.pop(c)
	if !done && err == nil {
		c.Out.NullArray()
	}
	return err
}

func runBLMPop(c *command.Call, a mpopArgs) error {
	done, err := a.pop(c)
	if !done && err == nil {
		a.keys = command.DistinctKeys(a.keys)
		c.Block(waiting(a.keys, a.timeoutMS, a.again))
	}
	return err
}

func (a mpopArgs) again() func(*command.Call) (bool, error) {
	a.keys = cloneKeys(a.keys)
	return func(c *command.Call) (bool, error) { return whereChanged(c, a.keys, a.popFrom), nil }
}

// pop takes items from the first list that has any, and replies with them, or returns false if none has.
func (a *mpopArgs) pop(c *command.Call) (done bool, err error) { return firstOf(c, a.keys, a.popFrom) }

func (a *mpopArgs) popFrom(c *command.Call, key []byte) (done bool, err error) {
	l, err := c.Tx.List(key)
	if err != nil || l.Len() == 0 {
		return false, err
	}
	c.Out.Array(2)
	c.Out.Bulk(key)
	popMany(c, key, l, a.front, a.count)
	return true, nil
}

func cloneKeys(keys [][]byte) [][]byte {
	cloned := make([][]byte, len(keys))
	for i, key := range keys {
		cloned[i] = bytes.Clone(key)
	}
	return cloned
}
