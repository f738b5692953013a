package data

import (
	"iter"
	"strconv"
)

// AppendRandom appends a member to b, each with the same probability; the set is not empty. random returns a number below
// its argument.
func (s Set) AppendRandom(b []byte, random func(n uint64) uint64) []byte {
	switch {
	case s.Large != nil:
		member, _ := s.Large.members.Random(random)
		return append(b, member...)
	case s.isInts():
		ints := packedInts(s.Packed)
		return strconv.AppendInt(b, ints.at(int(random(uint64(ints.len())))), 10)
	default:
		strings := packedMembers(s.Packed)
		return append(b, strings.nth(int(random(uint64(strings.len()))))...)
	}
}

// sparse is how many members there must be for each that a sample takes, so that picking at random until there are enough
// is cheaper than a walk.
const sparse = 3

// Sample yields n different members, or all if there are no more; each choice of n has the same probability. What it yields
// holds until the next.
func (s Set) Sample(n int, random func(n uint64) uint64) iter.Seq[[]byte] {
	if s.Large == nil || n > s.Len()/sparse {
		return s.sampleByWalk(n, random)
	}
	return func(yield func([]byte) bool) {
		taken := newSetTable()
		for taken.Len() < n {
			member, _ := s.Large.members.Random(random)
			if taken.add(member) && !yield(member) {
				return
			}
		}
	}
}

// sampleByWalk gives every member the chance that is left: of those needed, among those to come.
func (s Set) sampleByWalk(n int, random func(n uint64) uint64) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		left := uint64(s.Len())
		needed := min(uint64(n), left)
		for member := range s.All() {
			if needed == 0 {
				return
			}
			if needed == left || random(left) < needed {
				if needed--; !yield(member) {
					return
				}
			}
			left--
		}
	}
}
