package groups

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirmq/weir/stream"
)

// naive is a group as one would write it without a thought for memory.
type naive struct {
	pending   map[stream.ID]naiveEntry
	consumers map[string]bool
}

type naiveEntry struct {
	owner      string
	delivered  int64
	deliveries int64
}

func (n *naive) clone() *naive { return &naive{maps.Clone(n.pending), maps.Clone(n.consumers)} }

func (n *naive) sorted() []stream.ID {
	return slices.SortedFunc(maps.Keys(n.pending), stream.ID.Compare)
}

// check compares everything that can be asked of a group with the naive one, and the invariants of the pages.
func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, g *Group, n *naive) {
	t.Helper()
	ids := n.sorted()
	if g.PendingCount() != len(ids) {
		t.Fatalf("%d pending, want %d", g.PendingCount(), len(ids))
	}
	it := g.Pending(stream.MinID)
	counts := map[string]int{}
	for _, id := range ids {
		want := n.pending[id]
		if !it.Next() {
			t.Fatalf("no entry where %v should be", id)
		}
		got, owner := it.Entry(), ""
		if got.Consumer != nil {
			owner = got.Consumer.Name()
		}
		if got.ID != id || owner != want.owner || got.DeliveredMS != want.delivered || got.Deliveries != want.deliveries {
			t.Fatalf("entry %v of %q at %d, %d times; want %v %+v", got.ID, owner, got.DeliveredMS, got.Deliveries, id, want)
		}
		counts[want.owner]++
	}
	if it.Next() {
		t.Fatalf("entry %v too many", it.ID())
	}
	if g.Consumers() != len(n.consumers) {
		t.Fatalf("%d consumers, want %d", g.Consumers(), len(n.consumers))
	}
	for c := range g.AllConsumers() {
		if !n.consumers[c.Name()] || c.Pending() != counts[c.Name()] {
			t.Fatalf("consumer %q has %d pending, want %d", c.Name(), c.Pending(), counts[c.Name()])
		}
		it, left := g.PendingOf(c, stream.MinID), c.Pending()
		for ; it.Next(); left-- {
			if n.pending[it.ID()].owner != c.Name() {
				t.Fatalf("%v is not of %q", it.ID(), c.Name())
			}
		}
		if left != 0 {
			t.Fatalf("consumer %q lists %d too few", c.Name(), left)
		}
	}
	first, ok := g.FirstPending()
	last, _ := g.LastPending()
	if ok != (len(ids) > 0) || ok && (first != ids[0] || last != ids[len(ids)-1]) {
		t.Fatalf("first %v, last %v of %v", first, last, ids)
	}
	checkPages(t, g)
	checkOldest(t, g, n)
}

func checkPages(t interface {
	Helper()
	Fatalf(string, ...any)
}, g *Group) {
	t.Helper()
	l := &g.pending
	if l.room != room(g) {
		t.Fatalf("%d bytes in pages, %d counted", room(g), l.room)
	}
	if len(l.byAge) != len(l.pages) {
		t.Fatalf("%d pages in the heap of %d", len(l.byAge), len(l.pages))
	}
	for i, p := range l.pages {
		entries := p.decode(nil)
		if len(entries) != int(p.n) || p.n < 1 || p.n > pageMax || p.first != entries[0].id || p.last != entries[p.n-1].id {
			t.Fatalf("page %v..%v of %d holds %d", p.first, p.last, p.n, len(entries))
		}
		if i > 0 && !l.pages[i-1].last.Less(p.first) {
			t.Fatalf("pages %d and %d overlap", i-1, i)
		}
		oldest := int64(math.MaxInt64)
		for _, e := range entries {
			oldest = min(oldest, e.deliveredMS)
		}
		if oldest != p.oldest || l.byAge[p.heapIndex] != p {
			t.Fatalf("page %d: oldest %d, want %d, or it is not where it should be in the heap", i, p.oldest, oldest)
		}
		if i < len(l.pages)-1 && cap(p.data) > len(p.data)*5/4+8 {
			t.Fatalf("page %d keeps room for %d bytes, of which it needs %d", i, cap(p.data), len(p.data))
		}
		if up := (p.heapIndex - 1) / 2; p.heapIndex > 0 && p.older(l.byAge[up]) {
			t.Fatalf("heap out of order at %d", p.heapIndex)
		}
		for c := range g.AllConsumers() {
			owns := slices.ContainsFunc(entries, func(e entry) bool { return e.owner == c.index })
			if owns != slices.Contains(c.pages, p) {
				t.Fatalf("consumer %q owns in page %d: %t, but lists it: %t", c.name, i, owns, !owns)
			}
		}
	}
	if len(l.owners) > 0 && len(l.owners)-1-len(l.free) != g.Consumers() {
		t.Fatalf("%d places, %d of them free, for %d consumers", len(l.owners)-1, len(l.free), g.Consumers())
	}
	for i, c := range l.owners {
		if c != nil && (int(c.index) != i || g.Consumer([]byte(c.name)) != c) {
			t.Fatalf("place %d is that of %q, who is not there or has another", i, c.name)
		}
	}
	for c := range g.AllConsumers() {
		for _, p := range c.pages {
			if !slices.Contains(l.pages, p) {
				t.Fatalf("consumer %q lists a page that is gone", c.name)
			}
		}
		if !slices.IsSortedFunc(c.pages, func(a, b *page) int { return a.first.Compare(b.first) }) {
			t.Fatalf("pages of %q out of order", c.name)
		}
	}
}

func checkOldest(t interface {
	Helper()
	Fatalf(string, ...any)
}, g *Group, n *naive) {
	t.Helper()
	ids := n.sorted()
	slices.SortStableFunc(ids, func(a, b stream.ID) int {
		return cmp.Compare(n.pending[a].delivered, n.pending[b].delivered)
	})
	oldest, ok := g.OldestDelivery()
	if ok != (len(ids) > 0) || ok && oldest != n.pending[ids[0]].delivered {
		t.Fatalf("oldest delivery %d", oldest)
	}
	if !ok {
		return
	}
	for _, until := range []int64{n.pending[ids[0]].delivered, n.pending[ids[len(ids)/2]].delivered, math.MaxInt64} {
		old := 0
		for old < len(ids) && n.pending[ids[old]].delivered <= until {
			old++
		}
		for _, limit := range []int{1, 3, old, math.MaxInt} {
			want := ids[:min(old, limit)]
			got := g.Oldest(until, limit)
			same := slices.EqualFunc(got, want, func(e Entry, id stream.ID) bool {
				return e.ID == id && e.DeliveredMS == n.pending[id].delivered && e.Deliveries == n.pending[id].deliveries
			})
			if !same {
				t.Fatalf("Oldest(%d, %d) = %v, want %v", until, limit, got, want)
			}
		}
	}
}

// TestGroupAgreesWithANaiveOne runs random operations against both.
func TestGroupAgreesWithANaiveOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := new(Set)
		g := set.Create([]byte("g"), stream.ID{}, 0)
		n := &naive{pending: map[stream.ID]naiveEntry{}, consumers: map[string]bool{}}
		var copies []checkpoint
		top := rapid.SampledFrom([]stream.ID{{}, {MS: 1_700_000_000_000}, {MS: math.MaxUint64 - 3}, {MS: math.MaxUint64, Seq: 1 << 62}}).Draw(t, "top")
		now := rapid.SampledFrom([]int64{1_700_000_000_000, 0, -5, math.MinInt64 + 1<<40, math.MaxInt64 - 1<<40}).Draw(t, "now")
		stride := rapid.SampledFrom([]uint64{0, 1, 1 << 40, 1 << 63}).Draw(t, "stride")
		members := rapid.SampledFrom([]int{1, 5, 60}).Draw(t, "members")
		next := func() stream.ID {
			if stride > 0 && rapid.Bool().Draw(t, "ms") && top.MS+stride > top.MS {
				top = stream.ID{MS: top.MS + stride, Seq: rapid.Uint64Range(0, 2).Draw(t, "seq")}
			} else if top.Seq >= 1<<63 {
				top.Seq++
				if top.Seq == 0 {
					t.Skip("no higher ID")
				}
			} else {
				top.Seq += rapid.SampledFrom([]uint64{1, 2, 1 << 62}).Draw(t, "step")
			}
			return top
		}
		pick := func() []stream.ID {
			ids := n.sorted()
			var some []stream.ID
			if len(ids) == 0 {
				return nil
			}
			at := rapid.IntRange(0, len(ids)-1).Draw(t, "at")
			every := rapid.IntRange(1, 3).Draw(t, "every")
			for k := rapid.IntRange(1, 300).Draw(t, "picks"); k > 0 && at < len(ids); k-- {
				some = append(some, ids[at])
				at += every
			}
			if rapid.Bool().Draw(t, "unsorted") {
				slices.Reverse(some)
				beside, _ := some[0].Next()
				some = append(some, some[0], stream.ID{MS: 7, Seq: 1 << 50}, beside)
			}
			return some
		}
		consumer := func() *Consumer {
			name := fmt.Sprintf("c%d", rapid.IntRange(0, members-1).Draw(t, "consumer"))
			if c := g.Consumer([]byte(name)); c != nil {
				return c
			}
			n.consumers[name] = true
			return g.CreateConsumer([]byte(name), now)
		}
		count := func() Count {
			return Count{CountHow(rapid.IntRange(0, 3).Draw(t, "how")), rapid.SampledFrom([]int64{0, 5, math.MaxInt64}).Draw(t, "to")}
		}
		claim := func(ids []stream.ID, owner string, delivered int64, count Count) {
			for _, id := range ids {
				e, ok := n.pending[id]
				if !ok && owner != "" {
					e.deliveries = 1
				}
				n.pending[id] = naiveEntry{owner, delivered, count.apply(e.deliveries)}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"deliver": func(*rapid.T) {
				c := consumer()
				var ids []stream.ID
				for range rapid.IntRange(0, 200).Draw(t, "n") {
					ids = append(ids, next())
				}
				now += rapid.Int64Range(-5, 1000).Draw(t, "ms")
				g.Deliver(c, ids, now)
				for _, id := range ids {
					n.pending[id] = naiveEntry{c.Name(), now, 1}
				}
			},
			"deliver again": func(*rapid.T) {
				c := consumer()
				ids := slices.Compact(slices.SortedFunc(slices.Values(append(pick(), next())), stream.ID.Compare))
				g.Deliver(c, ids, now)
				for _, id := range ids {
					n.pending[id] = naiveEntry{c.Name(), now, 1}
				}
			},
			"deliver in turns": func(*rapid.T) {
				count := rapid.IntRange(1, 9).Draw(t, "count")
				for range rapid.IntRange(1, 60).Draw(t, "turns") {
					c := consumer()
					var ids []stream.ID
					for range count {
						ids = append(ids, next())
					}
					g.Deliver(c, ids, now)
					for _, id := range ids {
						n.pending[id] = naiveEntry{c.Name(), now, 1}
					}
				}
			},
			"go back and deliver everything": func(*rapid.T) { // XGROUP SETID
				c, ids := consumer(), n.sorted()
				ids = ids[rapid.IntRange(0, len(ids)).Draw(t, "from"):]
				now++
				for some := range slices.Chunk(ids, rapid.IntRange(1, 300).Draw(t, "count")) {
					g.Deliver(c, some, now)
				}
				for _, id := range ids {
					n.pending[id] = naiveEntry{c.Name(), now, 1}
				}
			},
			"ack nearly all": func(*rapid.T) {
				ids, left := n.sorted(), rapid.IntRange(2, 40).Draw(t, "one in")
				ids = slices.DeleteFunc(ids, func(stream.ID) bool { left--; return left%11 == 0 })
				if got := g.Ack(ids); got != len(ids) {
					t.Fatalf("Ack = %d, want %d", got, len(ids))
				}
				for _, id := range ids {
					delete(n.pending, id)
				}
			},
			"see and look up": func(*rapid.T) {
				for _, id := range append(pick(), stream.MinID, stream.MaxID, top) {
					got, ok := g.Lookup(id)
					want, there := n.pending[id]
					if ok != there || ok && (got.DeliveredMS != want.delivered || got.Deliveries != want.deliveries) {
						t.Fatalf("Lookup(%v) = %v, %t", id, got, ok)
					}
				}
				c := consumer()
				from, left := top, 0
				if ids := pick(); len(ids) > 0 {
					from = ids[0]
				}
				for id, e := range n.pending {
					if e.owner == c.Name() && !id.Less(from) {
						left++
					}
				}
				for it := g.PendingOf(c, from); it.Next(); left-- {
					if it.ID().Less(from) {
						t.Fatalf("%v is below %v", it.ID(), from)
					}
				}
				if left != 0 {
					t.Fatalf("%d of %q from %v on are missing", left, c.Name(), from)
				}
				until, last := now-rapid.Int64Range(-10, 1000).Draw(t, "until"), top
				for id, e := range n.pending {
					if e.delivered <= until && !id.Less(from) && !last.Less(id) {
						left++
					}
				}
				for it := g.Pending(from); it.NextUntil(until, last); left-- {
				}
				if left != 0 {
					t.Fatalf("%d delivered until %d from %v to %v are missing", left, until, from, last)
				}
			},
			"ack": func(*rapid.T) {
				ids, want := pick(), 0
				for _, id := range ids {
					if _, ok := n.pending[id]; ok {
						want++
						delete(n.pending, id)
					}
				}
				if got := g.Ack(ids); got != want {
					t.Fatalf("Ack = %d, want %d", got, want)
				}
			},
			"claim": func(*rapid.T) {
				c, ids, a := consumer(), append(pick(), next()), count()
				at := now - rapid.Int64Range(0, 5000).Draw(t, "idle")
				g.Claim(c, ids, at, a)
				claim(ids, c.Name(), at, a)
			},
			"release": func(*rapid.T) {
				ids, a := append(pick(), next()), count()
				g.Release(ids, a)
				claim(ids, "", 0, a)
			},
			"delete consumer": func(*rapid.T) {
				c := consumer()
				want := 0
				maps.DeleteFunc(n.pending, func(_ stream.ID, e naiveEntry) bool {
					if e.owner == c.Name() {
						want++
						return true
					}
					return false
				})
				delete(n.consumers, c.Name())
				if got := g.DeleteConsumer([]byte(c.Name())); got != want {
					t.Fatalf("DeleteConsumer = %d, want %d", got, want)
				}
			},
			"copy": func(*rapid.T) {
				c := set.Copy()
				copies = append(copies, checkpoint{c, encoded(t, c), n.clone()})
			},
			"look at a copy": func(*rapid.T) {
				if len(copies) > 0 {
					at := rapid.IntRange(0, len(copies)-1).Draw(t, "copy")
					copies[at].check(t)
					copies = slices.Delete(copies, at, at+1)
				}
			},
			"come back from a copy": func(*rapid.T) {
				set = decoded(t, encoded(t, set.Copy()))
				g = set.Get([]byte("g"))
			},
			"": func(t *rapid.T) { check(t, g, n) },
		})
	})
}

// TestOneConsumerOfManyPagesGoes is what the naive group is too small for: consumers that are in few of many pages.
func TestOneConsumerOfManyPagesGoes(t *testing.T) {
	g := new(Set).Create([]byte("g"), stream.ID{}, 0)
	n := &naive{pending: map[stream.ID]naiveEntry{}, consumers: map[string]bool{}}
	const entries = 100 * pageMax
	for i := range entries {
		name := "many"
		if i >= 5*pageMax && i < 6*pageMax || i%(40*pageMax) == 7 {
			name = "few" // one page of its own, and somewhere in three others
		}
		c := g.Consumer([]byte(name))
		if c == nil {
			c = g.CreateConsumer([]byte(name), 0)
			n.consumers[name] = true
		}
		id, at := stream.ID{MS: uint64(i/3 + 1), Seq: uint64(i)}, int64(i^0x155) // older and younger by turns
		g.Deliver(c, []stream.ID{id}, at)
		n.pending[id] = naiveEntry{name, at, 1}
	}
	check(t, g, n)
	for _, name := range []string{"few", "many"} {
		maps.DeleteFunc(n.pending, func(_ stream.ID, e naiveEntry) bool { return e.owner == name })
		delete(n.consumers, name)
		g.DeleteConsumer([]byte(name))
		check(t, g, n)
	}
	if len(g.pending.pages)+len(g.pending.byAge) != 0 {
		t.Error("pages are left")
	}
}

// TestTheOldestAreFoundAfterAConsumerOfAFewPagesWent has the times in disorder, so that taking a few pages' oldest entries
// moves pages in the heap past each other.
func TestTheOldestAreFoundAfterAConsumerOfAFewPagesWent(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 0))
		g := new(Set).Create([]byte("g"), stream.ID{}, 0)
		few, many := g.CreateConsumer([]byte("few"), 0), g.CreateConsumer([]byte("many"), 0)
		const pages = 64
		for i := range pages * pageMax {
			g.Deliver(many, []stream.ID{{MS: uint64(i + 1)}}, rng.Int64N(1000)+500)
		}
		for range 4 { // the oldest of a page
			g.Claim(few, []stream.ID{{MS: rng.Uint64N(pages*pageMax) + 1}}, rng.Int64N(500), Count{})
		}
		g.DeleteConsumer([]byte("few"))
		checkPages(t, g)
	}
}

func TestAPageKeepsTheExtremes(t *testing.T) {
	const most = math.MaxUint64
	entries := []entry{
		{stream.ID{}, 0, 0, 0},
		{stream.ID{Seq: 1}, math.MinInt64, math.MaxInt64, 1},
		{stream.ID{Seq: most}, math.MaxInt64, 1, 1},
		{stream.ID{MS: 1}, -1, 1, math.MaxUint32 - 1},
		{stream.ID{MS: 1, Seq: 1 << 62}, -1, 1, math.MaxUint32 - 1},
		{stream.ID{MS: 1, Seq: most}, -1, 1, math.MaxUint32 - 1},
		{stream.ID{MS: 1 << 62, Seq: 3}, -1, 1, 7},
		{stream.ID{MS: most}, 1, 1, 7},
		{stream.ID{MS: most, Seq: most - 1}, 1, math.MaxInt64, 7},
		{stream.ID{MS: most, Seq: most}, 1, math.MaxInt64, 7},
	}
	for from := range entries {
		for to := from + 1; to <= len(entries); to++ {
			p := new(page)
			p.encode(entries[from:to])
			if got := p.decode(nil); !slices.Equal(got, entries[from:to]) {
				t.Fatalf("%v became %v", entries[from:to], got)
			}
			for _, owner := range []uint32{0, 1, 7, math.MaxUint32 - 1, 99} {
				q := new(page)
				q.encode(entries[from:to])
				want := slices.DeleteFunc(slices.Clone(entries[from:to]), func(e entry) bool { return e.owner == owner })
				removed := q.without(owner)
				if got := q.decode(nil); removed != to-from-len(want) || !slices.Equal(got, want) || int(q.n) != len(want) {
					t.Fatalf("%v without %d became %v", entries[from:to], owner, got)
				}
			}
		}
	}
}

// TestWhatIsAmongTheEntriesOfAnotherIsTakenOut takes owners out of pages of random entries: what is left is told from
// further away, which takes more bytes.
func TestWhatIsAmongTheEntriesOfAnotherIsTakenOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var entries []entry
		id := stream.ID{}
		step := rapid.SampledFrom([]uint64{1, 63, 64, 1 << 20, 1 << 61, 1<<62 - 1, 1 << 62})
		for range rapid.IntRange(1, pageMax).Draw(t, "n") {
			up := id
			if rapid.Bool().Draw(t, "ms") {
				up = stream.ID{MS: id.MS + step.Draw(t, "step"), Seq: rapid.SampledFrom([]uint64{0, 1, math.MaxUint64}).Draw(t, "seq")}
			} else {
				up.Seq += step.Draw(t, "step")
			}
			if !id.Less(up) {
				break
			}
			id = up
			entries = append(entries, entry{id, rapid.Int64Range(0, 3).Draw(t, "at"), 1, rapid.Uint32Range(0, 2).Draw(t, "owner")})
		}
		if len(entries) == 0 {
			return
		}
		p := new(page)
		p.encode(entries)
		for owner := range uint32(3) {
			p.without(owner)
			entries = slices.DeleteFunc(entries, func(e entry) bool { return e.owner == owner })
			if got := p.decode(nil); !slices.Equal(got, entries) {
				t.Fatalf("without %d: %v, want %v", owner, got, entries)
			}
		}
	})
}

func TestASetHoldsGroupsByAnyName(t *testing.T) {
	var none *Set
	if none.Len() != 0 || none.Get([]byte("g")) != nil || none.Destroy([]byte("g")) {
		t.Error("a nil set has something")
	}
	for range none.All() {
		t.Error("a nil set has a group")
	}
	var set Set
	for _, name := range []string{"z", "", "a\x00b", "a"} {
		set.Create([]byte(name), stream.ID{MS: 5}, Unknown)
	}
	var names []string
	for g := range set.All() {
		names = append(names, g.Name())
	}
	if want := []string{"", "a", "a\x00b", "z"}; !slices.Equal(names, want) || set.Len() != 4 {
		t.Errorf("groups %q, want %q", names, want)
	}
	if !set.Destroy([]byte("a")) || set.Destroy([]byte("a")) || set.Get([]byte("a")) != nil {
		t.Error("a group is destroyed once")
	}
	g := set.Get([]byte("a\x00b"))
	if g.LastDelivered() != (stream.ID{MS: 5}) || g.EntriesRead() != Unknown {
		t.Errorf("group at %v, %d read", g.LastDelivered(), g.EntriesRead())
	}
	c := g.CreateConsumer([]byte(""), 7)
	if c.SeenMS() != 7 || c.ActiveMS() != Unknown || g.Consumer([]byte("")) != c {
		t.Errorf("a new consumer: seen %d, active %d", c.SeenMS(), c.ActiveMS())
	}
	c.Activate(8)
	c.See(9)
	if c.SeenMS() != 9 || c.ActiveMS() != 8 {
		t.Errorf("seen %d, active %d", c.SeenMS(), c.ActiveMS())
	}
}

func TestANameIsCopied(t *testing.T) {
	name := []byte("name")
	var set Set
	g := set.Create(name, stream.ID{}, 0)
	c := g.CreateConsumer(name, 0)
	copy(name, "xxxx")
	if set.Get([]byte("name")) != g || g.Consumer([]byte("name")) != c {
		t.Error("a name changed with the caller's bytes")
	}
}
