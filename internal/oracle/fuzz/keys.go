package fuzz

import (
	"strconv"
	"strings"

	"github.com/weirmq/weir/internal/oracle"
)

// keysFamily is commands on keys of any type. When they expire is far in the future or over, so that it does not matter how
// fast the servers are.
var keysFamily = family{
	name:    "keys",
	command: (*generator).keysCommand,
	rules:   keysRules,
	open: func(args []string) bool {
		switch {
		case named(args, "expire", "pexpire") && len(args) > 2:
			ms, err := strconv.ParseInt(args[2], 10, 64)
			return err == nil && ms > 0 && ms < 1<<60 // when that is depends on when it is
		case named(args, "debug"), named(args, "client") && len(args) > 1 && strings.EqualFold(args[1], "pause"), named(args, "wait"):
			return true
		case named(args, "sort", "sort_ro") && len(args) > 2:
			how := strings.ToUpper(strings.Join(args[2:], " "))
			has := func(word string) bool { return strings.Contains(how, word) }
			// Elements of the same weight are in no order, and which of a set come first without sorting is nowhere said.
			return has("ALPHA") && has("BY ") || has("BY NOSORT") && has("LIMIT") && !has("STORE")
		}
		return false
	},
}

func keysRules(args []string) (string, bool) {
	switch {
	case named(args, "ttl", "pttl"):
		return "ints", true
	case named(args, "dump", "randomkey", "lolwut"):
		return "kind", true
	case named(args, "object") && len(args) > 1 && !strings.EqualFold(args[1], "encoding"):
		return "shape", true
	case named(args, "sort", "sort_ro") && strings.Contains(strings.ToUpper(strings.Join(args, " ")), "BY NOSORT"):
		return "sorted", true // a set has no order
	case named(args, "copy", "rename", "renamenx", "move", "expireat", "pexpireat", "sort", "sort_ro", "restore", "persist", "touch"):
		return "ids", true
	}
	return "", false
}

// nearTimes makes a time that somebody has set from now on comparable. Those that are far away stay. A second is 1 or 1000.
func nearTimes(r oracle.Reply, second int64) oracle.Reply {
	far := 80_000_000_000 * second
	if at, err := strconv.ParseInt(r.Text, 10, 64); err == nil && at > 0 && at < far {
		r.Text = "<near>"
	}
	return r
}

func (g *generator) keysCommand() []string {
	key, to := g.key(), g.key()
	switch g.r.IntN(26) {
	case 0, 1:
		return []string{"SET", key, g.pick("1", "12345", "-7", "text", "9223372036854775807", "007", strings.Repeat("x", 44), strings.Repeat("x", 45), "")}
	case 2, 3:
		return append([]string{"RPUSH", key}, g.numbers()...)
	case 4:
		return append([]string{"SADD", key}, g.numbers()...)
	case 5:
		return []string{"XADD", key, "*", "f", "v"}
	case 6, 7, 8:
		return g.keyExpiry(key)
	case 9:
		return []string{g.pick("TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "PERSIST", "DUMP"), key}
	case 10, 11:
		return []string{g.pick("RENAME", "RENAMENX"), key, to}
	case 12, 13, 14:
		args := []string{"COPY", key, to}
		if g.one(3) {
			args = append(args, "DB", g.pick("0", "1", "2", "15", "16", g.number()))
		}
		if g.one(2) {
			args = append(args, "REPLACE")
		}
		return args
	case 15:
		return []string{"MOVE", key, g.pick("0", "1", "2", g.number())}
	case 16:
		return g.pickOf(
			func() []string { return []string{"SWAPDB", g.pick("0", "1", g.number()), g.pick("0", "2", g.number())} },
			func() []string { return []string{"SELECT", g.pick("0", "0", "0", "1", "2")} })
	case 17, 18:
		return []string{"OBJECT", g.pick("ENCODING", "ENCODING", "REFCOUNT", "IDLETIME", "FREQ"), key}
	case 19:
		return g.some(g.pick("TOUCH", "EXISTS", "DEL"))
	case 20:
		return []string{"RESTORE", key, g.pick("0", "-1", g.number()), g.pick("", "x", "\x00\xc0\x01\n\x00\xe6\xd7\x98\xe1\xb8\x1f\xd3\xba"), g.pick("REPLACE", "ABSTTL", "FREQ", "x")}
	case 21:
		return []string{g.pick("RANDOMKEY", "DBSIZE", "SCAN"), "0"}[:1+g.r.IntN(2)]
	}
	return g.sorting(key, to)
}

func (g *generator) numbers() []string {
	var all []string
	for range 1 + g.r.IntN(6) {
		all = append(all, g.pick(strconv.Itoa(g.r.IntN(40)), strconv.Itoa(g.r.IntN(40)), "-3", "2.5", "1e2", "x", " 4", "", "inf"))
	}
	return all
}

func (g *generator) keyExpiry(key string) []string {
	args := []string{"EXPIREAT", key, g.pick("88888888888", "88888888889", "88888888890", "1", "0", "-5", "9223372036854775", "9223372036854776", g.number())}
	if g.one(2) {
		args = []string{"PEXPIREAT", key, g.pick("88888888888499", "88888888888500", "88888888890123", "1", "9223372036854775807", g.number())}
	}
	if g.one(6) {
		args = []string{g.pick("EXPIRE", "PEXPIRE"), key, g.pick("0", "-1", "9223372036854775807", "-9223372036854775808")}
	}
	for g.one(2) {
		args = append(args, g.pick("NX", "XX", "GT", "LT", "x"))
	}
	return args
}

func (g *generator) sorting(key, to string) []string {
	args := []string{g.pick("SORT", "SORT", "SORT_RO"), key}
	for g.one(2) {
		args = append(args, g.pickOf(
			func() []string { return []string{"DESC"} },
			func() []string { return []string{"ALPHA"} },
			func() []string { return []string{"LIMIT", g.number(), g.number()} },
			func() []string { return []string{"GET", g.pick("#", "*", "a*", "x")} },
			func() []string { return []string{"BY", g.pick("nosort", "*", "b*")} },
			func() []string { return []string{"STORE", to} },
		)...)
	}
	return args
}
