package strings

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

const errBit command.Error = "ERR bit is not an integer or out of range"

// parseBitOffset reads which bit is meant. There are as many as in the longest string that may grow.
func parseBitOffset(arg []byte) (int64, error) {
	at, err := command.ParseInt(arg)
	if err != nil || at < 0 || at/8 >= maxGrown {
		return 0, errBitOffset
	}
	return at, nil
}

var setbit = command.Spec{
	Name: "setbit", Group: command.Bitmap, Since: "2.2.0", Arity: 4,
	Syntax:  "key offset value",
	Summary: "Set a bit of the string at a key, and return what it was. What is missing before it becomes zero bits.",
	Flags:   command.Write | command.DenyOOM,
	Keys:    command.KeyAt(1).For("RW access update"),
	Run:     command.Handle(parseSetBit, runSetBit),
}

type setbitArgs struct {
	key []byte
	at  int64
	bit int
}

func parseSetBit(args command.Args) (a setbitArgs, err error) {
	a.key = args[1]
	if a.at, err = parseBitOffset(args[2]); err != nil {
		return a, err
	}
	bit, err := command.ParseInt(args[3])
	if err != nil || bit&^1 != 0 {
		return a, errBit
	}
	a.bit = int(bit)
	return a, nil
}

func runSetBit(c *command.Call, a setbitArgs) error {
	s, err := c.Tx.String(a.key)
	if err != nil {
		return err
	}
	at := int(a.at)
	was := s.Bit(at)
	if grows := at/8 >= s.Len(); grows || was != a.bit || turnsRaw(c, a.key) {
		offset, b, size := s.WithBits(at, 1, uint64(a.bit))
		c.Tx.StringWrite(a.key, offset, b[:size])
	}
	c.Out.Int(int64(was))
	return nil
}

// turnsRaw says that a write that changes no byte of the string at a key changes what OBJECT ENCODING says of it.
func turnsRaw(c *command.Call, key []byte) bool {
	v := c.Tx.Peek(key)
	return !v.Edited && v.Object == nil && len(v.Packed) <= mostEmbedded
}

// mostEmbedded is the length of the longest string that Redis keeps in one piece with its object.
const mostEmbedded = 44

var getbit = command.Spec{
	Name: "getbit", Group: command.Bitmap, Since: "2.2.0", Arity: 3,
	Syntax:  "key offset",
	Summary: "Return a bit of the string at a key. Beyond the end bits are 0.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1),
	Run:     command.Handle(parseGetBit, runGetBit),
}

type getbitArgs struct {
	key []byte
	at  int64
}

func parseGetBit(args command.Args) (a getbitArgs, err error) {
	a.key = args[1]
	a.at, err = parseBitOffset(args[2])
	return a, err
}

func runGetBit(c *command.Call, a getbitArgs) error {
	s, err := c.Tx.String(a.key)
	if err != nil {
		return err
	}
	c.Out.Int(int64(s.Bit(int(a.at))))
	return nil
}

// bitRange is what of a string BITCOUNT and BITPOS look at. Redis looks at the key before it reads these arguments, so that
// they may be anything if it is not there: run parses them.
type bitRange struct {
	given      bool // else: all of it
	endGiven   bool
	bits       bool // start and end are of bits, and not bytes
	start, end int64
}

// of returns the range of bits of a string.
func (r *bitRange) of(s data.String) (from, to int) {
	size := s.Len()
	switch {
	case !r.given:
		return 0, 8 * size
	case r.bits:
		return within(r.start, r.endOr(int64(8*size)-1), int64(8*size))
	default:
		from, to = within(r.start, r.endOr(int64(size)-1), int64(size))
		return 8 * from, 8 * to
	}
}

func (r *bitRange) endOr(last int64) int64 {
	if r.endGiven {
		return r.end
	}
	return last
}

// parseUnit reads BYTE or BIT.
func (r *bitRange) parseUnit(word []byte) error {
	switch {
	case command.EqualFold(word, "BIT"):
		r.bits = true
	case !command.EqualFold(word, "BYTE"):
		return command.ErrSyntax
	}
	return nil
}
