package zsets

import "github.com/weirmq/weir/internal/command"

var zscore = command.Spec{
	Name: "zscore", Group: command.SortedSet, Since: "1.2.0", Arity: 3,
	Syntax:  "key member",
	Summary: "Return the score of a member of a sorted set.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1),
	Run:     command.Plain(runZScore),
}

func runZScore(c *command.Call) error {
	z, err := c.Tx.ZSet(c.Args[1])
	if err != nil {
		return err
	}
	if score, ok := z.Score(c.Args[2]); ok {
		c.Out.Double(score)
	} else {
		c.Out.Null()
	}
	return nil
}

var zmscore = command.Spec{
	Name: "zmscore", Group: command.SortedSet, Since: "6.2.0", Arity: -3,
	Syntax:     "key member [member ...]",
	Summary:    "Return the scores of several members of a sorted set.",
	Complexity: "O(N) for N members",
	Flags:      command.ReadOnly | command.Fast,
	Keys:       command.KeyAt(1),
	Run:        command.Plain(runZMScore),
}

func runZMScore(c *command.Call) error {
	z, err := c.Tx.ZSet(c.Args[1])
	if err != nil {
		return err
	}
	members := c.Args[2:]
	c.Out.Array(len(members))
	for _, member := range members {
		if score, ok := z.Score(member); ok {
			c.Out.Double(score)
		} else {
			c.Out.Null()
		}
	}
	return nil
}

var zcard = command.Spec{
	Name: "zcard", Group: command.SortedSet, Since: "1.2.0", Arity: 2,
	Syntax:  "key",
	Summary: "Return the number of elements of a sorted set.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1).For("RO"),
	Run:     command.Plain(runZCard),
}

func runZCard(c *command.Call) error {
	z, err := c.Tx.ZSet(c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(int64(z.Len()))
	return nil
}

var zcount = command.Spec{
	Name: "zcount", Group: command.SortedSet, Since: "2.0.0", Arity: 4,
	Syntax:     "key min max",
	Summary:    "Return the number of elements of a sorted set between two scores.",
	Complexity: "O(log N)",
	Flags:      command.ReadOnly | command.Fast,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseKeyInterval(byScore), runZCount),
}

var zlexcount = command.Spec{
	Name: "zlexcount", Group: command.SortedSet, Since: "2.8.9", Arity: 4,
	Syntax:     "key min max",
	Summary:    "Return the number of elements of a sorted set between two members, provided that all scores are equal.",
	Complexity: "O(log N)",
	Flags:      command.ReadOnly | command.Fast,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseKeyInterval(byLex), runZCount),
}

func runZCount(c *command.Call, a intervalArgs) error {
	z, err := c.Tx.ZSet(a.key)
	if err != nil {
		return err
	}
	_, n := a.ranks(z)
	c.Out.Int(int64(n))
	return nil
}
