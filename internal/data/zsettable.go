package data

import (
	"encoding/binary"
	"math"
)

// ZSetTable is a large sorted set: a Dict that knows the score of each member, and a tree that knows their order. A
// checkpoint copies the Dict alone, for the tree follows from it.
type ZSetTable struct {
	dict *Dict
	tree scoreTree
}

func newZSetTable() *ZSetTable { return &ZSetTable{dict: NewDict()} }

func (t *ZSetTable) score(member []byte) (score float64, ok bool) {
	value, ok := t.dict.Get(member)
	if !ok {
		return 0, false
	}
	return scoreOf(value), true
}

func scoreOf(value []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(value)) }

func (t *ZSetTable) set(member []byte, score float64) (added bool) {
	old, ok := t.score(member)
	if ok {
		if old == score {
			return false
		}
		t.tree.remove(old, member)
	}
	var value [8]byte
	binary.LittleEndian.PutUint64(value[:], math.Float64bits(score))
	t.dict.Set(member, value[:])
	t.tree.insert(score, member)
	return !ok
}

func (t *ZSetTable) remove(member []byte) bool {
	score, ok := t.score(member)
	if ok {
		t.tree.remove(score, member)
		t.dict.Delete(member)
	}
	return ok
}

func (t *ZSetTable) removeRange(rank, n int) {
	for n > 0 {
		n -= t.tree.removeFrom(rank, n, func(member []byte) { t.dict.Delete(member) })
	}
}

// Scan visits about count elements from a cursor on, 0 at first, and returns the cursor to continue from, 0 at the end. An
// element that is there for the whole scan is visited.
func (t *ZSetTable) Scan(cursor uint64, count int, visit func(member []byte, score float64)) (next uint64) {
	return t.dict.Scan(cursor, count, func(member, value []byte) { visit(member, scoreOf(value)) })
}

// Bytes returns how much memory the set holds.
func (t *ZSetTable) Bytes() int { return t.dict.Bytes() + t.tree.bytes() }

// Scores collects the scores of members, which may change often, for a set that is then made of them at once.
type Scores struct{ dict *Dict }

// NewScores returns an empty collection.
func NewScores() Scores { return Scores{NewDict()} }

// Get returns the score of a member so far.
func (s Scores) Get(member []byte) (score float64, ok bool) {
	value, ok := s.dict.Get(member)
	if !ok {
		return 0, false
	}
	return scoreOf(value), true
}

// Set sets the score of a member.
func (s Scores) Set(member []byte, score float64) {
	var value [8]byte
	binary.LittleEndian.PutUint64(value[:], math.Float64bits(score))
	s.dict.Set(member, value[:])
}

// ZSet makes the collection a large set, which it is from then on.
func (s Scores) ZSet() ZSet {
	t := &ZSetTable{dict: s.dict}
	for member, score := range s.dict.All() {
		t.tree.insert(scoreOf(score), member)
	}
	return ZSet{Large: t}
}
