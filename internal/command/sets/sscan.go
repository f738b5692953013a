package sets

import (
	"strconv"

	"github.com/weirmq/weir/internal/command"
)

var sscan = command.Spec{
	Name: "sscan", Group: command.Set, Since: "2.8.0", Arity: -3,
	Syntax: "key cursor [MATCH pattern] [COUNT count]",
	Summary: "Return some members of a set, and the cursor to go on from. " +
		"A member that is there during the whole scan is returned at least once.",
	Complexity: "O(1) per member visited",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       []string{"nondeterministic_output"},
	Run:        command.Handle(parseSScan, runSScan),
}

// sscanArgs leaves the options as they are: what is wrong with them matters only if there is a set.
type sscanArgs struct {
	key     []byte
	cursor  uint64
	options command.Args
}

func parseSScan(args command.Args) (sscanArgs, error) {
	cursor, err := command.ParseCursor(args[2])
	return sscanArgs{args[1], cursor, args[3:]}, err
}

func runSScan(c *command.Call, a sscanArgs) error {
	s, err := c.Tx.Set(a.key)
	if err != nil {
		return err
	}
	if s.Len() == 0 {
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
	next := s.Scan(a.cursor, options.Count, func(m []byte) {
		if options.Match(m) {
			c.Out.Bulk(m)
			n++
		}
	})
	c.Out.InsertArray(head, n)
	var digits [20]byte
	c.Out.InsertBulk(head, strconv.AppendUint(digits[:0], next, 10))
	return nil
}
