package strings

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
)

var get = command.Spec{
	Name: "get", Group: command.String, Since: "1.0.0", Arity: 2,
	Syntax:  "key",
	Summary: "Return the string value of a key.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1),
	Run:     command.Plain(runGet),
}

func runGet(c *command.Call) error {
	s, err := c.Tx.String(c.Args[1])
	if err != nil {
		return err
	}
	writeValue(c.Out, s)
	return nil
}

var getset = command.Spec{
	Name: "getset", Group: command.String, Since: "1.0.0", Arity: 3,
	Deprecated: "6.2.0", ReplacedBy: "`SET` with the `!GET` argument",
	Syntax:  "key value",
	Summary: "Set the string value of a key and return the one before.",
	Flags:   command.Write | command.Reads | command.DenyOOM | command.Fast,
	Keys:    command.KeyAt(1).For("RW access update"),
	Run: command.Plain(func(c *command.Call) error {
		if err := checkValue(c.Args[2]); err != nil {
			return err
		}
		if err := runGet(c); err != nil {
			return err
		}
		c.Tx.StringSet(c.Args[1], c.Args[2], state.Until{})
		return nil
	}),
}

var getdel = command.Spec{
	Name: "getdel", Group: command.String, Since: "6.2.0", Arity: 2,
	Syntax:  "key",
	Summary: "Return the string value of a key and delete the key.",
	Flags:   command.Write | command.Reads | command.Fast | command.Frees,
	Keys:    command.KeyAt(1).For("RW access delete"),
	Run: command.Plain(func(c *command.Call) error {
		if err := runGet(c); err != nil {
			return err
		}
		c.Tx.Delete(c.Args[1])
		return nil
	}),
}

var getex = command.Spec{
	Name: "getex", Group: command.String, Since: "6.2.0", Arity: -2,
	Syntax:  "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
	Summary: "Return the string value of a key, and set or remove its expiry.",
	Flags:   command.Write | command.Reads | command.Fast,
	Keys:    command.KeyAt(1).For("RW access update").Noted("RW and UPDATE because it changes the TTL"),
	Run:     command.Handle(parseGetEx, runGetEx),
}

type getexArgs struct {
	key     []byte
	expiry  expiry
	persist bool
}

func parseGetEx(args command.Args) (getexArgs, error) {
	a := getexArgs{key: args[1]}
	for rest := args[2:]; len(rest) > 0; {
		taken := 1
		if command.EqualFold(rest[0], "PERSIST") && !a.expiry.given() {
			a.persist = true
		} else if taken = a.expiry.parseOption(rest); taken == 0 || a.persist {
			return a, command.ErrSyntax
		}
		rest = rest[taken:]
	}
	return a, nil
}

func runGetEx(c *command.Call, a getexArgs) error {
	s, err := c.Tx.String(a.key)
	if err != nil {
		return err
	}
	if !s.Exists() {
		c.Out.Null()
		return nil
	}
	if a.expiry.given() {
		// Only now, as in Redis: for a key that is not there any number will do.
		if err := a.expiry.check("getex"); err != nil {
			return err
		}
		at, err := a.expiry.atMS(c.NowMS, "getex")
		if err != nil {
			return err
		}
		writeValue(c.Out, s)
		if at <= c.NowMS {
			c.Tx.Delete(a.key)
		} else {
			c.Tx.Expire(a.key, at)
		}
		return nil
	}
	writeValue(c.Out, s)
	if a.persist {
		c.Tx.Persist(a.key)
	}
	return nil
}

var strlen = command.Spec{
	Name: "strlen", Group: command.String, Since: "2.2.0", Arity: 2,
	Syntax:  "key",
	Summary: "Return the length of the string at a key.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1).For("RO"),
	Run: command.Plain(func(c *command.Call) error {
		s, err := c.Tx.String(c.Args[1])
		if err != nil {
			return err
		}
		c.Out.Int(int64(s.Len()))
		return nil
	}),
}
