package strings

import (
	"math"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
)

var set = command.Spec{
	Name: "set", Group: command.String, Since: "1.0.0", Arity: -3,
	Syntax: "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | " +
		"PXAT unix-time-milliseconds | KEEPTTL]",
	Summary: "Set the string value of a key, whatever it held before.",
	Flags:   command.Write | command.Reads | command.DenyOOM,
	Keys: command.KeyAt(1).For("RW access update variable_flags").FoundBy(findSetKey).
		Noted("RW and ACCESS due to the optional `GET` argument"),
	Run: command.Handle(parseSet, runSet),
}

// findSetKey tells whether the value that is replaced is also read.
func findSetKey(args [][]byte) []command.Key {
	for _, arg := range args[min(3, len(args)):] {
		if command.EqualFold(arg, "GET") {
			return []command.Key{{Index: 1, Access: "RW access update"}}
		}
	}
	return []command.Key{{Index: 1, Access: "OW update"}}
}

type setArgs struct {
	key, value []byte
	when       condition
	get        bool
	keep       bool
	expiry     expiry
}

// condition is what has to be true for a value to be set.
type condition uint8

const (
	always condition = iota
	ifAbsent
	ifPresent
)

func parseSet(args command.Args) (setArgs, error) {
	a := setArgs{key: args[1], value: args[2]}
	for rest := args[3:]; len(rest) > 0; {
		taken := 1
		switch word := rest[0]; {
		case command.EqualFold(word, "NX") && a.when != ifPresent:
			a.when = ifAbsent
		case command.EqualFold(word, "XX") && a.when != ifAbsent:
			a.when = ifPresent
		case command.EqualFold(word, "GET"):
			a.get = true
		case command.EqualFold(word, "KEEPTTL") && !a.expiry.given():
			a.keep = true
		default:
			if taken = a.expiry.parseOption(rest); taken == 0 || a.keep {
				return a, command.ErrSyntax
			}
		}
		rest = rest[taken:]
	}
	if err := a.expiry.check("set"); err != nil {
		return a, err
	}
	return a, checkValue(a.value)
}

func runSet(c *command.Call, a setArgs) error {
	until := state.Until{Keep: a.keep}
	if a.expiry.given() {
		var err error
		if until.AtMS, err = a.expiry.atMS(c.NowMS, "set"); err != nil {
			return err
		}
	}
	if a.when == always && !a.get {
		c.Tx.StringSet(a.key, a.value, until)
		c.Out.OK()
		return nil
	}
	if a.get {
		s, err := c.Tx.String(a.key)
		if err != nil {
			return err
		}
		writeValue(c.Out, s)
	}
	if a.when != always && c.Tx.Peek(a.key).Exists() != (a.when == ifPresent) {
		if !a.get {
			c.Out.Null()
		}
		return nil
	}
	c.Tx.StringSet(a.key, a.value, until)
	if !a.get {
		c.Out.OK()
	}
	return nil
}

var setnx = command.Spec{
	Name: "setnx", Group: command.String, Since: "1.0.0", Arity: 3,
	Syntax:  "key value",
	Summary: "Set the value of a key, unless it exists.",
	Flags:   command.Write | command.DenyOOM | command.Fast,
	Keys:    command.KeyAt(1).For("OW insert"),
	Run: command.Plain(func(c *command.Call) error {
		if err := checkValue(c.Args[2]); err != nil {
			return err
		}
		if c.Tx.Peek(c.Args[1]).Exists() {
			c.Out.Int(0)
			return nil
		}
		c.Tx.StringSet(c.Args[1], c.Args[2], state.Until{})
		c.Out.Int(1)
		return nil
	}),
}

var setex = command.Spec{
	Name: "setex", Group: command.String, Since: "2.0.0", Arity: 4,
	Syntax:  "key seconds value",
	Summary: "Set the value of a key that expires after so many seconds.",
	Flags:   command.Write | command.DenyOOM,
	Keys:    command.KeyAt(1).For("OW update"),
	Run: command.Plain(func(c *command.Call) error {
		return setFor(c, "setex", expiry{amount: c.Args[2], seconds: true})
	}),
}

var psetex = command.Spec{
	Name: "psetex", Group: command.String, Since: "2.6.0", Arity: 4,
	Syntax:  "key milliseconds value",
	Summary: "Set the value of a key that expires after so many milliseconds.",
	Flags:   command.Write | command.DenyOOM,
	Keys:    command.KeyAt(1).For("OW update"),
	Run: command.Plain(func(c *command.Call) error {
		return setFor(c, "psetex", expiry{amount: c.Args[2]})
	}),
}

func setFor(c *command.Call, name string, x expiry) error {
	if err := x.check(name); err != nil {
		return err
	}
	at, err := x.atMS(c.NowMS, name)
	if err != nil {
		return err
	}
	if err := checkValue(c.Args[3]); err != nil {
		return err
	}
	c.Tx.StringSet(c.Args[1], c.Args[3], state.Until{AtMS: at})
	c.Out.OK()
	return nil
}

// expiry is one of EX, PX, EXAT and PXAT.
type expiry struct {
	amount   []byte // nil: none
	number   int64  // what amount is, in milliseconds
	seconds  bool   // amount is seconds, and not milliseconds
	absolute bool   // since 1970, and not from now on
}

func (x *expiry) given() bool { return x.amount != nil }

// parseOption takes the option that rest begins with, and returns how many arguments it was: none if it is no such option,
// or another one was given before. The same may come twice.
func (x *expiry) parseOption(rest [][]byte) (taken int) {
	if len(rest) < 2 {
		return 0
	}
	o := expiry{amount: rest[1]}
	switch word := rest[0]; {
	case command.EqualFold(word, "EX"):
		o.seconds = true
	case command.EqualFold(word, "PX"):
	case command.EqualFold(word, "EXAT"):
		o.seconds, o.absolute = true, true
	case command.EqualFold(word, "PXAT"):
		o.absolute = true
	default:
		return 0
	}
	if x.given() && (x.seconds != o.seconds || x.absolute != o.absolute) {
		return 0
	}
	if o.amount == nil {
		o.amount = []byte{}
	}
	*x = o
	return 2
}

// check reads the number.
func (x *expiry) check(name string) (err error) {
	if !x.given() {
		return nil
	}
	if x.number, err = command.ParseInt(x.amount); err != nil {
		return err
	}
	if x.number <= 0 || x.seconds && x.number > math.MaxInt64/1000 {
		return errExpireTime(name)
	}
	if x.seconds {
		x.number *= 1000
	}
	return nil
}

// atMS returns the time, in unix milliseconds.
func (x *expiry) atMS(nowMS int64, name string) (int64, error) {
	if x.absolute {
		return x.number, nil
	}
	if x.number > math.MaxInt64-nowMS {
		return 0, errExpireTime(name)
	}
	return nowMS + x.number, nil
}

func errExpireTime(name string) command.Error {
	return command.Errorf("ERR invalid expire time in '%s' command", name)
}
