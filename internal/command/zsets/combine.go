package zsets

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/internal/state"
)

var zunion = command.Spec{
	Name: "zunion", Group: command.SortedSet, Since: "6.2.0", Arity: -3,
	Syntax:     "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
	Summary:    "Return the members that any of several sorted sets, or sets, has.",
	Complexity: "O(N + M log M) for N elements in all and M in the result",
	Flags:      command.ReadOnly,
	Keys:       command.NumKeys(1),
	Run:        command.Handle(combination{op: union}.parse, runCombine),
}

var zinter = command.Spec{
	Name: "zinter", Group: command.SortedSet, Since: "6.2.0", Arity: -3,
	Syntax:     "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
	Summary:    "Return the members that all of several sorted sets, or sets, have.",
	Complexity: "O(N K + M log M) for N elements in the smallest of K and M in the result",
	Flags:      command.ReadOnly,
	Keys:       command.NumKeys(1),
	Run:        command.Handle(combination{op: inter}.parse, runCombine),
}

var zdiff = command.Spec{
	Name: "zdiff", Group: command.SortedSet, Since: "6.2.0", Arity: -3,
	Syntax:     "numkeys key [key ...] [WITHSCORES]",
	Summary:    "Return the members of the first of several sorted sets, or sets, that no other has.",
	Complexity: "O(N K + M log M) for N elements in the first of K and M in the result",
	Flags:      command.ReadOnly,
	Keys:       command.NumKeys(1),
	Run:        command.Handle(combination{op: diff}.parse, runCombine),
}

var zunionstore = command.Spec{
	Name: "zunionstore", Group: command.SortedSet, Since: "2.0.0", Arity: -4,
	Syntax:     "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
	Summary:    "Store the members that any of several sorted sets, or sets, has. Replies how many they are.",
	Complexity: "O(N + M log M) for N elements in all and M in the result",
	Flags:      command.Write | command.Reads | command.DenyOOM,
	Keys:       command.KeyAt(1).For("OW update").And(command.NumKeys(2).For("RO access")),
	Run:        command.Handle(combination{op: union, store: true}.parse, runCombine),
}

var zinterstore = command.Spec{
	Name: "zinterstore", Group: command.SortedSet, Since: "2.0.0", Arity: -4,
	Syntax:     "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
	Summary:    "Store the members that all of several sorted sets, or sets, have. Replies how many they are.",
	Complexity: "O(N K + M log M) for N elements in the smallest of K and M in the result",
	Flags:      command.Write | command.Reads | command.DenyOOM,
	Keys:       command.KeyAt(1).For("OW update").And(command.NumKeys(2).For("RO access")),
	Run:        command.Handle(combination{op: inter, store: true}.parse, runCombine),
}

var zdiffstore = command.Spec{
	Name: "zdiffstore", Group: command.SortedSet, Since: "6.2.0", Arity: -4,
	Syntax:     "destination numkeys key [key ...]",
	Summary:    "Store the members of the first of several sorted sets, or sets, that no other has. Replies how many they are.",
	Complexity: "O(N K + M log M) for N elements in the first of K and M in the result",
	Flags:      command.Write | command.Reads | command.DenyOOM,
	Keys:       command.KeyAt(1).For("OW update").And(command.NumKeys(2).For("RO access")),
	Run:        command.Handle(combination{op: diff, store: true}.parse, runCombine),
}

var zintercard = command.Spec{
	Name: "zintercard", Group: command.SortedSet, Since: "7.0.0", Arity: -3,
	Syntax:     "numkeys key [key ...] [LIMIT limit]",
	Summary:    "Return how many members all of several sorted sets, or sets, have; counting stops at a limit.",
	Complexity: "O(N K) for N elements in the smallest of K",
	Flags:      command.ReadOnly,
	Keys:       command.NumKeys(1),
	Run:        command.Handle(combination{op: inter, card: true}.parse, runCombine),
}

const (
	errWeight command.Error = "ERR weight value is not a float"
	errLimit  command.Error = "ERR LIMIT can't be negative"
)

// combination is what tells the commands of this file apart.
type combination struct {
	op          operation
	store, card bool
}

type operation byte

const (
	union operation = iota
	inter
	diff
)

type combineArgs struct {
	combination
	destination []byte
	keys        [][]byte
	weights     []float64 // nil: all 1
	aggregate   func(a, b float64) float64
	scores      bool
	limit       int64 // 0: none
	// late is what is wrong with the options. Redis looks at what the keys hold first.
	late error
}

func (k combination) parse(args command.Args) (combineArgs, error) {
	a := combineArgs{combination: k, aggregate: sum}
	name := args[0]
	if args = args[1:]; k.store {
		a.destination, args = args[0], args[1:]
	}
	numkeys, err := command.ParseInt(args[0])
	switch {
	case err != nil:
		return a, err
	case numkeys < 1:
		return a, command.Errorf("ERR at least 1 input key is needed for '%s' command", bytes.ToLower(name))
	case numkeys > int64(len(args)-1):
		return a, command.ErrSyntax
	}
	a.keys = args[1 : 1+numkeys]
	a.late = a.options(args[1+numkeys:])
	return a, nil
}

func (a *combineArgs) options(args [][]byte) (err error) {
	weighs := a.op != diff && !a.card
	for len(args) > 0 {
		taken := 2
		switch option, n := args[0], len(a.keys); {
		case weighs && len(args) > n && command.EqualFold(option, "WEIGHTS"):
			taken = n + 1
			err = a.parseWeights(args[1:taken])
		case weighs && len(args) > 1 && command.EqualFold(option, "AGGREGATE"):
			a.aggregate, err = parseAggregate(args[1])
		case !a.store && !a.card && command.EqualFold(option, "WITHSCORES"):
			a.scores, taken = true, 1
		case a.card && len(args) > 1 && command.EqualFold(option, "LIMIT"):
			a.limit, err = parseFrom(0, args[1], errLimit)
		default:
			err = command.ErrSyntax
		}
		if err != nil {
			return err
		}
		args = args[taken:]
	}
	return nil
}

func (a *combineArgs) parseWeights(args [][]byte) (err error) {
	a.weights = make([]float64, len(args))
	for i, arg := range args {
		if a.weights[i], err = command.ParseFloat(arg); err != nil {
			return errWeight
		}
	}
	return nil
}

func parseAggregate(arg []byte) (func(a, b float64) float64, error) {
	switch {
	case command.EqualFold(arg, "SUM"):
		return sum, nil
	case command.EqualFold(arg, "MIN"):
		return lower, nil
	case command.EqualFold(arg, "MAX"):
		return higher, nil
	default:
		return nil, command.ErrSyntax
	}
}

// sum adds scores. Where they are infinite in both directions the sum is 0.
func sum(a, b float64) float64 { return orZero(a + b) }

func orZero(score float64) float64 {
	if math.IsNaN(score) {
		return 0
	}
	return score
}

// lower and higher keep a where both are equal, which a negative zero shows.
func lower(a, b float64) float64 {
	if b < a {
		return b
	}
	return a
}

func higher(a, b float64) float64 {
	if b > a {
		return b
	}
	return a
}

// source is a sorted set, or a set, whose members have the score 1.
type source struct {
	zset   data.ZSet
	set    data.Set
	weight float64
}

func sourceAt(c *command.Call, key []byte) (s source, err error) {
	v := c.Tx.Lookup(key)
	switch v.Kind {
	case state.None:
	case state.KindZSet:
		s.zset.Packed = v.Packed
		s.zset.Large, _ = v.Object.(*data.ZSetTable)
	case state.KindSet:
		s.set.Packed = v.Packed
		s.set.Large, _ = v.Object.(*data.SetTable)
	default:
		err = state.ErrWrongType
	}
	return s, err
}

func (s *source) len() int { return s.zset.Len() + s.set.Len() }

func (s *source) score(member []byte) (float64, bool) {
	if s.set.Len() > 0 {
		return 1, s.set.Contains(member)
	}
	return s.zset.Score(member)
}

// each calls visit with every element until it returns false.
func (s *source) each(visit func(member []byte, score float64) bool) {
	for it := s.zset.Range(0, s.zset.Len()); ; {
		member, score, ok := it.Next()
		if !ok || !visit(member, score) {
			break
		}
	}
	for member := range s.set.All() {
		if !visit(member, 1) {
			break
		}
	}
}

func runCombine(c *command.Call, a combineArgs) error {
	sources := make([]source, len(a.keys))
	for i, key := range a.keys {
		var err error
		if sources[i], err = sourceAt(c, key); err != nil {
			return err
		}
	}
	if a.late != nil {
		return a.late
	}
	for i := range sources {
		sources[i].weight = 1
		if a.weights != nil {
			sources[i].weight = a.weights[i]
		}
	}
	if a.op != diff {
		// The order in which scores are added decides their last digit.
		slices.SortStableFunc(sources, func(a, b source) int { return cmp.Compare(a.len(), b.len()) })
	}
	if a.card {
		c.Out.Int(a.count(sources))
		return nil
	}
	result := a.combine(sources)
	if a.store {
		store(c, a.destination, packed(result))
		return nil
	}
	it := result.Range(0, result.Len())
	writeElements(c.Out, &it, result.Len(), a.scores)
	return nil
}

// count returns how many members all sources have, up to the limit.
func (a *combineArgs) count(sources []source) (n int64) {
	a.intersect(sources, func([]byte, float64) bool {
		n++
		return a.limit == 0 || n < a.limit
	})
	return n
}

// combine makes the result as a large set, whose scores are those that were computed, to the sign of zero.
func (a *combineArgs) combine(sources []source) data.ZSet {
	result := data.NewLargeZSet()
	add := func(member []byte, score float64) bool {
		result.Set(member, score)
		return true
	}
	switch a.op {
	case union:
		a.unite(sources, &result)
	case inter:
		a.intersect(sources, add)
	case diff:
		subtract(sources, add)
	}
	return result
}

func (a *combineArgs) unite(sources []source, result *data.ZSet) {
	// The order by score is made once, in the end: until then a Dict has what a member's score is so far.
	scores := data.NewScores()
	for i := range sources {
		s := &sources[i]
		s.each(func(member []byte, score float64) bool {
			score = orZero(s.weight * score)
			if old, ok := scores.Get(member); ok {
				score = a.aggregate(old, score)
			}
			scores.Set(member, score)
			return true
		})
	}
	*result = scores.ZSet()
}

// intersect yields the members that all sources have, of which the first is the smallest.
func (a *combineArgs) intersect(sources []source, yield func(member []byte, score float64) bool) {
	first := &sources[0]
	first.each(func(member []byte, own float64) bool {
		score := orZero(first.weight * own)
		for i := range sources[1:] {
			s := &sources[1+i]
			other, ok := s.score(member)
			if !ok {
				return true
			}
			score = a.aggregate(score, s.weight*other)
		}
		return yield(member, score)
	})
}

func subtract(sources []source, yield func(member []byte, score float64) bool) {
	sources[0].each(func(member []byte, score float64) bool {
		for i := range sources[1:] {
			if _, ok := sources[1+i].score(member); ok {
				return true
			}
		}
		return yield(member, score)
	})
}

// packed returns a set in the form that it would have if it had been made element by element.
func packed(z data.ZSet) data.ZSet {
	longest := 0
	if !data.PacksZSet(z.Len(), 0) {
		return z
	}
	for it := z.Range(0, z.Len()); ; {
		member, _, ok := it.Next()
		if !ok {
			break
		}
		longest = max(longest, len(member))
	}
	if !data.PacksZSet(z.Len(), longest) {
		return z
	}
	var small data.ZSet
	for it := z.Range(0, z.Len()); ; {
		member, score, ok := it.Next()
		if !ok {
			return small
		}
		small.Set(member, score)
	}
}
