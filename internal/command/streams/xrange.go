package streams

import (
	"math"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

var xrange = command.Spec{
	Name: "xrange", Group: command.Streams, Since: "5.0.0", Arity: -4,
	Syntax:     "key start end [COUNT count]",
	Summary:    "Return the entries of a stream between two IDs.",
	Complexity: "O(log M + N) for N entries out of M",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        about(1, command.Handle(parseXRange, runXRange)),
}

var xrevrange = command.Spec{
	Name: "xrevrange", Group: command.Streams, Since: "5.0.0", Arity: -4,
	Syntax:     "key end start [COUNT count]",
	Summary:    "Return the entries of a stream between two IDs, the last one first.",
	Complexity: "O(log M + N) for N entries out of M",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        about(1, command.Handle(parseXRevRange, runXRange)),
}

type xrangeArgs struct {
	key      []byte
	from, to stream.ID
	reverse  bool
	count    int64 // negative: all
}

func parseXRange(args command.Args) (xrangeArgs, error) {
	return parseInterval(args, args[2], args[3])
}

func parseXRevRange(args command.Args) (xrangeArgs, error) {
	a, err := parseInterval(args, args[3], args[2])
	a.reverse = true
	return a, err
}

func parseInterval(args command.Args, start, end []byte) (a xrangeArgs, err error) {
	a.key, a.count = args[1], -1
	if a.from, err = parseStart(start); err != nil {
		return a, err
	}
	if a.to, err = parseEnd(end); err != nil {
		return a, err
	}
	for rest := args[4:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 || !command.EqualFold(rest[0], "COUNT") {
			return a, command.ErrSyntax
		}
		if a.count, err = command.ParseInt(rest[1]); err != nil {
			return a, err
		}
		a.count = max(a.count, 0)
	}
	return a, nil
}

const (
	errStart command.Error = "ERR invalid start ID for the interval"
	errEnd   command.Error = "ERR invalid end ID for the interval"
)

// parseStart reads where an interval begins: an ID, "-" or "+", or "(" and the ID below.
func parseStart(arg []byte) (stream.ID, error) {
	id, exclusive, err := parseBound(arg, 0)
	if err == nil && exclusive {
		var ok bool
		if id, ok = id.Next(); !ok {
			err = errStart
		}
	}
	return id, err
}

// parseEnd reads where an interval ends, as parseStart does; an ID without sequence number is the last of its
// millisecond.
func parseEnd(arg []byte) (stream.ID, error) {
	id, exclusive, err := parseBound(arg, math.MaxUint64)
	if err == nil && exclusive {
		var ok bool
		if id, ok = id.Prev(); !ok {
			err = errEnd
		}
	}
	return id, err
}

func parseBound(arg []byte, missingSeq uint64) (id stream.ID, exclusive bool, err error) {
	switch special(arg) {
	case '-':
		return stream.MinID, false, nil
	case '+':
		return stream.MaxID, false, nil
	}
	if len(arg) > 1 && arg[0] == '(' {
		exclusive, arg = true, arg[1:]
	}
	id, err = parseID(arg, missingSeq)
	return id, exclusive, err
}

func runXRange(c *command.Call, a xrangeArgs) error {
	s, err := c.Tx.Stream(a.key)
	if err != nil {
		return err
	}
	if s == nil {
		c.Out.Array(0)
		return nil
	}
	if a.count == 0 {
		c.Out.NullArray()
		return nil
	}
	it := s.Range(a.from, a.to)
	if a.reverse {
		it = s.Reverse(a.from, a.to)
	}
	return writeEntries(c.Out, &it, uint64(max(a.count, 0)))
}
