package data

import (
	"cmp"
	"iter"
	"slices"
)

// Intersect yields the members that all of the sets have. It sorts them by size: the smallest is walked, and the others
// are asked, the next smallest first. There is at least one. What it yields holds until the next.
func Intersect(sets []Set) iter.Seq[[]byte] {
	slices.SortStableFunc(sets, func(a, b Set) int { return cmp.Compare(a.Len(), b.Len()) })
	return func(yield func([]byte) bool) {
		for member := range sets[0].All() {
			if inAll(member, sets[1:]) && !yield(member) {
				return
			}
		}
	}
}

func inAll(member []byte, sets []Set) bool {
	for _, s := range sets {
		if !s.Contains(member) {
			return false
		}
	}
	return true
}

// Union returns a set of the members that any of the sets has.
func Union(sets []Set) Set {
	var union Set
	for _, s := range sets {
		for member := range s.All() {
			union.Add(member)
		}
	}
	return union
}

// Difference returns a set of the members of the first set that none of the others has. It sorts the others.
//
// Either each member of the first is looked up in the others, the largest first, where most are found; or, if the others
// have few members, those are removed from a copy of the first.
func Difference(sets []Set) Set {
	first, others := sets[0], sets[1:]
	asking, removing := 0, 0
	for _, s := range sets {
		if s.Len() > 0 {
			asking += first.Len()
			removing += s.Len()
		}
	}
	var difference Set
	if asking/2 > removing { // as Redis decides: it shows in the form of the result
		return without(first, others)
	}
	slices.SortStableFunc(others, func(a, b Set) int { return cmp.Compare(b.Len(), a.Len()) })
	for member := range first.All() {
		if !slices.ContainsFunc(others, func(s Set) bool { return s.Contains(member) }) {
			difference.Add(member)
		}
	}
	return difference
}

func without(first Set, others []Set) Set {
	rest := Union([]Set{first})
	for _, s := range others {
		for member := range s.All() {
			rest.Remove(member)
		}
	}
	if rest.Len() > setMostInts {
		return rest
	}
	var compact Set // the form of a set that never had more
	if !rest.isInts() {
		compact.Stringify()
	}
	for member := range rest.All() {
		compact.Add(member)
	}
	return compact
}
