package sets

import "github.com/weirmq/weir/internal/command"

var sscan = command.Spec{
	Name: "sscan", Group: command.Set, Since: "2.8.0", Arity: -3,
	Syntax: "key cursor [MATCH pattern] [COUNT count]",
	Summary: "Return some members of a set, and the cursor to go on from. " +
		"A member that is there during the whole scan is returned at least once.",
	Complexity: "O(1) per member visited",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       []string{"nondeterministic_output"},
	Run:        command.Handle(command.ParseElementScan, runSScan),
}

func runSScan(c *command.Call, a command.ElementScan) error {
	s, err := c.Tx.Set(a.Key)
	if err != nil {
		return err
	}
	return a.Reply(c, s.Len(), func(cursor uint64, o command.ScanOptions) (n int, next uint64) {
		next = s.Scan(cursor, o.Count, func(m []byte) {
			if o.Match(m) {
				c.Out.Bulk(m)
				n++
			}
		})
		return n, next
	})
}
