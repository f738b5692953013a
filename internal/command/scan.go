package command

import (
	"bytes"
	"strconv"

	"github.com/weirmq/weir/internal/glob"
)

// What SCAN, HSCAN, SSCAN and ZSCAN have in common.
const (
	ErrInvalidCursor Error = "ERR invalid cursor"
	ErrPattern       Error = "ERR pattern is longer than 65536 bytes"

	defaultScanCount = 10
	// maxScanCount is as good as everything, and keeps counts far from overflow.
	maxScanCount = 1 << 40
)

// ParseCursor reads a cursor as C does: with a sign, a negative one counted back from 2^64, and up to a zero byte; nothing is
// the beginning.
func ParseCursor(arg []byte) (uint64, error) {
	arg, _, _ = bytes.Cut(arg, []byte{0})
	digits, negative := arg, false
	if len(arg) > 1 && (arg[0] == '-' || arg[0] == '+') {
		digits, negative = arg[1:], arg[0] == '-'
	}
	if len(arg) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0, ErrInvalidCursor
	}
	if negative {
		n = -n
	}
	return n, nil
}

// ScanOptions are the options behind a cursor.
type ScanOptions struct {
	Pattern  []byte // nil: all
	Count    int
	NoValues bool // of a hash: its fields without their values
}

// parseScanOptions reads what is behind a cursor; NOVALUES is an option of hashes only.
func parseScanOptions(args Args, hash bool) (ScanOptions, error) {
	o := ScanOptions{Count: defaultScanCount}
	for len(args) > 0 {
		taken := 2
		switch {
		case hash && EqualFold(args[0], "NOVALUES"):
			o.NoValues = true
			taken = 1
		case len(args) >= 2 && EqualFold(args[0], "COUNT"):
			n, err := ParseInt(args[1])
			if err != nil {
				return o, err
			}
			if n < 1 {
				return o, ErrSyntax
			}
			o.Count = int(min(n, maxScanCount))
		case len(args) >= 2 && EqualFold(args[0], "MATCH"):
			o.Pattern = args[1]
		default:
			return o, ErrSyntax
		}
		args = args[taken:]
	}
	if len(o.Pattern) > glob.MaxPattern {
		return o, ErrPattern
	}
	if len(o.Pattern) == 1 && o.Pattern[0] == '*' {
		o.Pattern = nil
	}
	return o, nil
}

// Match reports whether an element is asked for.
func (o ScanOptions) Match(element []byte) bool {
	return o.Pattern == nil || glob.Match(o.Pattern, element)
}

// ElementScan is the arguments of HSCAN, SSCAN and ZSCAN. It leaves the options as they are: what is wrong with them matters only
// if there is something to scan.
type ElementScan struct {
	Key     []byte
	cursor  uint64
	options Args
	hash    bool
}

// ParseElementScan reads the arguments of a command that scans one value.
func ParseElementScan(args Args) (ElementScan, error) {
	cursor, err := ParseCursor(args[2])
	return ElementScan{Key: args[1], cursor: cursor, options: args[3:]}, err
}

// ParseHashScan is ParseElementScan for HSCAN.
func ParseHashScan(args Args) (ElementScan, error) {
	scan, err := ParseElementScan(args)
	scan.hash = true
	return scan, err
}

// Reply scans a value of so many elements and replies. step writes those behind the cursor that match, and returns how many
// replies that were, and the cursor to go on from.
func (a *ElementScan) Reply(c *Call, elements int, step func(cursor uint64, o ScanOptions) (n int, next uint64)) error {
	c.Out.Array(2)
	if elements == 0 {
		c.Out.BulkString("0")
		c.Out.Array(0)
		return nil
	}
	o, err := parseScanOptions(a.options, a.hash)
	if err != nil {
		return err
	}
	mark := c.Out.Mark()
	n, next := step(a.cursor, o)
	c.Out.InsertArray(mark, n)
	var digits [20]byte
	c.Out.InsertBulk(mark, strconv.AppendUint(digits[:0], next, 10))
	return nil
}
