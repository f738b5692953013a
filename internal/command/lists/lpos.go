package lists

import (
	"math"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var lpos = command.Spec{
	Name: "lpos", Group: command.List, Since: "6.0.6", Arity: -3,
	Syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
	Summary: "Return the index of the first element that equals the one given, or of several. " +
		"A rank says from which match on; from a negative one on the search goes from the end.",
	Complexity: "O(N), for N elements looked at",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseLPos, runLPos),
}

type lposArgs struct {
	key, item []byte
	backward  bool
	rank      int64
	many      bool // COUNT was given
	count     int64
	maxLen    int64 // 0: all
}

func parseLPos(args command.Args) (lposArgs, error) {
	a := lposArgs{key: args[1], item: args[2], rank: 1}
	for at := 3; at < len(args); at += 2 {
		if at+1 == len(args) {
			return a, command.ErrSyntax
		}
		n, err := command.ParseInt(args[at+1])
		switch option := args[at]; {
		case command.EqualFold(option, "RANK"):
			if err == nil && n == 0 {
				err = errRank
			}
			a.rank = n
		case command.EqualFold(option, "COUNT"):
			if err != nil || n < 0 {
				err = errCountBelow
			}
			a.many, a.count = true, n
		case command.EqualFold(option, "MAXLEN"):
			if err != nil || n < 0 {
				err = errMaxLenBelow
			}
			a.maxLen = n
		default:
			err = command.ErrSyntax
		}
		if err != nil {
			return a, err
		}
	}
	if a.rank < 0 {
		a.backward = true
		a.rank = -a.rank
	}
	if a.rank == math.MinInt64 {
		a.rank, a.count = 1, 0 // what becomes of it in C, where it has no opposite: all matches, as many as there are
	}
	return a, nil
}

func runLPos(c *command.Call, a lposArgs) error {
	l, err := c.Tx.List(a.key)
	if err != nil {
		return err
	}
	item := data.MakeListItem(a.item)
	before := c.Out.Mark()
	looked, found, written := int64(0), int64(0), 0
	for it := fromEnd(l, !a.backward); (a.maxLen == 0 || looked < a.maxLen) && it.Next(); looked++ {
		if !it.Item().Equal(item) {
			continue
		}
		if found++; found < a.rank {
			continue
		}
		index := looked
		if a.backward {
			index = int64(l.Len()) - 1 - looked
		}
		c.Out.Int(index)
		if written++; !a.many || int64(written) == a.count {
			break
		}
	}
	switch {
	case a.many:
		c.Out.InsertArray(before, written)
	case written == 0:
		c.Out.Null()
	}
	return nil
}
