package zsets

import (
	"strconv"

	"github.com/weirmq/weir/internal/command"
)

var zscan = command.Spec{
	Name: "zscan", Group: command.SortedSet, Since: "2.8.0", Arity: -3,
	Syntax: "key cursor [MATCH pattern] [COUNT count]",
	Summary: "Return some elements of a sorted set, and the cursor to go on from. An element that is there during the whole " +
		"scan is returned.",
	Complexity: "O(1) per element visited",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       []string{"nondeterministic_output"},
	Run:        command.Handle(parseZScan, runZScan),
}

type zscanArgs struct {
	key     []byte
	cursor  uint64
	options command.Args
}

func parseZScan(args command.Args) (a zscanArgs, err error) {
	a.key, a.options = args[1], args[3:]
	a.cursor, err = command.ParseCursor(args[2])
	return a, err
}

func runZScan(c *command.Call, a zscanArgs) error {
	z, err := c.Tx.ZSet(a.key)
	if err != nil {
		return err
	}
	c.Out.Array(2)
	if z.Len() == 0 {
		c.Out.BulkString("0")
		c.Out.Array(0)
		return nil
	}
	options, err := command.ParseScanOptions(a.options)
	if err != nil {
		return err
	}
	mark := c.Out.Mark()
	n := 0
	var digits [32]byte
	write := func(member []byte, score float64) {
		if options.Match(member) {
			c.Out.Bulk(member)
			c.Out.Bulk(appendScore(digits[:0], score, z.Large == nil))
			n += 2
		}
	}
	next := uint64(0)
	if z.Large != nil {
		next = z.Large.Scan(a.cursor, options.Count, write)
	} else {
		for it := z.Range(0, z.Len()); ; {
			member, score, ok := it.Next()
			if !ok {
				break
			}
			write(member, score)
		}
	}
	c.Out.InsertArray(mark, n)
	c.Out.InsertBulk(mark, strconv.AppendUint(digits[:0], next, 10))
	return nil
}
