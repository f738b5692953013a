package streams

import (
	"math"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

var xpending = command.Spec{
	Name: "xpending", Group: command.Streams, Since: "5.0.0", Arity: -3,
	Syntax:     "key group [[IDLE min-idle-time] start end count [consumer]]",
	Summary:    "Return how much is pending in a group, or which entries are: for whom, for how long, and how often delivered.",
	Complexity: "O(C) for C consumers; O(log M + N) for N entries out of M pending ones",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       []string{"nondeterministic_output"},
	Run:        command.Handle(parseXPending, runXPending),
}

type xpendingArgs struct {
	key, group []byte
	list       bool // entries, not the summary: the rest is meant only then
	minIdleMS  int64
	from, to   stream.ID
	count      int64
	ofConsumer bool // only what is consumer's
	consumer   []byte
}

func parseXPending(args command.Args) (xpendingArgs, error) {
	a := xpendingArgs{key: args[1], group: args[2]}
	if len(args) == 3 {
		return a, nil
	}
	if len(args) < 6 || len(args) > 9 {
		return a, command.ErrSyntax
	}
	a.list = true
	rest := args[3:]
	var err error
	if command.EqualFold(rest[0], "IDLE") {
		if a.minIdleMS, err = command.ParseInt(rest[1]); err != nil {
			return a, err
		}
		if rest = rest[2:]; len(rest) < 3 {
			return a, command.ErrSyntax
		}
	}
	if a.count, err = command.ParseInt(rest[2]); err != nil {
		return a, err
	}
	if a.from, err = parseStart(rest[0]); err != nil {
		return a, err
	}
	if a.to, err = parseEnd(rest[1]); err != nil {
		return a, err
	}
	if len(rest) > 3 {
		a.ofConsumer, a.consumer = true, rest[3] // what stands behind is ignored, as Redis does
	}
	return a, nil
}

func runXPending(c *command.Call, a xpendingArgs) error {
	_, g, err := needGroup(c, a.key, a.group)
	if err != nil {
		return err
	}
	if a.list {
		writePending(c, g, a)
	} else {
		writePendingSummary(c, g)
	}
	return nil
}

func writePendingSummary(c *command.Call, g *groups.Group) {
	c.Out.Array(4)
	c.Out.Int(int64(g.PendingCount()))
	first, ok := g.FirstPending()
	if !ok {
		c.Out.Null()
		c.Out.Null()
		c.Out.NullArray()
		return
	}
	last, _ := g.LastPending()
	writeID(c, first)
	writeID(c, last)
	mark, n := c.Out.Mark(), 0
	for consumer := range g.AllConsumers() {
		if consumer.Pending() > 0 {
			c.Out.Array(2)
			c.Out.BulkString(consumer.Name())
			c.Out.BulkInt(int64(consumer.Pending()))
			n++
		}
	}
	c.Out.InsertArray(mark, n)
}

func writePending(c *command.Call, g *groups.Group, a xpendingArgs) {
	it := g.Pending(a.from)
	if a.ofConsumer {
		consumer := g.Consumer(a.consumer)
		if consumer == nil {
			c.Out.Array(0)
			return
		}
		it = g.PendingOf(consumer, a.from)
	}
	until := int64(math.MaxInt64)
	if a.minIdleMS > 0 {
		until = c.NowMS - a.minIdleMS
	}
	mark, n := c.Out.Mark(), int64(0)
	for n < a.count && it.NextUntil(until, a.to) {
		writePendingEntry(c, it.Entry())
		n++
	}
	c.Out.InsertArray(mark, int(n))
}

func writePendingEntry(c *command.Call, e groups.Entry) {
	c.Out.Array(4)
	writeID(c, e.ID)
	if e.Consumer == nil {
		c.Out.BulkString("")
		c.Out.Int(-1)
	} else {
		c.Out.BulkString(e.Consumer.Name())
		c.Out.Int(max(c.NowMS-e.DeliveredMS, 0))
	}
	c.Out.Int(e.Deliveries)
}
