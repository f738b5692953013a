package keys

import (
	"errors"
	"math"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
)

var dump = command.Spec{
	Name: "dump", Group: command.Generic, Since: "2.6.0", Arity: 2,
	Syntax:     "key",
	Summary:    "Return what a key holds as bytes that RESTORE takes, of Weir's own format.",
	Complexity: "O(N) for N bytes",
	Flags:      command.ReadOnly,
	Keys:       command.KeyAt(1),
	Tips:       nondeterministic,
	Run: command.Plain(func(c *command.Call) error {
		dump, err := c.Tx.Dump(c.Args[1])
		switch {
		case err != nil:
			return command.Lost(c.Args[1], err)
		case dump == nil:
			c.Out.Null()
		default:
			c.Out.Bulk(dump)
		}
		return nil
	}),
}

var restore = command.Spec{
	Name: "restore", Group: command.Generic, Since: "2.6.0", Arity: -4,
	Syntax:     "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
	Summary:    "Make a key of what DUMP has returned, which expires in ttl milliseconds, or at that time; 0: it does not.",
	Complexity: "O(N) for N bytes",
	Flags:      command.Write | command.DenyOOM | command.Dangerous,
	Keys:       command.KeyAt(1).For("OW update"),
	Run:        command.Handle(parseRestore, runRestore),
}

const (
	errBusyKey    command.Error = "BUSYKEY Target key name already exists."
	errTTL        command.Error = "ERR Invalid TTL value, must be >= 0"
	errIdleTime   command.Error = "ERR Invalid IDLETIME value, must be >= 0"
	errFreq       command.Error = "ERR Invalid FREQ value, must be >= 0 and <= 255"
	errDump       command.Error = "ERR DUMP payload version or checksum are wrong"
	errDataFormat command.Error = "ERR Bad data format"
)

type restoreArgs struct {
	ttl               int64
	ttlErr            error // matters only if the key may be made
	replace, absolute bool
	idle              int64 // seconds; -1: not given
}

func parseRestore(args command.Args) (a restoreArgs, err error) {
	a.idle = -1
	freq := int64(-1)
	for rest := args[4:]; len(rest) > 0; {
		taken := 1
		switch option := rest[0]; {
		case command.EqualFold(option, "REPLACE"):
			a.replace = true
		case command.EqualFold(option, "ABSTTL"):
			a.absolute = true
		case command.EqualFold(option, "IDLETIME") && len(rest) > 1 && freq < 0:
			a.idle, err = parseBetween(rest[1], math.MaxInt64, errIdleTime)
			taken = 2
		case command.EqualFold(option, "FREQ") && len(rest) > 1 && a.idle < 0:
			freq, err = parseBetween(rest[1], math.MaxUint8, errFreq)
			taken = 2
		default:
			err = command.ErrSyntax
		}
		if err != nil {
			return a, err
		}
		rest = rest[taken:]
	}
	a.ttl, a.ttlErr = parseBetween(args[2], math.MaxInt64, errTTL)
	return a, nil
}

// parseBetween reads a number from 0 to most; another is an error of its own.
func parseBetween(arg []byte, most int64, outside error) (int64, error) {
	n, err := command.ParseInt(arg)
	if err == nil && (n < 0 || n > most) {
		err = outside
	}
	return n, err
}

func runRestore(c *command.Call, a restoreArgs) error {
	key := c.Args[1]
	if !a.replace && c.Tx.Lookup(key).Exists() {
		return errBusyKey
	}
	if a.ttlErr != nil {
		return a.ttlErr
	}
	value, err := c.Tx.ParseDump(c.Args[3])
	switch {
	case errors.Is(err, state.ErrForeignDump):
		return errDump
	case err != nil:
		return errDataFormat
	}
	at := a.ttl
	if !a.absolute && at > 0 {
		at += min(c.NowMS, math.MaxInt64-at)
	}
	if at > 0 && at <= c.NowMS {
		value.Release()
		c.Tx.Delete(key)
		c.Out.OK()
		return nil
	}
	c.Tx.Put(key, value)
	if at > 0 {
		c.Tx.Expire(key, at)
	}
	if a.idle >= 0 {
		c.Tx.SetIdle(key, a.idle)
	}
	c.Out.OK()
	return nil
}
