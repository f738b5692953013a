// Package keys is the commands on keys of any kind: DEL, EXPIRE, RENAME, SCAN, SORT, DUMP and their kin.
package keys

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/glob"
	"github.com/weirmq/weir/internal/state"
)

// Specs lists the commands of the family.
func Specs() []command.Spec {
	return []command.Spec{
		copyKey, del, dump, exists, expire, expireat, expiretime, keys, move, object, persist, pexpire, pexpireat, pexpiretime, pttl,
		randomkey, rename, renamenx, restore, scan, sort, sortRO, touch, ttl, typeOf, unlink, wait,
	}
}

var del = command.Spec{
	Name: "del", Group: command.Generic, Since: "1.0.0", Arity: -2,
	Syntax:     "key [key ...]",
	Summary:    "Delete keys.",
	Complexity: "O(N) for N keys",
	Flags:      command.Write | command.Frees,
	Keys:       command.KeysFrom(1).For("RM delete"),
	Tips:       []string{"request_policy:multi_shard", "response_policy:agg_sum"},
	Run:        command.Plain(runDel),
}

var unlink = command.Spec{
	Name: "unlink", Group: command.Generic, Since: "4.0.0", Arity: -2,
	Syntax:     "key [key ...]",
	Summary:    "Delete keys. Memory is freed in the background, as with DEL.",
	Complexity: "O(N) for N keys",
	Flags:      command.Write | command.Fast | command.Frees,
	Keys:       command.KeysFrom(1).For("RM delete"),
	Tips:       []string{"request_policy:multi_shard", "response_policy:agg_sum"},
	Run:        command.Plain(runDel),
}

func runDel(c *command.Call) error {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if c.Tx.Delete(key) {
			n++
		}
	}
	c.Out.Int(n)
	return nil
}

var exists = command.Spec{
	Name: "exists", Group: command.Generic, Since: "1.0.0", Arity: -2,
	Syntax:     "key [key ...]",
	Summary:    "Count how many of the keys exist; one that is named twice counts twice.",
	Complexity: "O(N) for N keys",
	Flags:      command.ReadOnly | command.Fast,
	Keys:       command.KeysFrom(1).For("RO"),
	Tips:       []string{"request_policy:multi_shard", "response_policy:agg_sum"},
	Run:        command.Plain(func(c *command.Call) error { return count(c, c.Tx.Glance) }),
}

// count answers how many of the keys exist.
func count(c *command.Call, look func(key []byte) state.Value) error {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if look(key).Exists() {
			n++
		}
	}
	c.Out.Int(n)
	return nil
}

var typeOf = command.Spec{
	Name: "type", Group: command.Generic, Since: "1.0.0", Arity: 2,
	Syntax:  "key",
	Summary: "Return the kind of value that a key holds, or none.",
	Flags:   command.ReadOnly | command.Fast,
	Keys:    command.KeyAt(1).For("RO"),
	Run: command.Plain(func(c *command.Call) error {
		c.Out.SimpleString(c.Tx.Glance(c.Args[1]).Kind.String())
		return nil
	}),
}

var keys = command.Spec{
	Name: "keys", Group: command.Generic, Since: "1.0.0", Arity: 2,
	Syntax:     "pattern",
	Summary:    "Return all keys that match a pattern. Visits every key of the database: SCAN does it in steps.",
	Complexity: "O(N) for N keys in the database",
	Flags:      command.ReadOnly | command.Dangerous,
	Tips:       []string{"request_policy:all_shards", "nondeterministic_output_order"},
	Run: command.Plain(func(c *command.Call) error {
		pattern := c.Args[1]
		if len(pattern) > glob.MaxPattern {
			return errPattern
		}
		all := len(pattern) == 1 && pattern[0] == '*'
		mark, n := c.Out.Mark(), 0
		c.Tx.Scan(0, c.Tx.Len(), func(key []byte, _ state.Value) {
			if all || glob.Match(pattern, key) {
				c.Out.Bulk(key)
				n++
			}
		})
		c.Out.InsertArray(mark, n)
		return nil
	}),
}
