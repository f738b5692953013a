package sets

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

const worstOfSmallest = "O(N*M) at worst for N members of the smallest set and M sets"

var sinter = command.Spec{
	Name: "sinter", Group: command.Set, Since: "1.0.0", Arity: -2,
	Syntax:     "key [key ...]",
	Summary:    "Return the members that all of some sets have.",
	Complexity: worstOfSmallest,
	Flags:      command.ReadOnly,
	Keys:       command.KeysFrom(1),
	Tips:       unordered,
	Run: command.Plain(func(c *command.Call) error {
		var few [usual]data.Set
		sets, err := setsAt(c, few[:], c.Args[1:])
		if err != nil {
			return err
		}
		writeMembers(c, data.Intersect(sets))
		return nil
	}),
}

var sinterstore = command.Spec{
	Name: "sinterstore", Group: command.Set, Since: "1.0.0", Arity: -3,
	Syntax:     "destination key [key ...]",
	Summary:    "Make a key a set of the members that all of some sets have, and return their number.",
	Complexity: worstOfSmallest,
	Flags:      command.Write | command.Reads | command.DenyOOM,
	Keys:       command.KeyAt(1).For("RW update").And(command.KeysFrom(2).For("RO access")),
	Run: command.Plain(func(c *command.Call) error {
		var few [usual]data.Set
		sets, err := setsAt(c, few[:], c.Args[2:])
		if err != nil {
			return err
		}
		var common data.Set
		for m := range data.Intersect(sets) {
			common.Add(m)
		}
		storeSet(c, c.Args[1], common)
		return nil
	}),
}
