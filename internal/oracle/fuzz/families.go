package fuzz

import (
	"slices"
	"strings"
)

// family is the commands of one type of value. A round is about streams, or about some of these.
type family struct {
	name    string
	command func(*generator) []string
	// begin settles what a round is like, and how many clients it has; nil: they are one to three.
	begin func(*generator) (clients int)
	// shown are the commands that show all of a value at a key, and kind what TYPE says of it.
	kind  string
	shown func(key string) [][]string
	// rules is how to normalise the reply to a command of the family; false: it is none.
	rules func(args []string) (string, bool)
	// open reports whether a command would leave it to the servers what becomes of a value; such are not sent.
	open func(args []string) bool
}

var families = []family{keysFamily, hashes, lists, sets, stringsFamily, zsets}

// familyOf finds a family by its name, nil if there is none.
func familyOf(name string) *family {
	for i := range families {
		if families[i].name == name {
			return &families[i]
		}
	}
	return nil
}

// GenerateFamily makes a round of n commands about one family, or, for "mixed", about all.
func GenerateFamily(name string, seed, round uint64, n int) Round {
	g := newGenerator(seed, round)
	var rd Round
	g.clients = 1 + g.r.IntN(3)
	if f := familyOf(name); f != nil && f.begin != nil {
		g.clients = f.begin(g)
	}
	for range g.clients {
		rd.Protos = append(rd.Protos, 2+g.r.IntN(2))
	}
	rd.Pipeline = []int{1, 1, 1, 2 + g.r.IntN(60)}[g.r.IntN(4)]
	for len(rd.Ops) < n {
		args := g.familyCommand(name)
		if g.one(20) {
			args = g.mutate(args)
		}
		if name == "mixed" && leftOutOfMixed(args) {
			continue
		}
		if !slices.ContainsFunc(families, func(f family) bool { return f.open != nil && f.open(args) }) {
			rd.Ops = append(rd.Ops, Op{g.r.IntN(g.clients), args})
		}
	}
	return rd
}

func (g *generator) familyCommand(name string) []string {
	f := familyOf(name)
	if f == nil {
		f = &families[g.r.IntN(len(families))]
	}
	switch g.r.IntN(40) {
	case 0:
		return g.other(g.key())
	case 1:
		return g.some(g.pick("DEL", "UNLINK", "EXISTS"))
	case 2: // now and then a key holds something else
		return []string{"XADD", g.pick("d", "tag{x}"), "*", "f", "v"}
	}
	return f.command(g)
}

// leftOutOfMixed says what mixed rounds do not send:
//
//   - SORT. Redis 7.0 refuses to sort by numbers if the last number that anybody sent was too small or too large for a double,
//     whatever is sorted: it looks at an errno that it has not reset. And what compares as equal stays in the order that a set
//     has in a hash table;
//   - OBJECT ENCODING: see asksAbout;
//   - SWAPDB, which serves who waits for several keys in the order of a hash table.
func leftOutOfMixed(args []string) bool { return named(args, "sort", "sort_ro", "object", "swapdb") }

// familyRules is how to normalise the reply to a command of a family.
func familyRules(args []string) (string, bool) {
	for _, f := range families {
		if rules, ok := f.rules(args); ok {
			return rules, true
		}
	}
	return "", false
}

// shownOf lists the commands that show all of a value, of a kind that TYPE has named.
func shownOf(kind, key string) [][]string {
	for _, f := range families {
		if f.kind == kind && f.shown != nil {
			return f.shown(key)
		}
	}
	return nil
}

// named reports whether the name of a command is one of some, in any case.
func named(args []string, names ...string) bool {
	return slices.Contains(names, strings.ToLower(args[0]))
}
