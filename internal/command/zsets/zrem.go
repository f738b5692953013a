package zsets

import "github.com/weirmq/weir/internal/command"

var zrem = command.Spec{
	Name: "zrem", Group: command.SortedSet, Since: "1.2.0", Arity: -3,
	Syntax:     "key member [member ...]",
	Summary:    "Remove members from a sorted set. Replies how many of them were there.",
	Complexity: "O(log N) per member",
	Flags:      command.Write | command.Fast | command.Frees,
	Keys:       command.KeyAt(1).For("RW delete"),
	Run:        command.Plain(runZRem),
}

func runZRem(c *command.Call) error {
	edit, err := c.Tx.EditZSet(c.Args[1])
	if err != nil {
		return err
	}
	n := int64(0)
	for _, member := range c.Args[2:] {
		if edit.Remove(member) {
			n++
		}
	}
	edit.End()
	c.Out.Int(n)
	return nil
}

var zremrangebyrank = command.Spec{
	Name: "zremrangebyrank", Group: command.SortedSet, Since: "2.0.0", Arity: 4,
	Syntax:     "key start stop",
	Summary:    "Remove the elements of a sorted set between two ranks. Replies how many they were.",
	Complexity: "O(log N + M) for M elements that are removed",
	Flags:      command.Write | command.Frees,
	Keys:       command.KeyAt(1).For("RW delete"),
	Run:        command.Handle(parseKeyInterval(byRank), runZRemRange),
}

var zremrangebyscore = command.Spec{
	Name: "zremrangebyscore", Group: command.SortedSet, Since: "1.2.0", Arity: 4,
	Syntax:     "key min max",
	Summary:    "Remove the elements of a sorted set between two scores. Replies how many they were.",
	Complexity: "O(log N + M) for M elements that are removed",
	Flags:      command.Write | command.Frees,
	Keys:       command.KeyAt(1).For("RW delete"),
	Run:        command.Handle(parseKeyInterval(byScore), runZRemRange),
}

var zremrangebylex = command.Spec{
	Name: "zremrangebylex", Group: command.SortedSet, Since: "2.8.9", Arity: 4,
	Syntax: "key min max",
	Summary: "Remove the elements of a sorted set between two members, provided that all scores are equal. " +
		"Replies how many they were.",
	Complexity: "O(log N + M) for M elements that are removed",
	Flags:      command.Write | command.Frees,
	Keys:       command.KeyAt(1).For("RW delete"),
	Run:        command.Handle(parseKeyInterval(byLex), runZRemRange),
}

type intervalArgs struct {
	key []byte
	interval
}

func parseKeyInterval(by rangeType) func(command.Args) (intervalArgs, error) {
	return func(args command.Args) (a intervalArgs, err error) {
		a.key = args[1]
		a.interval, err = parseInterval(by, args[2], args[3])
		return a, err
	}
}

func runZRemRange(c *command.Call, a intervalArgs) error {
	z, err := c.Tx.ZSet(a.key)
	if err != nil {
		return err
	}
	first, n := a.ranks(z)
	if n > 0 {
		c.Tx.ZSetRemoveRange(a.key, first, n)
	}
	c.Out.Int(int64(n))
	return nil
}
