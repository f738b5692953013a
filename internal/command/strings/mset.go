package strings

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
)

var mget = command.Spec{
	Name: "mget", Group: command.String, Since: "1.0.0", Arity: -2,
	Syntax:     "key [key ...]",
	Summary:    "Return the string values of keys: null for one that is not there or holds no string.",
	Complexity: "O(N) for N keys",
	Flags:      command.ReadOnly | command.Fast,
	Keys:       command.KeysFrom(1),
	Tips:       []string{"request_policy:multi_shard"},
	Run: command.Plain(func(c *command.Call) error {
		c.Out.Array(len(c.Args) - 1)
		for _, key := range c.Args[1:] {
			s, err := c.Tx.String(key)
			if err != nil {
				c.Out.Null()
				continue
			}
			writeValue(c.Out, s)
		}
		return nil
	}),
}

var mset = command.Spec{
	Name: "mset", Group: command.String, Since: "1.0.1", Arity: -3,
	Syntax:     "key value [key value ...]",
	Summary:    "Set the string values of keys, all at once.",
	Complexity: "O(N) for N keys",
	Flags:      command.Write | command.DenyOOM,
	Keys:       command.KeysEvery(1, 2).For("OW update"),
	Tips:       []string{"request_policy:multi_shard", "response_policy:all_succeeded"},
	Run: command.Handle(parseMSet("mset"), func(c *command.Call, pairs command.Args) error {
		setAll(c, pairs)
		c.Out.OK()
		return nil
	}),
}

var msetnx = command.Spec{
	Name: "msetnx", Group: command.String, Since: "1.0.1", Arity: -3,
	Syntax:     "key value [key value ...]",
	Summary:    "Set the string values of keys, all at once, unless one of them exists.",
	Complexity: "O(N) for N keys",
	Flags:      command.Write | command.DenyOOM,
	Keys:       command.KeysEvery(1, 2).For("OW insert"),
	Tips:       []string{"request_policy:multi_shard", "response_policy:agg_min"},
	Run: command.Handle(parseMSet("msetnx"), func(c *command.Call, pairs command.Args) error {
		for i := 0; i < len(pairs); i += 2 {
			if c.Tx.Peek(pairs[i]).Exists() {
				c.Out.Int(0)
				return nil
			}
		}
		setAll(c, pairs)
		c.Out.Int(1)
		return nil
	}),
}

func parseMSet(name string) func(command.Args) (command.Args, error) {
	return func(args command.Args) (pairs command.Args, err error) {
		if len(args)%2 == 0 {
			return nil, command.Errorf("ERR wrong number of arguments for '%s' command", name)
		}
		pairs = args[1:]
		for i := 1; i < len(pairs) && err == nil; i += 2 {
			err = checkValue(pairs[i])
		}
		return pairs, err
	}
}

func setAll(c *command.Call, pairs command.Args) {
	for i := 0; i < len(pairs); i += 2 {
		c.Tx.StringSet(pairs[i], pairs[i+1], state.Until{})
	}
}
