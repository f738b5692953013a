package groups

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/weirmq/weir/stream"
)

// newGroup is a group whose consumer "c" has so many entries pending, every one a thousand above the one before.
func newGroup(entries int) (*Group, *Consumer, []stream.ID) {
	g := new(Set).Create([]byte("g"), stream.ID{}, 0)
	c := g.CreateConsumer([]byte("c"), 0)
	ids := make([]stream.ID, entries)
	for i := range ids {
		ids[i] = stream.ID{MS: 1_700_000_000_000, Seq: uint64(i+1) * 1000}
	}
	g.Deliver(c, ids, 0)
	return g, c, ids
}

func TestAPageTakesNoMoreThanItHasRoomFor(t *testing.T) {
	for _, pages := range []int{1, 3} {
		g, c, ids := newGroup(pages * pageMax)
		var between []stream.ID // of two neighbours in the first page
		for i := range 5 * pageMax {
			between = append(between, stream.ID{MS: ids[7].MS, Seq: ids[7].Seq + uint64(i) + 1})
		}
		g.Claim(c, between, 5, Count{})
		checkPages(t, g)
		if want := len(ids) + len(between); g.PendingCount() != want || c.Pending() != want {
			t.Errorf("%d pending, %d of the consumer, want %d", g.PendingCount(), c.Pending(), want)
		}
	}
}

func TestFewEntriesLeftHereAndThereAreFewPages(t *testing.T) {
	const pages = 60
	ascending := make([]int, pages*pageMax)
	for i := range ascending {
		ascending[i] = i
	}
	descending := slices.Clone(ascending)
	slices.Reverse(descending)
	random := rand.New(rand.NewPCG(1, 2)).Perm(len(ascending))
	for order, at := range map[string][]int{"ascending": ascending, "descending": descending, "random": random} {
		g, c, ids := newGroup(pages * pageMax)
		for _, i := range at {
			if i%20 != 7 {
				g.Ack(ids[i : i+1])
			}
		}
		checkPages(t, g)
		left := len(ids) / 20
		if n := len(g.pending.pages); g.PendingCount() != left || n*pageMax > 4*left || len(c.pages) != n {
			t.Errorf("%s: %d entries are left in %d pages, of which the consumer lists %d", order, g.PendingCount(), n, len(c.pages))
		}
	}
}

func TestConsumersThatComeAndGoLeaveNoRoomBehind(t *testing.T) {
	g, _, ids := newGroup(1)
	for i := range 1000 {
		name := fmt.Append(nil, "guest", i)
		c := g.CreateConsumer(name, 0)
		g.Claim(c, ids, 0, Count{})
		if g.DeleteConsumer(name) != 1 || g.PendingCount() != 0 {
			t.Fatal("what was pending for a deleted consumer is left")
		}
	}
	if l := &g.pending; len(l.owners) > 3 || len(l.free) > 2 {
		t.Errorf("after a thousand, %d places for consumers, %d of them free", len(l.owners), len(l.free))
	}
}

// TestAPageGivesRoomBack: pages shrink by acknowledgement, by a consumer's end, and by entries becoming alike.
func TestAPageGivesRoomBack(t *testing.T) {
	const pages = 20
	many := func() (*Group, []stream.ID) {
		g, c, ids := newGroup(pages * pageMax)
		for i := range ids { // every entry a run of its own
			g.Claim(c, ids[i:i+1], int64(1_000_000*i), Count{CountSet, int64(1_000_000 * i)})
		}
		return g, ids
	}
	for how, shrink := range map[string]func(*Group, []stream.ID){
		"XACK": func(g *Group, ids []stream.ID) {
			for i := range ids {
				if i%pageMax >= pageMax/2 {
					g.Ack(ids[i : i+1])
				}
			}
		},
		"XCLAIM": func(g *Group, ids []stream.ID) { g.Claim(g.Consumer([]byte("c")), ids, 5, Count{CountSet, 1}) },
		"XGROUP DELCONSUMER": func(g *Group, ids []stream.ID) {
			d := g.CreateConsumer([]byte("d"), 0)
			for i := range ids {
				if i%3 > 0 {
					g.Claim(d, ids[i:i+1], 0, Count{})
				}
			}
			g.DeleteConsumer([]byte("d"))
		},
	} {
		g, ids := many()
		before := room(g)
		shrink(g, ids)
		checkPages(t, g)
		if after := room(g); after > before*2/3 {
			t.Errorf("%s: of %d bytes %d are left", how, before, after)
		}
	}
}

// room is how many bytes the pages hold.
func room(g *Group) (n int) {
	for _, p := range g.pending.pages {
		n += cap(p.data)
	}
	return n
}
