package sets

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

const allMembers = "O(N) for N members of all sets together"

var sunion = command.Spec{
	Name: "sunion", Group: command.Set, Since: "1.0.0", Arity: -2,
	Syntax:     "key [key ...]",
	Summary:    "Return the members that any of some sets has.",
	Complexity: allMembers,
	Flags:      command.ReadOnly,
	Keys:       command.KeysFrom(1),
	Tips:       unordered,
	Run:        combine(data.Union),
}

var sunionstore = command.Spec{
	Name: "sunionstore", Group: command.Set, Since: "1.0.0", Arity: -3,
	Syntax:     "destination key [key ...]",
	Summary:    "Make a key a set of the members that any of some sets has, and return their number.",
	Complexity: allMembers,
	Flags:      command.Write | command.Reads | command.DenyOOM,
	Keys:       command.KeyAt(1).For("OW update").And(command.KeysFrom(2).For("RO access")),
	Run:        combineAndStore(data.Union),
}

// combine makes the command that replies what becomes of some sets.
func combine(of func([]data.Set) data.Set) command.Handler {
	return command.Plain(func(c *command.Call) error {
		var few [usual]data.Set
		sets, err := setsAt(c, few[:], c.Args[1:])
		if err != nil {
			return err
		}
		writeSet(c, of(sets))
		return nil
	})
}

// combineAndStore makes the command that stores it.
func combineAndStore(of func([]data.Set) data.Set) command.Handler {
	return command.Plain(func(c *command.Call) error {
		var few [usual]data.Set
		sets, err := setsAt(c, few[:], c.Args[2:])
		if err != nil {
			return err
		}
		storeSet(c, c.Args[1], of(sets))
		return nil
	})
}
