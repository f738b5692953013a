package hashes

import (
	"math"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var hrandfield = command.Spec{
	Name: "hrandfield", Group: command.Hash, Since: "6.2.0", Arity: -2,
	Syntax:     "key [count [WITHVALUES]]",
	Summary:    "Return random fields of a hash, one or so many; with a negative count a field may come more than once.",
	Complexity: "O(N) for N fields returned",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       []string{"nondeterministic_output"},
	Run:        command.Handle(parseHRandField, runHRandField),
}

type hrandfieldArgs struct {
	key        []byte
	one        bool // no count was given: the reply is a field, and not an array
	count      int64
	withValues bool
}

const (
	errRandomCount  command.Error = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"
	errRandomValues command.Error = "ERR value is out of range"
)

func parseHRandField(args command.Args) (hrandfieldArgs, error) {
	a := hrandfieldArgs{key: args[1], one: len(args) == 2}
	if a.one {
		return a, nil
	}
	var err error
	if a.count, err = command.ParseInt(args[2]); err != nil {
		return a, err
	}
	if a.count == math.MinInt64 {
		return a, errRandomCount
	}
	if len(args) > 4 || len(args) == 4 && !command.EqualFold(args[3], "WITHVALUES") {
		return a, command.ErrSyntax
	}
	if a.withValues = len(args) == 4; a.withValues && (a.count < -math.MaxInt64/2 || a.count > math.MaxInt64/2) {
		return a, errRandomValues
	}
	return a, nil
}

func runHRandField(c *command.Call, a hrandfieldArgs) error {
	h, err := c.Tx.Hash(a.key)
	if err != nil {
		return err
	}
	live := h.Live()
	switch {
	case a.one && live == 0:
		c.Out.Null()
	case a.one:
		field, _, _ := h.Random(c.Random)
		c.Out.Bulk(field)
	case live == 0 || a.count == 0:
		c.Out.Array(0)
	case a.count > 0:
		n := int(min(a.count, int64(live)))
		a.writeHead(c, n)
		for field, value := range h.Sample(n, c.Random) {
			a.write(c, field, value)
		}
	default:
		return a.writeRandom(c, h)
	}
	return nil
}

func (a *hrandfieldArgs) writeRandom(c *command.Call, h data.Hash) error {
	if -a.count > int64(command.MaxBulks) {
		return command.ErrResultTooLong
	}
	n := int(-a.count)
	a.writeHead(c, n)
	for ; n > 0 && !c.Out.Exceeded(); n-- {
		field, value, _ := h.Random(c.Random)
		a.write(c, field, value)
	}
	return nil
}

// writeHead begins an array of fields, or of fields and values: those are pairs in RESP3.
func (a *hrandfieldArgs) writeHead(c *command.Call, n int) {
	if a.withValues && c.Out.Protocol() < 3 {
		n *= 2
	}
	c.Out.Array(n)
}

func (a *hrandfieldArgs) write(c *command.Call, field, value []byte) {
	if a.withValues && c.Out.Protocol() >= 3 {
		c.Out.Array(2)
	}
	c.Out.Bulk(field)
	if a.withValues {
		c.Out.Bulk(value)
	}
}
