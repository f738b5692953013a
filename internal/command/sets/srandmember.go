package sets

import (
	"math"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var srandmember = command.Spec{
	Name: "srandmember", Group: command.Set, Since: "1.0.0", Arity: -2,
	Syntax:     "key [count]",
	Summary:    "Return random members of a set, one or so many; with a negative count a member may come more than once.",
	Complexity: "O(1) for one member, O(N) for N of them",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       []string{"nondeterministic_output"},
	Run:        command.Handle(parseSRandMember, runSRandMember),
}

type srandmemberArgs struct {
	key   []byte
	one   bool // no count was given: the reply is a member, and not an array
	count int64
}

const errRandomCount command.Error = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"

func parseSRandMember(args command.Args) (srandmemberArgs, error) {
	a := srandmemberArgs{key: args[1], one: len(args) == 2}
	if a.one {
		return a, nil
	}
	if len(args) > 3 {
		return a, command.ErrSyntax
	}
	var err error
	if a.count, err = command.ParseInt(args[2]); err == nil && a.count == math.MinInt64 {
		err = errRandomCount
	}
	return a, err
}

func runSRandMember(c *command.Call, a srandmemberArgs) error {
	s, err := c.Tx.Set(a.key)
	switch {
	case err != nil:
		return err
	case a.one && s.Len() == 0:
		c.Out.Null()
	case a.one:
		writeRandom(c, s)
	case s.Len() == 0:
		c.Out.Array(0)
	case a.count >= 0:
		n := int(min(a.count, int64(s.Len())))
		c.Out.Array(n)
		for m := range s.Sample(n, c.Random) {
			c.Out.Bulk(m)
		}
	default:
		return writeRepeated(c, s, -a.count)
	}
	return nil
}

// writeRepeated writes so many members, each chosen anew.
func writeRepeated(c *command.Call, s data.Set, count int64) error {
	if count > int64(command.MaxBulks) {
		return command.ErrResultTooLong
	}
	c.Out.Array(int(count))
	for ; count > 0 && !c.Out.Exceeded(); count-- {
		writeRandom(c, s)
	}
	return nil
}

func writeRandom(c *command.Call, s data.Set) {
	var room [64]byte
	c.Out.Bulk(s.AppendRandom(room[:0], c.Random))
}
