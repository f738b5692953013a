package keys

import "github.com/weirmq/weir/internal/command"

var touch = command.Spec{
	Name: "touch", Group: command.Generic, Since: "3.2.1", Arity: -2,
	Syntax:     "key [key ...]",
	Summary:    "Use keys as a command that reads them does, and return how many there are.",
	Complexity: "O(N) for N keys",
	Flags:      command.ReadOnly | command.Fast,
	Keys:       command.KeysFrom(1).For("RO"),
	Tips:       []string{"request_policy:multi_shard", "response_policy:agg_sum"},
	Run:        command.Plain(func(c *command.Call) error { return count(c, c.Tx.Lookup) }),
}

var randomkey = command.Spec{
	Name: "randomkey", Group: command.Generic, Since: "1.0.0", Arity: 1,
	Summary: "Return a key of the database, each as likely as any other.",
	Flags:   command.ReadOnly,
	Tips:    []string{"request_policy:all_shards", "nondeterministic_output"},
	Run: command.Plain(func(c *command.Call) error {
		if key := c.Tx.RandomKey(c.Random); key != nil {
			c.Out.Bulk(key)
		} else {
			c.Out.Null()
		}
		return nil
	}),
}
