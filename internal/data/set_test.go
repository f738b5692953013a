package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// setModel is a set as one would write it without a thought, and what Redis says of its form.
type setModel struct {
	members map[string]bool
	strings bool
}

func (m *setModel) add(member string) bool {
	if m.members[member] {
		return false
	}
	m.members[member] = true
	n, err := strconv.ParseInt(member, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != member || len(m.members) > 512 {
		m.strings = true
	}
	return true
}

func (m *setModel) remove(member string) bool {
	had := m.members[member]
	delete(m.members, member)
	return had
}

func (m *setModel) encoding() string {
	if m.strings {
		return "hashtable"
	}
	return "intset"
}

// membersOf draws words that make sets of every form: few and many, short and long, integers of all widths and what only looks like some.
func membersOf(t *rapid.T) func() string {
	integers := rapid.OneOf(rapid.Int64Range(-5, 700), rapid.Int64Range(-40_000, 40_000), rapid.Int64())
	only := rapid.Bool().Draw(t, "only integers")
	return func() string {
		if only || rapid.IntRange(0, 3).Draw(t, "kind") > 0 {
			return strconv.FormatInt(integers.Draw(t, "n"), 10)
		}
		return rapid.OneOf(rapid.SampledFrom([]string{"", "-", "-0", "00", "07", "+1", "1 ", "9223372036854775807", "9223372036854775808",
			"-9223372036854775808", "-9223372036854775809", strings.Repeat("x", 64), strings.Repeat("x", 65), strings.Repeat("x", 255), strings.Repeat("x", 256), strings.Repeat("y", 5000)}),
			rapid.StringN(250, 253, 255),
			rapid.StringN(0, 3, 8)).Draw(t, "member")
	}
}

func sorted(members iter.Seq[[]byte]) []string {
	var all []string
	for m := range members {
		all = append(all, string(m))
	}
	slices.Sort(all)
	return all
}

func checkAgainst(t rapid.TB, s Set, m *setModel) {
	t.Helper()
	if s.Len() != len(m.members) {
		t.Fatalf("%d members, want %d", s.Len(), len(m.members))
	}
	if want := slices.Sorted(maps.Keys(m.members)); !slices.Equal(sorted(s.All()), want) {
		t.Fatalf("members %q\nwant %q", sorted(s.All()), want)
	}
	if s.Len() > 0 && s.Encoding() != m.encoding() {
		t.Fatalf("%s, want %s", s.Encoding(), m.encoding())
	}
	if s.Packed != nil {
		if err := CheckSet(s.Packed); err != nil {
			t.Fatal(err)
		}
	}
}

func TestASetIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Set
		m := &setModel{members: map[string]bool{}}
		member := membersOf(t)
		for range rapid.IntRange(1, 3).Draw(t, "phases") {
			growing := rapid.Bool().Draw(t, "growing")
			for range rapid.SampledFrom([]int{5, 60, 700}).Draw(t, "steps") {
				word := member()
				if growing || rapid.IntRange(0, 2).Draw(t, "what") == 0 {
					if got, want := s.Add([]byte(word)), m.add(word); got != want {
						t.Fatalf("adding %q: %v, want %v", word, got, want)
					}
				} else if got, want := s.Remove([]byte(word)), m.remove(word); got != want {
					t.Fatalf("removing %q: %v, want %v", word, got, want)
				}
				if s.Contains([]byte(word)) != m.members[word] {
					t.Fatalf("%q is there: %v", word, m.members[word])
				}
				if s.Len() == 0 {
					s, m.strings = Set{}, false
				}
			}
			checkAgainst(t, s, m)
		}
	})
}

func setOf(members ...string) Set {
	var s Set
	for _, m := range members {
		s.Add([]byte(m))
	}
	return s
}

func numbered(from, to int, prefix string) []string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, prefix+strconv.Itoa(i))
	}
	return all
}

func TestIntegersComeInAscendingOrder(t *testing.T) {
	s := setOf("5", "-70000", "3", "9223372036854775807", "-1", "40000")
	var got []string
	for m := range s.All() {
		got = append(got, string(m))
	}
	if want := []string{"-70000", "-1", "3", "5", "40000", "9223372036854775807"}; !slices.Equal(got, want) {
		t.Error(got)
	}
}

func TestTheFormFollowsTheLimits(t *testing.T) {
	for _, test := range []struct {
		s        Set
		encoding string
		large    bool
	}{
		{setOf(numbered(0, 512, "")...), "intset", false},
		{setOf(numbered(0, 513, "")...), "hashtable", true},
		{setOf(numbered(0, 128, "m")...), "hashtable", false},
		{setOf(numbered(0, 129, "m")...), "hashtable", true},
		{setOf(append(numbered(0, 127, ""), "m")...), "hashtable", false},
		{setOf(append(numbered(0, 128, ""), "m")...), "hashtable", true},
		{setOf("1", strings.Repeat("x", 255)), "hashtable", false},
		{setOf("1", strings.Repeat("x", 256)), "hashtable", true},
		{setOf(numbered(10, 42, strings.Repeat("x", 253))...), "hashtable", false},
		{setOf(numbered(10, 43, strings.Repeat("x", 253))...), "hashtable", true},
		{setOf(numbered(100, 228, strings.Repeat("x", 61))...), "hashtable", false},
	} {
		if test.s.Encoding() != test.encoding || (test.s.Large != nil) != test.large {
			t.Errorf("%d members: %s, large: %v", test.s.Len(), test.s.Encoding(), test.s.Large != nil)
		}
	}
	s := setOf("1", "m")
	s.Remove([]byte("m"))
	if s.Encoding() != "hashtable" {
		t.Error("what was one of strings has become one of integers")
	}
	s = setOf("1")
	s.Stringify()
	if s.Encoding() != "hashtable" || !s.Contains([]byte("1")) {
		t.Error("Stringify")
	}
}

func TestTheAlgebraOfSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sets []Set
		var models []*setModel
		for range rapid.IntRange(1, 4).Draw(t, "sets") {
			member := membersOf(t)
			var s Set
			m := &setModel{members: map[string]bool{}}
			for range rapid.SampledFrom([]int{0, 3, 30, 300}).Draw(t, "size") {
				word := member()
				s.Add([]byte(word))
				m.add(word)
			}
			sets, models = append(sets, s), append(models, m)
		}
		union := &setModel{members: map[string]bool{}}
		counts := map[string]int{}
		for _, m := range models {
			for word := range m.members {
				union.add(word)
				counts[word]++
			}
		}
		checkAgainst(t, Union(sets), union)

		var common, rest []string
		for word, n := range counts {
			if n == len(sets) {
				common = append(common, word)
			}
			if n == 1 && models[0].members[word] {
				rest = append(rest, word)
			}
		}
		slices.Sort(common)
		slices.Sort(rest)
		if got := sorted(Difference(slices.Clone(sets)).All()); !slices.Equal(got, rest) {
			t.Fatalf("difference %q, want %q", got, rest)
		}
		if got := sorted(Intersect(sets)); !slices.Equal(got, common) {
			t.Fatalf("intersection %q, want %q", got, common)
		}
	})
}

// every form of a set: integers, packed strings, large
func forms() map[string]Set {
	return map[string]Set{
		"integers": setOf(numbered(0, 60, "")...), "strings": setOf(numbered(0, 60, "m")...),
		"large": setOf(numbered(0, 60, strings.Repeat("x", 70))...), "larger": setOf(numbered(0, 6000, "m")...),
	}
}

func TestRandomMembersAreEquallyLikely(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)).Uint64N
	for name, s := range forms() {
		if s.Len() > 60 {
			continue
		}
		for _, n := range []int{0, 1, 5, 19, 20, 21, 40, 59} { // 0: AppendRandom
			const rounds = 3000
			counts := map[string]int{}
			for range rounds {
				if n == 0 {
					counts[string(s.AppendRandom(nil, random))]++
					continue
				}
				got := sorted(s.Sample(n, random))
				if len(slices.Compact(slices.Clone(got))) != n {
					t.Fatalf("%s: a sample of %d: %q", name, n, got)
				}
				for _, m := range got {
					counts[m]++
				}
			}
			chi, expected := 0.0, float64(rounds*max(n, 1))/60
			for m, c := range counts {
				if !s.Contains([]byte(m)) {
					t.Fatalf("%s: %q is no member", name, m)
				}
				chi += (float64(c) - expected) * (float64(c) - expected) / expected
			}
			// 59 degrees of freedom: 120 is exceeded once in 100,000 times, and less often for samples without replacement
			if len(counts) != 60 || chi > 120 {
				t.Errorf("%s, samples of %d: %d members, chi square %.0f", name, n, len(counts), chi)
			}
		}
	}
	for name, s := range forms() {
		if got := sorted(s.Sample(10_000, random)); !slices.Equal(got, sorted(s.All())) {
			t.Errorf("%s: a sample of more than there are has %d", name, len(got))
		}
	}
}

func TestAScanVisitsWhatStays(t *testing.T) {
	for name, s := range forms() {
		want := sorted(s.All())
		seen := map[string]bool{}
		var cursor uint64
		for i := 0; ; i++ {
			cursor = s.Scan(cursor, 10, func(m []byte) { seen[string(m)] = true })
			if s.Large != nil && i < 500 {
				s.Add(fmt.Appendf(nil, "new%d", i))
				s.Remove(fmt.Appendf(nil, "new%d", i/2))
			}
			if cursor == 0 {
				break
			}
		}
		for _, m := range want {
			if !seen[m] {
				t.Fatalf("%s: %q was there all the time, but was not visited", name, m)
			}
		}
	}
}

func TestACopyStaysAsItWas(t *testing.T) {
	s := setOf(numbered(0, 5000, "m")...)
	want := sorted(s.All())
	c := s.Large.Copy()
	for i := range 5000 {
		s.Remove(fmt.Appendf(nil, "m%d", i))
		s.Add(fmt.Appendf(nil, "n%d", i))
	}
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := c.Encode(w); err != nil {
		t.Fatal(err)
	}
	_ = w.Flush()
	table, err := DecodeSet(bufio.NewReader(&b))
	if err != nil {
		t.Fatal(err)
	}
	if got := sorted(Set{Large: table}.All()); !slices.Equal(got, want) {
		t.Errorf("%d members, want %d", len(got), len(want))
	}
}

func TestDamagedPackedSetsAreRefused(t *testing.T) {
	tooLong := packedMembers(setOf(numbered(10, 42, strings.Repeat("x", 253))...).Packed)
	tooLong = tooLong.add(bytes.Repeat([]byte("y"), 255))
	for name, packed := range map[string]string{
		"nothing": "", "unknown form": "\x03abc", "no integer": "\x02", "half an integer": "\x02\x01", "descending": "\x02\x02\x00\x01\x00",
		"twice": "\x02\x01\x00\x01\x00", "no string": "\x01\x00", "too short": "\x01", "number too large": "\x01\x02\x01a",
		"number too small": "\x01\x01\x01a\x01b", "cut": "\x01\x01\x02a", "a string twice": "\x01\x02\x01a\x01a",
		"too long": string(tooLong),
		"too many": "\x02" + strings.Repeat("ab", 513),
	} {
		if err := CheckSet([]byte(packed)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamagedLargeSetsAreRefused(t *testing.T) {
	for name, encoded := range map[string]string{
		"nothing": "", "no member": "\x00", "cut": "\x01\x02a", "too few": "\x02\x01a", "a member twice": "\x02\x01a\x01a",
		"a huge promise": "\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7fabc", "no number": "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		if _, err := DecodeSet(bufio.NewReader(strings.NewReader(encoded))); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCheckSet(f *testing.F) {
	for _, s := range forms() {
		if s.Packed != nil {
			f.Add(s.Packed)
		}
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		if CheckSet(packed) != nil {
			return
		}
		s := Set{Packed: bytes.Clone(packed)}
		members := sorted(s.All())
		if len(members) != s.Len() {
			t.Fatalf("%d members, Len %d", len(members), s.Len())
		}
		s.Add([]byte("12"))
		s.Add([]byte("word"))
		for _, m := range members {
			if !s.Remove([]byte(m)) {
				t.Fatalf("%q is not there", m)
			}
		}
	})
}

func FuzzDecodeSet(f *testing.F) {
	for _, s := range forms() {
		if s.Large != nil && s.Len() < 100 {
			var b bytes.Buffer
			w := bufio.NewWriter(&b)
			_ = s.Large.Copy().Encode(w)
			_ = w.Flush()
			f.Add(b.Bytes())
		}
	}
	f.Add([]byte("\x02\x01a\x01b"))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		table, err := DecodeSet(bufio.NewReader(bytes.NewReader(encoded)))
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		s := Set{Large: table}
		for _, m := range sorted(s.All()) {
			if !s.Remove([]byte(m)) {
				t.Fatalf("%q is not there", m)
			}
		}
	})
}

func TestTheSizeOfAPackedSetIsKnownBeforeItIsMade(t *testing.T) {
	for _, members := range [][]string{
		{"1"}, {"1", "70000"}, {"5", "-9223372036854775808"}, {"a", ""}, {"1", "a"}, numbered(0, 512, ""), numbered(0, 513, ""),
		numbered(0, 128, "m"), numbered(0, 129, "m"), {strings.Repeat("x", 65)}, {strings.Repeat("x", 255)}, {strings.Repeat("x", 256)},
		numbered(10, 42, strings.Repeat("x", 253)), numbered(10, 43, strings.Repeat("x", 253)), append(numbered(0, 200, ""), "x"),
	} {
		var args [][]byte
		for _, m := range members {
			args = append(args, []byte(m))
		}
		if got, want := PackedSetSize(args), len(setOf(members...).Packed); got != want {
			t.Errorf("%d members from %q on: %d bytes, want %d", len(members), members[0], got, want)
		}
	}
}
