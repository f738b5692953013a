package hashes

import "github.com/weirmq/weir/internal/command"

var hscan = command.Spec{
	Name: "hscan", Group: command.Hash, Since: "2.8.0", Arity: -3,
	Syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
	Summary: "Return some fields of a hash and, without NOVALUES, their values, and the cursor to go on from. " +
		"A field that is there during the whole scan is returned at least once.",
	Complexity: "O(1) per field visited",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       []string{"nondeterministic_output"},
	Run:        command.Handle(command.ParseHashScan, runHScan),
}

func runHScan(c *command.Call, a command.ElementScan) error {
	h, err := c.Tx.Hash(a.Key)
	if err != nil {
		return err
	}
	return a.Reply(c, h.Len(), func(cursor uint64, o command.ScanOptions) (n int, next uint64) {
		next = h.Scan(cursor, o.Count, func(field, value []byte) {
			if o.Match(field) {
				c.Out.Bulk(field)
				n++
				if !o.NoValues {
					c.Out.Bulk(value)
					n++
				}
			}
		})
		return n, next
	})
}
