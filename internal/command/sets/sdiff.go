package sets

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var sdiff = command.Spec{
	Name: "sdiff", Group: command.Set, Since: "1.0.0", Arity: -2,
	Syntax:     "key [key ...]",
	Summary:    "Return the members of a set that none of some others has.",
	Complexity: allMembers,
	Flags:      command.ReadOnly,
	Keys:       command.KeysFrom(1),
	Tips:       unordered,
	Run:        combine(data.Difference),
}

var sdiffstore = command.Spec{
	Name: "sdiffstore", Group: command.Set, Since: "1.0.0", Arity: -3,
	Syntax:     "destination key [key ...]",
	Summary:    "Make a key a set of the members of a set that none of some others has, and return their number.",
	Complexity: allMembers,
	Flags:      command.Write | command.Reads | command.DenyOOM,
	Keys:       command.KeyAt(1).For("OW update").And(command.KeysFrom(2).For("RO access")),
	Run:        combineAndStore(data.Difference),
}
