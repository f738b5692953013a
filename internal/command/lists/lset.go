package lists

import "github.com/weirmq/weir/internal/command"

var lset = command.Spec{
	Name: "lset", Group: command.List, Since: "1.0.0", Arity: 4,
	Syntax:     "key index element",
	Summary:    "Replace the element at an index of a list. A negative one counts from the end.",
	Complexity: "O(N/65536) for an index N from the nearer end",
	Flags:      command.Write | command.DenyOOM,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseLSet, runLSet),
}

type lsetArgs struct{ key, index, item []byte }

func parseLSet(args command.Args) (lsetArgs, error) { return lsetArgs{args[1], args[2], args[3]}, nil }

// runLSet looks at the index only if there is a list, as Redis does.
func runLSet(c *command.Call, a lsetArgs) error {
	l, err := c.Tx.List(a.key)
	if err != nil {
		return err
	}
	if l.Len() == 0 {
		return command.ErrNoSuchKey
	}
	index, err := command.ParseInt(a.index)
	if err != nil {
		return err
	}
	i, ok := at(index, l.Len())
	if !ok {
		return command.ErrOutOfRange
	}
	c.Tx.ListSet(a.key, i, a.item)
	c.Out.OK()
	return nil
}
