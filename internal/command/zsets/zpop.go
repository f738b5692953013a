package zsets

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var zpopmin = command.Spec{
	Name: "zpopmin", Group: command.SortedSet, Since: "5.0.0", Arity: -2,
	Syntax:     "key [count]",
	Summary:    "Remove the elements with the lowest scores from a sorted set and return them.",
	Complexity: "O(log N + M) for M elements",
	Flags:      command.Write | command.Fast | command.Frees,
	Keys:       command.KeyAt(1).For("RW access delete"),
	Run:        command.Handle(parseZPop(false), runZPop),
}

var zpopmax = command.Spec{
	Name: "zpopmax", Group: command.SortedSet, Since: "5.0.0", Arity: -2,
	Syntax:     "key [count]",
	Summary:    "Remove the elements with the highest scores from a sorted set and return them.",
	Complexity: "O(log N + M) for M elements",
	Flags:      command.Write | command.Fast | command.Frees,
	Keys:       command.KeyAt(1).For("RW access delete"),
	Run:        command.Handle(parseZPop(true), runZPop),
}

// popping is what is to be popped.
type popping struct {
	max   bool
	count int64
}

// pop writes the elements of a set and removes them.
func (p popping) pop(c *command.Call, key []byte, z data.ZSet, out pairs) {
	n := int(min(int64(z.Len()), p.count))
	it, rank := z.Range(0, n), 0
	if p.max {
		it, rank = z.Reverse(z.Len()-1, n), z.Len()-n
	}
	for {
		member, score, ok := it.Next()
		if !ok {
			break
		}
		out.write(member, score, true)
	}
	c.Tx.ZSetRemoveRange(key, rank, n)
}

type zpopArgs struct {
	popping
	key     []byte
	counted bool
}

func parseZPop(max bool) func(command.Args) (zpopArgs, error) {
	return func(args command.Args) (zpopArgs, error) {
		a := zpopArgs{key: args[1], popping: popping{max, 1}, counted: len(args) > 2}
		if len(args) > 3 {
			return a, command.ErrSyntax
		}
		var err error
		if a.counted {
			a.count, err = parseFrom(0, args[2], command.ErrNotPositive)
		}
		return a, err
	}
}

func runZPop(c *command.Call, a zpopArgs) error {
	z, err := c.Tx.ZSet(a.key)
	if err != nil {
		return err
	}
	if z.Len() == 0 || a.count == 0 {
		c.Out.Array(0)
		return nil
	}
	p := pairs{c.Out, a.counted && c.Out.Protocol() == 3}
	n := int(min(int64(z.Len()), a.count))
	if !p.nested {
		n *= 2
	}
	c.Out.Array(n)
	a.pop(c, a.key, z, p)
	return nil
}

var zmpop = command.Spec{
	Name: "zmpop", Group: command.SortedSet, Since: "7.0.0", Arity: -4,
	Syntax: "numkeys key [key ...] <MIN | MAX> [COUNT count]",
	Summary: "Remove elements with the lowest or the highest scores from the first sorted set that is there, and return them " +
		"with its key.",
	Complexity: "O(K + M log N) for K keys and M elements",
	Flags:      command.Write | command.Frees,
	Keys:       command.NumKeys(1).For("RW access delete"),
	Run:        command.Handle(parseZMPop, runZMPop),
}

const errCount command.Error = "ERR count should be greater than 0"

type zmpopArgs struct {
	popping
	keys [][]byte
}

func parseZMPop(args command.Args) (zmpopArgs, error) { return parseKeysAndPopping(args[1:]) }

// parseKeysAndPopping reads numkeys key [key ...] <MIN | MAX> [COUNT count].
func parseKeysAndPopping(args [][]byte) (a zmpopArgs, err error) {
	numkeys, err := parseFrom(1, args[0], command.ErrNumKeys)
	if err != nil {
		return a, err
	}
	if args = args[1:]; numkeys >= int64(len(args)) {
		return a, command.ErrSyntax
	}
	a.keys, args = args[:numkeys], args[numkeys:]
	switch {
	case command.EqualFold(args[0], "MAX"):
		a.max = true
	case !command.EqualFold(args[0], "MIN"):
		return a, command.ErrSyntax
	}
	for args = args[1:]; len(args) > 0; args = args[2:] {
		if a.count != 0 || len(args) < 2 || !command.EqualFold(args[0], "COUNT") {
			return a, command.ErrSyntax
		}
		if a.count, err = parseFrom(1, args[1], errCount); err != nil {
			return a, err
		}
	}
	if a.count == 0 {
		a.count = 1
	}
	return a, nil
}

func runZMPop(c *command.Call, a zmpopArgs) error {
	done, err := a.popFirst(c)
	if err == nil && !done {
		c.Out.NullArray()
	}
	return err
}

// popFirst pops from the first of the keys that is there; a key that holds something else is an error.
func (a *zmpopArgs) popFirst(c *command.Call) (done bool, err error) {
	for _, key := range a.keys {
		z, err := c.Tx.ZSet(key)
		if err != nil {
			return false, err
		}
		if z.Len() > 0 {
			a.popKey(c, key, z)
			return true, nil
		}
	}
	return false, nil
}

func (a *zmpopArgs) popKey(c *command.Call, key []byte, z data.ZSet) {
	c.Out.Array(2)
	c.Out.Bulk(key)
	c.Out.Array(int(min(int64(z.Len()), a.count)))
	a.pop(c, key, z, pairs{c.Out, true})
}
