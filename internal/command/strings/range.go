package strings

import "github.com/weirmq/weir/internal/command"

var getrange = command.Spec{
	Name: "getrange", Group: command.String, Since: "2.4.0", Arity: 4,
	Syntax:     "key start end",
	Summary:    "Return a part of the string at a key. A negative index counts from the end.",
	Complexity: "O(N) for N bytes that are returned",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseGetRange, runGetRange),
}

var substr = command.Spec{
	Name: "substr", Group: command.String, Since: "1.0.0", Arity: 4,
	Deprecated: "2.0.0", ReplacedBy: "`GETRANGE`",
	Syntax:     "key start end",
	Summary:    "Return a part of the string at a key.",
	Complexity: "O(N) for N bytes that are returned",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseGetRange, runGetRange),
}

type getrangeArgs struct {
	key        []byte
	start, end int64
}

func parseGetRange(args command.Args) (a getrangeArgs, err error) {
	a.key = args[1]
	if a.start, err = command.ParseInt(args[2]); err != nil {
		return a, err
	}
	a.end, err = command.ParseInt(args[3])
	return a, err
}

func runGetRange(c *command.Call, a getrangeArgs) error {
	s, err := c.Tx.String(a.key)
	if err != nil {
		return err
	}
	from, to := within(a.start, a.end, int64(s.Len()))
	if from >= to || backwards(a.start, a.end) {
		c.Out.BulkString("")
		return nil
	}
	writeRange(c.Out, s, from, to)
	return nil
}

// backwards says that indexes which count from the end are in the wrong order. GETRANGE and BITCOUNT see nothing there then,
// but BITPOS goes by what within makes of them, which may be the first byte.
func backwards(start, end int64) bool { return start < 0 && end < 0 && start > end }

// within turns indexes, of which negative ones count from the end, into a range [from, to) of what is so long.
func within(start, end, size int64) (from, to int) {
	if start < 0 {
		start = max(0, size+start)
	}
	if end < 0 {
		end = max(0, size+end)
	}
	end = min(end, size-1)
	if start > end {
		return 0, 0
	}
	return int(start), int(end) + 1
}

var setrange = command.Spec{
	Name: "setrange", Group: command.String, Since: "2.2.0", Arity: 4,
	Syntax:     "key offset value",
	Summary:    "Overwrite a part of the string at a key from an offset on. What is missing before it becomes zero bytes.",
	Complexity: "O(N) for N bytes that are written",
	Flags:      command.Write | command.DenyOOM,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseSetRange, runSetRange),
}

type setrangeArgs struct {
	key, value []byte
	offset     int64
}

func parseSetRange(args command.Args) (a setrangeArgs, err error) {
	a.key, a.value = args[1], args[3]
	if a.offset, err = command.ParseInt(args[2]); err == nil && a.offset < 0 {
		err = errOffset
	}
	return a, err
}

func runSetRange(c *command.Call, a setrangeArgs) error {
	s, err := c.Tx.String(a.key)
	if err != nil {
		return err
	}
	size := int64(s.Len())
	if len(a.value) > 0 {
		if err := checkGrown(a.offset, len(a.value)); err != nil {
			return err
		}
		c.Tx.StringWrite(a.key, int(a.offset), a.value)
		size = max(size, a.offset+int64(len(a.value)))
	}
	c.Out.Int(size)
	return nil
}
