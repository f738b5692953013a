package streams

import (
	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

var xautoclaim = command.Spec{
	Name: "xautoclaim", Group: command.Streams, Since: "6.2.0", Arity: -6,
	Syntax:     "key group consumer min-idle-time start [COUNT count] [JUSTID]",
	Summary:    "Take over entries of a group that have been pending for long, as if they were delivered to a consumer now.",
	Complexity: "O(1) if COUNT is small",
	Flags:      command.Write | command.Reads | command.Fast,
	Keys:       command.KeyAt(1).For("RW delete"),
	Tips:       []string{"nondeterministic_output"},
	Run:        about(1, command.Handle(parseXAutoClaim, runXAutoClaim)),
}

type xautoclaimArgs struct {
	key, group, consumer []byte
	minIdleMS            int64
	start                stream.ID
	count                int64
	justID               bool
}

const (
	defaultAutoClaim = 100
	maxAutoClaim     = 1<<59 - 1
	// autoClaimLooks is how many entries are looked at for each that COUNT asks for.
	autoClaimLooks = 10
)

const (
	errAutoClaimIdle  command.Error = "ERR Invalid min-idle-time argument for XAUTOCLAIM"
	errAutoClaimCount command.Error = "ERR COUNT must be > 0"
)

func parseXAutoClaim(args command.Args) (a xautoclaimArgs, err error) {
	a = xautoclaimArgs{key: args[1], group: args[2], consumer: args[3], count: defaultAutoClaim}
	if a.minIdleMS, err = command.ParseInt(args[4]); err != nil {
		return a, errAutoClaimIdle
	}
	if a.start, err = parseStart(args[5]); err != nil {
		return a, err
	}
	for rest := args[6:]; len(rest) > 0; rest = rest[1:] {
		switch {
		case len(rest) > 1 && command.EqualFold(rest[0], "COUNT"):
			if a.count, err = command.ParseInt(rest[1]); err != nil || a.count < 1 || a.count > maxAutoClaim {
				return a, errAutoClaimCount
			}
			rest = rest[1:]
		case command.EqualFold(rest[0], "JUSTID"):
			a.justID = true
		default:
			return a, command.ErrSyntax
		}
	}
	return a, nil
}

func runXAutoClaim(c *command.Call, a xautoclaimArgs) error {
	s, g, err := needGroup(c, a.key, a.group)
	if err != nil {
		return err
	}
	claimed, gone, next, err := a.decide(s, g, c.NowMS)
	if err != nil {
		return err
	}
	if len(gone) > 0 {
		c.Tx.GroupAck(a.key, a.group, gone)
	}
	count := groups.Count{How: groups.CountUp}
	if a.justID {
		count.How = groups.CountKeep
	}
	claim(c, a.key, a.group, g, a.consumer, claimed, c.NowMS, count)
	c.Out.Array(3)
	writeID(c, next)
	writeClaimed(c, s, claimed, a.justID)
	writeClaimed(c, s, gone, true)
	return nil
}

// decide walks over what is pending: which entries are claimed, which IDs are pending although their entries are gone,
// and where the next walk begins, 0-0 if this one came to the end.
func (a *xautoclaimArgs) decide(s *state.Stream, g *groups.Group, nowMS int64) (claimed, gone []stream.ID, next stream.ID, err error) {
	live := presence{stream: s}
	var w wanting
	it := g.Pending(a.start)
	more := it.Next()
	for looks := a.count * autoClaimLooks; more && looks > 0 && int64(len(claimed)+len(gone)) < a.count; looks-- {
		e := it.Entry()
		ok, err := live.has(e.ID)
		switch {
		case w.stops(err):
			return nil, nil, next, err
		case !ok:
			gone = append(gone, e.ID)
		case e.Consumer == nil || a.minIdleMS <= 0 || nowMS-e.DeliveredMS >= a.minIdleMS:
			claimed = append(claimed, e.ID)
		}
		more = it.Next()
	}
	if more {
		next = it.ID()
	}
	return claimed, gone, next, w.err
}
