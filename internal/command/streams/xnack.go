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
	Run:        command.Handle(parseXNack, runXNack),
}

type xnackArgs struct {
	key, group []byte
	ids        []stream.ID
	count      groups.Count
	force      bool
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
	switch mode := args[3]; {
	case command.EqualFold(mode, "SILENT"):
		a.count = groups.Count{How: groups.CountDown}
	case command.EqualFold(mode, "FAIL"):
		a.count = groups.Count{How: groups.CountKeep}
	case command.EqualFold(mode, "FATAL"):
		a.count = groups.Count{How: groups.CountSet, To: math.MaxInt64}
	default:
		return a, errNackMode
	}
	var texts [][]byte
	for rest := args[4:]; len(rest) > 0; {
		taken := 1
		switch opt := rest[0]; {
		case len(rest) > 1 && command.EqualFold(opt, "IDS"):
			n, err := command.ParseInt(rest[1])
			if err != nil || n < 1 {
				return a, errNackNumIDs
			}
			if n > int64(len(rest)-2) {
				return a, errNackFew
			}
			taken = 2 + int(n)
			texts = rest[2:taken]
		case len(rest) > 1 && command.EqualFold(opt, "RETRYCOUNT"):
			n, err := command.ParseInt(rest[1])
			if err != nil {
				return a, err
			}
			if n < 0 {
				return a, errNackRetry
			}
			a.count = groups.Count{How: groups.CountSet, To: n}
			taken = 2
		case command.EqualFold(opt, "FORCE"):
			a.force = true
		default:
			return a, command.Errorf("ERR ERR Unrecognized XNACK option '%s'", text(opt))
		}
		rest = rest[taken:]
	}
	if texts == nil {
		return a, errNackNoIDs
	}
	var err error
	a.ids, err = parseIDs(make([]stream.ID, 0, len(texts)), texts)
	return a, err
}

func runXNack(c *command.Call, a xnackArgs) error {
	s, g, err := needGroup(c, a.key, a.group)
	if err != nil {
		return err
	}
	released := a.ids[:0]
	w := walk{group: g}
	for _, id := range a.ids {
		if w.find(id) || a.force && s.Has(id) {
			released = append(released, id)
		}
	}
	if len(released) > 0 {
		c.Tx.GroupRelease(a.key, a.group, released, a.count)
	}
	c.Out.Int(int64(len(released)))
	return nil
}
