package groups

import (
	"cmp"
	"fmt"
	"maps"
	"math"
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
	until := n.pending[ids[len(ids)/2]].delivered
	for _, limit := range []int{1, 3, math.MaxInt} {
		var want []stream.ID
		for _, id := range ids {
			if n.pending[id].delivered <= until && len(want) < limit {
				want = append(want, id)
			}
		}
		got := g.Oldest(until, limit, nil)
		same := slices.EqualFunc(got, want, func(e Entry, id stream.ID) bool {
			return e.DeliveredMS == n.pending[id].delivered && e.DeliveredMS <= until
		})
		if !same {
			t.Fatalf("Oldest(%d, %d) = %v, want %v", until, limit, got, want)
		}
	}
}

// TestGroupAgreesWithANaiveOne runs random operations against both.
func TestGroupAgreesWithANaiveOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set Set
		g := set.Create([]byte("g"), stream.ID{}, 0)
		n := &naive{pending: map[stream.ID]naiveEntry{}, consumers: map[string]bool{}}
		top := stream.ID{}
		now := int64(1_700_000_000_000)
		stride := rapid.SampledFrom([]uint64{0, 1, 1 << 40, 1 << 63}).Draw(t, "stride")
		next := func() stream.ID {
			if stride > 0 && rapid.Bool().Draw(t, "ms") && top.MS+stride > top.MS {
				top = stream.ID{MS: top.MS + stride, Seq: rapid.Uint64Range(0, 2).Draw(t, "seq")}
			} else if top.Seq >= 1<<63 {
				top.Seq++
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
				some = append(some, some[0], stream.ID{MS: 7, Seq: 1 << 50})
			}
			return some
		}
		consumer := func() *Consumer {
			name := fmt.Sprintf("c%d", rapid.IntRange(0, 4).Draw(t, "consumer"))
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
				c, ids, a := consumer(), pick(), count()
				at := now - rapid.Int64Range(0, 5000).Draw(t, "idle")
				g.Claim(c, ids, at, a)
				claim(ids, c.Name(), at, a)
			},
			"release": func(*rapid.T) {
				ids, a := pick(), count()
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
			"": func(t *rapid.T) { check(t, g, n) },
		})
	})
}
