package lists

import "github.com/weirmq/weir/internal/command"

var lindex = command.Spec{
	Name: "lindex", Group: command.List, Since: "1.0.0", Arity: 3,
	Syntax:     "key index",
	Summary:    "Return the element at an index of a list. A negative one counts from the end.",
	Complexity: "O(N/65536) for an index N from the nearer end",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseLIndex, runLIndex),
}

type lindexArgs struct{ key, index []byte }

func parseLIndex(args command.Args) (lindexArgs, error) { return lindexArgs{args[1], args[2]}, nil }

// runLIndex looks at the index only if there is a list, as Redis does.
func runLIndex(c *command.Call, a lindexArgs) error {
	l, err := c.Tx.List(a.key)
	if err != nil {
		return err
	}
	if l.Len() == 0 {
		c.Out.Null()
		return nil
	}
	index, err := command.ParseInt(a.index)
	if err != nil {
		return err
	}
	if i, ok := at(index, l.Len()); ok {
		writeItem(c.Out, l.At(i))
	} else {
		c.Out.Null()
	}
	return nil
}
