package lists

import "github.com/weirmq/weir/internal/command"

const pushComplexity = "O(1) for each element added"

var lpush = command.Spec{
	Name: "lpush", Group: command.List, Since: "1.0.0", Arity: -3,
	Syntax:     "key element [element ...]",
	Summary:    "Add elements at the front of a list, one after the other, and return how many there are now.",
	Complexity: pushComplexity,
	Flags:      command.Write | command.DenyOOM | command.Fast,
	Keys:       command.KeyAt(1).For(pushed),
	Run:        command.Handle(parsePush, pushAt(true)),
}

var rpush = command.Spec{
	Name: "rpush", Group: command.List, Since: "1.0.0", Arity: -3,
	Syntax:     "key element [element ...]",
	Summary:    "Add elements at the end of a list, one after the other, and return how many there are now.",
	Complexity: pushComplexity,
	Flags:      command.Write | command.DenyOOM | command.Fast,
	Keys:       command.KeyAt(1).For(pushed),
	Run:        command.Handle(parsePush, pushAt(false)),
}

var lpushx = command.Spec{
	Name: "lpushx", Group: command.List, Since: "2.2.0", Arity: -3,
	Syntax:     "key element [element ...]",
	Summary:    "Add elements at the front of a list if it exists.",
	Complexity: pushComplexity,
	Flags:      command.Write | command.DenyOOM | command.Fast,
	Keys:       command.KeyAt(1).For(pushed),
	Run:        command.Handle(parsePush, pushAtExisting(true)),
}

var rpushx = command.Spec{
	Name: "rpushx", Group: command.List, Since: "2.2.0", Arity: -3,
	Syntax:     "key element [element ...]",
	Summary:    "Add elements at the end of a list if it exists.",
	Complexity: pushComplexity,
	Flags:      command.Write | command.DenyOOM | command.Fast,
	Keys:       command.KeyAt(1).For(pushed),
	Run:        command.Handle(parsePush, pushAtExisting(false)),
}

type pushArgs struct {
	key   []byte
	items [][]byte
}

func parsePush(args command.Args) (pushArgs, error) { return pushArgs{args[1], args[2:]}, nil }

func pushAt(front bool) func(*command.Call, pushArgs) error {
	return func(c *command.Call, a pushArgs) error {
		if _, err := c.Tx.List(a.key); err != nil {
			return err
		}
		c.Out.Int(int64(c.Tx.ListPush(a.key, front, a.items...)))
		return nil
	}
}

func pushAtExisting(front bool) func(*command.Call, pushArgs) error {
	push := pushAt(front)
	return func(c *command.Call, a pushArgs) error {
		l, err := c.Tx.List(a.key)
		if err != nil {
			return err
		}
		if l.Len() == 0 {
			c.Out.Int(0)
			return nil
		}
		return push(c, a)
	}
}
