package streams

import (
	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
)

var xinfoConsumers = command.Spec{
	Name: "consumers", Since: "5.0.0", Arity: 4,
	Syntax:  "key group",
	Summary: "Return how much is pending for each consumer of a group, and for how long it has not been seen.",
	Flags:   command.ReadOnly,
	Keys:    command.KeyAt(2),
	Tips:    []string{"nondeterministic_output"},
	Run:     command.Handle(parseXInfoConsumers, runXInfoConsumers),
}

type xinfoConsumersArgs struct{ key, group []byte }

func parseXInfoConsumers(args command.Args) (xinfoConsumersArgs, error) {
	return xinfoConsumersArgs{args[2], args[3]}, nil
}

func runXInfoConsumers(c *command.Call, a xinfoConsumersArgs) error {
	s, g, err := groupAt(c, a.key, a.group)
	switch {
	case err != nil:
		return err
	case s == nil:
		return command.ErrNoSuchKey
	case g == nil:
		return noSuchGroup(a.key, a.group)
	}
	c.Out.Array(g.Consumers())
	for consumer := range g.AllConsumers() {
		// As of 7.2: idle since it last tried to get something, inactive since it last got something.
		inactive := int64(groups.Unknown)
		if at := consumer.ActiveMS(); at != groups.Unknown {
			inactive = max(c.NowMS-at, 0)
		}
		c.Out.Map(4)
		writeString(c, "name", consumer.Name())
		writeInt(c, "pending", uint64(consumer.Pending()))
		writeInt(c, "idle", uint64(max(c.NowMS-consumer.SeenMS(), 0)))
		c.Out.BulkString("inactive")
		c.Out.Int(inactive)
	}
	return nil
}
