package sets

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

var sintercard = command.Spec{
	Name: "sintercard", Group: command.Set, Since: "7.0.0", Arity: -3,
	Syntax:     "numkeys key [key ...] [LIMIT limit]",
	Summary:    "Count the members that all of some sets have, up to a limit.",
	Complexity: worstOfSmallest,
	Flags:      command.ReadOnly,
	Keys:       command.NumKeys(1),
	Run:        command.Handle(parseSInterCard, runSInterCard),
}

type sintercardArgs struct {
	keys  [][]byte
	limit int64 // 0: none
}

const (
	errManyKeys command.Error = "ERR Number of keys can't be greater than number of args"
	errLimit    command.Error = "ERR LIMIT can't be negative"
)

func parseSInterCard(args command.Args) (sintercardArgs, error) {
	var a sintercardArgs
	n, err := command.ParseInt(args[1])
	if err != nil || n < 1 {
		return a, command.ErrNumKeys
	}
	rest := args[2:]
	if n > int64(len(rest)) {
		return a, errManyKeys
	}
	a.keys, rest = rest[:n], rest[n:]
	for ; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 || !command.EqualFold(rest[0], "LIMIT") {
			return a, command.ErrSyntax
		}
		if a.limit, err = command.ParseInt(rest[1]); err != nil || a.limit < 0 {
			return a, errLimit
		}
	}
	return a, nil
}

func runSInterCard(c *command.Call, a sintercardArgs) error {
	var few [usual]data.Set
	sets, err := setsAt(c, few[:], a.keys)
	if err != nil {
		return err
	}
	n := int64(0)
	for range data.Intersect(sets) {
		if n++; n == a.limit {
			break
		}
	}
	c.Out.Int(n)
	return nil
}
