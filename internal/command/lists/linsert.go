package lists

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var linsert = command.Spec{
	Name: "linsert", Group: command.List, Since: "2.2.0", Arity: 5,
	Syntax:     "key <BEFORE | AFTER> pivot element",
	Summary:    "Put an element before or after the first one that equals the pivot, and return how many there are now; -1 if none does.",
	Complexity: "O(N), for N elements before the pivot",
	Flags:      command.Write | command.DenyOOM,
	Keys:       command.KeyAt(1).For(pushed),
	Run:        command.Handle(parseLInsert, runLInsert),
}

type linsertArgs struct {
	key, pivot, item []byte
	after            bool
}

func parseLInsert(args command.Args) (linsertArgs, error) {
	a := linsertArgs{key: args[1], pivot: args[3], item: args[4]}
	switch {
	case command.EqualFold(args[2], "AFTER"):
		a.after = true
	case !command.EqualFold(args[2], "BEFORE"):
		return a, command.ErrSyntax
	}
	return a, nil
}

func runLInsert(c *command.Call, a linsertArgs) error {
	l, err := c.Tx.List(a.key)
	if err != nil {
		return err
	}
	if l.Len() == 0 {
		c.Out.Int(0)
		return nil
	}
	pivot, index := data.MakeListItem(a.pivot), 0
	for it := l.From(0); it.Next(); index++ {
		if !it.Item().Equal(pivot) {
			continue
		}
		if a.after {
			index++
		}
		c.Out.Int(int64(l.Len() + 1))
		c.Tx.ListInsert(a.key, index, a.item)
		return nil
	}
	c.Out.Int(-1)
	return nil
}
