package zsets

import (
	"bytes"

	"github.com/weirmq/weir/internal/command"
)

var zrank = command.Spec{
	Name: "zrank", Group: command.SortedSet, Since: "2.0.0", Arity: -3,
	Syntax:     "key member [WITHSCORE]",
	Summary:    "Return the rank of a member of a sorted set, 0 for the lowest score. With WITHSCORE also its score.",
	Complexity: "O(log N)",
	Flags:      command.ReadOnly | command.Fast,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseZRank, runZRank),
}

var zrevrank = command.Spec{
	Name: "zrevrank", Group: command.SortedSet, Since: "2.0.0", Arity: -3,
	Syntax:     "key member [WITHSCORE]",
	Summary:    "Return the rank of a member of a sorted set, 0 for the highest score. With WITHSCORE also its score.",
	Complexity: "O(log N)",
	Flags:      command.ReadOnly | command.Fast,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseZRevRank, runZRank),
}

type zrankArgs struct {
	key, member    []byte
	reverse, score bool
}

func parseZRank(args command.Args) (zrankArgs, error) {
	a := zrankArgs{key: args[1], member: args[2]}
	switch {
	case len(args) > 4:
		return a, command.Errorf("ERR wrong number of arguments for '%s' command", bytes.ToLower(args[0]))
	case len(args) == 4 && !command.EqualFold(args[3], "WITHSCORE"):
		return a, command.ErrSyntax
	}
	a.score = len(args) == 4
	return a, nil
}

func parseZRevRank(args command.Args) (zrankArgs, error) {
	a, err := parseZRank(args)
	a.reverse = true
	return a, err
}

func runZRank(c *command.Call, a zrankArgs) error {
	z, err := c.Tx.ZSet(a.key)
	if err != nil {
		return err
	}
	rank, score, ok := z.Rank(a.member)
	switch {
	case !ok && a.score:
		c.Out.NullArray()
		return nil
	case !ok:
		c.Out.Null()
		return nil
	case a.score:
		c.Out.Array(2)
	}
	if a.reverse {
		rank = z.Len() - 1 - rank
	}
	if c.Out.Int(int64(rank)); a.score {
		c.Out.Double(score)
	}
	return nil
}
