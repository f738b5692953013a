package hashes

import "github.com/weirmq/weir/internal/command"

var hsetex = command.Spec{
	Name: "hsetex", Group: command.Hash, Since: "8.0.0", Arity: -6,
	Syntax: "key [FNX | FXX] " +
		"[EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL] " +
		"FIELDS numfields field value [field value ...]",
	Summary:    "Set fields of a hash and when they expire, if none (FNX) or all (FXX) of them are there; tell whether that is so.",
	Complexity: "O(N) for N fields",
	Flags:      command.Write | command.DenyOOM | command.Fast,
	Keys:       command.KeyAt(1),
	Run:        command.Handle(parseHSetEx, runHSetEx),
}

type hsetexArgs struct {
	key           []byte
	ifNone, ifAll bool
	until         until
	pairs         [][]byte
}

const (
	errSetExArity     command.Error = "ERR wrong number of arguments for 'hsetex' command"
	errSetExNumber    command.Error = "ERR invalid number of fields"
	errSetExNoTime    command.Error = "ERR missing expire time"
	errSetExCondition command.Error = "ERR Only one of FXX or FNX arguments can be specified"
	errSetExTimes     command.Error = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"
)

func parseHSetEx(args command.Args) (a hsetexArgs, err error) {
	a.key = args[1]
	for rest := args[2:]; len(rest) > 0; {
		if command.EqualFold(rest[0], "FIELDS") {
			a.pairs, err = parsePairs(rest[1:])
			return a, err
		}
		taken, err := a.parseOption(rest)
		if err != nil {
			return a, err
		}
		rest = rest[taken:]
	}
	return a, errSetExArity
}

// parsePairs reads a number and so many fields and values, which are all that is left.
func parsePairs(args [][]byte) ([][]byte, error) {
	if len(args) < 3 {
		return nil, errSetExArity
	}
	n, err := command.ParseInt(args[0])
	if err != nil || n < 1 || n > 1<<31-1 {
		return nil, errSetExNumber
	}
	if pairs := args[1:]; int64(len(pairs)) == 2*n {
		return pairs, nil
	}
	return nil, errSetExArity
}

func (a *hsetexArgs) parseOption(rest [][]byte) (taken int, err error) {
	if k, ok := clockOf(rest[0]); ok {
		if a.until.set || a.until.persist {
			return 0, errSetExTimes
		}
		if len(rest) < 2 {
			return 0, errSetExNoTime
		}
		a.until.set, a.until.clock = true, k
		a.until.timeMS, err = k.parse(rest[1], "hsetex")
		return 2, err
	}
	switch {
	case command.EqualFold(rest[0], "KEEPTTL"):
		if a.until.set || a.until.persist {
			return 0, errSetExTimes
		}
		a.until.persist = true
	case command.EqualFold(rest[0], "FXX"), command.EqualFold(rest[0], "FNX"):
		if a.ifAll || a.ifNone {
			return 0, errSetExCondition
		}
		a.ifAll = rest[0][1]|0x20 == 'x'
		a.ifNone = !a.ifAll
	default:
		return 0, command.Errorf("ERR unknown argument: %s", command.Printable(rest[0], len(rest[0])))
	}
	return 1, nil
}

func runHSetEx(c *command.Call, a hsetexArgs) error {
	atMS, err := a.until.clock.unixMS(a.until.timeMS, c.NowMS, "hsetex")
	if err != nil {
		return err
	}
	h, err := c.Tx.Hash(a.key)
	if err != nil {
		return err
	}
	fields := make([][]byte, 0, len(a.pairs)/2)
	for i := 0; i < len(a.pairs); i += 2 {
		fields = append(fields, a.pairs[i])
		if _, ok := h.Get(a.pairs[i]); ok && a.ifNone || !ok && a.ifAll {
			c.Out.Int(0)
			return nil
		}
	}
	switch {
	case a.until.persist:
		c.Tx.HashUpdate(a.key, a.pairs)
	case !a.until.set:
		c.Tx.HashSet(a.key, a.pairs)
	case atMS > c.NowMS:
		c.Tx.HashSet(a.key, a.pairs)
		c.Tx.HashExpire(a.key, fields, atMS)
	case h.Len() > 0: // what is set is over
		c.Tx.HashDelete(a.key, fields)
	}
	c.Out.Int(1)
	return nil
}
