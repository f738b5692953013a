package fuzz

import (
	"slices"
	"strconv"
	"strings"
)

var sets = family{
	name:    "sets",
	command: (*generator).setCommand,
	kind:    "set",
	shown: func(key string) [][]string {
		return [][]string{{"SMEMBERS", key}, {"SCARD", key}, {"SSCAN", key, "0", "COUNT", "100000"}, {"OBJECT", "ENCODING", key}}
	},
	rules: setRules,
	open:  openPop,
}

// onlyMember is a key that never holds more than one member, so that it is known which one is chosen at random.
const onlyMember = "one"

// openPop: which members SPOP takes is known only if it takes all or none.
func openPop(args []string) bool {
	if slices.Contains(args, onlyMember) && !named(args, "spop", "srandmember") && !slices.Equal(args, []string{"SADD", onlyMember, "m"}) {
		return true
	}
	if !named(args, "spop") || len(args) < 2 || args[1] == onlyMember {
		return false
	}
	if len(args) == 2 {
		return true
	}
	n, err := strconv.Atoi(args[2])
	return err == nil && n > 0 && n < 10_000
}

func setRules(args []string) (string, bool) {
	switch {
	case named(args, "smembers", "sinter", "sunion", "sdiff", "spop"):
		return "sorted", true
	case named(args, "srandmember") && len(args) == 3 && args[1] != onlyMember && strings.HasPrefix(args[2], "-"),
		named(args, "srandmember") && len(args) == 2:
		return "shape", true
	case named(args, "srandmember") && len(args) == 3 && (len(args[2]) > 4 || args[1] == onlyMember):
		return "sorted", true
	case named(args, "srandmember"):
		return "shape", true
	case named(args, "sscan") && len(args) > 4 && args[2] == "0" && slices.Contains(args[4:], "100000"):
		return "sorted", true
	case named(args, "sscan"):
		return "kind", true
	}
	return "", false
}

func (g *generator) member() string {
	switch g.r.IntN(12) {
	case 0:
		return g.pick("", "x", "01", "+1", "-0", "-", "\x00\xff\r\n", "9223372036854775808", strings.Repeat("x", 64), strings.Repeat("x", 65))
	case 1:
		return g.pick("32767", "32768", "-32768", "-32769", "2147483647", "2147483648", "-2147483648", "-2147483649",
			"9223372036854775807", "-9223372036854775808")
	case 2:
		return g.pick("a", "b", "c") + strconv.Itoa(g.r.IntN(12))
	}
	return strconv.Itoa(g.r.IntN(30))
}

// setMembers gives some members, and now and then so many that the form of a set changes.
func (g *generator) setMembers() []string {
	if g.one(8) {
		prefix, from := g.pick("", "", "m", strings.Repeat("y", 65)), g.r.IntN(600)
		var many []string
		for i := range []int{20, 130, 300}[g.r.IntN(3)] {
			many = append(many, prefix+strconv.Itoa(from+i))
		}
		return many
	}
	few := []string{g.member()}
	for g.one(2) {
		few = append(few, g.member())
	}
	return few
}

func (g *generator) setCommand() []string {
	key := g.key()
	switch g.r.IntN(24) {
	case 0, 1, 2, 3, 4:
		return append([]string{"SADD", key}, g.setMembers()...)
	case 5, 6:
		return append([]string{"SREM", key}, g.setMembers()...)
	case 7:
		return []string{"SMEMBERS", key}
	case 8:
		return []string{"SISMEMBER", key, g.member()}
	case 9:
		return append([]string{"SMISMEMBER", key}, g.setMembers()...)
	case 10:
		if g.one(2) {
			return []string{"OBJECT", "ENCODING", key}
		}
		return []string{"SCARD", key}
	case 11, 12:
		return []string{"SMOVE", key, g.key(), g.member()}
	case 13:
		return g.some("SINTER")
	case 14:
		return g.some("SUNION")
	case 15:
		return g.some("SDIFF")
	case 16, 17:
		return g.some(g.pick("SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"))
	case 18:
		return g.sintercard()
	case 19:
		return g.popped(key)
	case 20:
		return []string{"SRANDMEMBER", key, g.pick("0", "3", "-3", "100000", "-100", g.number())}
	case 21:
		return g.pickOf(
			func() []string { return []string{"SADD", onlyMember, "m"} },
			func() []string { return []string{"SPOP", onlyMember} },
			func() []string { return []string{"SPOP", onlyMember, g.pick("0", "1", "2", "-1")} },
			func() []string { return []string{"SRANDMEMBER", onlyMember, g.pick("0", "1", "-2", "5")} })
	case 22:
		return []string{"SRANDMEMBER", key}
	}
	return g.sscan(key)
}

func (g *generator) popped(key string) []string {
	if g.one(3) {
		return []string{"SPOP", key, g.pick("-1", "0", "x", "9223372036854775808")}
	}
	return []string{"SPOP", key, g.pick("100000", "9223372036854775807")}
}

func (g *generator) sintercard() []string {
	keys := g.some("")[1:]
	args := append([]string{"SINTERCARD", strconv.Itoa(len(keys))}, keys...)
	if g.one(4) {
		args[1] = g.number()
	}
	if g.one(2) {
		args = append(args, g.pick("LIMIT", "limit", "FOO"), g.number())
	}
	return args
}

func (g *generator) sscan(key string) []string {
	args := []string{"SSCAN", key, "0", "COUNT", "100000"}
	if g.one(3) {
		args = append(args, "MATCH", g.pick("*", "1*", "[a-c]*", "", "x"))
	}
	if g.one(6) {
		return []string{"SSCAN", key, g.number(), g.pick("COUNT", "MATCH", "TYPE"), g.number()}
	}
	return args
}
