package streams

import (
	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
)

var xinfoGroups = command.Spec{
	Name: "groups", Since: "5.0.0", Arity: 3,
	Syntax:  "key",
	Summary: "Return how far each group of a stream is, and how much it has before it.",
	Flags:   command.ReadOnly,
	Keys:    command.KeyAt(2),
	Run:     about(2, command.Handle(parseXInfoGroups, runXInfoGroups)),
}

type xinfoGroupsArgs struct{ key []byte }

func parseXInfoGroups(args command.Args) (xinfoGroupsArgs, error) {
	return xinfoGroupsArgs{args[2]}, nil
}

func runXInfoGroups(c *command.Call, a xinfoGroupsArgs) error {
	s, err := c.Tx.Stream(a.key)
	if err != nil {
		return err
	}
	if s == nil {
		return command.ErrNoSuchKey
	}
	var w wanting
	c.Out.Array(s.Groups.Len())
	for g := range s.Groups.All() {
		c.Out.Map(6)
		writeString(c, "name", g.Name())
		writeInt(c, "consumers", uint64(g.Consumers()))
		writeInt(c, "pending", uint64(g.PendingCount()))
		if w.stops(writeProgress(c, s, g)) {
			break
		}
	}
	return w.err
}

func writeString(c *command.Call, name, value string) {
	c.Out.BulkString(name)
	c.Out.BulkString(value)
}

// writeProgress writes the three fields that say how far a group is. Redis does not know the lag once an entry ahead was
// deleted; here it is always the number of entries that are there to be delivered.
func writeProgress(c *command.Call, s *state.Stream, g *groups.Group) error {
	c.Out.BulkString("last-delivered-id")
	writeID(c, g.LastDelivered())
	c.Out.BulkString("entries-read")
	if read := g.EntriesRead(); read == groups.Unknown {
		c.Out.Null()
	} else {
		c.Out.Int(read)
	}
	lag, err := s.CountAfter(g.LastDelivered())
	writeInt(c, "lag", lag)
	return err
}
