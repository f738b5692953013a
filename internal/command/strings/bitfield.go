package strings

import (
	"bytes"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var bitfield = command.Spec{
	Name: "bitfield", Group: command.Bitmap, Since: "3.2.0", Arity: -2,
	Syntax: "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | " +
		"INCRBY encoding offset increment>] [operation ...]",
	Summary:    "Read, set and add to integers of any number of bits within the string at a key.",
	Complexity: "O(1) for each integer",
	Flags:      command.Write | command.DenyOOM,
	Keys: command.KeyAt(1).For("RW access update variable_flags").FoundBy(findBitFieldKey).
		Noted("This command allows both access and modification of the key"),
	Run: command.Handle(parseBitField, runBitField),
}

var bitfieldRO = command.Spec{
	Name: "bitfield_ro", Group: command.Bitmap, Since: "6.0.0", Arity: -2,
	Syntax:     "key [GET encoding offset [GET encoding offset ...]]",
	Summary:    "Read integers of any number of bits within the string at a key.",
	Complexity: "O(1) for each integer",
	Flags:      command.ReadOnly | command.Fast,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseBitFieldRO, runBitField),
}

const (
	errFieldType command.Error = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
	errOverType  command.Error = "ERR Invalid OVERFLOW type specified"
	errOnlyGet   command.Error = "ERR BITFIELD_RO only supports the GET subcommand"
)

// fieldOp is what to do with one integer.
type fieldOp struct {
	kind     fieldKind
	overflow data.Overflow
	field    data.BitField
	value    int64
}

type fieldKind uint8

const (
	fieldGet fieldKind = iota
	fieldSet
	fieldIncr
)

type bitfieldArgs struct {
	key    []byte
	ops    []fieldOp
	writes bool
	end    int // how many bytes a string must have for the writes
}

// operation tells how many arguments follow a word: 0 if it cannot stand there. OVERFLOW is none of the kinds.
func operation(rest [][]byte) (kind fieldKind, overflow bool, follow int) {
	switch word := rest[0]; {
	case command.EqualFold(word, "GET"):
		follow = 2
	case command.EqualFold(word, "SET"):
		kind, follow = fieldSet, 3
	case command.EqualFold(word, "INCRBY"):
		kind, follow = fieldIncr, 3
	case command.EqualFold(word, "OVERFLOW"):
		overflow, follow = true, 1
	}
	if len(rest)-1 < follow {
		follow = 0
	}
	return kind, overflow, follow
}

func parseBitField(args command.Args) (bitfieldArgs, error) {
	a := bitfieldArgs{key: args[1]}
	how := data.Wrap
	for rest := args[2:]; len(rest) > 0; {
		kind, isOverflow, follow := operation(rest)
		if follow == 0 {
			return a, command.ErrSyntax
		}
		var err error
		if isOverflow {
			if how, err = parseOverflow(rest[1]); err != nil {
				return a, err
			}
		} else if err = a.add(kind, how, rest[1:1+follow]); err != nil {
			return a, err
		}
		rest = rest[1+follow:]
	}
	return a, nil
}

func parseBitFieldRO(args command.Args) (bitfieldArgs, error) {
	a, err := parseBitField(args)
	if err == nil && a.writes {
		err = errOnlyGet
	}
	return a, err
}

func parseOverflow(word []byte) (data.Overflow, error) {
	switch {
	case command.EqualFold(word, "WRAP"):
		return data.Wrap, nil
	case command.EqualFold(word, "SAT"):
		return data.Saturate, nil
	case command.EqualFold(word, "FAIL"):
		return data.Fail, nil
	default:
		return 0, errOverType
	}
}

// add takes an operation's encoding, offset and, unless it is a GET, value.
func (a *bitfieldArgs) add(kind fieldKind, how data.Overflow, words [][]byte) (err error) {
	op := fieldOp{kind: kind, overflow: how}
	if op.field.Signed, op.field.Bits, err = parseFieldType(words[0]); err != nil {
		return err
	}
	if op.field.At, err = parseFieldOffset(words[1], op.field.Bits); err != nil {
		return err
	}
	if kind != fieldGet {
		a.writes = true
		a.end = max(a.end, (op.field.At+op.field.Bits-1)/8+1)
		if op.value, err = command.ParseInt(words[2]); err != nil {
			return err
		}
	}
	a.ops = append(a.ops, op)
	return nil
}

// parseFieldType reads i1 to i64 or u1 to u63.
func parseFieldType(word []byte) (signed bool, bits int, err error) {
	word, _, _ = bytes.Cut(word, []byte{0})
	if len(word) == 0 || word[0] != 'i' && word[0] != 'u' {
		return false, 0, errFieldType
	}
	signed = word[0] == 'i'
	n, err := command.ParseInt(word[1:])
	if err != nil || n < 1 || n > 64 || n == 64 && !signed {
		return false, 0, errFieldType
	}
	return signed, int(n), nil
}

// parseFieldOffset reads which bit an integer begins with; "#3" is behind three integers of the size.
func parseFieldOffset(word []byte, bits int) (int, error) {
	times := int64(1)
	if len(word) > 0 && word[0] == '#' {
		word, times = word[1:], int64(bits)
	}
	n, err := command.ParseInt(word)
	if err != nil || n < 0 || n >= 8*maxGrown || n*times >= 8*maxGrown {
		return 0, errBitOffset
	}
	return int(n * times), nil
}

// findBitFieldKey tells whether the string is changed.
func findBitFieldKey(args [][]byte) []command.Key {
	for rest := args[min(2, len(args)):]; len(rest) > 0; {
		kind, overflow, follow := operation(rest)
		if follow == 0 || kind != fieldGet && !overflow {
			return []command.Key{{Index: 1, Access: "RW access update"}}
		}
		rest = rest[1+follow:]
	}
	return []command.Key{{Index: 1, Access: "RO access"}}
}

func runBitField(c *command.Call, a bitfieldArgs) error {
	s, err := c.Tx.String(a.key)
	if err != nil {
		return err
	}
	if a.writes && (a.end > s.Len() || turnsRaw(c, a.key)) {
		c.Tx.StringWrite(a.key, max(a.end, s.Len()), nil) // also if every operation fails
		s, _ = c.Tx.String(a.key)
	}
	c.Out.Array(len(a.ops))
	for i := range a.ops {
		op := &a.ops[i]
		was := op.field.In(s)
		if op.kind == fieldGet {
			c.Out.Int(was)
			continue
		}
		next, fits := op.field.Fit(op.value, 0, op.overflow)
		if op.kind == fieldIncr {
			next, fits = op.field.Fit(was, op.value, op.overflow)
		}
		if !fits {
			c.Out.Null()
			continue
		}
		if next != was {
			offset, b, size := s.WithBits(op.field.At, op.field.Bits, uint64(next))
			c.Tx.StringWrite(a.key, offset, b[:size])
			s, _ = c.Tx.String(a.key)
		}
		if op.kind == fieldSet {
			next = was
		}
		c.Out.Int(next)
	}
	return nil
}
