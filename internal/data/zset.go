package data

import "math"

// ZSet is a sorted set: members that each have a score, in order of the scores, and of the bytes of the members where scores
// are equal. The zero ZSet is empty. A rank is a place in that order, 0 first.
//
// A score is any number but NaN. In a small set a negative zero becomes zero; in a large one it stays, and is equal to zero.
//
// Results alias the set, and are valid until its next change; arguments are copied.
//
// A small set is packed,
//
//	+------------------------+-----------------------------+
//	| number of elements, 1  | the elements, see scoreRun  |
//	+------------------------+-----------------------------+
//
// and becomes large, for ever, with more than zsetPackedMost elements or with a member of more than zsetPackedMember bytes.
type ZSet struct {
	Packed []byte
	Large  *ZSetTable
}

const (
	zsetPackedMost   = 128
	zsetPackedMember = 64
)

// NewLargeZSet returns an empty set that is large from the start.
func NewLargeZSet() ZSet { return ZSet{Large: newZSetTable()} }

// PacksZSet reports whether a set of so many elements, with a longest member of so many bytes, can be packed.
func PacksZSet(elements, longest int) bool {
	return elements <= zsetPackedMost && longest <= zsetPackedMember
}

// Len returns the number of elements.
func (z ZSet) Len() int {
	switch {
	case z.Large != nil:
		return z.Large.dict.Len()
	case len(z.Packed) == 0:
		return 0
	default:
		return int(z.Packed[0])
	}
}

// Encoding names the form of the set as Redis does.
func (z ZSet) Encoding() string {
	if z.Large != nil {
		return "skiplist"
	}
	return "listpack"
}

// Bytes returns how much memory the set holds.
func (z ZSet) Bytes() int {
	if z.Large != nil {
		return z.Large.Bytes()
	}
	return cap(z.Packed)
}

func (z ZSet) packed() scoreRun {
	if len(z.Packed) == 0 {
		return nil
	}
	return scoreRun(z.Packed[1:])
}

// Score returns the score of a member.
func (z ZSet) Score(member []byte) (score float64, ok bool) {
	if z.Large != nil {
		return z.Large.score(member)
	}
	_, score, ok = z.packed().find(member)
	return score, ok
}

// Rank returns the rank of a member, and its score.
func (z ZSet) Rank(member []byte) (rank int, score float64, ok bool) {
	if score, ok = z.Score(member); !ok {
		return 0, 0, false
	}
	return z.below(&scoreBorder{score: score, member: member}), score, true
}

// BelowScore returns how many elements have a score below the given one; inclusive: or equal to it.
func (z ZSet) BelowScore(score float64, inclusive bool) int {
	return z.below(&scoreBorder{by: byScore, score: score, inclusive: inclusive})
}

// BelowMember returns how many elements come before the first whose member is the given one or above; inclusive: above it.
// It is of use if all scores are equal.
func (z ZSet) BelowMember(member []byte, inclusive bool) int {
	return z.below(&scoreBorder{by: byMember, member: member, inclusive: inclusive})
}

func (z ZSet) below(b *scoreBorder) int {
	if z.Large != nil {
		return z.Large.tree.rank(b)
	}
	_, index := z.packed().seek(b)
	return index
}

// At returns the element of a rank, which is below Len.
func (z ZSet) At(rank int) (member []byte, score float64) {
	page, at := z.page(rank)
	score, member, _ = page.item(page.skip(at))
	return member, score
}

// page returns the run with the element of a rank, and the element's index in it.
func (z ZSet) page(rank int) (scoreRun, int) {
	if z.Large != nil {
		return z.Large.tree.page(rank)
	}
	return z.packed(), rank
}

// Set adds a member, or changes its score, and reports whether it was added.
func (z *ZSet) Set(member []byte, score float64) (added bool) {
	if z.Large != nil {
		return z.Large.set(member, score)
	}
	run := z.packed()
	at, old, ok := run.find(member)
	switch {
	case ok && old == score:
		return false
	case ok:
		_, _, next := run.item(at)
		z.Packed = append(z.Packed[:at+1], z.Packed[next+1:]...)
	case !PacksZSet(z.Len()+1, len(member)):
		z.grow()
		return z.Large.set(member, score)
	case cap(z.Packed) == 0:
		z.Packed = append(make([]byte, 0, 1+scoredSize(member)), 1)
	case len(z.Packed) == 0:
		z.Packed = append(z.Packed, 1)
	default:
		z.Packed[0]++
	}
	if score == 0 {
		score = 0 // no negative zero
	}
	at, _ = z.packed().seek(&scoreBorder{score: score, member: member})
	z.Packed = scoreRun(z.Packed).insert(at+1, score, member)
	return !ok
}

// grow makes a small set large.
func (z *ZSet) grow() {
	t := newZSetTable()
	run := z.packed()
	for at := 0; at < len(run); {
		score, member, next := run.item(at)
		t.set(member, score)
		at = next
	}
	z.Packed, z.Large = nil, t
}

// Remove takes a member out and reports whether it was there.
func (z *ZSet) Remove(member []byte) bool {
	if z.Large != nil {
		return z.Large.remove(member)
	}
	run := z.packed()
	at, _, ok := run.find(member)
	if ok {
		_, _, next := run.item(at)
		z.cut(at, next, 1)
	}
	return ok
}

// RemoveRange takes out n elements from a rank on, all of which are there.
func (z *ZSet) RemoveRange(rank, n int) {
	if z.Large != nil {
		z.Large.removeRange(rank, n)
		return
	}
	run := z.packed()
	from := run.skip(rank)
	z.cut(from, from+run[from:].skip(n), n)
}

// cut removes n elements of a packed set, which stand between two offsets.
func (z *ZSet) cut(from, to, n int) {
	z.Packed = append(z.Packed[:from+1], z.Packed[to+1:]...)
	if z.Packed[0] -= byte(n); z.Packed[0] == 0 {
		z.Packed = z.Packed[:0]
	}
}

// CheckZSet reports, as an error that is ErrDamaged, bytes that are no packed set.
func CheckZSet(packed []byte) error {
	z := ZSet{Packed: packed}
	if z.Len() == 0 || z.Len() > zsetPackedMost {
		return ErrDamaged
	}
	run := z.packed()
	seen := make(map[string]bool, z.Len())
	at := 0
	before := scoreBorder{score: math.Inf(-1)}
	for i := range z.Len() {
		if len(run)-at < 9 || run[at+8] > zsetPackedMember || len(run)-at-9 < int(run[at+8]) {
			return ErrDamaged
		}
		score, member, next := run.item(at)
		if score != score || score == 0 && math.Signbit(score) || seen[string(member)] || i > 0 && before.below(score, member) {
			return ErrDamaged
		}
		seen[string(member)] = true
		before, at = scoreBorder{score: score, member: member, inclusive: true}, next
	}
	if at != len(run) {
		return ErrDamaged
	}
	return nil
}
