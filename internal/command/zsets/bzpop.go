package zsets

import (
	"bytes"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/resp"
)

var bzpopmin = command.Spec{
	Name: "bzpopmin", Group: command.SortedSet, Since: "5.0.0", Arity: -3,
	Syntax: "key [key ...] timeout",
	Summary: "Remove the element with the lowest score from the first sorted set that is there, and return it with its key. " +
		"Waits until there is one, for so many seconds, 0 for ever.",
	Complexity: "O(log N)",
	Flags:      command.Write | command.NoScript | command.Blocking | command.Fast | command.Frees,
	Keys:       command.KeysUntil(1, -2).For("RW access delete"),
	Run:        command.Handle(parseBZPop(false), runBZPop),
}

var bzpopmax = command.Spec{
	Name: "bzpopmax", Group: command.SortedSet, Since: "5.0.0", Arity: -3,
	Syntax: "key [key ...] timeout",
	Summary: "Remove the element with the highest score from the first sorted set that is there, and return it with its key. " +
		"Waits until there is one, for so many seconds, 0 for ever.",
	Complexity: "O(log N)",
	Flags:      command.Write | command.NoScript | command.Blocking | command.Fast | command.Frees,
	Keys:       command.KeysUntil(1, -2).For("RW access delete"),
	Run:        command.Handle(parseBZPop(true), runBZPop),
}

var bzmpop = command.Spec{
	Name: "bzmpop", Group: command.SortedSet, Since: "7.0.0", Arity: -5,
	Syntax: "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
	Summary: "Remove elements with the lowest or the highest scores from the first sorted set that is there, and return them " +
		"with its key. Waits until there is one, for so many seconds, 0 for ever.",
	Complexity: "O(K + M log N) for K keys and M elements",
	Flags:      command.Write | command.Blocking | command.Frees,
	Keys:       command.NumKeys(2).For("RW access delete"),
	Run:        command.Handle(parseBZMPop, runBZPop),
}

type bzpopArgs struct {
	zmpopArgs
	single    bool // BZPOPMIN, BZPOPMAX: the reply is flat
	timeoutMS int64
}

func parseBZPop(max bool) func(command.Args) (bzpopArgs, error) {
	return func(args command.Args) (a bzpopArgs, err error) {
		last := len(args) - 1
		a.single, a.max, a.count = true, max, 1
		a.keys = args[1:last]
		a.timeoutMS, err = command.ParseTimeout(args[last])
		return a, err
	}
}

func parseBZMPop(args command.Args) (a bzpopArgs, err error) {
	if a.zmpopArgs, err = parseKeysAndPopping(args[2:]); err == nil {
		a.timeoutMS, err = command.ParseTimeout(args[1])
	}
	return a, err
}

func runBZPop(c *command.Call, a bzpopArgs) error {
	for _, key := range a.keys {
		z, err := c.Tx.ZSet(key)
		if err != nil {
			return err
		}
		if z.Len() > 0 {
			a.popKey(c, key, z)
			return nil
		}
	}
	a.keys = command.DistinctKeys(a.keys)
	a.park(c)
	return nil
}

func (a *bzpopArgs) popKey(c *command.Call, key []byte, z data.ZSet) {
	if !a.single {
		a.zmpopArgs.popKey(c, key, z)
		return
	}
	c.Out.Array(3)
	c.Out.Bulk(key)
	a.pop(c, key, z, pairs{c.Out, false})
}

// park makes the session wait for an element. All who wait for a sorted set are of one class: where one finds nothing,
// nobody does.
func (a bzpopArgs) park(c *command.Call) {
	c.Block(command.Wait{
		Keys:      a.keys,
		TimeoutMS: a.timeoutMS,
		Class:     "zset",
		Again: func() func(*command.Call) (bool, error) {
			keys := make([][]byte, len(a.keys))
			for i, key := range a.keys {
				keys[i] = bytes.Clone(key)
			}
			a.keys = keys
			return a.again
		},
		Timeout: (*resp.Writer).NullArray,
	})
}

// again pops from the key that has changed, or from the first that is there. One that holds something else is waited for as
// one that holds nothing.
func (a *bzpopArgs) again(c *command.Call) (done bool, err error) {
	keys := a.keys
	if c.Changed >= 0 {
		keys = keys[c.Changed : c.Changed+1]
	}
	for _, key := range keys {
		if z, err := c.Tx.ZSet(key); err == nil && z.Len() > 0 {
			a.popKey(c, key, z)
			return true, nil
		}
	}
	return false, nil
}
