package lists

import (
	"slices"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var lrem = command.Spec{
	Name: "lrem", Group: command.List, Since: "1.0.0", Arity: 4,
	Syntax: "key count element",
	Summary: "Remove the first so many elements that equal the one given; the last, if the count is negative; all, if it is 0. " +
		"Return how many they were.",
	Complexity: "O(N), for N elements",
	Flags:      command.Write | command.Frees,
	Keys:       command.KeyAt(1).For("RW delete"),
	Run:        command.Handle(parseLRem, runLRem),
}

type lremArgs struct {
	key, item []byte
	count     int64
}

func parseLRem(args command.Args) (a lremArgs, err error) {
	a.key, a.item = args[1], args[3]
	a.count, err = command.ParseInt(args[2])
	return a, err
}

// batch is how many elements are removed at a time, lest a long list of equal ones cost much memory.
const batch = 1 << 16

func runLRem(c *command.Call, a lremArgs) error {
	l, err := c.Tx.List(a.key)
	if err != nil {
		return err
	}
	s := search{item: data.MakeListItem(a.item), front: a.count >= 0}
	most := uint64(a.count)
	if !s.front {
		most, s.at = -most, l.Len()-1
	}
	var few [32]int
	removed := uint64(0)
	for {
		wanted := uint64(batch)
		if a.count != 0 {
			wanted = min(wanted, most-removed)
		}
		indexes := s.next(few[:0], l, int(wanted))
		if len(indexes) == 0 {
			break
		}
		c.Tx.ListRemove(a.key, indexes)
		removed += uint64(len(indexes))
		if len(indexes) < batch {
			break
		}
		if l, err = c.Tx.List(a.key); err != nil {
			return err
		}
	}
	c.Out.Int(int64(removed))
	return nil
}

// search looks for items that equal one, from an end of a list on, while those that it finds are removed.
type search struct {
	item  data.ListItem
	front bool
	at    int // where it goes on
}

// next returns the indexes of up to so many more items, ascending.
func (s *search) next(indexes []int, l data.List, most int) []int {
	if most == 0 || l.Len() == 0 {
		return nil
	}
	step, it := 1, l.From(s.at)
	if !s.front {
		step, it = -1, l.Backward(s.at)
	}
	for ; len(indexes) < most && it.Next(); s.at += step {
		if it.Item().Equal(s.item) {
			indexes = append(indexes, s.at)
		}
	}
	if s.front {
		s.at -= len(indexes)
	} else {
		slices.Reverse(indexes)
	}
	return indexes
}
