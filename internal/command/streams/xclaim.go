package streams

import (
	"slices"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

var xclaim = command.Spec{
	Name: "xclaim", Group: command.Streams, Since: "5.0.0", Arity: -6,
	Syntax: "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] " +
		"[FORCE] [JUSTID] [LASTID lastid]",
	Summary:    "Take over pending entries of a group by their IDs, as if they were delivered to a consumer now.",
	Complexity: "O(N log M) for N IDs and M pending entries",
	Flags:      command.Write | command.Reads | command.Fast,
	Keys:       command.KeyAt(1),
	Tips:       []string{"nondeterministic_output"},
	Run:        about(1, command.Handle(parseXClaim, runXClaim)),
}

type xclaimArgs struct {
	key, group, consumer []byte
	minIdleMS            int64
	ids                  []stream.ID
	since                claimSince
	sinceMS              int64
	retryCount           int64 // negative: not given
	force, justID        bool
	lastID               stream.ID
	err                  error // what is wrong behind the names: it matters only if there is a group
}

// claimSince says when the entries count as delivered.
type claimSince uint8

const (
	sinceNow  claimSince = iota
	sinceIdle            // so many milliseconds ago
	sinceTime            // at a unix time in milliseconds
)

func parseXClaim(args command.Args) (xclaimArgs, error) {
	a := xclaimArgs{key: args[1], group: args[2], consumer: args[3], retryCount: -1}
	a.err = a.parse(args[4], args[5:])
	return a, nil
}

func (a *xclaimArgs) parse(minIdle []byte, rest [][]byte) (err error) {
	if a.minIdleMS, err = command.ParseInt(minIdle); err != nil {
		return command.Error("ERR Invalid min-idle-time argument for XCLAIM")
	}
	a.ids = make([]stream.ID, 0, len(rest))
	for len(rest) > 0 { // whatever is an ID, up to the first word that is not
		id, err := parseID(rest[0], 0)
		if err != nil {
			break
		}
		a.ids = append(a.ids, id)
		rest = rest[1:]
	}
	for len(rest) > 0 {
		taken, err := a.parseOption(rest)
		if err != nil {
			return err
		}
		rest = rest[taken:]
	}
	return nil
}

// parseOption takes the option that rest begins with, and returns how many arguments it was.
func (a *xclaimArgs) parseOption(rest [][]byte) (taken int, err error) {
	switch opt := rest[0]; {
	case command.EqualFold(opt, "FORCE"):
		a.force = true
		return 1, nil
	case command.EqualFold(opt, "JUSTID"):
		a.justID = true
		return 1, nil
	case len(rest) > 1 && command.EqualFold(opt, "IDLE"):
		a.since = sinceIdle
		a.sinceMS, err = parseClaimNumber("IDLE", rest[1])
	case len(rest) > 1 && command.EqualFold(opt, "TIME"):
		a.since = sinceTime
		a.sinceMS, err = parseClaimNumber("TIME", rest[1])
	case len(rest) > 1 && command.EqualFold(opt, "RETRYCOUNT"):
		a.retryCount, err = parseClaimNumber("RETRYCOUNT", rest[1])
	case len(rest) > 1 && command.EqualFold(opt, "LASTID"):
		a.lastID, err = parseID(rest[1], 0)
	default:
		err = command.Errorf("ERR Unrecognized XCLAIM option '%s'", text(opt))
	}
	return 2, err
}

func parseClaimNumber(option string, arg []byte) (int64, error) {
	n, err := command.ParseInt(arg)
	if err != nil {
		err = command.Errorf("ERR Invalid %s option argument for XCLAIM", option)
	}
	return n, err
}

// deliveredMS is when the entries count as delivered: never in the future, nor before 1970.
func (a *xclaimArgs) deliveredMS(nowMS int64) int64 {
	at := nowMS
	switch a.since {
	case sinceIdle:
		at = nowMS - a.sinceMS
	case sinceTime:
		at = a.sinceMS
	}
	if at < 0 || at > nowMS {
		at = nowMS
	}
	return at
}

// count is what becomes of the number of deliveries.
func (a *xclaimArgs) count() groups.Count {
	switch {
	case a.retryCount >= 0:
		return groups.Count{How: groups.CountSet, To: a.retryCount}
	case a.justID:
		return groups.Count{}
	default:
		return groups.Count{How: groups.CountUp}
	}
}

func runXClaim(c *command.Call, a xclaimArgs) error {
	s, g, err := needGroup(c, a.key, a.group)
	if err == nil {
		err = a.err
	}
	if err != nil {
		return err
	}
	claimed, gone, err := a.decide(s, g, c.NowMS)
	if err != nil {
		return err
	}
	c.Out.Limit(c.MaxReply) // one entry may be named again and again
	if writeClaimed(c, s, claimed, a.justID); c.Out.Exceeded() {
		return command.ErrResultTooLong
	}
	if g.LastDelivered().Less(a.lastID) {
		c.Tx.GroupSetID(a.key, a.group, a.lastID, g.EntriesRead())
	}
	if len(gone) > 0 {
		c.Tx.GroupAck(a.key, a.group, inOrder(gone))
	}
	claim(c, a.key, a.group, g, a.consumer, claimed, a.deliveredMS(c.NowMS), a.count())
	return nil
}

// decide sorts the IDs: which are claimed, and which are pending although their entries are gone. An ID that is named
// twice is claimed twice, but for the second time it is as idle as the first has made it.
func (a *xclaimArgs) decide(s *state.Stream, g *groups.Group, nowMS int64) (claimed, gone []stream.ID, err error) {
	var before map[stream.ID]bool // those claimed; nil if no ID can be there twice
	if !ascend(a.ids) {
		before = make(map[stream.ID]bool)
	}
	claimed = a.ids[:0]
	of := walk{group: g}
	var w wanting
	for _, id := range a.ids {
		pending := of.find(id)
		ok, over := w.has(s, id)
		if over {
			break
		}
		if !ok {
			if pending {
				gone = append(gone, id)
			}
			continue
		}
		if !pending && !a.force {
			continue
		}
		sinceMS, held := a.deliveredMS(nowMS), before[id]
		if pending && !held {
			p := of.it.Entry()
			sinceMS, held = p.DeliveredMS, p.Consumer != nil // what is nobody's may be claimed at once
		}
		if held && a.minIdleMS > 0 && nowMS-sinceMS < a.minIdleMS {
			continue
		}
		claimed = append(claimed, id)
		if before != nil {
			before[id] = true
		}
	}
	return claimed, gone, w.err
}

// ascend reports whether each ID is above the one before.
func ascend(ids []stream.ID) bool {
	for i := 1; i < len(ids); i++ {
		if !ids[i-1].Less(ids[i]) {
			return false
		}
	}
	return true
}

// inOrder returns IDs in ascending order, those that are there twice too, and leaves the argument alone. A group takes
// apart and puts together a page of pending entries for neighbours at once, but for each ID if they come in disorder.
func inOrder(ids []stream.ID) []stream.ID {
	if !ascend(ids) {
		ids = slices.Clone(ids)
		slices.SortFunc(ids, stream.ID.Compare)
	}
	return ids
}

// claim gives entries to a consumer, which is made if need be; to claim nothing makes none.
func claim(c *command.Call, key, group []byte, g *groups.Group, name []byte, ids []stream.ID, deliveredMS int64, count groups.Count) {
	if len(ids) > 0 {
		seeConsumer(c, key, group, g, name)
		c.Tx.GroupClaim(key, group, name, inOrder(ids), c.NowMS, deliveredMS, count)
	} else if consumer := g.Consumer(name); consumer != nil {
		c.Tx.ConsumerSeen(consumer, c.NowMS)
	}
}

// writeClaimed writes an array of entries, which are there and at hand, or of their IDs.
func writeClaimed(c *command.Call, s *state.Stream, ids []stream.ID, justID bool) {
	c.Out.Array(len(ids))
	if justID {
		for _, id := range ids {
			writeID(c, id)
		}
		return
	}
	e := emitter{out: c.Out}
	for _, id := range ids {
		it := s.Range(id, id)
		it.Next()
		e.entry(&it)
	}
	e.flush()
}
