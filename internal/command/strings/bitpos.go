package strings

import "github.com/weirmq/weir/internal/command"

var bitpos = command.Spec{
	Name: "bitpos", Group: command.Bitmap, Since: "2.8.7", Arity: -3,
	Syntax: "key bit [start [end [BYTE | BIT]]]",
	Summary: "Return where the first bit that is 0 or 1 is in the string at a key, or in a part of it. A string goes on with " +
		"zeros unless an end is given.",
	Complexity: "O(N) for N bytes",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseBitPos, runBitPos),
}

const errBitArgument command.Error = "ERR The bit argument must be 1 or 0."

func parseBitPos(args command.Args) (bit int, err error) {
	n, err := command.ParseInt(args[2])
	if err == nil && n != 0 && n != 1 {
		err = errBitArgument
	}
	return int(n), err
}

func runBitPos(c *command.Call, bit int) error {
	s, err := c.Tx.String(c.Args[1])
	if err != nil {
		return err
	}
	if !s.Exists() { // as if it were zeros without end
		c.Out.Int(int64(-bit))
		return nil
	}
	r, err := parseBitPosRange(c.Args[3:])
	if err != nil {
		return err
	}
	from, to := r.of(s)
	at := s.FindBit(bit, from, to)
	if at < 0 && bit == 0 && from < to && !r.endGiven {
		at = 8 * s.Len()
	}
	c.Out.Int(int64(at))
	return nil
}

func parseBitPosRange(args command.Args) (r bitRange, err error) {
	if len(args) > 3 {
		return r, command.ErrSyntax
	}
	if len(args) == 0 {
		return r, nil
	}
	r.given, r.endGiven = true, len(args) > 1
	if r.start, err = command.ParseInt(args[0]); err != nil {
		return r, err
	}
	if len(args) > 2 {
		if err = r.parseUnit(args[2]); err != nil {
			return r, err
		}
	}
	if r.endGiven {
		r.end, err = command.ParseInt(args[1])
	}
	return r, err
}
