package zsets

import "github.com/weirmq/weir/internal/command"

var zscan = command.Spec{
	Name: "zscan", Group: command.SortedSet, Since: "2.8.0", Arity: -3,
	Syntax: "key cursor [MATCH pattern] [COUNT count]",
	Summary: "Return some elements of a sorted set, and the cursor to go on from. An element that is there during the whole " +
		"scan is returned.",
	Complexity: "O(1) per element visited",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       []string{"nondeterministic_output"},
	Run:        command.Handle(command.ParseElementScan, runZScan),
}

func runZScan(c *command.Call, a command.ElementScan) error {
	z, err := c.Tx.ZSet(a.Key)
	if err != nil {
		return err
	}
	return a.Reply(c, z.Len(), func(cursor uint64, o command.ScanOptions) (n int, next uint64) {
		var digits [32]byte
		write := func(member []byte, score float64) {
			if o.Match(member) {
				c.Out.Bulk(member)
				c.Out.Bulk(appendScore(digits[:0], score, z.Listpack()))
				n += 2
			}
		}
		if z.Large != nil {
			next = z.Large.Scan(cursor, o.Count, write)
			return n, next
		}
		for it := z.Range(0, z.Len()); ; {
			member, score, ok := it.Next()
			if !ok {
				return n, 0
			}
			write(member, score)
		}
	})
}
