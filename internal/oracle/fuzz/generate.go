package fuzz

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Op is one command of one client. An argument {0} stands for the ID that the
// server gave to client 0.
type Op struct {
	Client int
	Args   []string
}

// Round is a list of commands, and the protocol that each client starts with.
// With a Pipeline above 1, so many commands at a time go out in one write, all of
// them by the client of the first.
type Round struct {
	Protos   []int
	Pipeline int
	Ops      []Op
	Settle   bool // the second server is a weir: now and then it gets the time to take its full blocks out of memory
}

// Generate makes a round of n commands. The same seed gives the same round.
func Generate(seed, round uint64, n int) Round {
	g := newGenerator(seed, round)
	g.approx, g.back = g.one(3), g.one(4)
	g.groups = !g.one(3)
	var rd Round
	clients := 1 + g.r.IntN(3)
	if g.queue = g.groups && g.one(3); g.queue {
		clients = 6
	}
	for range clients {
		rd.Protos = append(rd.Protos, 2+g.r.IntN(2))
	}
	g.clients = len(rd.Protos)
	rd.Pipeline = []int{1, 1, 1, 2 + g.r.IntN(60)}[g.r.IntN(4)]
	if g.groups {
		for _, key := range []string{"a", "a", "b"} {
			rd.Ops = append(rd.Ops, Op{0, []string{"XGROUP", "CREATE", key, g.group(), "0", "MKSTREAM"}})
		}
		if g.large = !g.queue && g.one(6); g.large {
			for range 600 {
				rd.Ops = append(rd.Ops, Op{0, g.nextEntry("a")})
			}
		}
	}
	for range n {
		args := g.command()
		if g.large && clears(args) && !g.one(12) {
			continue
		}
		if g.one(20) {
			args = g.mutate(args)
		}
		if at := slices.Index(args, "~"); at >= 0 && !g.approx {
			args[at] = "="
		}
		rd.Ops = append(rd.Ops, Op{g.r.IntN(g.clients), args})
	}
	return rd
}

// clears says that a command takes away what a round has built up.
func clears(args []string) bool {
	switch args[0] {
	case "DEL", "UNLINK", "FLUSHDB", "FLUSHALL", "XTRIM":
		return true
	case "XGROUP":
		return args[1] == "DESTROY" || args[1] == "DELCONSUMER"
	}
	return args[0] == "XADD" && (slices.Contains(args, "MAXLEN") || slices.Contains(args, "maxlen") || slices.Contains(args, "MINID"))
}

type generator struct {
	r       *rand.Rand
	clients int
	last    map[string]uint64 // roughly the last ms of each key, so that most XADDs succeed

	added map[string][]string // per key, the IDs of XADDs

	// Trimming with ~ takes whole nodes. Redis ends a node after 100 entries or
	// 4,096 bytes, Weir after 100 entries: so ~ is left to rounds of small
	// entries, and of few keys, lest no stream has a second node.
	approx bool

	// XSETID may give a stream back IDs that were deleted. Redis's MINID stops at
	// the place of a deleted entry, even where lower ones follow: so it is left out
	// of rounds in which there can be such.
	back bool

	groups bool // half of the commands are those of consumer groups
	queue  bool // most of them are workers that wait for the same, and work for them
	large  bool // with hundreds of pending entries
}

func newGenerator(seed, round uint64) *generator {
	return &generator{r: rand.New(rand.NewPCG(seed, round)), last: map[string]uint64{}, added: map[string][]string{}}
}

func (g *generator) one(in int) bool { return g.r.IntN(in) == 0 }

func (g *generator) pick(words ...string) string { return words[g.r.IntN(len(words))] }

func (g *generator) key() string {
	if (g.approx || g.groups) && !g.one(5) {
		return "a"
	}
	return g.pick("a", "a", "a", "b", "b", "c", "d", "", "k\x00\xff", "tag{x}")
}

// number gives integers as options take them, mostly small.
func (g *generator) number() string {
	if g.one(8) {
		return g.pick("-1", "", "x", "1.5", "+1", "01", " 1", "1 ", "9223372036854775807", "9223372036854775808",
			"-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "1e3", "0x1", "\x00")
	}
	if g.large {
		return strconv.Itoa(g.r.IntN(300))
	}
	return strconv.Itoa(g.r.IntN(12))
}

// fixedID gives IDs that name an entry or a place between entries.
func (g *generator) fixedID(key string) string {
	ms := g.last[key] - min(g.last[key], g.r.Uint64N(12)) + g.r.Uint64N(3)
	switch g.r.IntN(12) {
	case 0, 1:
		return strconv.FormatUint(ms, 10)
	case 2:
		return g.pick("0", "0-0", "0-1", "1-1", "18446744073709551615", "18446744073709551615-18446744073709551615",
			"18446744073709551615-0", "0-18446744073709551615", "18446744073709551614-18446744073709551615",
			"18446744073709551616", "1-18446744073709551616", "-1", "-1-1", "1-", "-", "+", "*", "$", ">", "", "x", "1-x", "x-1", "1-1-1",
			" 1", "1 ", "01-01", "1.0", "(", "(1", "(x", "1-*", "*-1", "99999999999999-5")
	}
	return strconv.FormatUint(ms, 10) + "-" + strconv.Itoa(g.r.IntN(4))
}

// newID gives IDs for XADD: mostly greater than the last.
func (g *generator) newID(key string) string {
	switch g.r.IntN(24) {
	case 0:
		return g.fixedID(key)
	case 1: // the clock; what follows is above it, and in a year with another first digit, see rule ids
		g.last[key] = max(g.last[key], 2_000_000_000_000)
		return "*"
	case 2, 3:
		return strconv.FormatUint(g.last[key], 10) + "-*"
	case 4:
		g.last[key]++
		return strconv.FormatUint(g.last[key], 10)
	case 5:
		return strconv.FormatUint(g.last[key], 10) + "-" + strconv.Itoa(g.r.IntN(9))
	}
	g.last[key] += 1 + g.r.Uint64N(2)
	return strconv.FormatUint(g.last[key], 10) + "-" + strconv.Itoa(g.r.IntN(4))
}

func (g *generator) rangeEnd(key string, open string) string {
	switch g.r.IntN(6) {
	case 0, 1:
		return open
	case 2:
		return "(" + g.fixedID(key)
	}
	return g.fixedID(key)
}

func (g *generator) trim(key string) []string {
	args := []string{g.pick("MAXLEN", "MAXLEN", "MINID", "maxlen")}
	if g.back {
		args[0] = "MAXLEN"
	}
	if g.one(2) {
		args = append(args, g.pick("=", "~", "~"))
	}
	switch {
	case strings.EqualFold(args[0], "MINID"):
		args = append(args, g.fixedID(key))
	case g.approx:
		args = append(args, strconv.Itoa(g.r.IntN(200)))
	default:
		args = append(args, g.number())
	}
	if g.approx && g.one(3) {
		args = append(args, "LIMIT", strconv.Itoa(g.r.IntN(250)))
	} else if g.one(5) {
		args = append(args, "LIMIT", g.number())
	}
	return args
}

func (g *generator) value() string {
	if g.approx {
		return g.pick("1", "v", "", "-7", "\xff")
	}
	if g.one(40) {
		return strings.Repeat(g.pick("v", "\x00", "\xff"), g.r.IntN(6000))
	}
	return g.pick("1", "v", "", "-7", "12345678901", "\x00\xff\r\n", "some longer text that is no number")
}

func (g *generator) xadd() []string {
	key := g.key()
	args := []string{"XADD", key}
	if g.one(10) {
		args = append(args, "NOMKSTREAM")
	}
	if g.one(6) && !g.approx && !g.groups || g.one(30) {
		args = append(args, g.trim(key)...)
	}
	id := g.newID(key)
	if !strings.HasSuffix(id, "*") {
		g.added[key] = append(g.added[key], id)
	}
	args = append(args, id)
	fields := 1 + g.r.IntN(3)
	if g.approx {
		fields = 1
	}
	for range fields {
		args = append(args, g.pick("f", "f", "name", "", "\xff"), g.value())
	}
	return args
}

func (g *generator) xread() []string {
	args := []string{"XREAD"}
	if g.one(3) {
		args = append(args, "COUNT", g.number())
	}
	block := g.one(2)
	if block {
		args = append(args, "BLOCK", g.pick("0", "0", "0", "0", "0", "0", "0", "1", "-1", "x"))
	}
	if g.one(40) {
		args = append(args, g.pick("GROUP", "NOACK", "FOO"))
	}
	args = append(args, "STREAMS")
	var ids []string
	for range 1 + g.r.IntN(3) {
		key := g.key()
		args = append(args, key)
		id := g.pick("$", g.fixedID(key), g.fixedID(key))
		if block && !g.one(4) {
			id = "$"
		}
		ids = append(ids, id)
	}
	return append(args, ids...)
}

func (g *generator) xsetid(key string) []string {
	highest := func(id string) bool { return strings.HasPrefix(id, "1844674407370955161") }
	if !g.back && slices.ContainsFunc(g.added[key], highest) {
		return []string{"XLEN", key} // any ID would be lower
	}
	args := []string{"XSETID", key, g.fixedID(key)}
	if !g.back || g.one(2) {
		g.last[key] += g.r.Uint64N(3)
		args[2] = strconv.FormatUint(g.last[key], 10) + "-9"
	}
	if g.one(2) {
		added := g.number()
		if g.one(2) {
			added = strconv.Itoa(g.r.IntN(1000))
		}
		args = append(args, "ENTRIESADDED", added, "MAXDELETEDID", g.fixedID(key))
	}
	return args
}

func (g *generator) some(word string) []string {
	args := []string{word, g.key()}
	for g.one(2) {
		args = append(args, g.key())
	}
	return args
}

func (g *generator) command() []string {
	key := g.key()
	if g.approx && g.one(2) {
		return g.xadd()
	}
	if g.queue && !g.one(8) {
		return g.queueCommand()
	}
	if g.groups && g.one(2) {
		return g.groupCommand()
	}
	switch n := g.r.IntN(100); {
	case n < 34:
		return g.xadd()
	case n < 48:
		return g.xread()
	case n < 56:
		args := []string{"XRANGE", key, g.rangeEnd(key, "-"), g.rangeEnd(key, "+")}
		if g.one(3) {
			args = append(args, "COUNT", g.number())
		}
		return args
	case n < 63:
		args := []string{"XREVRANGE", key, g.rangeEnd(key, "+"), g.rangeEnd(key, "-")}
		if g.one(3) {
			args = append(args, "COUNT", g.number())
		}
		return args
	case n < 70:
		return append([]string{"XDEL", key}, g.ids(key)...)
	case n < 74:
		return append([]string{"XTRIM", key}, g.trim(key)...)
	case n < 77:
		return []string{"XLEN", key}
	case n < 82:
		args := []string{"XINFO", "STREAM", key}
		if g.one(2) {
			args = append(args, "FULL")
			if g.one(2) {
				args = append(args, "COUNT", g.number())
			}
		}
		return args
	case n < 85:
		return g.xsetid(key)
	case n < 87 && !(g.groups && g.one(2)):
		return g.some(g.pick("DEL", "UNLINK"))
	case n < 89:
		return g.some("EXISTS")
	}
	return g.other(key)
}

// other gives what clients send around the stream commands.
func (g *generator) other(key string) []string {
	switch g.r.IntN(16) {
	case 0:
		return []string{"TYPE", key}
	case 1:
		return []string{"DBSIZE"}
	case 2:
		return []string{"KEYS", g.pick("*", "?", "[a-c]", "k*", "", "[^a]", "t?g{x}", "*[", "\\a", "a*a*a*b", "k\x00?")}
	case 3:
		return []string{"SCAN", "0", "COUNT", "1000", "MATCH", g.pick("*", "a", "?", "nosuch")}
	case 4, 5:
		if g.groups {
			return []string{"SELECT", g.pick("0", "0", "0", "0", "0", "0", "0", "0", "1", "x")}
		}
		return []string{"SELECT", g.pick("0", "0", "0", "0", "1", "3", "16", "-1", "x", "00")}
	case 6:
		if g.one(6) {
			return []string{g.pick("FLUSHDB", "FLUSHALL"), g.pick("ASYNC", "SYNC", "FOO")}
		}
		return []string{"DBSIZE"}
	case 7:
		return []string{g.pick("PING", "ECHO"), g.value()}
	case 8: // the key holds something else
		return []string{"SET", key, g.value()}
	case 9:
		return []string{"HELLO", g.pick("2", "3", "2", "3", "4", "x")}
	case 10:
		return []string{"CLIENT", "SETNAME", g.pick("me", "", "a b", "x\n", "longer-name")}
	case 11:
		return []string{"CLIENT", "GETNAME"}
	case 12:
		if g.one(4) {
			return []string{"RESET"}
		}
		return []string{"INFO", "keyspace"}
	case 13:
		return append([]string{"COMMAND", "GETKEYS"}, g.pickOf(g.xadd, g.xread, g.xreadgroup, g.groupCommand)...)
	case 14:
		return []string{"CLIENT", "UNBLOCK", "{" + strconv.Itoa(g.r.IntN(g.clients)) + "}", g.pick("TIMEOUT", "ERROR", "FOO")}
	}
	return []string{g.pick("FOO", "XADDX", "", "xinfo", "config", "client", "command", "object"), g.value(), key}
}

func (g *generator) pickOf(of ...func() []string) []string { return of[g.r.IntN(len(of))]() }

// mutate breaks a command: an argument less, more, twice, moved or recased.
func (g *generator) mutate(args []string) []string {
	i := g.r.IntN(len(args))
	out := append([]string(nil), args...)
	switch g.r.IntN(6) {
	case 0:
		if len(out) > 1 {
			out = append(out[:i], out[i+1:]...)
		}
	case 1:
		out = append(out[:i], append([]string{args[i]}, out[i:]...)...)
	case 2:
		out = append(out, g.pick("COUNT", "MAXLEN", "LIMIT", "STREAMS", "FULL", "JUSTID", "NOACK", "x", "1", ""))
	case 3:
		j := g.r.IntN(len(out))
		out[i], out[j] = out[j], out[i]
	case 4:
		if i > 0 {
			out[i] = g.pick(g.number(), g.fixedID(""), "COUNT", "BLOCK", "STREAMS", "GROUP", "IDLE", ">", "~", "=")
		}
	case 5:
		out[i] = strings.ToLower(out[i])
	}
	return out
}
