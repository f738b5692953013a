package keys

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
)

var object = command.WithHelp(command.Spec{
	Name: "object", Group: command.Generic, Since: "2.2.3", Arity: -2,
	Summary: "Look at how a key's value is kept.",
	Sub: []command.Spec{
		objectQuestion("encoding", "2.2.3", "Return what Redis calls the form of a key's value.", func(c *command.Call, v state.Value) error {
			c.Out.BulkString(encodingOf(v))
			return nil
		}),
		objectQuestion("freq", "4.0.0", "Return how often a key is used. There is no policy under which that is counted.",
			func(*command.Call, state.Value) error { return errNoLFU }),
		objectQuestion("idletime", "2.2.3", "Return for how many seconds a key was not used.", func(c *command.Call, _ state.Value) error {
			c.Out.Int(c.Tx.IdleSeconds(c.Args[2]))
			return nil
		}),
		objectQuestion("refcount", "2.2.3", "Return how many refer to a key's value, in Redis: one, or for a small number very many.",
			func(c *command.Call, v state.Value) error {
				c.Out.Int(refCount(v))
				return nil
			}),
	},
}, "6.2.0")

const errNoLFU command.Error = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. " +
	"Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."

// objectQuestion is a subcommand that looks at a value; a key that is not there is null. The key does not count as used.
func objectQuestion(name, since, summary string, answer func(*command.Call, state.Value) error) command.Spec {
	return command.Spec{
		Name: name, Since: since, Arity: 3,
		Syntax:  "key",
		Summary: summary,
		Flags:   command.ReadOnly,
		Keys:    command.KeyAt(2).For("RO"),
		Tips:    nondeterministic,
		Run: func(c *command.Call) error {
			v := c.Tx.Glance(c.Args[2])
			if !v.Exists() {
				c.Out.Null()
				return nil
			}
			return answer(c, v)
		},
	}
}

// Redis keeps strings up to embeddedMost bytes together with their object, and has objects for the numbers below sharedBelow
// that all keys share.
const (
	embeddedMost = 44
	sharedBelow  = 10000
	sharedCount  = 1<<31 - 1
)

// encodingOf returns the word by which Redis 7.0 calls the form that it would give a value.
func encodingOf(v state.Value) string {
	switch v.Kind {
	case state.KindStream:
		return "stream"
	case state.KindString:
		return stringEncoding(v)
	case state.KindList:
		return listOf(v).Encoding()
	case state.KindHash:
		return hashOf(v, 0).Encoding()
	case state.KindSet:
		return setOf(v).Encoding()
	case state.KindZSet:
		return zsetOf(v).Encoding()
	default:
		return "unknown"
	}
}

func stringEncoding(v state.Value) string {
	if v.Edited || v.Object != nil {
		return "raw"
	}
	if _, err := command.ParseInt(v.Packed); err == nil {
		return "int"
	}
	if len(v.Packed) <= embeddedMost {
		return "embstr"
	}
	return "raw"
}

func refCount(v state.Value) int64 {
	if v.Kind == state.KindString && stringEncoding(v) == "int" {
		if n, _ := command.ParseInt(v.Packed); n >= 0 && n < sharedBelow {
			return sharedCount
		}
	}
	return 1
}
