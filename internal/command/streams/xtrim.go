package streams

import "github.com/weirmq/weir/internal/command"

var xtrim = command.Spec{
	Name: "xtrim", Group: command.Streams, Since: "5.0.0", Arity: -4,
	Syntax:     "key <MAXLEN | MINID> [= | ~] threshold [LIMIT count] [KEEPREF | DELREF | ACKED]",
	Summary:    "Remove the oldest entries of a stream and return how many went.",
	Complexity: "O(N) for N entries that go",
	Flags:      command.Write | command.Frees,
	Keys:       command.KeyAt(1).For("RW delete"),
	Tips:       []string{"nondeterministic_output"},
	Run:        about(1, command.Handle(parseXTrim, runXTrim)),
}

type xtrimArgs struct {
	key  []byte
	trim trimming
}

func parseXTrim(args command.Args) (xtrimArgs, error) {
	a := xtrimArgs{key: args[1]}
	for rest := args[2:]; len(rest) > 0; {
		taken, err := a.trim.parseOption(rest)
		if err != nil {
			return a, err
		}
		if taken == 0 {
			return a, command.ErrSyntax
		}
		rest = rest[taken:]
	}
	if a.trim.by == trimNone && a.trim.limit == 0 {
		return a, errTrimNone
	}
	return a, a.trim.finish()
}

func runXTrim(c *command.Call, a xtrimArgs) error {
	s, err := c.Tx.Stream(a.key)
	if err != nil {
		return err
	}
	if s == nil {
		c.Out.Int(0)
		return nil
	}
	if err := a.trim.rehearse(c, a.key, s, 0); err != nil {
		return err
	}
	removed, err := a.trim.apply(c, a.key, s)
	c.Out.Int(int64(removed))
	return err
}
