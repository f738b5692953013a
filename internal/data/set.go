package data

import (
	"iter"
	"strconv"
)

// Set is a set of byte strings. Packed bytes begin with a byte that says what follows:
//
//	intWidth2, 4, 8   integers, ascending, of so many bytes each (see packedInts)
//	packedStrings     strings in the order in which they were added (see packedMembers)
//
// A set of nothing but integers stays one of integers up to setMostInts of them. Any other member, or one more, makes it
// one of strings for good, however small it becomes. Members that are integers are those whose text is what formatting the
// number gives: "7", not "07".
type Set struct {
	Packed []byte
	Large  *SetTable
}

// The limits of the packed form.
const (
	setMostInts    = 512 // integers
	setMostStrings = 128 // strings,
	setLongest     = 255 // each of at most so many bytes,
	// and all of them of as many as those of 64 bytes take.
	setMostBytes = packedMembersHead + setMostStrings*(1+64)
)

// Len returns the number of members.
func (s Set) Len() int {
	switch {
	case s.Large != nil:
		return s.Large.Len()
	case len(s.Packed) == 0:
		return 0
	case s.Packed[0] == packedStrings:
		return packedMembers(s.Packed).len()
	default:
		return packedInts(s.Packed).len()
	}
}

// Encoding returns what Redis 7.0 calls the form that it would have: intset or hashtable.
func (s Set) Encoding() string {
	if s.isInts() {
		return "intset"
	}
	return "hashtable"
}

func (s Set) isInts() bool { return len(s.Packed) > 0 && s.Packed[0] != packedStrings }

// Contains reports whether there is a member.
func (s Set) Contains(member []byte) bool {
	switch {
	case s.Large != nil:
		return s.Large.contains(member)
	case len(s.Packed) == 0:
		return false
	case s.Packed[0] == packedStrings:
		return packedMembers(s.Packed).find(member) >= 0
	}
	v, ok := parseMember(member)
	return ok && packedInts(s.Packed).contains(v)
}

// Add adds a member and reports whether it was not there.
func (s *Set) Add(member []byte) (added bool) {
	if s.Large != nil {
		return s.Large.add(member)
	}
	if len(s.Packed) == 0 || s.isInts() {
		if v, ok := parseMember(member); ok {
			return s.addInt(v, member)
		}
		s.stringify(1, len(member))
	} else if packedMembers(s.Packed).find(member) >= 0 {
		return false
	} else {
		s.makeRoom(1, len(member))
	}
	if s.Large != nil {
		return s.Large.add(member)
	}
	s.Packed = packedMembers(s.Packed).add(member)
	return true
}

func (s *Set) addInt(v int64, member []byte) bool {
	if len(s.Packed) == 0 {
		s.Packed = packedInts(s.Packed[:0]).begin(v)
		return true
	}
	ints := packedInts(s.Packed)
	pos, found := ints.search(v)
	if found {
		return false
	}
	if ints.len() == setMostInts {
		s.enlarge()
		return s.Large.add(member)
	}
	s.Packed = ints.insert(pos, v)
	return true
}

// Remove removes a member and reports whether it was there.
func (s *Set) Remove(member []byte) bool {
	if s.Large != nil {
		return s.Large.remove(member)
	}
	if !s.isInts() {
		if len(s.Packed) == 0 {
			return false
		}
		p := packedMembers(s.Packed)
		at := p.find(member)
		if at < 0 {
			return false
		}
		s.Packed = p.remove(at)
		return true
	}
	v, ok := parseMember(member)
	if !ok {
		return false
	}
	ints := packedInts(s.Packed)
	pos, found := ints.search(v)
	if found {
		s.Packed = ints.remove(pos)
	}
	return found
}

// All yields every member once: integers in ascending order, others in no useful one. What it yields holds until the next.
func (s Set) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		switch {
		case s.Large != nil:
			for member := range s.Large.members.All() {
				if !yield(member) {
					return
				}
			}
		case s.isInts():
			packedInts(s.Packed).each(yield)
		case len(s.Packed) > 0:
			packedMembers(s.Packed).each(yield)
		}
	}
}

// Scan visits about count members from a cursor on, 0 at first, and returns the cursor to continue from, 0 at the end. A
// member that is there during the whole scan is visited at least once. A packed set is visited whole in one step.
func (s Set) Scan(cursor uint64, count int, visit func(member []byte)) (next uint64) {
	if s.Large != nil {
		return s.Large.members.Scan(cursor, count, func(member, _ []byte) { visit(member) })
	}
	for member := range s.All() {
		visit(member)
	}
	return 0
}

// Stringify makes a set one of strings, as if a member that is none had been added and removed.
func (s *Set) Stringify() {
	if s.Large == nil && (s.isInts() || len(s.Packed) == 0) {
		s.stringify(0, 0)
	}
}

// stringify makes a packed set of integers one of strings, or large, if it could not take n more members of up to longest
// bytes.
func (s *Set) stringify(n, longest int) {
	ints := packedInts(s.Packed)
	if len(ints) > 0 && ints.len()+n > setMostStrings || longest > setLongest {
		s.enlarge()
		return
	}
	if len(ints) == 0 {
		s.Packed = append(s.Packed[:0], packedStrings, 0)
		return
	}
	strings := packedMembers{packedStrings, 0}
	for member := range s.All() {
		strings = strings.add(member)
	}
	s.Packed = strings
}

// makeRoom makes a packed set of strings large, if it cannot take n more members of up to longest bytes.
func (s *Set) makeRoom(n, longest int) {
	if p := packedMembers(s.Packed); p.len()+n > setMostStrings || longest > setLongest || len(p)+n*(1+longest) > setMostBytes {
		s.enlarge()
	}
}

// enlarge changes the form from packed to large.
func (s *Set) enlarge() {
	table := newSetTable()
	for member := range s.All() {
		table.add(member)
	}
	s.Packed, s.Large = nil, table
}

// PackedSetSize returns how many packed bytes a set of such members takes, 0 if it is large.
func PackedSetSize(members [][]byte) int {
	width, size, longest := 0, packedMembersHead, 0
	for _, m := range members {
		size += 1 + len(m)
		longest = max(longest, len(m))
		if width < 0 {
			continue
		}
		if v, ok := parseMember(m); ok {
			width = max(width, widthOf(v))
		} else {
			width = -1
		}
	}
	switch {
	case width > 0 && len(members) <= setMostInts:
		return 1 + width*len(members)
	case width > 0 || len(members) > setMostStrings || longest > setLongest || size > setMostBytes:
		return 0
	default:
		return size
	}
}

// parseMember reads a member that is an integer.
func parseMember(member []byte) (v int64, ok bool) {
	if len(member) == 0 || len(member) > 20 {
		return 0, false
	}
	digits, negative := member, member[0] == '-'
	if negative {
		digits = member[1:]
	}
	if len(digits) == 0 || digits[0] == '0' && len(member) > 1 {
		return 0, false
	}
	if len(digits) > 18 { // may overflow
		for _, c := range digits {
			if c < '0' || c > '9' {
				return 0, false
			}
		}
		v, err := strconv.ParseInt(string(member), 10, 64)
		return v, err == nil
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	if negative {
		v = -v
	}
	return v, true
}
