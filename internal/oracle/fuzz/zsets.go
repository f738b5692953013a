package fuzz

import (
	"slices"
	"strconv"
	"strings"
)

var zsets = family{
	name:    "zsets",
	command: (*generator).zsetCommand,
	begin: func(g *generator) (clients int) {
		g.queue = g.one(3)
		return 1 + g.r.IntN(5)
	},
	kind: "zset",
	shown: func(key string) [][]string {
		return [][]string{{"ZRANGE", key, "0", "-1", "WITHSCORES"}, {"ZCARD", key}, {"ZCOUNT", key, "-inf", "+inf"}}
	},
	rules: zsetRules,
	open:  openZSet,
}

// openZSet leaves out what differs on purpose (docs/compat.md, sorted sets), and distances in all of their digits.
func openZSet(args []string) bool {
	lower := func(a string) string { return strings.ToLower(a) }
	has := func(word string) bool {
		return slices.ContainsFunc(args, func(a string) bool { return lower(a) == word })
	}
	switch {
	case named(args, "zrank", "zrevrank"):
		return len(args) > 3 // WITHSCORE is of 7.2
	case named(args, "zrangebylex", "zrevrangebylex", "zlexcount", "zremrangebylex"), has("bylex"):
		return !slices.Contains(args, lexKey)
	case slices.Contains(args, lexKey):
		return !named(args, "zadd") || len(args)%2 != 0 || args[1] != lexKey || slices.ContainsFunc(args[2:], func(a string) bool { return has("incr") || a == "1" })
	case named(args, "zrandmember"):
		return len(args) > 2 && strings.HasPrefix(args[2], "-")
	}
	return has("storedist")
}

// lexKey is the key of a set whose scores are all 0.
const lexKey = "lex"

func zsetRules(args []string) (string, bool) { return "kind", named(args, "zrandmember", "zscan") }

func (g *generator) score() string {
	switch g.r.IntN(8) {
	case 0:
		return g.pick("nan", "inf", "-inf", "1e400", "1e-400", "", "x", "1 ", " 1", "0x10", "1e17", "-0", "5e-324", ".5", "5.", "1_0", "0x", "1e")
	case 1:
		return strconv.FormatFloat(g.r.Float64()*100-50, 'g', -1, 64)
	}
	return strconv.Itoa(g.r.IntN(20) - 5)
}

func (g *generator) zmember() string {
	switch g.r.IntN(20) {
	case 0:
		return g.pick("", "\x00\xff", "a b", strings.Repeat("x", 64), strings.Repeat("x", 65))
	case 1, 2, 3:
		return strconv.Itoa(g.r.IntN(400))
	}
	return g.pick("a", "b", "c", "d", "e", "f") + strconv.Itoa(g.r.IntN(4))
}

func (g *generator) scoreEnd() string {
	if g.one(5) {
		return g.pick("-inf", "+inf", "(inf", "(", "", "x", "(x", "nan", " 1", "1e999", "1\x00z")
	}
	return g.pick("", "(") + g.score()
}

func (g *generator) lexEnd() string {
	if g.one(10) {
		return g.pick("", "x", "[", "(", "-x", "+\x00q")
	}
	return g.pick("-", "+", "["+g.zmember(), "("+g.zmember())
}

// place is a longitude and a latitude, mostly of a small region.
func (g *generator) place() []string {
	if g.one(25) {
		return []string{g.pick("181", "-180", "180", "x"), g.pick("86", "85.05112878", "0", "nan")}
	}
	spread := g.pick("1", "1", "80")
	n, _ := strconv.ParseFloat(spread, 64)
	number := func(center float64) string {
		return strconv.FormatFloat(center+(g.r.Float64()-.5)*2*n, 'f', 6, 64)
	}
	return []string{number(11), number(3)}
}

func (g *generator) radius() []string {
	return []string{g.pick("-1", "x", "0", "10", "100", "1000", "1e7", strconv.Itoa(g.r.IntN(300))), g.pick("m", "km", "KM", "mi", "ft", "x")}
}

func (g *generator) geoOptions() []string {
	args := g.maybe(nil, 3, "COUNT", g.number)
	for _, option := range []string{"ASC", "DESC", "WITHDIST", "WITHCOORD", "WITHHASH", "ANY"} {
		if g.one(5) {
			args = append(args, option)
		}
	}
	return args
}

func (g *generator) sourceKeys() []string {
	n := 1 + g.r.IntN(3)
	args := []string{strconv.Itoa(n)}
	for range n {
		args = append(args, g.pick("a", "b", "c", "many", g.key()))
	}
	if g.one(3) {
		args = append(args, "WEIGHTS")
		for range n {
			args = append(args, g.score())
		}
	}
	return g.maybe(args, 3, "AGGREGATE", func() string { return g.pick("SUM", "MIN", "MAX", "x") })
}

// waitingZSetCommand is what goes on where clients mostly wait: as much is taken as is added.
func (g *generator) waitingZSetCommand() []string {
	key := g.pick("a", "b", "c")
	switch n := g.r.IntN(10); {
	case n < 5:
		return g.blockingZSetCommand(key)
	case n < 8:
		return []string{"ZADD", key, g.score(), g.zmember()}
	case n < 9:
		return []string{"ZUNIONSTORE", key, "1", g.pick("a", "b", "many")}
	}
	return []string{g.pick("ZPOPMIN", "ZPOPMAX"), key, "3"}
}

func (g *generator) blockingZSetCommand(key string) []string {
	keys := []string{key}
	for g.one(3) {
		keys = append(keys, g.key())
	}
	if g.one(3) {
		args := append([]string{"BZMPOP", g.timeout(), strconv.Itoa(len(keys))}, keys...)
		return g.maybe(append(args, g.pick("MIN", "MAX", "max")), 2, "COUNT", g.number)
	}
	return append(append([]string{g.pick("BZPOPMIN", "BZPOPMAX")}, keys...), g.timeout())
}

func (g *generator) zsetCommand() []string {
	if g.queue && !g.one(6) {
		return g.waitingZSetCommand()
	}
	key := g.key()
	switch n := g.r.IntN(100); {
	case n < 30:
		return g.zadd(key)
	case n < 36:
		return []string{g.pick("ZREM", "ZSCORE", "ZRANK", "ZREVRANK", "ZMSCORE"), key, g.zmember()}
	case n < 40:
		return []string{g.pick("ZCOUNT", "ZREMRANGEBYSCORE"), key, g.scoreEnd(), g.scoreEnd()}
	case n < 43:
		return []string{g.pick("ZLEXCOUNT", "ZREMRANGEBYLEX", "ZRANGEBYLEX", "ZREVRANGEBYLEX"), lexKey, g.lexEnd(), g.lexEnd()}
	case n < 58:
		return g.zrange(key)
	case n < 62:
		return []string{g.pick("ZPOPMIN", "ZPOPMAX"), key, g.number()}
	case n < 63:
		return g.blockingZSetCommand(key)
	case n < 65:
		return []string{"ZMPOP", "2", key, g.key(), g.pick("MIN", "MAX"), "COUNT", g.number()}
	case n < 72:
		if g.one(2) {
			return append([]string{g.pick("ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"), g.pick("d", "c")}, g.sourceKeys()...)
		}
		return append(append([]string{g.pick("ZUNION", "ZINTER", "ZDIFF", "ZINTERCARD")}, g.sourceKeys()...), g.pick("WITHSCORES", "LIMIT"))
	case n < 75:
		return []string{g.pick("ZREMRANGEBYRANK", "ZREVRANGE"), key, g.number(), g.number()}
	case n < 77:
		return []string{g.pick("ZRANDMEMBER", "ZSCAN"), key, "0"}
	}
	return g.geoCommand()
}

func (g *generator) zadd(key string) []string {
	if g.one(10) {
		args := []string{"ZADD", "many"}
		for i := range 200 {
			args = append(args, strconv.Itoa(g.r.IntN(50)), strconv.Itoa(i))
		}
		return args
	}
	if g.one(8) {
		return []string{"ZADD", lexKey, "0", g.zmember(), "0", g.zmember()}
	}
	args := []string{"ZADD", key}
	for _, option := range []string{"NX", "XX", "GT", "LT", "CH", "INCR"} {
		if g.one(9) {
			args = append(args, option)
		}
	}
	for n := 0; n == 0 || g.one(2); n++ {
		args = append(args, g.score(), g.zmember())
	}
	return args
}

func (g *generator) zrange(key string) []string {
	var args []string
	switch g.r.IntN(4) {
	case 0:
		args = []string{"ZRANGE", key, g.number(), g.number()}
	case 1:
		args = []string{"ZRANGE", key, g.scoreEnd(), g.scoreEnd(), "BYSCORE"}
	case 2:
		return []string{"ZRANGESTORE", "d", key, g.number(), g.number()}
	case 3:
		args = []string{g.pick("ZRANGEBYSCORE", "ZREVRANGEBYSCORE"), key, g.scoreEnd(), g.scoreEnd()}
	}
	if g.one(2) {
		args = append(args, g.pick("WITHSCORES", "REV"))
	}
	if g.one(3) {
		args = append(args, "LIMIT", g.number(), g.number())
	}
	return args
}

func (g *generator) geoCommand() []string {
	key := g.pick("geo", "geo", "geo", g.key())
	member := func() string { return "p" + strconv.Itoa(g.r.IntN(30)) }
	switch g.r.IntN(8) {
	case 0, 1, 2:
		args := []string{"GEOADD", "geo"}
		for n := 0; n == 0 || !g.one(4); n++ {
			args = append(append(args, g.place()...), member())
		}
		return args
	case 3:
		return []string{g.pick("GEODIST", "GEOPOS", "GEOHASH"), key, member(), member()}
	case 4:
		args := append(append([]string{g.pick("GEORADIUS", "GEORADIUS_RO"), key}, g.place()...), g.radius()...)
		return append(args, g.geoOptions()...)
	case 5:
		args := append([]string{g.pick("GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"), key, member()}, g.radius()...)
		return append(args, g.geoOptions()...)
	}
	args := []string{"GEOSEARCH", key}
	if g.one(5) {
		args = []string{"GEOSEARCHSTORE", "d", key}
	}
	if g.one(2) {
		args = append(args, "FROMMEMBER", member())
	} else {
		args = append(append(args, "FROMLONLAT"), g.place()...)
	}
	if g.one(2) {
		args = append(append(args, "BYRADIUS"), g.radius()...)
	} else {
		args = append(append(args, "BYBOX", strconv.Itoa(g.r.IntN(500))), g.radius()...)
	}
	return append(args, g.geoOptions()...)
}
