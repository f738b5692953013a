package hashes

import "github.com/weirmq/weir/internal/command"

var hgetex = command.Spec{
	Name: "hgetex", Group: command.Hash, Since: "8.0.0", Arity: -5,
	Syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] " +
		"FIELDS numfields field [field ...]",
	Summary:    "Return the values of fields of a hash, and set when they expire.",
	Complexity: "O(N) for N fields",
	Flags:      command.Write | command.Fast,
	Keys:       command.KeyAt(1).For("RW access update"),
	Run:        command.Handle(parseHGetEx, runHGetEx),
}

type hgetexArgs struct {
	named
	until until
}

// until is what becomes of the times of fields.
type until struct {
	set     bool
	persist bool // or keep, in HSETEX
	clock   clock
	timeMS  int64
}

// clocks are the options that are followed by a time.
var clocks = [...]struct {
	word  string
	clock clock
}{{"EX", inSeconds}, {"PX", inMS}, {"EXAT", atSeconds}, {"PXAT", atMS}}

// clockOf returns what an option says of the time that follows it.
func clockOf(arg []byte) (k clock, ok bool) {
	for _, k := range clocks {
		if command.EqualFold(arg, k.word) {
			return k.clock, true
		}
	}
	return clock{}, false
}

func parseHGetEx(args command.Args) (a hgetexArgs, err error) {
	a.key = args[1]
	rest := args[2:]
	if k, ok := clockOf(rest[0]); ok {
		a.until.set, a.until.clock = true, k
		if a.until.timeMS, err = k.parse(rest[1], "hgetex"); err != nil {
			return a, err
		}
		rest = rest[2:]
	} else if command.EqualFold(rest[0], "PERSIST") {
		a.until.persist, rest = true, rest[1:]
	}
	a.fields, err = parseFields(rest, errFieldsNumber)
	return a, err
}

func runHGetEx(c *command.Call, a hgetexArgs) error {
	if _, err := c.Tx.Hash(a.key); err != nil {
		return err
	}
	atMS, err := a.until.clock.unixMS(a.until.timeMS, c.NowMS, "hgetex")
	if err != nil {
		return err
	}
	if err := a.fits(c); err != nil {
		return err
	}
	c.Out.Array(len(a.fields))
	for i, field := range a.fields {
		h, _ := c.Tx.Hash(a.key)
		value, ok := h.Get(field)
		writeValue(c, value, ok)
		switch {
		case a.until.set:
			expireField(c, a.key, a.fields[i:i+1], atMS, always)
		case a.until.persist:
			persistField(c, a.key, a.fields[i:i+1])
		}
	}
	return nil
}

// fits refuses a reply that is too long, which it can be if a field is named again and again.
func (a *hgetexArgs) fits(c *command.Call) error {
	if len(a.fields) == 1 {
		return nil // nearly always
	}
	h, _ := c.Tx.Hash(a.key)
	size := 0
	for _, field := range a.fields {
		value, _ := h.Get(field)
		size += len(value)
	}
	return c.Fits(size)
}

var hgetdel = command.Spec{
	Name: "hgetdel", Group: command.Hash, Since: "8.0.0", Arity: -5,
	Syntax:     "key FIELDS numfields field [field ...]",
	Summary:    "Return the values of fields of a hash, and delete them.",
	Complexity: "O(N) for N fields",
	Flags:      command.Write | command.Fast | command.Frees,
	Keys:       command.KeyAt(1).For("RW access delete"),
	Run: command.Handle(parseNamed, func(c *command.Call, a named) error {
		if _, err := c.Tx.Hash(a.key); err != nil {
			return err
		}
		c.Out.Array(len(a.fields))
		for i, field := range a.fields {
			h, _ := c.Tx.Hash(a.key)
			value, ok := h.Get(field)
			writeValue(c, value, ok)
			if ok {
				c.Tx.HashDelete(a.key, a.fields[i:i+1])
			}
		}
		return nil
	}),
}
