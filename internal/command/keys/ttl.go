package keys

import "github.com/weirmq/weir/internal/command"

// What the commands of this file answer of a key that is not there, or that does not expire.
const (
	noKey    = -2
	noExpiry = -1
)

var nondeterministic = []string{"nondeterministic_output"}

var ttl = timeOf("ttl", "1.0.0", "Return in how many seconds a key expires.", nondeterministic,
	func(atMS, nowMS int64) int64 { return roundToSeconds(max(atMS-nowMS, 0)) })

var pttl = timeOf("pttl", "2.6.0", "Return in how many milliseconds a key expires.", nondeterministic,
	func(atMS, nowMS int64) int64 { return max(atMS-nowMS, 0) })

var expiretime = timeOf("expiretime", "7.0.0", "Return when a key expires, in unix seconds.", nil,
	func(atMS, _ int64) int64 { return roundToSeconds(atMS) })

var pexpiretime = timeOf("pexpiretime", "7.0.0", "Return when a key expires, in unix milliseconds.", nil,
	func(atMS, _ int64) int64 { return atMS })

// roundToSeconds rounds a time that is not negative; near the end of time the sum is more than an int64 holds.
func roundToSeconds(ms int64) int64 { return int64((uint64(max(ms, 0)) + 500) / 1000) }

func timeOf(name, since, summary string, tips []string, answer func(atMS, nowMS int64) int64) command.Spec {
	return command.Spec{
		Name: name, Group: command.Generic, Since: since, Arity: 2,
		Syntax:  "key",
		Summary: summary + " -1: it does not; -2: there is no such key.",
		Flags:   command.ReadOnly | command.Fast,
		Keys:    command.KeyAt(1),
		Tips:    tips,
		Run: func(c *command.Call) error {
			key := c.Args[1]
			if !c.Tx.Glance(key).Exists() {
				c.Out.Int(noKey)
			} else if at, expires := c.Tx.Expiry(key); expires {
				c.Out.Int(answer(at, c.NowMS))
			} else {
				c.Out.Int(noExpiry)
			}
			return nil
		},
	}
}

var persist = command.Spec{
	Name: "persist", Group: command.Generic, Since: "2.2.0", Arity: 2,
	Syntax:  "key",
	Summary: "Let a key not expire any more, and return whether it did.",
	Flags:   command.Write | command.Fast,
	Keys:    command.KeyAt(1),
	Run: command.Plain(func(c *command.Call) error {
		persisted := int64(0)
		if c.Tx.Persist(c.Args[1]) {
			persisted = 1
		}
		c.Out.Int(persisted)
		return nil
	}),
}
