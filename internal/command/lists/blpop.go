package lists

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

var blpop = command.Spec{
	Name: "blpop", Group: command.List, Since: "2.0.0", Arity: -3,
	Syntax:     "key [key ...] timeout",
	Summary:    "Take the first element of the first of several lists that has any, and return its key and it. Wait for one if there is none.",
	Complexity: "O(N), for N keys",
	Flags:      command.Write | command.NoScript | command.Blocking | command.Frees,
	Keys:       command.KeysUntil(1, -2).For(popped),
	Run:        blockingPopAt(true),
}

var brpop = command.Spec{
	Name: "brpop", Group: command.List, Since: "2.0.0", Arity: -3,
	Syntax:     "key [key ...] timeout",
	Summary:    "Take the last element of the first of several lists that has any, and return its key and it. Wait for one if there is none.",
	Complexity: "O(N), for N keys",
	Flags:      command.Write | command.NoScript | command.Blocking | command.Frees,
	Keys:       command.KeysUntil(1, -2).For(popped),
	Run:        blockingPopAt(false),
}

type bpopArgs struct {
	keys      [][]byte
	front     bool
	timeoutMS int64
}

func blockingPopAt(front bool) command.Handler {
	parse := func(args command.Args) (bpopArgs, error) {
		last := len(args) - 1
		timeoutMS, err := command.ParseTimeout(args[last])
		return bpopArgs{args[1:last], front, timeoutMS}, err
	}
	return command.Handle(parse, runBlockingPop)
}

func runBlockingPop(c *command.Call, a bpopArgs) error {
	done, err := firstOf(c, a.keys, a.popFrom)
	if !done && err == nil {
		a.keys = command.DistinctKeys(a.keys)
		c.Block(waiting(a.keys, a.timeoutMS, a.again))
	}
	return err
}

func (a bpopArgs) again() func(*command.Call) (bool, error) {
	a.keys = cloneKeys(a.keys)
	return func(c *command.Call) (bool, error) { return whereChanged(c, a.keys, a.popFrom), nil }
}

func (a *bpopArgs) popFrom(c *command.Call, key []byte) (done bool, err error) {
	l, err := c.Tx.List(key)
	if err != nil || l.Len() == 0 {
		return false, err
	}
	c.Out.Array(2)
	c.Out.Bulk(key)
	popOne(c, key, l, a.front)
	return true, nil
}

// waiting is how a command waits for an item at one of its keys. What one waiter cannot have at a key none can, so all are of one
// class.
func waiting(keys [][]byte, timeoutMS int64, again func() func(*command.Call) (bool, error)) command.Wait {
	return command.Wait{
		Keys:      keys,
		TimeoutMS: timeoutMS,
		Class:     "list",
		Again:     again,
		Timeout:   (*resp.Writer).NullArray,
	}
}

// firstOf pops from the first of the keys at which there is something. An error before that ends it.
func firstOf(c *command.Call, keys [][]byte, pop func(*command.Call, []byte) (bool, error)) (done bool, err error) {
	for _, key := range keys {
		if done, err = pop(c, key); done || err != nil {
			return done, err
		}
	}
	return false, nil
}

// whereChanged pops for a waiter from the key that has changed, if that is known, or else from the first at which there is
// something. What holds another type is passed over.
func whereChanged(c *command.Call, keys [][]byte, pop func(*command.Call, []byte) (bool, error)) (done bool) {
	if c.Changed >= 0 {
		keys = keys[c.Changed : c.Changed+1]
	}
	for _, key := range keys {
		if done, _ := pop(c, key); done {
			return true
		}
	}
	return false
}
