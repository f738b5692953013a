package fuzz

import (
	"strconv"
	"strings"
)

var stringsFamily = family{
	name:    "strings",
	command: (*generator).stringCommand,
	kind:    "string",
	shown:   func(key string) [][]string { return [][]string{{"GET", key}, {"STRLEN", key}} },
	rules:   func([]string) (string, bool) { return "", false },
	open:    func(args []string) bool { return named(args, "dbsize", "info") }, // keys whose time is over may count for a moment
}

// text gives values: numbers of all sorts, lengths around which a string changes its form, and bytes.
func (g *generator) text() string {
	switch g.r.IntN(24) {
	case 0:
		return strings.Repeat(g.pick("v", "\x00", "\xff"), 40+g.r.IntN(10))
	case 1:
		return strings.Repeat(g.pick("ab", "\xff\x00"), g.r.IntN(100))
	case 2:
		return g.number()
	case 3, 4, 5, 6:
		return strconv.Itoa(g.r.IntN(2000) - 1000)
	case 7, 8:
		return g.float()
	case 9:
		return g.number()
	}
	return g.pick("", "a", "ohmytext", "mynewtext", "\x00", "\xff", "\xff\xf0\x00", "foobar", "hello", " 1", "1 ", "\x00\xff\r\n")
}

func (g *generator) float() string {
	switch g.r.IntN(5) {
	case 0:
		return g.pick("inf", "-inf", "nan", "1e400", "1e4932", "1e5000", "-1e-5", "0x1p3", "+1.5", ".5", "5.", "1e", " 1.5", "1.5 ", "3.0e3",
			"0.1", "17179869184", "1.7976931348623157e308", "-0", "0.00000000000000001", "123456789012345678901234567890")
	case 1:
		return strconv.FormatFloat(g.r.NormFloat64()*1e3, 'g', 1+g.r.IntN(18), 64)
	}
	return strconv.Itoa(g.r.IntN(200)-100) + "." + strconv.Itoa(g.r.IntN(1000))
}

// bound gives indexes into strings, of bytes or bits.
func (g *generator) bound() string {
	if g.one(12) {
		return g.number()
	}
	return strconv.Itoa(g.r.IntN([]int{10, 60, 600, 200_000}[g.r.IntN(4)]) - 8)
}

// expiry gives an option that says when a key expires: at once, or not before the round is over.
func (g *generator) expiry() []string {
	switch g.r.IntN(8) {
	case 0:
		return []string{g.pick("EX", "PX", "EXAT", "PXAT"), g.pick("0", "-1", "x", "9223372036854775807", "9223372036854775", "", "1.5")}
	case 1:
		return []string{g.pick("EXAT", "PXAT"), "1000"}
	case 2:
		return []string{"EXAT", "33177117420"}
	case 3:
		return []string{"PXAT", "33177117420000"}
	}
	return []string{g.pick("EX", "ex", "PX"), "100000000"}
}

func (g *generator) setOptions() []string {
	var options []string
	for range g.r.IntN(4) {
		switch g.r.IntN(4) {
		case 0:
			options = append(options, g.pick("NX", "XX", "xx", "nx"))
		case 1:
			options = append(options, "GET")
		case 2:
			options = append(options, g.pick("KEEPTTL", "PERSIST"))
		case 3:
			options = append(options, g.expiry()...)
		}
	}
	return options
}

func (g *generator) stringCommand() []string {
	key := g.key()
	switch n := g.r.IntN(100); {
	case n < 12:
		return append([]string{"SET", key, g.text()}, g.setOptions()...)
	case n < 22:
		return []string{g.pick("GET", "GET", "STRLEN", "GETDEL", "GETEX"), key}
	case n < 24:
		return append([]string{"GETEX", key}, g.pickOf(g.expiry, g.setOptions, func() []string { return []string{"PERSIST"} })...)
	case n == 24 && g.one(4):
		return []string{g.pick("SET", "APPEND"), "c", strings.Repeat("large", 13_000+g.r.IntN(20_000))}
	case n < 27:
		return []string{g.pick("SETNX", "GETSET", "APPEND", "APPEND"), key, g.text()}
	case n < 29:
		return []string{g.pick("SETEX", "PSETEX"), key, g.pick("100000000", "100000000", g.number()+"00000000", "0", "-5", "x"), g.text()}
	case n < 35:
		return g.stringSeveral()
	case n < 45:
		return g.stringNumber(key)
	case n < 53:
		if g.one(2) {
			return []string{g.pick("GETRANGE", "SUBSTR"), key, g.bound(), g.bound()}
		}
		return []string{"SETRANGE", key, g.bound(), g.text()}
	case n < 57:
		return g.stringLCS()
	case n < 90:
		return g.bitmapCommand(key)
	}
	return g.hllCommand(key)
}

func (g *generator) stringSeveral() []string {
	args := []string{g.pick("MGET", "MSET", "MSETNX")}
	for range 1 + g.r.IntN(3) {
		args = append(args, g.key())
		if args[0] != "MGET" {
			args = append(args, g.text())
		}
	}
	return args
}

func (g *generator) stringNumber(key string) []string {
	switch g.r.IntN(4) {
	case 0:
		return []string{g.pick("INCR", "DECR"), key}
	case 1:
		return []string{"INCRBYFLOAT", key, g.pick(g.float(), g.text())}
	}
	return []string{g.pick("INCRBY", "DECRBY"), key, g.pick(g.number(), strconv.Itoa(g.r.IntN(2000)-1000))}
}

func (g *generator) stringLCS() []string {
	// Not of what may be large: that takes the judge longer than anybody waits.
	if g.one(3) {
		return []string{g.pick("SET", "APPEND"), g.pick("l1", "l2"), g.text()}
	}
	args := []string{"LCS", g.pick("l1", "l2"), g.pick("l1", "l2", "l2", "none", "s")}
	for range g.r.IntN(4) {
		args = append(args, g.pick("LEN", "IDX", "IDX", "WITHMATCHLEN", "MINMATCHLEN"))
		if args[len(args)-1] == "MINMATCHLEN" {
			args = append(args, g.number())
		}
	}
	return args
}

func (g *generator) bitmapCommand(key string) []string {
	switch g.r.IntN(10) {
	case 0, 1:
		return []string{"SETBIT", key, g.bound(), g.pick("0", "1", "1", "2", "x", "-1")}
	case 2:
		return []string{"GETBIT", key, g.bound()}
	case 3, 4:
		args := []string{"BITCOUNT", key}
		if !g.one(4) {
			args = append(args, g.bound(), g.bound())
		}
		if g.one(2) {
			args = append(args, g.pick("BIT", "BYTE", "bit", "x"))
		}
		return args
	case 5, 6:
		args := []string{"BITPOS", key, g.pick("0", "1", "0", "1", "2", "x")}
		for range g.r.IntN(3) {
			args = append(args, g.bound())
		}
		if len(args) == 5 && g.one(2) {
			args = append(args, g.pick("BIT", "BYTE", "x"))
		}
		return args
	case 7:
		args := []string{"BITOP", g.pick("AND", "OR", "XOR", "NOT", "and", "x"), g.key(), g.key()}
		for args[1] != "NOT" && g.one(2) {
			args = append(args, g.key())
		}
		return args
	}
	return g.bitfield(key)
}

func (g *generator) bitfield(key string) []string {
	args := []string{g.pick("BITFIELD", "BITFIELD", "BITFIELD", "BITFIELD_RO"), key}
	for range g.r.IntN(4) {
		if g.one(3) {
			args = append(args, "OVERFLOW", g.pick("WRAP", "SAT", "FAIL", "sat", "fail", "x"))
		}
		op := g.pick("GET", "SET", "INCRBY", "SET", "INCRBY")
		if args[0] == "BITFIELD_RO" && !g.one(8) {
			op = "GET"
		}
		width := g.pick("u8", "i8", "i64", "u63", "u1", "i1", "i5", "u"+strconv.Itoa(g.r.IntN(66)), "i"+strconv.Itoa(g.r.IntN(66)))
		if g.one(30) {
			width = g.pick("u64", "i65", "x8", "i", "u0", "", "u-1", "i08")
		}
		args = append(args, op, width, g.pick("", "#")+strings.TrimPrefix(g.bound(), "-"))
		if op != "GET" {
			args = append(args, g.pick(g.number(), strconv.FormatInt(int64(g.r.Uint64())>>g.r.IntN(64), 10)))
		}
	}
	return args
}

func (g *generator) hllCommand(key string) []string {
	key = "h" + g.pick("1", "2", "3", key)
	switch g.r.IntN(8) {
	case 0:
		args := []string{"PFCOUNT", key}
		for g.one(2) {
			args = append(args, "h"+g.pick("1", "2", "3", "4"))
		}
		return args
	case 1:
		args := []string{"PFMERGE", "h" + g.pick("1", "2", "4", "5")}
		for g.one(2) {
			args = append(args, g.pick("h1", "h2", "h3", "h4", "a"))
		}
		return args
	case 2:
		return []string{g.pick("GET", "STRLEN", "DEL"), "h" + g.pick("1", "2", "3", "4", "5")}
	case 3:
		return g.damagedHLL(key)
	}
	args := []string{"PFADD", key}
	elements := g.r.IntN(4)
	if g.one(6) {
		elements = g.r.IntN(800)
	}
	for range elements {
		args = append(args, strconv.Itoa(g.r.IntN(5000)))
	}
	return args
}

// damagedHLL gives commands after which a key looks like a HyperLogLog and is none. What Redis makes of one that has only
// some of its registers is not for us to repeat: its opcodes are too few or too many from the first one on.
func (g *generator) damagedHLL(key string) []string {
	if !g.one(6) {
		return []string{"PFCOUNT", key}
	}
	head := "HYLL" + g.pick("\x00", "\x01", "\x02") + "\x00\x00\x00" + g.pick("\x00\x00\x00\x00\x00\x00\x00\x80", "\x05\x00\x00\x00\x00\x00\x00\x00")
	return []string{"SET", "hx" + key, g.pick("HYLL", head, head+"\x7f", head+"\x7f\xff", "hyll"+head[4:])}
}
