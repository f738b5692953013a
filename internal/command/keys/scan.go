package keys

import (
	"strconv"
	"strings"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/glob"
	"github.com/weirmq/weir/internal/state"
)

var scan = command.Spec{
	Name: "scan", Group: command.Generic, Since: "2.8.0", Arity: -2,
	Syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
	Summary: "Return some keys of the database, and the cursor to go on from. " +
		"A key that exists during the whole scan is returned at least once.",
	Complexity: "O(1) per key visited",
	Flags:      command.ReadOnly,
	Tips:       []string{"nondeterministic_output", "request_policy:special"},
	Run:        command.Handle(parseScan, runScan),
}

type scanArgs struct {
	cursor  state.Cursor
	pattern []byte // nil: all
	count   int
	kind    string // of value; empty: all
}

const (
	errCursor  command.Error = "ERR invalid cursor"
	errPattern command.Error = "ERR pattern is longer than 65536 bytes"

	defaultCount = 10
	// maxCount is as good as everything, and keeps counts far from overflow.
	maxCount = 1 << 40
)

func parseScan(args command.Args) (scanArgs, error) {
	a := scanArgs{count: defaultCount}
	var err error
	if a.cursor, err = parseCursor(args[1]); err != nil {
		return a, err
	}
	for rest := args[2:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 {
			return a, command.ErrSyntax
		}
		switch {
		case command.EqualFold(rest[0], "COUNT"):
			n, err := command.ParseInt(rest[1])
			if err != nil {
				return a, err
			}
			if n < 1 {
				return a, command.ErrSyntax
			}
			a.count = int(min(n, maxCount))
		case command.EqualFold(rest[0], "MATCH"):
			if len(rest[1]) > glob.MaxPattern {
				return a, errPattern
			}
			a.pattern = rest[1]
		case command.EqualFold(rest[0], "TYPE"):
			a.kind = strings.ToLower(string(rest[1]))
		default:
			return a, command.ErrSyntax
		}
	}
	if len(a.pattern) == 1 && a.pattern[0] == '*' {
		a.pattern = nil
	}
	return a, nil
}

// parseCursor reads a cursor; an empty one is the beginning.
func parseCursor(arg []byte) (state.Cursor, error) {
	if len(arg) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseUint(string(arg), 10, 64)
	if err != nil {
		return 0, errCursor
	}
	return state.Cursor(n), nil
}

func runScan(c *command.Call, a scanArgs) error {
	var found [][]byte
	next := c.Tx.Scan(a.cursor, a.count, func(key []byte, v state.Value) {
		if a.kind != "" && v.Kind.String() != a.kind {
			return
		}
		if a.pattern == nil || glob.Match(a.pattern, key) {
			found = append(found, key)
		}
	})
	c.Out.Array(2)
	c.Out.BulkString(strconv.FormatUint(uint64(next), 10))
	c.Out.Array(len(found))
	for _, key := range found {
		c.Out.Bulk(key)
	}
	return nil
}
