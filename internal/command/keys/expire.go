package keys

import (
	"math"

	"github.com/weirmq/weir/internal/command"
)

var expire = expiring("expire", "1.0.0", "seconds", "Let a key expire so many seconds from now.", true, false)
var pexpire = expiring("pexpire", "2.6.0", "milliseconds", "Let a key expire so many milliseconds from now.", false, false)
var expireat = expiring("expireat", "1.2.0", "unix-time-seconds", "Let a key expire at a time in unix seconds.", true, true)
var pexpireat = expiring("pexpireat", "2.6.0", "unix-time-milliseconds", "Let a key expire at a time in unix milliseconds.", false, true)

func expiring(name, since, when, summary string, seconds, absolute bool) command.Spec {
	return command.Spec{
		Name: name, Group: command.Generic, Since: since, Arity: -3,
		Syntax: "key " + when + " [NX | XX | GT | LT]",
		Summary: summary + " NX: only if it does not expire yet, XX: only if it does, GT: only if it would be later than now set, " +
			"LT: only if it would be earlier.",
		Flags: command.Write | command.Fast,
		Keys:  command.KeyAt(1),
		Run: func(c *command.Call) error {
			a, err := parseExpire(c.Args, seconds)
			if err != nil {
				return err
			}
			return runExpire(c, a, name, absolute)
		},
	}
}

// expireArgs are the arguments of the commands that set when a key expires.
type expireArgs struct {
	ms             int64 // from now on, or since 1970
	tooFar         bool  // for milliseconds in 64 bits
	nx, xx, gt, lt bool
}

const (
	errExclusiveNX command.Error = "ERR NX and XX, GT or LT options at the same time are not compatible"
	errExclusiveGT command.Error = "ERR GT and LT options at the same time are not compatible"
)

func parseExpire(args command.Args, seconds bool) (a expireArgs, err error) {
	for _, option := range args[3:] {
		switch {
		case command.EqualFold(option, "NX"):
			a.nx = true
		case command.EqualFold(option, "XX"):
			a.xx = true
		case command.EqualFold(option, "GT"):
			a.gt = true
		case command.EqualFold(option, "LT"):
			a.lt = true
		default:
			return a, command.Errorf("ERR Unsupported option %s", command.Printable(option, 128))
		}
	}
	switch {
	case a.nx && (a.xx || a.gt || a.lt):
		return a, errExclusiveNX
	case a.gt && a.lt:
		return a, errExclusiveGT
	}
	if a.ms, err = command.ParseInt(args[2]); err != nil || !seconds {
		return a, err
	}
	if a.tooFar = a.ms > math.MaxInt64/1000 || a.ms < math.MinInt64/1000; !a.tooFar {
		a.ms *= 1000
	}
	return a, nil
}

func runExpire(c *command.Call, a expireArgs, name string, absolute bool) error {
	at := a.ms
	if !absolute {
		a.tooFar = a.tooFar || at > math.MaxInt64-c.NowMS
		at += c.NowMS
	}
	if a.tooFar {
		return command.Errorf("ERR invalid expire time in '%s' command", name)
	}
	key := c.Args[1]
	if !c.Tx.Lookup(key).Exists() || !a.admits(c, key, at) {
		c.Out.Int(0)
		return nil
	}
	if at <= c.NowMS {
		c.Tx.Delete(key)
	} else {
		c.Tx.Expire(key, at)
	}
	c.Out.Int(1)
	return nil
}

// admits reports whether the options let a key, which is there, expire at a time. One that does not expire is like one that
// does so at the end of time.
func (a *expireArgs) admits(c *command.Call, key []byte, atMS int64) bool {
	if !a.nx && !a.xx && !a.gt && !a.lt {
		return true
	}
	now, expires := c.Tx.Expiry(key)
	switch {
	case a.nx && expires,
		a.xx && !expires,
		a.gt && (!expires || atMS <= now),
		a.lt && expires && atMS >= now:
		return false
	}
	return true
}
