package lists

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var lpop = command.Spec{
	Name: "lpop", Group: command.List, Since: "1.0.0", Arity: -2,
	Syntax:     "key [count]",
	Summary:    "Take an element, or so many, from the front of a list, and return them.",
	Complexity: "O(N) for N elements",
	Flags:      command.Write | command.Fast | command.Frees,
	Keys:       command.KeyAt(1).For(popped),
	Run:        popAt("lpop", true),
}

var rpop = command.Spec{
	Name: "rpop", Group: command.List, Since: "1.0.0", Arity: -2,
	Syntax:     "key [count]",
	Summary:    "Take an element, or so many, from the end of a list, and return them.",
	Complexity: "O(N) for N elements",
	Flags:      command.Write | command.Fast | command.Frees,
	Keys:       command.KeyAt(1).For(popped),
	Run:        popAt("rpop", false),
}

type popArgs struct {
	key     []byte
	counted bool
	count   int64
}

func popAt(name string, front bool) command.Handler {
	parse := func(args command.Args) (popArgs, error) {
		a := popArgs{key: args[1]}
		switch len(args) {
		case 2:
			return a, nil
		case 3:
			count, err := command.ParseInt(args[2])
			if err != nil || count < 0 {
				return a, command.ErrNotPositive
			}
			a.counted, a.count = true, count
			return a, nil
		default:
			return a, command.WrongArity(&command.Spec{FullName: name})
		}
	}
	return command.Handle(parse, func(c *command.Call, a popArgs) error { return runPop(c, a, front) })
}

func runPop(c *command.Call, a popArgs, front bool) error {
	l, err := c.Tx.List(a.key)
	switch {
	case err != nil:
		return err
	case l.Len() == 0 && a.counted:
		c.Out.NullArray()
	case l.Len() == 0:
		c.Out.Null()
	case a.counted:
		popMany(c, a.key, l, front, a.count)
	default:
		popOne(c, a.key, l, front)
	}
	return nil
}

// popOne takes the item at an end of a list, which has one, and writes it.
func popOne(c *command.Call, key []byte, l data.List, front bool) {
	writeItem(c.Out, end(l, front))
	c.Tx.ListPop(key, front, 1)
}

// popMany takes up to so many items at an end of a list, and writes them as an array, the outermost first.
func popMany(c *command.Call, key []byte, l data.List, front bool, count int64) {
	n := int(min(count, int64(l.Len())))
	c.Out.Array(n)
	if n == 0 {
		return
	}
	it := fromEnd(l, front)
	for range n {
		it.Next()
		writeItem(c.Out, it.Item())
	}
	c.Tx.ListPop(key, front, n)
}
