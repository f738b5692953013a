package zsets

import (
	"math"

	"github.com/weirmq/weir/internal/command"
)

var zadd = command.Spec{
	Name: "zadd", Group: command.SortedSet, Since: "1.2.0", Arity: -4,
	Syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
	Summary: "Add members to a sorted set, or change their scores. The set is made if there is none. Replies how many were " +
		"added, with CH also those changed.",
	Complexity: "O(log N) per member",
	Flags:      command.Write | command.DenyOOM | command.Fast,
	Keys:       command.KeyAt(1).For("RW update"),
	Run:        command.Handle(parseZAdd, runZAdd),
}

var zincrby = command.Spec{
	Name: "zincrby", Group: command.SortedSet, Since: "1.2.0", Arity: 4,
	Syntax:     "key increment member",
	Summary:    "Add a number to the score of a member, 0 if it is not there. Replies the new score.",
	Complexity: "O(log N)",
	Flags:      command.Write | command.DenyOOM | command.Fast,
	Keys:       command.KeyAt(1).For("RW access update"),
	Run:        command.Handle(parseZIncrBy, runZAdd),
}

const (
	errNXAndXX   command.Error = "ERR XX and NX options at the same time are not compatible"
	errGTLTNX    command.Error = "ERR GT, LT, and/or NX options at the same time are not compatible"
	errIncrPairs command.Error = "ERR INCR option supports a single increment-element pair"
	errNaN       command.Error = "ERR resulting score is not a number (NaN)"
)

type zaddArgs struct {
	key                      []byte
	pairs                    [][]byte // scores, which are valid, and members by turns
	nx, xx, gt, lt, ch, incr bool
}

func parseZAdd(args command.Args) (zaddArgs, error) { return zaddArgs{}.parse(args) }

// parseZIncrBy is ZADD with INCR, and takes its options, too.
func parseZIncrBy(args command.Args) (zaddArgs, error) { return zaddArgs{incr: true}.parse(args) }

func (a zaddArgs) parse(args command.Args) (zaddArgs, error) {
	a.key, a.pairs = args[1], args[2:]
	for len(a.pairs) > 0 && a.option(a.pairs[0]) {
		a.pairs = a.pairs[1:]
	}
	switch n := len(a.pairs); {
	case n == 0 || n%2 != 0:
		return a, command.ErrSyntax
	case a.nx && a.xx:
		return a, errNXAndXX
	case a.gt && a.nx, a.lt && a.nx, a.gt && a.lt:
		return a, errGTLTNX
	case a.incr && n > 2:
		return a, errIncrPairs
	case n == 2:
		return a, nil // run reads the score, once
	}
	for i := 0; i < len(a.pairs); i += 2 {
		if _, err := command.ParseFloat(a.pairs[i]); err != nil {
			return a, err
		}
	}
	return a, nil
}

// option takes an argument if it is an option.
func (a *zaddArgs) option(arg []byte) bool {
	if n := len(arg); n != 2 && n != 4 {
		return false
	}
	for _, o := range [...]struct {
		name string
		set  *bool
	}{{"NX", &a.nx}, {"XX", &a.xx}, {"GT", &a.gt}, {"LT", &a.lt}, {"CH", &a.ch}, {"INCR", &a.incr}} {
		if command.EqualFold(arg, o.name) {
			*o.set = true
			return true
		}
	}
	return false
}

func runZAdd(c *command.Call, a zaddArgs) error {
	score, err := command.ParseFloat(a.pairs[0])
	if err != nil {
		return err
	}
	edit, err := c.Tx.EditZSet(a.key)
	if err != nil {
		return err
	}
	edit.Reserve(a.pairs)
	added, changed, done := 0, 0, false
	for i := 0; i < len(a.pairs); i += 2 {
		member := a.pairs[i+1]
		if i > 0 {
			score, _ = command.ParseFloat(a.pairs[i])
		}
		old, found := edit.Score(member)
		if !a.wants(found) {
			continue
		}
		if a.incr && found {
			if score += old; math.IsNaN(score) {
				return errNaN
			}
		}
		if found && (a.lt && score >= old || a.gt && score <= old) {
			continue
		}
		done = true
		if found && score == old {
			continue
		}
		if edit.Set(member, score); found {
			changed++
		} else {
			added++
		}
	}
	edit.End()
	switch {
	case a.incr && done:
		c.Out.Double(score)
	case a.incr:
		c.Out.Null()
	case a.ch:
		c.Out.Int(int64(added + changed))
	default:
		c.Out.Int(int64(added))
	}
	return nil
}

// wants reports whether something is to be done about a member that is there or not.
func (a *zaddArgs) wants(found bool) bool { return found && !a.nx || !found && !a.xx }
