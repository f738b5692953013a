package data

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// zsetModel is a sorted set as a sorted slice.
type zsetModel []zsetModelItem

type zsetModelItem struct {
	member string
	score  float64
}

func (m zsetModel) index(member string) int {
	return slices.IndexFunc(m, func(i zsetModelItem) bool { return i.member == member })
}

func (m *zsetModel) set(member string, score float64) (added bool) {
	at := m.index(member)
	if at >= 0 {
		if (*m)[at].score == score {
			return false
		}
		*m = slices.Delete(*m, at, at+1)
	}
	*m = append(*m, zsetModelItem{member, score})
	slices.SortFunc(*m, func(a, b zsetModelItem) int {
		return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.member, b.member))
	})
	return at < 0
}

type fataler interface{ Fatalf(string, ...any) }

// checkZSet holds every way to look at a set against the model.
func checkZSet(t fataler, z ZSet, m zsetModel) {
	if z.Len() != len(m) {
		t.Fatalf("Len %d, want %d", z.Len(), len(m))
	}
	if z.Large != nil {
		checkScoreTree(t, &z.Large.tree)
	} else if err := CheckZSet(z.Packed); err != nil && len(m) > 0 {
		t.Fatalf("%v", err)
	}
	forwards, backwards := z.Range(0, len(m)), z.Reverse(len(m)-1, len(m))
	for i, want := range m {
		if member, score, ok := forwards.Next(); string(member) != want.member || score != want.score || !ok {
			t.Fatalf("Range %d: %q %v %v, want %q %v", i, member, score, ok, want.member, want.score)
		}
		last := m[len(m)-1-i]
		if member, score, ok := backwards.Next(); string(member) != last.member || score != last.score || !ok {
			t.Fatalf("Reverse %d: %q %v %v, want %q %v", i, member, score, ok, last.member, last.score)
		}
		if member, score := z.At(i); string(member) != want.member || score != want.score {
			t.Fatalf("At(%d) = %q %v, want %q %v", i, member, score, want.member, want.score)
		}
		if rank, score, ok := z.Rank([]byte(want.member)); rank != i || score != want.score || !ok {
			t.Fatalf("Rank(%q) = %d %v %v, want %d %v", want.member, rank, score, ok, i, want.score)
		}
		for _, inclusive := range []bool{false, true} {
			below := 0
			for _, item := range m {
				if item.score < want.score || inclusive && item.score == want.score {
					below++
				}
			}
			if got := z.BelowScore(want.score, inclusive); got != below {
				t.Fatalf("BelowScore(%v, %v) = %d, want %d", want.score, inclusive, got, below)
			}
		}
	}
	if _, _, ok := forwards.Next(); ok {
		t.Fatalf("Range goes on behind the end")
	}
}

// checkScoreTree checks what scoreNode promises.
func checkScoreTree(t fataler, tree *scoreTree) {
	if tree.root == nil {
		if tree.len != 0 {
			t.Fatalf("a tree without nodes has %d elements", tree.len)
		}
		return
	}
	var walk func(n *scoreNode, level int, low *scoreBorder) int
	walk = func(n *scoreNode, level int, low *scoreBorder) int {
		sum := 0
		for i := range n.used {
			if i > 0 {
				low = &scoreBorder{score: n.scores[i], member: []byte(n.texts[i])}
			}
			var count int
			if level > 0 {
				count = walk(n.nodes[i], level-1, low)
			} else {
				count = checkPage(t, n, i, low)
			}
			if count != n.counts[i] || count == 0 {
				t.Fatalf("child %d of level %d has %d elements, counted as %d", i, level, count, n.counts[i])
			}
			sum += count
		}
		for i := n.used; i < scoreFanOut; i++ {
			if n.pages[i] != nil || n.nodes[i] != nil || n.texts[i] != "" {
				t.Fatalf("a child is left behind")
			}
		}
		return sum
	}
	if got := walk(tree.root, tree.height, nil); got != tree.len {
		t.Fatalf("%d elements, counted as %d", got, tree.len)
	}
}

func checkPage(t fataler, n *scoreNode, i int, low *scoreBorder) (count int) {
	page := n.pages[i]
	for at := 0; at < len(page); count++ {
		score, member, next := page.item(at)
		if low != nil && low.below(score, member) {
			t.Fatalf("element %v %q is below the start %v %q", score, member, low.score, low.member)
		}
		if i+1 < n.used && !(&scoreBorder{score: n.scores[i+1], member: []byte(n.texts[i+1])}).below(score, member) {
			t.Fatalf("element %v %q is not below the next start %v %q", score, member, n.scores[i+1], n.texts[i+1])
		}
		low, at = &scoreBorder{score: score, member: member, inclusive: true}, next
	}
	if len(page) > scorePageBytes && count > 2 && len(page) > 3*scorePageBytes {
		largest := 0
		for at := 0; at < len(page); {
			_, m, next := page.item(at)
			largest, at = max(largest, len(m)), next
		}
		if len(page) > 3*largest {
			t.Fatalf("a page of %d bytes has %d elements", len(page), count)
		}
	}
	return count
}

// drawZSet plays random changes on a set and its model.
func drawZSet(t *rapid.T, z *ZSet, m *zsetModel) {
	members := rapid.IntRange(1, 600).Draw(t, "members")
	scores := rapid.SampledFrom([]int{0, 1, 3, 100, 100000}).Draw(t, "scores")
	longest := rapid.SampledFrom([]int{1, 8, 60, 70, 300, 3000}).Draw(t, "longest")
	grows := rapid.IntRange(1, 9).Draw(t, "grows")
	random := rapid.Uint64().Draw(t, "seed")
	next := func(n int) int {
		random = random*6364136223846793005 + 1442695040888963407
		return int(random>>33) % n
	}
	for range rapid.IntRange(1, 2000).Draw(t, "operations") {
		n := next(members)
		member := fmt.Sprint(n)
		if n%7 == 0 {
			member += strings.Repeat("x", n%longest)
		}
		switch op := next(10); {
		case op < grows:
			score := float64(next(scores+1)) / 8
			if added := z.Set([]byte(member), score); added != m.set(member, score) {
				t.Fatalf("Set(%q) = %v", member, added)
			}
		case op < 9:
			at := m.index(member)
			if z.Remove([]byte(member)) != (at >= 0) {
				t.Fatalf("Remove(%q) is wrong", member)
			}
			if at >= 0 {
				*m = slices.Delete(*m, at, at+1)
			}
		case len(*m) > 0 && next(20) == 0:
			from := next(len(*m))
			count := 1 + next(len(*m)-from)
			if next(3) > 0 {
				count = 1 + count/8
			}
			z.RemoveRange(from, count)
			*m = slices.Delete(*m, from, from+count)
		}
	}
}

func TestAZSetAgreesWithASortedSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z, m := ZSet{}, zsetModel{}
		if rapid.Bool().Draw(t, "large") {
			z = NewLargeZSet()
		}
		drawZSet(t, &z, &m)
		checkZSet(t, z, m)
		if z.Large == nil {
			return
		}
		var encoded bytes.Buffer
		w := bufio.NewWriter(&encoded)
		c := z.Large.Copy()
		before := slices.Clone(m)
		drawZSet(t, &z, &m)
		if err := errors.Join(c.Encode(w), w.Flush()); err != nil {
			t.Fatalf("%v", err)
		}
		table, err := DecodeZSet(bufio.NewReader(&encoded))
		if len(before) == 0 {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("an empty set decodes: %v", err)
			}
			return
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
		checkZSet(t, ZSet{Large: table}, before)
		checkZSet(t, z, m)
	})
}

func TestAZSetBecomesLargeByItsNumberAndByALongMember(t *testing.T) {
	var z ZSet
	for i := range zsetPackedMost {
		z.Set(fmt.Appendf(nil, "%0*d", zsetPackedMember, i), 1)
	}
	if z.Encoding() != "listpack" {
		t.Fatal(z.Encoding())
	}
	z.Set(fmt.Appendf(nil, "%0*d", zsetPackedMember, 1), 2)
	if z.Encoding() != "listpack" {
		t.Fatal("another score made it large")
	}
	if z.Set([]byte("one more"), 1); z.Encoding() != "skiplist" {
		t.Fatal("too many elements are packed")
	}
	z.RemoveRange(1, z.Len()-1)
	if z.Encoding() != "skiplist" {
		t.Fatal("it became small again")
	}
}

func TestAZSetWithALongMemberIsWideAndPackedUpToItsLimits(t *testing.T) {
	long := bytes.Repeat([]byte("x"), zsetPackedMember+1)
	var z ZSet
	z.Set([]byte("a"), math.Copysign(0, -1))
	z.Set(long, 1)
	if z.Encoding() != "skiplist" || z.Large != nil || z.Len() != 2 {
		t.Fatalf("%s, large: %v, %d elements", z.Encoding(), z.Large != nil, z.Len())
	}
	if score, _ := z.Score([]byte("a")); math.Signbit(score) {
		t.Error("what was zero has a sign again")
	}
	z.Remove(long)
	if z.Encoding() != "skiplist" || z.Len() != 1 || CheckZSet(z.Packed) != nil {
		t.Errorf("without it: %s, %d elements, %v", z.Encoding(), z.Len(), CheckZSet(z.Packed))
	}
	for i := range zsetPackedMost - 2 {
		z.Set(fmt.Append(nil, i), float64(i))
	}
	if z.Large != nil || z.Len() != zsetPackedMost-1 || CheckZSet(z.Packed) != nil {
		t.Errorf("large: %v, %d elements, %v", z.Large != nil, z.Len(), CheckZSet(z.Packed))
	}
	if z.Set([]byte("one more"), 1); z.Large == nil || z.Len() != zsetPackedMost {
		t.Errorf("large: %v, %d elements", z.Large != nil, z.Len())
	}
	var most ZSet
	for i := byte(0); i < 3; i++ {
		most.Set(bytes.Repeat([]byte{i}, 1300), 1)
	}
	left := zsetWidest - len(most.Packed) // for an element of 10 bytes and its member
	if most.Set(bytes.Repeat([]byte("y"), left-10), 1); most.Large != nil || len(most.Packed) != zsetWidest || CheckZSet(most.Packed) != nil {
		t.Errorf("large: %v, %d bytes, %v", most.Large != nil, len(most.Packed), CheckZSet(most.Packed))
	}
	if most.Set([]byte("z"), 1); most.Large == nil || most.Len() != 5 {
		t.Errorf("large: %v, %d elements", most.Large != nil, most.Len())
	}
}

func TestNegativeZeroStaysInWhatRedisHasASkiplistFor(t *testing.T) {
	minus := math.Copysign(0, -1)
	small, large, wide := ZSet{}, NewLargeZSet(), ZSet{}
	wide.Set(bytes.Repeat([]byte("x"), zsetPackedMember+1), 1)
	wide.Set([]byte("a"), minus)
	if score, _ := wide.Score([]byte("a")); !math.Signbit(score) || CheckZSet(wide.Packed) != nil {
		t.Error("a wide set loses it")
	}
	for _, z := range []*ZSet{&small, &large} {
		z.Set([]byte("a"), minus)
		z.Set([]byte("b"), 0)
	}
	if score, _ := small.Score([]byte("a")); math.Signbit(score) {
		t.Error("a small set keeps it")
	}
	if score, _ := large.Score([]byte("a")); !math.Signbit(score) {
		t.Error("a large set loses it")
	}
	if rank, _, _ := large.Rank([]byte("b")); rank != 1 || large.BelowScore(0, false) != 0 || large.BelowScore(minus, true) != 2 {
		t.Error("it is not equal to zero")
	}
}

func TestBelowMember(t *testing.T) {
	for _, z := range []ZSet{{}, NewLargeZSet()} {
		n := 100
		if z.Large != nil {
			n = 5000
		}
		for i := range n {
			z.Set(fmt.Appendf(nil, "%06d", 2*i), 7)
		}
		for i := range n {
			even, odd := fmt.Appendf(nil, "%06d", 2*i), fmt.Appendf(nil, "%06d", 2*i+1)
			if z.BelowMember(even, false) != i || z.BelowMember(even, true) != i+1 || z.BelowMember(odd, false) != i+1 {
				t.Fatalf("member %d of %d", i, n)
			}
		}
	}
}

func TestScanOfALargeZSetVisitsAll(t *testing.T) {
	z := NewLargeZSet()
	for i := range 3000 {
		z.Set(fmt.Append(nil, i), float64(i))
	}
	seen := map[string]bool{}
	for cursor := uint64(0); ; {
		cursor = z.Large.Scan(cursor, 10, func(member []byte, score float64) {
			if string(member) != fmt.Sprint(score) || seen[string(member)] {
				t.Fatalf("%s %v", member, score)
			}
			seen[string(member)] = true
		})
		if cursor == 0 {
			break
		}
	}
	if len(seen) != z.Len() {
		t.Fatalf("%d of %d", len(seen), z.Len())
	}
}

func TestDamagedZSetsAreRefused(t *testing.T) {
	var z ZSet
	z.Set([]byte("a"), 1)
	z.Set([]byte("b"), 2)
	edit := func(at int, to byte) []byte {
		b := bytes.Clone(z.Packed)
		b[at] = to
		return b
	}
	for what, packed := range map[string][]byte{
		"number":         edit(0, 3),
		"fewer":          edit(0, 1),
		"none":           {0},
		"short":          z.Packed[:len(z.Packed)-1],
		"long":           append(bytes.Clone(z.Packed), 0),
		"length":         edit(9, 100),
		"order":          edit(8, 0x7f),
		"the same twice": edit(len(z.Packed)-1, 'a'),
		"negative zero":  {1, 0, 0, 0, 0, 0, 0, 0, 0x80, 1, 'a'},
		"no number":      {1, 1, 0, 0, 0, 0, 0, 0xf8, 0x7f, 1, 'a'},
		"long member":    append([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 65}, make([]byte, 65)...),
		"wide, fewer":    {131, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'a'},
		"wide, length":   {129, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 'a'},
		"wide, no end":   {129, 0, 0, 0, 0, 0, 0, 0, 0, 0x80},
		"wide, by far":   append([]byte{129, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x20}, make([]byte, 4096)...),
		"wide, too much": append([]byte{129, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 0x00}, 'a'),
	} {
		if err := CheckZSet(packed); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := CheckZSet(z.Packed); err != nil {
		t.Error(err)
	}
}

func FuzzZSetDecoders(f *testing.F) {
	z := NewLargeZSet()
	z.Set([]byte("a"), 1)
	z.Set([]byte("bc"), -1)
	var encoded bytes.Buffer
	w := bufio.NewWriter(&encoded)
	_ = z.Large.Copy().Encode(w)
	_ = w.Flush()
	f.Add(encoded.Bytes())
	var small ZSet
	small.Set([]byte("a"), 1)
	small.Set([]byte("b"), 2)
	f.Add(small.Packed)
	f.Fuzz(func(t *testing.T, b []byte) {
		use := func(z ZSet) {
			var m zsetModel
			for it := z.Range(0, z.Len()); ; {
				member, score, ok := it.Next()
				if !ok {
					break
				}
				m = append(m, zsetModelItem{string(member), score})
			}
			checkZSet(t, z, m)
			z.Set([]byte("more"), 3)
			z.RemoveRange(0, z.Len())
		}
		if CheckZSet(b) == nil {
			use(ZSet{Packed: bytes.Clone(b)})
		}
		if table, err := DecodeZSet(bufio.NewReader(bytes.NewReader(b))); err == nil {
			use(ZSet{Large: table})
		} else if !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
}
