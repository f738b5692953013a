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

func runLRem(c *command.Call, a lremArgs) error {
	l, err := c.Tx.List(a.key)
	if err != nil {
		return err
	}
	front, most := true, uint64(a.count)
	if a.count < 0 {
		front, most = false, -most
	}
	var few [32]int
	indexes := matches(few[:0], l, data.MakeListItem(a.item), front, most)
	if len(indexes) > 0 {
		c.Tx.ListRemove(a.key, indexes)
	}
	c.Out.Int(int64(len(indexes)))
	return nil
}

// matches returns the indexes of items that equal one, ascending: the first so many from an end on; 0 is all.
func matches(indexes []int, l data.List, item data.ListItem, front bool, most uint64) []int {
	i, step := 0, 1
	if !front {
		i, step = l.Len()-1, -1
	}
	for it := fromEnd(l, front); it.Next(); i += step {
		if !it.Item().Equal(item) {
			continue
		}
		if indexes = append(indexes, i); uint64(len(indexes)) == most {
			break
		}
	}
	if !front {
		slices.Reverse(indexes)
	}
	return indexes
}
