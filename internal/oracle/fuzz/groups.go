package fuzz

import (
	"strconv"
	"strings"
)

// The commands of consumer groups. Idle times are 0 or so long that no entry of
// a round gets that old by itself: XCLAIM ... IDLE makes them old.

func (g *generator) group() string {
	if !g.one(4) {
		return "g"
	}
	return g.pick("g", "h", "h", "", "G \x00\xff\r\n")
}

func (g *generator) consumer() string {
	return g.pick("c", "c", "c", "d", "d", "e", "", "C \x00\xff\r\n")
}

func (g *generator) idle() string {
	if g.one(10) {
		return g.pick("-1", "x", "", "1.5", "9223372036854775807", "9223372036854775808", "-9223372036854775808")
	}
	return g.pick("0", "0", "0", "0", "100000", "300000")
}

// id names an entry that was probably added, and lately.
func (g *generator) id(key string) string {
	if n := len(g.added[key]); n > 0 && !g.one(6) {
		back := min(n, 8)
		if g.large {
			back = n
		}
		return g.added[key][n-1-g.r.IntN(back)]
	}
	return g.fixedID(key)
}

func (g *generator) ids(key string) []string {
	ids := []string{g.id(key)}
	for !g.one(3) {
		ids = append(ids, g.id(key))
	}
	if g.large && g.one(3) { // a run of neighbours
		if n := len(g.added[key]); n > 0 {
			from := g.r.IntN(n)
			ids = append(ids, g.added[key][from:min(n, from+g.r.IntN(200))]...)
		}
	}
	return ids
}

// nextEntry adds an entry with an ID that is known to the generator.
func (g *generator) nextEntry(key string) []string {
	g.last[key]++
	id := strconv.FormatUint(g.last[key], 10) + "-1"
	g.added[key] = append(g.added[key], id)
	return []string{"XADD", key, id, "f", "v"}
}

func (g *generator) maybe(args []string, in int, option string, value func() string) []string {
	if g.one(in) {
		args = append(args, option, value())
	}
	return args
}

func (g *generator) groupCommand() []string {
	key := g.key()
	switch n := g.r.IntN(100); {
	case n < 11:
		return g.xgroupCreate(key)
	case n < 15:
		args := []string{"XGROUP", "SETID", key, g.group(), g.groupID(key)}
		return g.maybe(args, 3, "ENTRIESREAD", g.entriesRead)
	case n < 16:
		return []string{"XGROUP", "DESTROY", key, g.group()}
	case n < 18:
		return []string{"XGROUP", "CREATECONSUMER", key, g.group(), g.consumer()}
	case n < 20:
		return []string{"XGROUP", "DELCONSUMER", key, g.group(), g.consumer()}
	case n < 55:
		return g.xreadgroup()
	case n < 66:
		return append([]string{"XACK", key, g.group()}, g.ids(key)...)
	case n < 75:
		return g.xpending(key)
	case n < 84:
		return g.xclaim(key)
	case n < 92:
		args := []string{"XAUTOCLAIM", key, g.group(), g.consumer(), g.idle(), g.rangeEnd(key, "-")}
		args = g.maybe(args, 2, "COUNT", g.number)
		if g.one(2) {
			args = append(args, "JUSTID")
		}
		return args
	case n < 95:
		return []string{"XINFO", "GROUPS", key}
	case n < 98:
		return []string{"XINFO", "CONSUMERS", key, g.group()}
	}
	return g.maybe([]string{"XINFO", "STREAM", key, "FULL"}, 2, "COUNT", g.number)
}

// queueCommand is one of a crowd of workers that wait, of those who give them
// work, and now and then of what takes their queue away.
func (g *generator) queueCommand() []string {
	switch n := g.r.IntN(100); {
	case n < 55:
		args := []string{"XREADGROUP", "GROUP", g.pick("g", "g", "g", "h"), g.pick("c", "d", "e"), "BLOCK", "0"}
		args = g.maybe(args, 2, "COUNT", func() string { return g.pick("1", "1", "2") })
		if g.one(8) {
			args = append(args, "NOACK")
		}
		if g.one(4) {
			return append(args, "STREAMS", "a", "b", ">", ">")
		}
		return append(args, "STREAMS", g.pick("a", "a", "b"), ">")
	case n < 58:
		return []string{"XREAD", "BLOCK", "0", "STREAMS", "a", "$"}
	case n < 78:
		return g.nextEntry(g.pick("a", "a", "b"))
	case n < 83:
		return append([]string{"XACK", "a", "g"}, g.ids("a")...)
	case n < 86:
		return append([]string{"XDEL", "a"}, g.ids("a")...)
	case n < 90:
		return []string{"CLIENT", "UNBLOCK", "{" + strconv.Itoa(g.r.IntN(6)) + "}", g.pick("TIMEOUT", "ERROR")}
	case n < 97:
		return []string{"XGROUP", "CREATE", g.pick("a", "b"), g.pick("g", "g", "h"), g.pick("0", "$", "$"), "MKSTREAM"}
	case n < 99:
		return []string{"XGROUP", "DESTROY", "a", g.pick("g", "h")}
	}
	return []string{g.pick("DEL", "UNLINK"), g.pick("a", "b")}
}

func (g *generator) entriesRead() string {
	if g.one(2) {
		return g.pick("0", "-1", "-2", "1000", "100000")
	}
	return g.number()
}

// groupID is a place from which a group goes on: the beginning, the end, or anywhere.
func (g *generator) groupID(key string) string {
	return g.pick("0", "0", "0", "$", g.id(key), g.fixedID(key))
}

func (g *generator) xgroupCreate(key string) []string {
	args := []string{"XGROUP", "CREATE", key, g.group(), g.groupID(key)}
	if !g.one(3) {
		args = append(args, "MKSTREAM")
	}
	return g.maybe(args, 5, "ENTRIESREAD", g.entriesRead)
}

func (g *generator) xreadgroup() []string {
	args := []string{"XREADGROUP"}
	if g.one(2) {
		args = append(args, "GROUP", g.group(), g.consumer())
	}
	args = g.maybe(args, 2, "COUNT", g.number)
	block := g.one(2)
	if block {
		args = append(args, "BLOCK", g.pick("0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "1", "-1", "x"))
	}
	if g.one(6) {
		args = append(args, "NOACK")
	}
	if len(args) < 2 || args[1] != "GROUP" {
		args = append(args, "GROUP", g.group(), g.consumer())
	}
	if g.one(60) {
		args = append(args, "FOO")
	}
	args = append(args, "STREAMS")
	var ids []string
	for n := 1; n == 1 || n < 4 && g.one(6); n++ {
		key := g.key()
		args = append(args, key)
		id := g.pick(">", ">", ">", "0", g.id(key))
		if block && !g.one(6) {
			id = ">"
		}
		ids = append(ids, id)
	}
	return append(args, ids...)
}

func (g *generator) xpending(key string) []string {
	args := []string{"XPENDING", key, g.group()}
	if g.one(3) {
		return args
	}
	args = g.maybe(args, 3, "IDLE", g.idle)
	args = append(args, g.rangeEnd(key, "-"), g.rangeEnd(key, "+"), g.number())
	if g.one(3) {
		args = append(args, g.consumer())
	}
	return args
}

func (g *generator) xclaim(key string) []string {
	args := append([]string{"XCLAIM", key, g.group(), g.consumer(), g.idle()}, g.ids(key)...)
	args = g.maybe(args, 3, "IDLE", func() string { return g.pick("0", "200000", "200000", "400000", "-1", "x", "9223372036854775807") })
	args = g.maybe(args, 8, "TIME", func() string { return g.pick("0", "1", "-1", "99999999999999", "x") })
	args = g.maybe(args, 5, "RETRYCOUNT", g.number)
	if g.one(3) {
		args = append(args, "FORCE")
	}
	if g.one(3) {
		args = append(args, "JUSTID")
	}
	return g.maybe(args, 8, "LASTID", func() string { return g.id(key) })
}

// prelude makes the consumers that an XREADGROUP is about to read for. Redis
// 7.0 makes them only when there is something to read, Weir always
// (docs/compat.md, consumer groups); so they are there before. It belongs to
// the running of a command and not to the round: a round that is shortened
// keeps it.
func prelude(args []string) [][]string {
	if !strings.EqualFold(args[0], "xreadgroup") {
		return nil
	}
	var group, consumer string
	for i := 1; i < len(args); i++ {
		switch word := strings.ToLower(args[i]); {
		case word == "streams":
			var all [][]string
			for _, key := range args[i+1:][:(len(args)-i-1)/2] {
				all = append(all, []string{"XGROUP", "CREATECONSUMER", key, group, consumer})
			}
			return all
		case word == "group" && i+2 < len(args):
			group, consumer = args[i+1], args[i+2]
			i += 2
		case word == "count" || word == "block":
			i++
		case word != "noack":
			return nil
		}
	}
	return nil
}

// between says that the argument behind an option, or at a place, is a number in
// a range: there an idle time would depend on how fast the servers are.
func between(args []string, at int, from, to int64) bool {
	if at <= 0 || at >= len(args) {
		return false
	}
	n, err := strconv.ParseInt(args[at], 10, 64)
	return err == nil && n > from && n < to
}
