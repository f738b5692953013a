package lists

import "github.com/weirmq/weir/internal/command"

var ltrim = command.Spec{
	Name: "ltrim", Group: command.List, Since: "1.0.0", Arity: 4,
	Syntax:     "key start stop",
	Summary:    "Drop the elements of a list that are not between two indexes. Negative ones count from the end.",
	Complexity: "O(N/256), for N elements dropped",
	Flags:      command.Write | command.Frees,
	Keys:       command.KeyAt(1).For("RW delete"),
	Run:        command.Handle(parseRange, runLTrim),
}

func runLTrim(c *command.Call, a rangeArgs) error {
	l, err := c.Tx.List(a.key)
	if err != nil {
		return err
	}
	if from, n := span(a.start, a.stop, l.Len()); n < l.Len() {
		c.Tx.ListTrim(a.key, from, l.Len()-from-n)
	}
	c.Out.OK()
	return nil
}
