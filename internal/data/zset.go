package data

import (
	"encoding/binary"
	"math"
)

// ZSet is a sorted set: members that each have a score, in order of the scores, and of the bytes of the members where scores
// are equal. The zero ZSet is empty. A rank is a place in that order, 0 first.
//
// A score is any number but NaN. In a set that Redis has as a listpack a negative zero becomes zero; in others it stays, and is
// equal to zero.
//
// Results alias the set, and are valid until its next change; arguments are copied.
//
// A small set is packed,
//
//	+----------+-----------------------------+
//	| head, 1  | the elements, see scoreRun  |
//	+----------+-----------------------------+
//
// where the head is the number of elements, up to zsetPackedMost. With a member of more than zsetPackedMember bytes it becomes
// wide, for ever: Redis has a skiplist for it, whose few elements may as well be packed. Then the head is the number of
// elements, fewer than zsetPackedMost, and zsetPackedMost. It becomes large, for ever, with more elements, and a wide one with
// more than zsetWidest bytes.
type ZSet struct {
	Packed []byte
	Large  *ZSetTable
}

const (
	zsetPackedMost   = 128
	zsetPackedMember = 64
	zsetWidest       = 4 << 10
)

// NewLargeZSet returns an empty set that is large from the start.
func NewLargeZSet() ZSet { return ZSet{Large: newZSetTable()} }

// PacksZSet reports whether Redis has a set of so many elements, with a longest member of so many bytes, as a listpack.
func PacksZSet(elements, longest int) bool {
	return elements <= zsetPackedMost && longest <= zsetPackedMember
}

// packs reports whether a set of so many elements and bytes, head included, is packed.
func packs(elements, bytes int, wide bool) bool {
	if wide {
		return elements < zsetPackedMost && bytes <= zsetWidest
	}
	return elements <= zsetPackedMost
}

// ZSetRoom adds up how many bytes a packed set of some members takes.
type ZSetRoom struct{ elements, bytes, longest int }

// Add counts a member.
func (r *ZSetRoom) Add(member []byte) {
	r.elements++
	r.bytes += scoredSize(member)
	r.longest = max(r.longest, len(member))
}

// Bytes returns how many bytes it takes, 0 if the set is large.
func (r ZSetRoom) Bytes() int {
	if !packs(r.elements, 1+r.bytes, r.longest > zsetPackedMember) {
		return 0
	}
	return 1 + r.bytes
}

// Len returns the number of elements.
func (z ZSet) Len() int {
	switch {
	case z.Large != nil:
		return z.Large.dict.Len()
	case len(z.Packed) == 0:
		return 0
	case z.Packed[0] > zsetPackedMost:
		return int(z.Packed[0]) - zsetPackedMost
	default:
		return int(z.Packed[0])
	}
}

// wide reports whether a packed set is.
func (z ZSet) wide() bool { return len(z.Packed) > 0 && z.Packed[0] > zsetPackedMost }

// Listpack reports whether Redis has the set as a listpack.
func (z ZSet) Listpack() bool { return z.Large == nil && !z.wide() }

// Encoding names the form of the set as Redis does.
func (z ZSet) Encoding() string {
	if z.Listpack() {
		return "listpack"
	}
	return "skiplist"
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
	case !z.open(member):
		z.grow()
		return z.Large.set(member, score)
	}
	if score == 0 && !z.wide() {
		score = 0 // no negative zero
	}
	at, _ = z.packed().seek(&scoreBorder{score: score, member: member})
	z.Packed = scoreRun(z.Packed).insert(at+1, score, member)
	return !ok
}

// open counts a new member in the head of a packed set, if there is room for it.
func (z *ZSet) open(member []byte) bool {
	n, wide := z.Len()+1, z.wide() || len(member) > zsetPackedMember
	size := max(len(z.Packed), 1) + scoredSize(member)
	if !packs(n, size, wide) {
		return false
	}
	if len(z.Packed) == 0 {
		if cap(z.Packed) == 0 {
			z.Packed = make([]byte, 0, size)
		}
		z.Packed = z.Packed[:1]
	}
	z.count(n, wide)
	return true
}

// count writes the head of a packed set.
func (z *ZSet) count(n int, wide bool) {
	if wide {
		n += zsetPackedMost
	}
	z.Packed[0] = byte(n)
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
	left := z.Len() - n
	z.Packed = append(z.Packed[:from+1], z.Packed[to+1:]...)
	if left == 0 {
		z.Packed = z.Packed[:0]
		return
	}
	z.count(left, z.wide())
}

// CheckZSet reports, as an error that is ErrDamaged, bytes that are no packed set.
func CheckZSet(packed []byte) error {
	z := ZSet{Packed: packed}
	if z.Len() == 0 || !packs(z.Len(), len(packed), z.wide()) {
		return ErrDamaged
	}
	run, longest := z.packed(), zsetPackedMember
	if z.wide() {
		longest = zsetWidest
	}
	seen := make(map[string]bool, z.Len())
	at := 0
	before := scoreBorder{score: math.Inf(-1)}
	for i := range z.Len() {
		if len(run)-at < 9 {
			return ErrDamaged
		}
		size, n := binary.Uvarint(run[at+8:])
		if n < 1 || n > 1 && size < 1<<(7*(n-1)) || size > uint64(min(longest, len(run)-at-8-n)) {
			return ErrDamaged
		}
		score, member, next := run.item(at)
		if score != score || score == 0 && math.Signbit(score) && !z.wide() || seen[string(member)] || i > 0 && before.below(score, member) {
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
