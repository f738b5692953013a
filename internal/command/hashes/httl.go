package hashes

import "github.com/weirmq/weir/internal/command"

var (
	httl         = showing("httl", "Return in how many seconds fields of a hash expire.", inSeconds)
	hpttl        = showing("hpttl", "Return in how many milliseconds fields of a hash expire.", inMS)
	hexpiretime  = showing("hexpiretime", "Return the times in unix seconds at which fields of a hash expire.", atSeconds)
	hpexpiretime = showing("hpexpiretime", "Return the times in unix milliseconds at which fields of a hash expire.", atMS)
)

// noTime is the time of a field that does not expire.
const noTime = -1

func showing(name, summary string, k clock) command.Spec {
	return command.Spec{
		Name: name, Group: command.Hash, Since: "7.4.0", Arity: -5,
		Syntax:     "key FIELDS numfields field [field ...]",
		Summary:    summary,
		Complexity: "O(N) for N fields",
		Flags:      command.ReadOnly | command.Fast,
		Keys:       command.KeyAt(1),
		Tips:       tipsOf(k),
		Run: command.Handle(parseNamed, func(c *command.Call, a named) error {
			h, err := c.Tx.Hash(a.key)
			if err != nil {
				return err
			}
			c.Out.Array(len(a.fields))
			for _, field := range a.fields {
				switch at, ok := h.Time(field); {
				case !ok:
					c.Out.Int(noField)
				case at == 0:
					c.Out.Int(noTime)
				default:
					c.Out.Int(k.show(at, c.NowMS))
				}
			}
			return nil
		}),
	}
}

// tipsOf: what is left of a time depends on when one asks.
func tipsOf(k clock) []string {
	if k.relative {
		return []string{"nondeterministic_output"}
	}
	return nil
}

// named are a hash and some of its fields.
type named struct {
	key    []byte
	fields [][]byte
}

func parseNamed(args command.Args) (a named, err error) {
	a.key = args[1]
	a.fields, err = parseFields(args[2:], errFieldsNumber)
	return a, err
}

var hpersist = command.Spec{
	Name: "hpersist", Group: command.Hash, Since: "7.4.0", Arity: -5,
	Syntax:     "key FIELDS numfields field [field ...]",
	Summary:    "Let fields of a hash not expire.",
	Complexity: "O(N) for N fields",
	Flags:      command.Write | command.Fast,
	Keys:       command.KeyAt(1),
	Run: command.Handle(parseNamed, func(c *command.Call, a named) error {
		if _, err := c.Tx.Hash(a.key); err != nil {
			return err
		}
		c.Out.Array(len(a.fields))
		for i := range a.fields {
			c.Out.Int(persistField(c, a.key, a.fields[i:i+1]))
		}
		return nil
	}),
}

func persistField(c *command.Call, key []byte, field [][]byte) (became int64) {
	h, _ := c.Tx.Hash(key)
	switch at, ok := h.Time(field[0]); {
	case !ok:
		return noField
	case at == 0:
		return noTime
	default:
		c.Tx.HashExpire(key, field, 0)
		return timeSet
	}
}
