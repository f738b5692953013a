// Package glob matches byte strings against the patterns of KEYS, SCAN, CONFIG GET and PSUBSCRIBE:
//
//   - any bytes, also none
//     ?         one byte
//     [a-z_]    one byte of the set, [^a-z] one that is not in it; a missing ] is taken as read
//     \x        the byte x, without a special meaning, also within a set
//
// Redis is followed into the corners: ranges may be given backwards and compare bytes as signed numbers, and only the
// empty pattern matches the empty string.
//
// A match takes at most len(pattern) * len(s) steps, whatever the pattern: after a mismatch only the last * is tried
// again, one byte later, because a longer match of an earlier one cannot help.
package glob

// MaxPattern is the longest pattern that commands accept. It bounds what a pattern can cost for every key it is held
// against.
const MaxPattern = 64 << 10

// Match reports whether the pattern matches all of s.
func Match(pattern, s []byte) bool { return match(pattern, s, false) }

// MatchFold is Match with ASCII letters taken as equal in either case.
func MatchFold(pattern, s []byte) bool { return match(pattern, s, true) }

func match(pattern, s []byte, fold bool) bool {
	if len(s) == 0 {
		return len(pattern) == 0
	}
	p, i := 0, 0
	star, resume := -1, 0 // the last *, and where in s its match begins to end
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			star, resume = p, i
			p++
			continue
		}
		if next := one(pattern, p, s[i], fold); next > 0 {
			p = next
			i++
			continue
		}
		if star < 0 {
			return false
		}
		resume++
		p, i = star+1, resume
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// one matches one byte against the element of the pattern at p, which is not a *, and returns where the next element
// begins, 0 if it does not match.
func one(pattern []byte, p int, c byte, fold bool) int {
	if p == len(pattern) {
		return 0
	}
	switch pattern[p] {
	case '?':
		return p + 1
	case '[':
		return set(pattern, p+1, c, fold)
	case '\\':
		if p+1 < len(pattern) {
			p++
		}
	}
	if equal(pattern[p], c, fold) {
		return p + 1
	}
	return 0
}

// set is one for a set whose [ is before p.
func set(pattern []byte, p int, c byte, fold bool) int {
	not := p < len(pattern) && pattern[p] == '^'
	if not {
		p++
	}
	found := false
	for p < len(pattern) && pattern[p] != ']' {
		switch {
		case pattern[p] == '\\' && p+1 < len(pattern):
			p++
			found = found || pattern[p] == c
		case p+2 < len(pattern) && pattern[p+1] == '-':
			found = found || within(pattern[p], pattern[p+2], c, fold)
			p += 2
		default:
			found = found || equal(pattern[p], c, fold)
		}
		p++
	}
	if found == not {
		return 0
	}
	return min(p+1, len(pattern))
}

func within(from, to, c byte, fold bool) bool {
	low, high, v := int8(from), int8(to), int8(c)
	if low > high {
		low, high = high, low
	}
	if fold {
		low, high, v = int8(lower(byte(low))), int8(lower(byte(high))), int8(lower(c))
	}
	return low <= v && v <= high
}

func equal(a, b byte, fold bool) bool {
	return a == b || fold && lower(a) == lower(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
