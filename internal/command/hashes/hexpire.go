package hashes

import "github.com/weirmq/weir/internal/command"

var (
	hexpire    = expiring("hexpire", "seconds", "Let fields of a hash expire after so many seconds.", inSeconds)
	hpexpire   = expiring("hpexpire", "milliseconds", "Let fields of a hash expire after so many milliseconds.", inMS)
	hexpireat  = expiring("hexpireat", "unix-time-seconds", "Let fields of a hash expire at a time in unix seconds.", atSeconds)
	hpexpireat = expiring("hpexpireat", "unix-time-milliseconds", "Let fields of a hash expire at a time in unix milliseconds.", atMS)
)

func expiring(name, time, summary string, k clock) command.Spec {
	return command.Spec{
		Name: name, Group: command.Hash, Since: "7.4.0", Arity: -6,
		Syntax:     "key " + time + " [NX | XX | GT | LT] FIELDS numfields field [field ...]",
		Summary:    summary,
		Complexity: "O(N) for N fields",
		Flags:      command.Write | command.DenyOOM | command.Fast,
		Keys:       command.KeyAt(1),
		Run: command.Handle(
			func(args command.Args) (hexpireArgs, error) { return parseHExpire(args, name, k) },
			func(c *command.Call, a hexpireArgs) error { return runHExpire(c, a, name, k) },
		),
	}
}

type hexpireArgs struct {
	key    []byte
	timeMS int64 // in the clock's sense
	when   condition
	fields [][]byte
}

// condition is on what the time of a field was.
type condition uint8

const (
	always   condition = iota
	ifNone             // NX
	ifSome             // XX
	ifLater            // GT: none is the latest
	ifSooner           // LT
)

var conditions = [...]string{ifNone: "NX", ifSome: "XX", ifLater: "GT", ifSooner: "LT"}

func (w condition) met(oldMS, newMS int64) bool {
	switch w {
	case ifNone:
		return oldMS == 0
	case ifSome:
		return oldMS != 0
	case ifLater:
		return oldMS != 0 && newMS > oldMS
	case ifSooner:
		return oldMS == 0 || newMS < oldMS
	default:
		return true
	}
}

const errExpireNumber command.Error = "ERR Parameter `numFields` should be greater than 0"

func parseHExpire(args command.Args, name string, k clock) (a hexpireArgs, err error) {
	a.key = args[1]
	if a.timeMS, err = k.parse(args[2], name); err != nil {
		return a, err
	}
	rest := args[3:]
	for w := ifNone; int(w) < len(conditions); w++ {
		if command.EqualFold(rest[0], conditions[w]) {
			a.when, rest = w, rest[1:]
			break
		}
	}
	a.fields, err = parseFields(rest, errExpireNumber)
	return a, err
}

// What becomes of a field.
const (
	noField    = -2
	notMet     = 0
	timeSet    = 1
	fieldsGone = 2 // the time is over
)

func runHExpire(c *command.Call, a hexpireArgs, name string, k clock) error {
	if _, err := c.Tx.Hash(a.key); err != nil {
		return err
	}
	atMS, err := k.unixMS(a.timeMS, c.NowMS, name)
	if err != nil {
		return err
	}
	c.Out.Array(len(a.fields))
	for i := range a.fields {
		c.Out.Int(expireField(c, a.key, a.fields[i:i+1], atMS, a.when))
	}
	return nil
}

// expireField gives one field a time, if a condition is met. A time that is over deletes it.
func expireField(c *command.Call, key []byte, field [][]byte, atMS int64, when condition) (became int64) {
	h, _ := c.Tx.Hash(key)
	old, ok := h.Time(field[0])
	switch {
	case !ok:
		return noField
	case !when.met(old, atMS):
		return notMet
	case atMS <= c.NowMS:
		c.Tx.HashDelete(key, field)
		return fieldsGone
	default:
		c.Tx.HashExpire(key, field, atMS)
		return timeSet
	}
}
