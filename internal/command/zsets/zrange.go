package zsets

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var zrange = command.Spec{
	Name: "zrange", Group: command.SortedSet, Since: "1.2.0", Arity: -4,
	Syntax: "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
	Summary: "Return the elements of a sorted set between two ranks, or between two scores, or, provided that all scores are " +
		"equal, between two members.",
	Complexity: "O(log N + M) for M elements of N",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(zrangeKind{}.parse, runZRange),
}

var zrangestore = command.Spec{
	Name: "zrangestore", Group: command.SortedSet, Since: "6.2.0", Arity: -5,
	Syntax:     "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
	Summary:    "Store a range of a sorted set under another key. Replies the number of elements.",
	Complexity: "O(log N + M) for M elements of N",
	Flags:      command.Write | command.Reads | command.DenyOOM,
	Keys:       command.KeyAt(1).For("OW update").And(command.KeyAt(2).For("RO access")),
	Run:        command.Handle(zrangeKind{store: true}.parse, runZRangeStore),
}

var zrevrange = command.Spec{
	Name: "zrevrange", Group: command.SortedSet, Since: "1.2.0", Arity: -4,
	Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` argument",
	Syntax:     "key start stop [WITHSCORES]",
	Summary:    "Return the elements of a sorted set between two ranks, the highest score first.",
	Complexity: "O(log N + M) for M elements of N",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(zrangeKind{fixed: true, by: byRank, reverse: true}.parse, runZRange),
}

var zrangebyscore = command.Spec{
	Name: "zrangebyscore", Group: command.SortedSet, Since: "1.0.5", Arity: -4,
	Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `BYSCORE` argument",
	Syntax:     "key min max [WITHSCORES] [LIMIT offset count]",
	Summary:    "Return the elements of a sorted set between two scores.",
	Complexity: "O(log N + M) for M elements of N",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(zrangeKind{fixed: true, by: byScore}.parse, runZRange),
}

var zrevrangebyscore = command.Spec{
	Name: "zrevrangebyscore", Group: command.SortedSet, Since: "2.2.0", Arity: -4,
	Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` and `BYSCORE` arguments",
	Syntax:     "key max min [WITHSCORES] [LIMIT offset count]",
	Summary:    "Return the elements of a sorted set between two scores, the highest first.",
	Complexity: "O(log N + M) for M elements of N",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(zrangeKind{fixed: true, by: byScore, reverse: true}.parse, runZRange),
}

var zrangebylex = command.Spec{
	Name: "zrangebylex", Group: command.SortedSet, Since: "2.8.9", Arity: -4,
	Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `BYLEX` argument",
	Syntax:     "key min max [LIMIT offset count]",
	Summary:    "Return the elements of a sorted set between two members, provided that all scores are equal.",
	Complexity: "O(log N + M) for M elements of N",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(zrangeKind{fixed: true, by: byLex}.parse, runZRange),
}

var zrevrangebylex = command.Spec{
	Name: "zrevrangebylex", Group: command.SortedSet, Since: "2.8.9", Arity: -4,
	Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` and `BYLEX` arguments",
	Syntax:     "key max min [LIMIT offset count]",
	Summary:    "Return the elements of a sorted set between two members, the highest first, provided that all scores are equal.",
	Complexity: "O(log N + M) for M elements of N",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(zrangeKind{fixed: true, by: byLex, reverse: true}.parse, runZRange),
}

const (
	errLimitByRank command.Error = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"
	errScoresByLex command.Error = "ERR syntax error, WITHSCORES not supported in combination with BYLEX"
)

// zrangeKind is what tells the commands of this file apart.
type zrangeKind struct {
	store   bool // a destination stands before the key
	fixed   bool // by and reverse are decided by the name of the command
	by      rangeType
	reverse bool
}

type zrangeArgs struct {
	destination, key []byte
	interval
	reverse, scores bool
	offset, limit   int64 // a limit below 0 is none
}

func (k zrangeKind) parse(args command.Args) (zrangeArgs, error) {
	var a zrangeArgs
	if k.store {
		a.destination, args = args[1], args[1:]
	}
	a.key = args[1]
	low, high := args[2], args[3]
	if err := a.options(k, args[4:]); err != nil {
		return a, err
	}
	switch {
	case a.limit != -1 && a.by == byRank:
		return a, errLimitByRank
	case a.scores && a.by == byLex:
		return a, errScoresByLex
	case a.reverse && a.by != byRank:
		low, high = high, low
	}
	var err error
	a.interval, err = parseInterval(a.by, low, high)
	return a, err
}

func (a *zrangeArgs) options(k zrangeKind, args [][]byte) (err error) {
	a.by, a.reverse, a.limit = k.by, k.reverse, -1
	direction, by := k.fixed, k.fixed // said already
	for ; len(args) > 0; args = args[1:] {
		switch option := args[0]; {
		case !k.store && command.EqualFold(option, "WITHSCORES"):
			a.scores = true
		case len(args) > 2 && command.EqualFold(option, "LIMIT"):
			if a.offset, err = command.ParseInt(args[1]); err != nil {
				return err
			}
			if a.limit, err = command.ParseInt(args[2]); err != nil {
				return err
			}
			args = args[2:]
		case !direction && command.EqualFold(option, "REV"):
			a.reverse, direction = true, true
		case !by && command.EqualFold(option, "BYLEX"):
			a.by, by = byLex, true
		case !by && command.EqualFold(option, "BYSCORE"):
			a.by, by = byScore, true
		default:
			return command.ErrSyntax
		}
	}
	return nil
}

// elements returns what the arguments ask for: an iterator, and how many elements it yields.
func (a *zrangeArgs) elements(z data.ZSet) (data.ZSetIter, int) {
	if a.by == byRank && a.reverse {
		first, end := rankRange(a.first, a.last, z.Len())
		return z.Reverse(z.Len()-1-first, end-first), end - first
	}
	first, n := a.ranks(z)
	skip := n
	switch {
	case a.by == byRank:
		skip = 0 // LIMIT with -1 is let through there, and means nothing
	case a.offset >= 0 && a.offset < int64(n):
		skip = int(a.offset)
	}
	if a.reverse {
		first = first + n - 1 - skip
	} else {
		first += skip
	}
	n -= skip
	if a.limit >= 0 {
		n = int(min(int64(n), a.limit))
	}
	if a.reverse {
		return z.Reverse(first, n), n
	}
	return z.Range(first, n), n
}

func runZRange(c *command.Call, a zrangeArgs) error {
	z, err := c.Tx.ZSet(a.key)
	if err != nil {
		return err
	}
	it, n := a.elements(z)
	writeElements(c.Out, &it, n, a.scores)
	return nil
}

func runZRangeStore(c *command.Call, a zrangeArgs) error {
	z, err := c.Tx.ZSet(a.key)
	if err != nil {
		return err
	}
	var result data.ZSet
	it, n := a.elements(z)
	if !data.PacksZSet(n, 0) {
		result = data.NewLargeZSet()
	}
	for {
		member, score, ok := it.Next()
		if !ok {
			break
		}
		result.Set(member, score)
	}
	store(c, a.destination, result)
	return nil
}

// store makes a set the value of a key, whatever that held, and replies the number of its elements.
func store(c *command.Call, key []byte, z data.ZSet) {
	n := z.Len()
	if n == 0 {
		c.Tx.Delete(key)
	} else {
		c.Tx.ZSetStore(key, z)
	}
	c.Out.Int(int64(n))
}
