package data

import "slices"

// packedMembers is a small set of strings.
//
//	+---------------+--------+-----+--------+-----+--------+-----+
//	| packedStrings | number | len | member | len | member | ... |
//	|       1       |   1    |  1  |        |  1  |        |     |
//	+---------------+--------+-----+--------+-----+--------+-----+
type packedMembers []byte

const (
	packedStrings     = 1
	packedMembersHead = 2
)

func (p packedMembers) len() int { return int(p[1]) }

// member returns the member whose length stands at a place, and the place of the next.
func (p packedMembers) member(at int) (member []byte, next int) {
	next = at + 1 + int(p[at])
	return p[at+1 : next : next], next
}

// find returns the place of a member, -1 if it is not there.
func (p packedMembers) find(member []byte) int {
	size := len(member)
	if size > setLongest {
		return -1
	}
	for at := packedMembersHead; at < len(p); {
		next := at + 1 + int(p[at])
		// Members of a set often begin alike: the last byte tells most of them apart.
		if next == at+1+size && (size == 0 || p[next-1] == member[size-1] && string(p[at+1:next]) == string(member)) {
			return at
		}
		at = next
	}
	return -1
}

// add adds a member that is not there.
func (p packedMembers) add(member []byte) packedMembers {
	p = append(p, byte(len(member)))
	p = append(p, member...)
	p[1]++
	return p
}

// remove takes out the member at a place. The set without a member is nil.
func (p packedMembers) remove(at int) packedMembers {
	if p[1]--; p[1] == 0 {
		return nil
	}
	_, next := p.member(at)
	return slices.Delete(p, at, next)
}

// nth returns the member of a number.
func (p packedMembers) nth(n int) []byte {
	at := packedMembersHead
	for range n {
		at += 1 + int(p[at])
	}
	member, _ := p.member(at)
	return member
}

func (p packedMembers) each(yield func([]byte) bool) {
	for at := packedMembersHead; at < len(p); {
		var member []byte
		if member, at = p.member(at); !yield(member) {
			return
		}
	}
}

func (p packedMembers) check() bool {
	if len(p) < packedMembersHead || len(p) > setMostBytes || p.len() == 0 || p.len() > setMostStrings {
		return false
	}
	n := 0
	for at := packedMembersHead; at < len(p); n++ {
		size := int(p[at])
		if at+1+size > len(p) {
			return false
		}
		at += 1 + size
	}
	return n == p.len() && p.distinct()
}

// distinct reports whether no member is there twice. It is asked once for each set of a checkpoint: comparing all of them
// with each other would take seconds.
func (p packedMembers) distinct() bool {
	const places = 2 * setMostStrings
	var seen [places]uint16 // places of members, found by hash
	for at := packedMembersHead; at < len(p); {
		member, next := p.member(at)
		i := hashOf(member) % places
		for ; seen[i] != 0; i = (i + 1) % places {
			if other, _ := p.member(int(seen[i])); string(other) == string(member) {
				return false
			}
		}
		seen[i] = uint16(at)
		at = next
	}
	return true
}
