package sets

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var spop = command.Spec{
	Name: "spop", Group: command.Set, Since: "1.0.0", Arity: -2,
	Syntax:     "key [count]",
	Summary:    "Remove random members from a set, one or so many, and return them.",
	Complexity: "O(1) for one member, O(N) for N of them",
	Flags:      command.Write | command.Fast | command.Frees,
	Keys:       command.KeyAt(1).For("RW access delete"),
	Tips:       []string{"nondeterministic_output"},
	Run:        command.Handle(parseSPop, runSPop),
}

type spopArgs struct {
	key   []byte
	one   bool  // no count was given: the reply is a member, and not a set
	count int64 // not negative
}

func parseSPop(args command.Args) (spopArgs, error) {
	a := spopArgs{key: args[1], one: len(args) == 2}
	if a.one {
		return a, nil
	}
	if len(args) > 3 {
		return a, command.ErrSyntax
	}
	var err error
	if a.count, err = command.ParseInt(args[2]); err != nil || a.count < 0 {
		return a, command.ErrNotPositive
	}
	return a, nil
}

func runSPop(c *command.Call, a spopArgs) error {
	s, err := c.Tx.Set(a.key)
	switch n := int64(s.Len()); {
	case err != nil:
		return err
	case a.one && n == 0:
		c.Out.Null()
	case a.one:
		popOne(c, a.key, s)
	case a.count >= n:
		writeSet(c, s)
		c.Tx.Delete(a.key)
	case a.count/mostTaken >= n-a.count:
		popMost(c, a.key, s, int(n-a.count))
	default:
		popSome(c, a.key, s, int(a.count))
	}
	return nil
}

func popOne(c *command.Call, key []byte, s data.Set) {
	var room [64]byte
	member := s.AppendRandom(room[:0], c.Random)
	c.Out.Bulk(member)
	one := [1][]byte{member}
	c.Tx.SetRemove(key, one[:])
}

// popSome removes the members that it has chosen.
func popSome(c *command.Call, key []byte, s data.Set, count int) {
	c.Out.Set(count)
	var taken [][]byte
	var copied []byte // what the set yields ends with the first change
	for m := range s.Sample(count, c.Random) {
		c.Out.Bulk(m)
		from := len(copied)
		copied = append(copied, m...)
		taken = append(taken, copied[from:len(copied):len(copied)])
	}
	if count > 0 {
		c.Tx.SetRemove(key, taken)
	}
}

// mostTaken is how many members must go for each that stays, so that those which stay are chosen, and logged, as Redis
// does, too: it shows in the form of the set.
const mostTaken = 5

func popMost(c *command.Call, key []byte, s data.Set, left int) {
	var rest data.Set
	for m := range s.Sample(left, c.Random) {
		rest.Add(m)
	}
	c.Out.Set(s.Len() - left)
	for m := range s.All() {
		if !rest.Contains(m) {
			c.Out.Bulk(m)
		}
	}
	c.Tx.SetReplace(key, rest)
}
