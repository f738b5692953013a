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
	Pattern []byte // nil: all
	Count   int
}

// ParseScanOptions reads the options of a command that scans one value. Redis looks at them only if there is one: run calls
// it, not parse.
func ParseScanOptions(args Args) (ScanOptions, error) {
	o := ScanOptions{Count: defaultScanCount}
	for ; len(args) > 0; args = args[2:] {
		switch {
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
