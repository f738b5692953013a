package streams

import (
	"math"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

var xnack = command.Spec{
	Name: "xnack", Group: command.Streams, Since: "8.8.0", Arity: -7,
	Syntax:     "key group <SILENT | FAIL | FATAL> IDS numids id [id ...] [RETRYCOUNT count] [FORCE]",
	Summary:    "Give pending entries of a group back, for whoever claims first, and return how many there were.",
	Complexity: "O(N log M) for N IDs and M pending entries",
	Flags:      command.Write | command.Fast,
	Keys:       command.KeyAt(1),
	Run:        about(1, command.Handle(parseXNack, runXNack)),
}

type xnackArgs struct {
	key, group []byte
	ids        []stream.ID
	count      groups.Count
	force      bool
	err        error // what is wrong behind the names: it matters only if there is a group
}

// Redis's texts of these begin with ERR, and are sent behind ERR.
const (
	errNackMode   command.Error = "ERR ERR mode must be SILENT, FAIL, or FATAL"
	errNackNumIDs command.Error = "ERR numids must be a positive integer"
	errNackFew    command.Error = "ERR ERR number of IDs doesn't match numids"
	errNackRetry  command.Error = "ERR ERR Invalid RETRYCOUNT value, must be >= 0"
	errNackNoIDs  command.Error = "ERR ERR syntax error, expected IDS keyword"
)

func parseXNack(args command.Args) (xnackArgs, error) {
	a := xnackArgs{key: args[1], group: args[2]}
	a.err = a.parse(args[3], args[4:])
	return a, nil
}

func (a *xnackArgs) parse(mode []byte, rest [][]byte) (err error) {
	switch {
	case command.EqualFold(mode, "SILENT"):
		a.count = groups.Count{How: groups.CountDown}
	case command.EqualFold(mode, "FAIL"):
		a.count = groups.Count{How: groups.CountKeep}
	case command.EqualFold(mode, "FATAL"):
		a.count = groups.Count{How: groups.CountSet, To: math.MaxInt64}
	default:
		return errNackMode
	}
	for len(rest) > 0 {
		taken, err := a.parseOption(rest)
		if err != nil {
			return err
		}
		rest = rest[taken:]
	}
	if a.ids == nil {
		return errNackNoIDs
	}
	return nil
}

// parseOption takes the option that rest begins with, and returns how many arguments it was.
func (a *xnackArgs) parseOption(rest [][]byte) (taken int, err error) {
	switch opt := rest[0]; {
	case len(rest) > 1 && command.EqualFold(opt, "IDS"):
		n, err := command.ParseInt(rest[1])
		if err != nil || n < 1 {
			return 0, errNackNumIDs
		}
		if n > int64(len(rest)-2) {
			return 0, errNackFew
		}
		a.ids, err = parseIDs(make([]stream.ID, 0, n), rest[2:2+n])
		return 2 + int(n), err
	case len(rest) > 1 && command.EqualFold(opt, "RETRYCOUNT"):
		n, err := command.ParseInt(rest[1])
		if err == nil && n < 0 {
			err = errNackRetry
		}
		a.count = groups.Count{How: groups.CountSet, To: n}
		return 2, err
	case command.EqualFold(opt, "FORCE"):
		a.force = true
		return 1, nil
	}
	return 0, command.Errorf("ERR ERR Unrecognized XNACK option '%s'", text(rest[0]))
}

func runXNack(c *command.Call, a xnackArgs) error {
	s, g, err := needGroup(c, a.key, a.group)
	if err == nil {
		err = a.err
	}
	if err != nil {
		return err
	}
	released := a.ids[:0]
	pending := walk{group: g}
	var w wanting
	for _, id := range a.ids {
		found, over := pending.find(id), false
		if !found && a.force {
			found, over = w.has(s, id)
		}
		if over {
			return w.err
		}
		if found {
			released = append(released, id)
		}
	}
	if w.err != nil {
		return w.err
	}
	if len(released) > 0 {
		c.Tx.GroupRelease(a.key, a.group, inOrder(released), a.count)
	}
	c.Out.Int(int64(len(released)))
	return nil
}
