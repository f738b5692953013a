package keys

import (
	"bytes"
	"slices"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/internal/state"
)

var (
	sortKeys = command.KeyAt(1).For("RO access").And(command.UnknownKeys().For("RO access").
			Noted("For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort"))
	sortAndStoreKeys = sortKeys.And(command.UnknownKeys().For("OW update").
				Noted("For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array")).
				FoundBy(findSortKeys)
)

const (
	sortSyntax     = "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]"
	sortSummary    = "Return the elements of a list, set or sorted set in order: as numbers, or with ALPHA as text; by themselves, or by what other keys hold."
	sortComplexity = "O(N+M*log(M)) for N elements, of which M are returned"
)

var sortACL = []string{"set", "sortedset", "list"}

var sort = command.Spec{
	Name: "sort", Group: command.Generic, Since: "1.0.0", Arity: -2,
	Syntax:     sortSyntax + " [STORE destination]",
	Summary:    sortSummary + " May store them as a list.",
	Complexity: sortComplexity,
	Flags:      command.Write | command.Reads | command.DenyOOM | command.Dangerous,
	Keys:       sortAndStoreKeys,
	ACL:        sortACL, NoGroupACL: true,
	Run: command.Handle(func(args command.Args) (sortArgs, error) { return parseSort(args, true) }, runSort),
}

var sortRO = command.Spec{
	Name: "sort_ro", Group: command.Generic, Since: "7.0.0", Arity: -2,
	Syntax:     sortSyntax,
	Summary:    sortSummary,
	Complexity: sortComplexity,
	Flags:      command.ReadOnly | command.Dangerous,
	Keys:       sortKeys.FoundBy(func([][]byte) []command.Key { return []command.Key{{Index: 1, Access: "RO access"}} }),
	ACL:        sortACL, NoGroupACL: true,
	Run: command.Handle(func(args command.Args) (sortArgs, error) { return parseSort(args, false) }, runSort),
}

// findSortKeys finds the key that is sorted, and the one that STORE names last.
func findSortKeys(args [][]byte) []command.Key {
	keys := []command.Key{{Index: 1, Access: "RO access"}}
	for i := 2; i+1 < len(args); i++ {
		switch {
		case command.EqualFold(args[i], "LIMIT"):
			i += 2
		case command.EqualFold(args[i], "GET"), command.EqualFold(args[i], "BY"):
			i++
		case command.EqualFold(args[i], "STORE"):
			i++
			keys = append(keys[:1], command.Key{Index: i, Access: "OW update"})
		}
	}
	return keys
}

type sortArgs struct {
	by            pattern // nothing: the elements themselves
	unsorted      bool    // BY a key that no element can be part of
	get           []pattern
	store         []byte // nil: nowhere
	offset, count int64
	desc, alpha   bool
	found         int // bytes of what was looked up
}

// look looks up what a pattern finds for an element, which may be a copy, as long as all that is found fits into a result.
func (a *sortArgs) look(c *command.Call, p pattern, element []byte) (value []byte, ok bool, err error) {
	value, ok = p.look(c, element)
	a.found += len(value)
	return value, ok, c.Fits(a.found)
}

func parseSort(args command.Args, mayStore bool) (a sortArgs, err error) {
	a.count = -1
	for rest := args[2:]; len(rest) > 0; {
		taken := 1
		switch option := rest[0]; {
		case command.EqualFold(option, "ASC"):
			a.desc = false
		case command.EqualFold(option, "DESC"):
			a.desc = true
		case command.EqualFold(option, "ALPHA"):
			a.alpha = true
		case len(rest) > 2 && command.EqualFold(option, "LIMIT"):
			if a.offset, err = command.ParseInt(rest[1]); err == nil {
				a.count, err = command.ParseInt(rest[2])
			}
			taken = 3
		case len(rest) > 1 && mayStore && command.EqualFold(option, "STORE"):
			a.store, taken = rest[1], 2
		case len(rest) > 1 && command.EqualFold(option, "BY"):
			a.by, taken = pattern(rest[1]), 2
			a.unsorted = a.unsorted || bytes.IndexByte(rest[1], '*') < 0
		case len(rest) > 1 && command.EqualFold(option, "GET"):
			a.get, taken = append(a.get, pattern(rest[1])), 2
		default:
			err = command.ErrSyntax
		}
		if err != nil {
			return a, err
		}
		rest = rest[taken:]
	}
	return a, nil
}

func runSort(c *command.Call, a sortArgs) error {
	v := c.Tx.Lookup(c.Args[1])
	switch v.Kind {
	case state.None, state.KindList, state.KindSet, state.KindZSet:
	default:
		return state.ErrWrongType
	}
	if a.unsorted && v.Kind == state.KindSet && a.store != nil {
		a.unsorted, a.alpha, a.by = false, true, nil // what is stored is to be the same everywhere
	}
	c.Out.Limit(c.MaxReply) // without a place to store it at it changes nothing
	from, to := a.limits(lengthOf(v))
	if len(a.get) > 0 && to-from > command.MaxBulks/len(a.get) {
		return command.ErrResultTooLong
	}
	var elements [][]byte
	if a.unsorted {
		elements = elementsOf(v, from, to, a.desc)
	} else {
		all, err := a.sorted(c, elementsOf(v, 0, lengthOf(v), false), from, to)
		if err != nil {
			return err
		}
		elements = all[from:to]
	}
	if a.store != nil {
		return a.storeAs(c, elements)
	}
	c.Out.Array(len(elements) * max(len(a.get), 1))
	for _, element := range elements {
		if len(a.get) == 0 {
			c.Out.Bulk(element)
		}
		for _, get := range a.get {
			value, ok, err := a.look(c, get, element)
			switch {
			case err != nil:
				return err
			case ok:
				c.Out.Bulk(value)
			default:
				c.Out.Null()
			}
		}
	}
	return nil
}

// limits returns the part of n elements in order that is asked for.
func (a *sortArgs) limits(n int) (from, to int) {
	from = int(min(max(a.offset, 0), int64(n)))
	if a.count < 0 {
		return from, n
	}
	return from, from + int(min(a.count, int64(n-from)))
}

// storeAs makes a list of the elements, or of what is got for them, at a key: none if there are none.
func (a *sortArgs) storeAs(c *command.Call, elements [][]byte) error {
	var list data.List
	for _, element := range elements {
		if len(a.get) == 0 {
			list.PushBack(element)
		}
		for _, get := range a.get {
			value, _, err := a.look(c, get, element)
			if err != nil {
				return err
			}
			list.PushBack(value)
		}
	}
	c.Out.Int(int64(list.Len()))
	switch {
	case list.Len() == 0:
		c.Tx.Delete(a.store)
	case list.Large != nil:
		c.Tx.Put(a.store, state.Value{Kind: state.KindList, Object: list.Large})
	default:
		c.Tx.Put(a.store, state.Value{Kind: state.KindList, Packed: list.Packed})
	}
	return nil
}

// lengthOf returns the number of a collection's elements.
func lengthOf(v state.Value) int {
	switch v.Kind {
	case state.KindList:
		return listOf(v).Len()
	case state.KindSet:
		return setOf(v).Len()
	case state.KindZSet:
		return zsetOf(v).Len()
	default:
		return 0
	}
}

// elementsOf returns the elements of a collection from one place to another, in its own order or the reverse of it. They do
// not alias it.
func elementsOf(v state.Value, from, to int, reverse bool) [][]byte {
	e := elements{all: make([][]byte, 0, to-from)}
	switch n := lengthOf(v); {
	case from >= to:
	case v.Kind == state.KindList:
		list := listOf(v)
		it := list.From(from)
		if reverse {
			it = list.Backward(n - 1 - from)
		}
		for len(e.all) < to-from && it.Next() {
			e.text = it.Item().AppendText(e.text)
			e.cut()
		}
	case v.Kind == state.KindSet:
		for member := range setOf(v).All() {
			e.text = append(e.text, member...)
			e.cut()
		}
		e.all = e.all[from:to]
	default:
		it := zsetOf(v).Range(from, to-from)
		if reverse {
			it = zsetOf(v).Reverse(n-1-from, to-from)
		}
		for member, _, ok := it.Next(); ok; member, _, ok = it.Next() {
			e.text = append(e.text, member...)
			e.cut()
		}
	}
	return e.all
}

// elements are collected in few large pieces of memory.
type elements struct {
	all  [][]byte
	text []byte // what cut has not made an element yet is at the end
	done int
}

const pieceBytes = 64 << 10

// cut makes what was appended to text an element.
func (e *elements) cut() {
	e.all = append(e.all, e.text[e.done:len(e.text):len(e.text)])
	if e.done = len(e.text); e.done > pieceBytes {
		e.text, e.done = nil, 0
	}
}

// weighed is an element, and what it is sorted by.
type weighed struct {
	element []byte
	score   float64
	text    []byte
	missing bool // no key gives a text
}

const errScores command.Error = "ERR One or more scores can't be converted into double"

// sorted returns the elements in order.
func (a *sortArgs) sorted(c *command.Call, elements [][]byte, from, to int) ([][]byte, error) {
	all := make([]weighed, len(elements))
	for i, element := range elements {
		w := &all[i]
		w.element, w.text = element, element
		if a.by != nil {
			value, ok, err := a.look(c, a.by, element)
			if err != nil {
				return nil, err
			}
			w.text, w.missing = value, !ok
		}
		if a.alpha || w.missing {
			continue
		}
		var err error
		if w.score, err = parseScore(w.text); err != nil {
			return nil, errScores
		}
	}
	order := byScore
	if a.alpha {
		order = byText
	}
	slices.SortStableFunc(all, func(x, y weighed) int {
		if a.desc {
			return order(&y, &x)
		}
		return order(&x, &y)
	})
	for i := from; i < to; i++ {
		elements[i] = all[i].element
	}
	return elements, nil
}

func byScore(x, y *weighed) int {
	switch {
	case x.score < y.score:
		return -1
	case x.score > y.score:
		return 1
	default:
		return bytes.Compare(x.element, y.element)
	}
}

func byText(x, y *weighed) int {
	if x.missing != y.missing {
		if x.missing {
			return -1
		}
		return 1
	}
	return bytes.Compare(x.text, y.text)
}

// parseScore reads a number as C's strtod does: behind blanks, and up to a zero byte. No text at all is zero.
func parseScore(text []byte) (float64, error) {
	text, _, _ = bytes.Cut(text, []byte{0})
	if len(text) == 0 {
		return 0, nil
	}
	return command.ParseFloat(bytes.TrimLeft(text, " \t\n\v\f\r"))
}
