package streams

import (
	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// groupAt returns the stream at key and its group of that name; either is nil if there is none.
func groupAt(c *command.Call, key, name []byte) (*state.Stream, *groups.Group, error) {
	s, err := c.Tx.Stream(key)
	if s == nil || err != nil {
		return nil, nil, err
	}
	return s, s.Groups.Get(name), nil
}

// needGroup is groupAt for commands to which a missing key or group is an error.
func needGroup(c *command.Call, key, name []byte) (*state.Stream, *groups.Group, error) {
	s, g, err := groupAt(c, key, name)
	if g == nil && err == nil {
		err = command.Errorf("NOGROUP No such key '%s' or consumer group '%s'", text(key), text(name))
	}
	return s, g, err
}

// text is a name as Redis shows it in errors: up to its first NUL byte.
func text(name []byte) string { return command.Printable(name, len(name)) }

// seeConsumer notes that a group's consumer is there, and makes it if there is none.
func seeConsumer(c *command.Call, key, group []byte, g *groups.Group, name []byte) {
	if g.Consumer(name) == nil {
		c.Tx.ConsumerCreate(key, group, name, c.NowMS)
	}
	c.Tx.ConsumerSeen(g.Consumer(name), c.NowMS)
}

// parseIDs reads IDs without special spellings, all of them or none, and appends them to dst.
func parseIDs(dst []stream.ID, args [][]byte) ([]stream.ID, error) {
	for _, arg := range args {
		id, err := parseID(arg, 0)
		if err != nil {
			return nil, err
		}
		dst = append(dst, id)
	}
	return dst, nil
}
