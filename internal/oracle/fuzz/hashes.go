package fuzz

import (
	"slices"
	"strconv"
	"strings"
)

var hashes = family{
	name:    "hashes",
	command: (*generator).hashCommand,
	kind:    "hash",
	shown: func(key string) [][]string {
		return [][]string{{"HGETALL", key}, {"HLEN", key}, {"HSCAN", key, "0", "COUNT", "100000"}}
	},
	rules: hashRules,
}

// smallHash is a key whose hash stays small, so that the order of its fields is that in which they were added.
const smallHash = "small"

func hashRules(args []string) (string, bool) {
	switch {
	case len(args) > 1 && args[1] == smallHash && named(args, "hgetall", "hkeys", "hvals", "hscan"):
		return "", false // as it is
	case named(args, "hgetall", "hkeys", "hvals"),
		named(args, "hscan") && slices.Contains(args, "100000"),
		named(args, "hrandfield") && len(args) == 3 && len(args[2]) > 4 && args[2][0] != '-':
		return "sorted", true
	case named(args, "hrandfield"):
		return "shape", true
	case named(args, "hscan"):
		return "kind", true
	}
	return "", false
}

func (g *generator) hashKey() string {
	if g.one(4) {
		return smallHash
	}
	return g.key()
}

func (g *generator) hashField() string {
	if g.one(10) {
		return g.pick("", "\x00\xff\r\n", strings.Repeat("f", 64), "F0", " f0")
	}
	return "f" + strconv.Itoa(g.r.IntN(8))
}

func (g *generator) hashValue() string {
	switch g.r.IntN(6) {
	case 0:
		return g.pick("", "x", " 1", "01", "+1", "1.5", "inf", "nan", "1e300", "9223372036854775807", "-9223372036854775808",
			"9223372036854775808", strings.Repeat("v", 64))
	case 1:
		return g.fraction()
	}
	return strconv.Itoa(g.r.IntN(2000) - 1000)
}

// fraction gives numbers with a fraction, and what looks like one.
func (g *generator) fraction() string {
	if g.one(8) {
		return g.pick("", "x", "nan", "inf", "-inf", " 1", "1 ", "0x1p-3", "1e5000", "1e-5000", "1e4932", ".", "-.5", "5.", "1e", "+2")
	}
	return strconv.FormatFloat(g.r.NormFloat64()*[]float64{1, 1e-9, 1e9, 1e18}[g.r.IntN(4)], "fge"[g.r.IntN(3)], -1, 64)
}

// hashPairs gives some fields and values, and now and then so many, or so long ones, that the form of a hash changes.
func (g *generator) hashPairs(key string) []string {
	var pairs []string
	switch {
	case key != smallHash && g.one(12):
		prefix, from := g.pick("f", "g"), g.r.IntN(200)
		for i := range []int{20, 100, 130}[g.r.IntN(3)] {
			pairs = append(pairs, prefix+strconv.Itoa(from+i), strconv.Itoa(i))
		}
	case key != smallHash && g.one(30):
		pairs = append(pairs, g.pick("f1", strings.Repeat("f", 65)), strings.Repeat("v", 60+g.r.IntN(10)))
	}
	for range 1 + g.r.IntN(3) {
		pairs = append(pairs, g.hashField(), g.hashValue())
	}
	return pairs
}

func (g *generator) hashCommand() []string {
	key := g.hashKey()
	switch g.r.IntN(24) {
	case 0, 1, 2, 3:
		return append([]string{g.pick("HSET", "HSET", "HMSET"), key}, g.hashPairs(key)...)
	case 4:
		return []string{"HSETNX", key, g.hashField(), g.hashValue()}
	case 5, 6:
		return []string{g.pick("HGET", "HSTRLEN", "HEXISTS"), key, g.hashField()}
	case 7:
		return append([]string{"HMGET", key, g.hashField()}, g.hashField(), g.hashField())
	case 8, 9, 10:
		return []string{g.pick("HGETALL", "HKEYS", "HVALS"), key}
	case 11:
		return []string{"HLEN", key}
	case 12, 13:
		args := []string{"HDEL", key, g.hashField()}
		if key != smallHash && g.one(4) {
			for i := range 150 {
				args = append(args, "f"+strconv.Itoa(i))
			}
		}
		return args
	case 14, 15, 16:
		return []string{"HINCRBY", key, g.hashField(), g.number()}
	case 17, 18, 19:
		return []string{"HINCRBYFLOAT", g.key(), g.hashField(), g.fraction()} // a sum may be long
	case 20:
		args := []string{"HRANDFIELD", key}
		if g.one(4) {
			return args
		}
		args = append(args, g.pick("0", "1", "3", "10000", "100000", "-3", "-20", g.number()))
		if g.one(2) {
			args = append(args, g.pick("WITHVALUES", "withvalues", "WITHSCORES"))
		}
		return args
	case 21:
		return []string{"HSCAN", key, "0", "COUNT", "100000"}
	default:
		args := []string{"HSCAN", key, g.pick("0", "0", "", "x", "-1")}
		for range g.r.IntN(3) {
			args = append(args, g.pick("MATCH", "COUNT", "TYPE"), g.pick("f*", "*", "10", "0", "x", "f[1-3]"))
		}
		return args
	}
}
