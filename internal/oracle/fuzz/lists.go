package fuzz

import (
	"strconv"
	"strings"
)

// The commands on lists. Some rounds have lists that are long enough for many pages; in the others they are short, so that
// they come and go, and clients wait.

var lists = family{
	name:    "lists",
	command: (*generator).listCommand,
	begin: func(g *generator) (clients int) {
		if g.large = g.one(4); !g.large {
			g.queue = g.one(2)
		}
		return 5
	},
	kind:  "list",
	shown: func(key string) [][]string { return [][]string{{"LLEN", key}, {"LRANGE", key, "0", "-1"}} },
	rules: func([]string) (string, bool) { return "", false },
}

func (g *generator) listKey() string { return g.pick("l", "l", "l", "m", "m", "n", "d") }

func (g *generator) item() string {
	switch g.r.IntN(16) {
	case 0:
		return strconv.Itoa(g.r.IntN(1<<uint(g.r.IntN(40))) - g.r.IntN(1<<uint(g.r.IntN(20))))
	case 1:
		return g.number()
	case 2:
		size := g.r.IntN(300)
		if g.large {
			size = g.r.IntN(6000)
		}
		return strings.Repeat("v", size)
	}
	return g.pick("a", "a", "a", "b", "b", "c", "1", "2", "-1", "", "01", "\x00\xff\r\n", "4095", "4096", "a longer text, but not very long")
}

func (g *generator) items() []string {
	n := 1 + g.r.IntN(3)
	if g.large && g.one(3) {
		n = g.r.IntN(400)
	}
	items := []string{g.item()}
	for range n {
		items = append(items, g.item())
	}
	return items
}

// index gives indexes into lists.
func (g *generator) index() string {
	switch {
	case g.one(15):
		return g.number()
	case g.large:
		return strconv.Itoa(g.r.IntN(4000) - 2000)
	}
	return strconv.Itoa(g.r.IntN(16) - 8)
}

func (g *generator) side() string { return g.pick("LEFT", "RIGHT", "LEFT", "RIGHT", "left", "rIGHT") }

func (g *generator) listKeys() []string {
	keys := []string{g.listKey()}
	for g.one(3) {
		keys = append(keys, g.listKey())
	}
	return keys
}

// timeout is mostly for ever: what ends by itself ends at once.
func (g *generator) timeout() string {
	if g.one(10) {
		return g.pick("0.001", "0.002", "1e-3", ".001", "0x.001p0", "-1", "-0.001", "-0", "x", "", "nan", "inf", "1e400", "1e-5000", "9223372036854775",
			"9223372036854775.807", "9223372036854775.808", " 0", "0 ")
	}
	return "0"
}

func (g *generator) mpop() []string {
	keys := g.listKeys()
	args := append([]string{strconv.Itoa(len(keys))}, keys...)
	args = append(args, g.side())
	return g.maybe(args, 2, "COUNT", g.number)
}

func (g *generator) blockingListCommand() []string {
	switch g.r.IntN(6) {
	case 0:
		return []string{"BRPOPLPUSH", g.listKey(), g.listKey(), g.timeout()}
	case 1:
		return []string{"BLMOVE", g.listKey(), g.listKey(), g.side(), g.side(), g.timeout()}
	case 2:
		return append([]string{"BLMPOP", g.timeout()}, g.mpop()...)
	}
	return append(append([]string{g.pick("BLPOP", "BRPOP")}, g.listKeys()...), g.timeout())
}

// waitingCommand is what goes on where clients mostly wait: as much is taken as is added.
func (g *generator) waitingCommand() []string {
	switch n := g.r.IntN(10); {
	case n < 5:
		return g.blockingListCommand()
	case n < 8:
		return []string{g.pick("LPUSH", "RPUSH"), g.listKey(), g.item()}
	case n < 9:
		return []string{"LMOVE", g.listKey(), g.listKey(), g.side(), g.side()}
	}
	return []string{"LPOP", g.listKey(), "3"}
}

func (g *generator) listCommand() []string {
	if g.queue && !g.one(6) {
		return g.waitingCommand()
	}
	key := g.listKey()
	switch n := g.r.IntN(100); {
	case n < 24:
		return append([]string{g.pick("LPUSH", "RPUSH"), key}, g.items()...)
	case n < 28:
		return append([]string{g.pick("LPUSHX", "RPUSHX"), key}, g.items()...)
	case n < 36:
		return []string{g.pick("LPOP", "RPOP"), key}
	case n < 40:
		return []string{g.pick("LPOP", "RPOP"), key, g.number()}
	case n < 54:
		return g.blockingListCommand()
	case n < 58:
		return []string{"LMOVE", g.listKey(), g.listKey(), g.side(), g.side()}
	case n < 60:
		return []string{"RPOPLPUSH", g.listKey(), g.listKey()}
	case n < 63:
		return append([]string{"LMPOP"}, g.mpop()...)
	case n < 68:
		return []string{"LRANGE", key, g.index(), g.index()}
	case n < 71:
		return []string{"LINDEX", key, g.index()}
	case n < 75:
		return []string{"LSET", key, g.index(), g.item()}
	case n < 80:
		return []string{"LINSERT", key, g.pick("BEFORE", "AFTER", "before"), g.item(), g.item()}
	case n < 85:
		return []string{"LREM", key, g.pick("0", "1", "-1", "2", "-2", g.number()), g.item()}
	case n < 88:
		if g.large && !g.one(4) {
			return []string{"LTRIM", key, g.pick("0", "1", "-1500"), "-2"}
		}
		return []string{"LTRIM", key, g.index(), g.index()}
	case n < 93:
		args := []string{"LPOS", key, g.item()}
		args = g.maybe(args, 2, "RANK", g.index)
		args = g.maybe(args, 2, "COUNT", g.number)
		return g.maybe(args, 3, "MAXLEN", g.number)
	case n < 95:
		return []string{"LLEN", key}
	case n < 97:
		if g.large && !g.one(4) {
			return []string{"EXISTS", key}
		}
		return []string{g.pick("DEL", "UNLINK"), key}
	case n < 98:
		return []string{"TYPE", key}
	}
	return []string{"CLIENT", "UNBLOCK", "{" + strconv.Itoa(g.r.IntN(g.clients)) + "}", g.pick("TIMEOUT", "ERROR")}
}
