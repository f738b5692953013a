package strings

import "github.com/weirmq/weir/internal/command"

var bitcount = command.Spec{
	Name: "bitcount", Group: command.Bitmap, Since: "2.6.0", Arity: -2,
	Syntax:     "key [start end [BYTE | BIT]]",
	Summary:    "Count the bits that are set in the string at a key, or in a part of it.",
	Complexity: "O(N) for N bytes",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Plain(runBitCount),
}

func runBitCount(c *command.Call) error {
	s, err := c.Tx.String(c.Args[1])
	if err != nil {
		return err
	}
	if !s.Exists() {
		c.Out.Int(0)
		return nil
	}
	r, err := parseBitCount(c.Args[2:])
	if err != nil {
		return err
	}
	from, to := r.of(s)
	c.Out.Int(int64(s.CountBits(from, to)))
	return nil
}

func parseBitCount(args command.Args) (r bitRange, err error) {
	switch len(args) {
	case 0:
		return r, nil
	case 2, 3:
	default:
		return r, command.ErrSyntax
	}
	r.given, r.endGiven = true, true
	if r.start, err = command.ParseInt(args[0]); err != nil {
		return r, err
	}
	if r.end, err = command.ParseInt(args[1]); err != nil {
		return r, err
	}
	if backwards(r.start, r.end) { // whatever the unit is
		r.start, r.end = 1, 0
		return r, nil
	}
	if len(args) == 3 {
		err = r.parseUnit(args[2])
	}
	return r, err
}
