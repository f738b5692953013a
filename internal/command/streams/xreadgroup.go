package streams

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
)

var xreadgroup = command.Spec{
	Name: "xreadgroup", Group: command.Streams, Since: "5.0.0", Arity: -7,
	Syntax: "GROUP group consumer [COUNT count] [MAXCOUNT count] [MAXSIZE bytes] [BLOCK milliseconds] " +
		"[CLAIM min-idle-time] [NOACK] STREAMS key [key ...] id [id ...]",
	Summary: "Deliver entries that no consumer of the group got yet, and remember them as pending for this one. " +
		"With an ID instead of >, return again what is pending for the consumer above it. May wait until there are any.",
	Complexity: "O(log M + N) per stream, for N entries out of M",
	Flags:      command.Write | command.Reads | command.Blocking,
	Keys:       command.KeysAfter("STREAMS", 4).For("RO access"),
	Run:        command.Handle(parseXReadGroup, runXReadGroup),
}

type xreadgroupArgs struct {
	xreadArgs
	group, consumer []byte
	noAck           bool
	claim           bool
	minIdleMS       int64 // of claim
}

const (
	errGroupMissing command.Error = "ERR Missing GROUP option for XREADGROUP"
	errLastID       command.Error = "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by " +
		"specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set."
	errMinIdle       command.Error = "ERR min-idle-time is not an integer or out of range"
	errMinIdleBelow0 command.Error = "ERR min-idle-time must be a positive integer"
)

func parseXReadGroup(args command.Args) (xreadgroupArgs, error) {
	var a xreadgroupArgs
	for at := 1; at < len(args); {
		rest := args[at:]
		if len(rest) > 1 && command.EqualFold(rest[0], "STREAMS") {
			err := a.parseStreams(rest[1:])
			if err == nil && a.group == nil {
				err = errGroupMissing
			}
			return a, err
		}
		taken, err := a.parseOption(rest)
		if err == nil && taken == 0 {
			err = command.ErrSyntax
		}
		if err != nil {
			return a, err
		}
		at += taken
	}
	return a, command.ErrSyntax
}

func (a *xreadgroupArgs) parseOption(args [][]byte) (taken int, err error) {
	switch option := args[0]; {
	case len(args) > 2 && command.EqualFold(option, "GROUP"):
		a.group, a.consumer = args[1], args[2]
		return 3, nil
	case command.EqualFold(option, "NOACK"):
		a.noAck = true
		return 1, nil
	case len(args) > 1 && command.EqualFold(option, "CLAIM"):
		a.claim = true
		a.minIdleMS, err = command.ParseInt(args[1])
		switch {
		case err != nil:
			err = errMinIdle
		case a.minIdleMS < 0:
			err = errMinIdleBelow0
		}
		return 2, err
	}
	return a.xreadArgs.parseOption(args)
}

// newEntries is the ID that stands for ">": nothing can be pending above it.
var newEntries = stream.MaxID

func runXReadGroup(c *command.Call, a xreadgroupArgs) error {
	var few [8]source // so that reading a few streams allocates nothing
	sources := few[:0]
	d := delivery{group: a.group, consumer: a.consumer, noAck: a.noAck, claim: a.claim, minIdleMS: a.minIdleMS, limits: a.limits}
	for i, key := range a.keys {
		if err := d.check(c, key); err != nil {
			return err
		}
		above, err := parseGroupID(a.ids[i])
		if err != nil {
			return err
		}
		sources = append(sources, source{key, above})
	}
	if done, err := d.readOnce(c, sources); done || err != nil {
		return err
	}
	if !a.block {
		c.Out.NullArray()
		return nil
	}
	d.park(c, a.keys, a.blockMS, slices.Clone(sources))
	return nil
}

// park makes the session wait for entries.
func (d delivery) park(c *command.Call, keys [][]byte, blockMS int64, sources []source) {
	c.Block(command.Wait{
		Keys:      keys,
		TimeoutMS: blockMS,
		Class:     d.class(),
		RetryMS:   c.RetryMS,
		Again:     func() func(*command.Call) (bool, error) { return d.again(sources) },
		Timeout:   (*resp.Writer).NullArray,
	})
}

// class is what a waiter competes for with others: what one of them cannot have, none of them can.
func (d *delivery) class() string {
	if d.claim {
		return fmt.Sprintf("claim %d %s", d.minIdleMS, d.group)
	}
	return "new " + string(d.group)
}

// again copies what a waiter needs of the arguments.
func (d delivery) again(sources []source) func(*command.Call) (bool, error) {
	d.group, d.consumer = bytes.Clone(d.group), bytes.Clone(d.consumer)
	cloneKeys(sources)
	return func(c *command.Call) (bool, error) {
		if c.Changed >= 0 {
			src := sources[c.Changed]
			if nothing, err := d.findsNothing(c, src.key); err != nil {
				return false, err
			} else if nothing {
				d.retry(c, src, len(sources))
				return false, nil
			}
		}
		d.cold = false
		for _, src := range sources {
			if err := d.check(c, src.key); err != nil {
				return true, err
			}
		}
		return d.readOnce(c, sources)
	}
}

// findsNothing reports whether the group is there, and there is nothing in it to deliver.
func (d *delivery) findsNothing(c *command.Call, key []byte) (bool, error) {
	s, g, _ := groupAt(c, key, d.group)
	if g == nil || d.mayClaim(c, g) {
		return false, nil
	}
	some, err := above(s, g.LastDelivered())
	return !some && err == nil, command.Lost(key, err)
}

// check looks at one of the streams: it returns what XREADGROUP says if the group is not there.
func (d *delivery) check(c *command.Call, key []byte) error {
	s, g, err := groupAt(c, key, d.group)
	if g == nil && err == nil {
		err = command.Errorf("NOGROUP No such key '%s' or consumer group '%s' in XREADGROUP with GROUP option", text(key), text(d.group))
	}
	d.cold = d.cold || err == nil && !s.InMemory()
	return err
}

func parseGroupID(arg []byte) (stream.ID, error) {
	switch special(arg) {
	case '>':
		return newEntries, nil
	case '$':
		return stream.ID{}, errLastID
	}
	return parseID(arg, 0)
}
