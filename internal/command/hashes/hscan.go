package hashes

import (
	"strconv"

	"github.com/weirmq/weir/internal/command"
)

var hscan = command.Spec{
	Name: "hscan", Group: command.Hash, Since: "2.8.0", Arity: -3,
	Syntax: "key cursor [MATCH pattern] [COUNT count]",
	Summary: "Return some fields of a hash and their values, and the cursor to go on from. " +
		"A field that is there during the whole scan is returned at least once.",
	Complexity: "O(1) per field visited",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       []string{"nondeterministic_output"},
	Run:        command.Handle(parseHScan, runHScan),
}

// hscanArgs leaves the options as they are: what is wrong with them matters only if there is a hash.
type hscanArgs struct {
	key     []byte
	cursor  uint64
	options command.Args
}

func parseHScan(args command.Args) (hscanArgs, error) {
	cursor, err := command.ParseCursor(args[2])
	return hscanArgs{args[1], cursor, args[3:]}, err
}

func runHScan(c *command.Call, a hscanArgs) error {
	h, err := c.Tx.Hash(a.key)
	if err != nil {
		return err
	}
	if h.Len() == 0 {
		c.Out.Array(2)
		c.Out.BulkString("0")
		c.Out.Array(0)
		return nil
	}
	options, err := command.ParseScanOptions(a.options)
	if err != nil {
		return err
	}
	c.Out.Array(2)
	head, n := c.Out.Mark(), 0
	next := h.Scan(a.cursor, options.Count, func(field, value []byte) {
		if options.Match(field) {
			c.Out.Bulk(field)
			c.Out.Bulk(value)
			n += 2
		}
	})
	c.Out.InsertArray(head, n)
	var digits [20]byte
	c.Out.InsertBulk(head, strconv.AppendUint(digits[:0], next, 10))
	return nil
}
