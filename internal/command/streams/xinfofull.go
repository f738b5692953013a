package streams

import (
	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// writeFull writes what FULL has instead of the first and the last entry: entries, and groups with consumers and what is
// pending. count limits the length of each list but those of groups and consumers; 0 does not.
func writeFull(c *command.Call, s *state.Stream, count uint64) error {
	var w wanting
	c.Out.BulkString("entries")
	it := s.Range(stream.MinID, stream.MaxID)
	if w.stops(writeEntries(c.Out, &it, count)) {
		return w.err
	}
	c.Out.BulkString("groups")
	c.Out.Array(s.Groups.Len())
	for g := range s.Groups.All() {
		if w.stops(writeFullGroup(c, s, g, count)) {
			break
		}
	}
	return w.err
}

func writeFullGroup(c *command.Call, s *state.Stream, g *groups.Group, count uint64) error {
	released := g.PendingCount()
	for consumer := range g.AllConsumers() {
		released -= consumer.Pending()
	}
	fields := 7
	if released > 0 {
		fields++
	}
	c.Out.Map(fields)
	writeString(c, "name", g.Name())
	err := writeProgress(c, s, g)
	writeInt(c, "pel-count", uint64(g.PendingCount()))
	if released > 0 {
		// Of 8.8, and left out where nothing was released: some client libraries refuse fields that they do not know.
		writeInt(c, "nacked-count", uint64(released))
	}
	c.Out.BulkString("pending")
	it := g.Pending(stream.MinID)
	for n := writeShown(c, g.PendingCount(), count); n > 0 && it.Next(); n-- {
		e := it.Entry()
		name := ""
		if e.Consumer != nil {
			name = e.Consumer.Name()
		}
		c.Out.Array(4)
		writeID(c, e.ID)
		c.Out.BulkString(name)
		c.Out.Int(e.DeliveredMS)
		c.Out.Int(e.Deliveries)
	}
	c.Out.BulkString("consumers")
	c.Out.Array(g.Consumers())
	for consumer := range g.AllConsumers() {
		writeFullConsumer(c, g, consumer, count)
	}
	return err
}

func writeFullConsumer(c *command.Call, g *groups.Group, consumer *groups.Consumer, count uint64) {
	c.Out.Map(5)
	writeString(c, "name", consumer.Name())
	c.Out.BulkString("seen-time")
	c.Out.Int(consumer.SeenMS())
	c.Out.BulkString("active-time")
	c.Out.Int(consumer.ActiveMS())
	writeInt(c, "pel-count", uint64(consumer.Pending()))
	c.Out.BulkString("pending")
	it := g.PendingOf(consumer, stream.MinID)
	for n := writeShown(c, consumer.Pending(), count); n > 0 && it.Next(); n-- {
		e := it.Entry()
		c.Out.Array(3)
		writeID(c, e.ID)
		c.Out.Int(e.DeliveredMS)
		c.Out.Int(e.Deliveries)
	}
}

// writeShown writes the head of a list of so many, of which FULL shows at most count, and returns how many.
func writeShown(c *command.Call, n int, count uint64) int {
	if count > 0 && uint64(n) > count {
		n = int(count)
	}
	c.Out.Array(n)
	return n
}
