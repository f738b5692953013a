package lists

import "github.com/weirmq/weir/internal/command"

var lrange = command.Spec{
	Name: "lrange", Group: command.List, Since: "1.0.0", Arity: 4,
	Syntax:     "key start stop",
	Summary:    "Return the elements of a list from one index to another. Negative ones count from the end.",
	Complexity: "O(S/65536+N), for a start S from the nearer end, and N elements",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseRange, runLRange),
}

type rangeArgs struct {
	key         []byte
	start, stop int64
}

func parseRange(args command.Args) (a rangeArgs, err error) {
	a.key = args[1]
	if a.start, err = command.ParseInt(args[2]); err != nil {
		return a, err
	}
	a.stop, err = command.ParseInt(args[3])
	return a, err
}

func runLRange(c *command.Call, a rangeArgs) error {
	l, err := c.Tx.List(a.key)
	if err != nil {
		return err
	}
	from, n := span(a.start, a.stop, l.Len())
	c.Out.Array(n)
	for it := l.From(from); n > 0 && it.Next(); n-- {
		writeItem(c.Out, it.Item())
	}
	return nil
}
