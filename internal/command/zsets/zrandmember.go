package zsets

import (
	"math"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var zrandmember = command.Spec{
	Name: "zrandmember", Group: command.SortedSet, Since: "6.2.0", Arity: -2,
	Syntax: "key [count [WITHSCORES]]",
	Summary: "Return random members of a sorted set: a positive count of different ones, or a negative count of any, " +
		"which may repeat.",
	Complexity: "O(N) for N members returned",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       []string{"nondeterministic_output"},
	Run:        command.Handle(parseZRandMember, runZRandMember),
}

const (
	errRandomCount command.Error = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
	errRandomRange command.Error = "ERR value is out of range"
)

type zrandmemberArgs struct {
	key             []byte
	counted, scores bool
	count           int64
}

func parseZRandMember(args command.Args) (zrandmemberArgs, error) {
	a := zrandmemberArgs{key: args[1], counted: len(args) > 2, scores: len(args) > 3}
	if !a.counted {
		return a, nil
	}
	var err error
	a.count, err = command.ParseInt(args[2])
	switch {
	case err != nil:
		return a, err
	case a.count == math.MinInt64:
		return a, errRandomCount
	case len(args) > 4 || a.scores && !command.EqualFold(args[3], "WITHSCORES"):
		return a, command.ErrSyntax
	case a.scores && (a.count < -math.MaxInt64/2 || a.count > math.MaxInt64/2):
		return a, errRandomRange
	}
	return a, nil
}

func runZRandMember(c *command.Call, a zrandmemberArgs) error {
	z, err := c.Tx.ZSet(a.key)
	if err != nil {
		return err
	}
	size := int64(z.Len())
	switch {
	case !a.counted && size == 0:
		c.Out.Null()
	case !a.counted:
		member, _ := z.At(int(c.Random(uint64(size))))
		c.Out.Bulk(member)
	case size == 0 || a.count == 0:
		c.Out.Array(0)
	case a.count >= size:
		it := z.Reverse(z.Len()-1, z.Len()) // as Redis does
		writeElements(c.Out, &it, z.Len(), a.scores)
	case a.count > 0:
		writeSample(c, z, int(a.count), a.scores)
	default:
		return writeRandom(c, z, -a.count, a.scores)
	}
	return nil
}

// writeSample writes n different elements: of each, in order, it is decided whether it is one of those that are still to be
// chosen out of those that are left. Where few of many are wanted, chance says which instead.
func writeSample(c *command.Call, z data.ZSet, n int, scores bool) {
	p := beginPairs(c.Out, n, scores)
	if n < z.Len()/8 {
		chosen := make(map[int]struct{}, n)
		for len(chosen) < n {
			rank := int(c.Random(uint64(z.Len())))
			if _, again := chosen[rank]; again {
				continue
			}
			chosen[rank] = struct{}{}
			member, score := z.At(rank)
			p.write(member, score, scores)
		}
		return
	}
	left := z.Len()
	for it := z.Range(0, left); n > 0; left-- {
		member, score, _ := it.Next()
		if c.Random(uint64(left)) < uint64(n) {
			p.write(member, score, scores)
			n--
		}
	}
}

func writeRandom(c *command.Call, z data.ZSet, n int64, scores bool) error {
	if n > mostRandom {
		return errRandomRange
	}
	p := beginPairs(c.Out, int(n), scores)
	for range n {
		member, score := z.At(int(c.Random(uint64(z.Len()))))
		p.write(member, score, scores)
	}
	return nil
}

// mostRandom bounds a reply of members that repeat: nothing else does.
const mostRandom = 1 << 24
