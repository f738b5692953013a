package groups

import (
	"math"

	"github.com/weirmq/weir/stream"
)

// Entry is a pending entry.
type Entry struct {
	ID          stream.ID
	Consumer    *Consumer // nil: nobody's
	DeliveredMS int64     // when it was last delivered; 0 for one that is nobody's
	Deliveries  int64     // how often
}

// Iter walks over pending entries in the order of their IDs. It allocates nothing. It is valid until the group's next
// change.
type Iter struct {
	list  *pendingList
	pages pages
	from  stream.ID
	owner uint32 // 0: everybody's
	c     cursor
}

// Pending goes over the group's pending entries from an ID on.
func (g *Group) Pending(from stream.ID) Iter {
	return newIter(&g.pending, g.pending.pages, from, 0)
}

// PendingOf goes over a consumer's pending entries from an ID on.
func (g *Group) PendingOf(c *Consumer, from stream.ID) Iter {
	return newIter(&g.pending, c.pages, from, c.index)
}

func newIter(l *pendingList, p pages, from stream.ID, owner uint32) Iter {
	it := Iter{list: l, from: from, owner: owner}
	if i := p.search(from); i < len(p) {
		it.c, it.pages = p[i].cursor(), p[i+1:]
	}
	return it
}

// Next goes to the next entry and reports whether there is one.
func (it *Iter) Next() bool { return it.NextUntil(math.MaxInt64, stream.MaxID) }

// NextUntil goes to the next entry up to last that was delivered at untilMS or before, and reports whether there is one.
// Pages in which everything is younger are passed over without a look at their entries.
func (it *Iter) NextUntil(untilMS int64, last stream.ID) bool {
	if l := it.list; len(l.byAge) == 0 || l.byAge[0].oldest > untilMS {
		return false // nothing is that old
	}
	for {
		for it.c.next() {
			if last.Less(it.c.id) {
				return false
			}
			if (it.owner == 0 || it.c.owner == it.owner) && it.c.deliveredMS <= untilMS && !it.c.id.Less(it.from) {
				return true
			}
		}
		for len(it.pages) > 0 && it.pages[0].oldest > untilMS && !last.Less(it.pages[0].first) {
			it.pages = it.pages[1:]
		}
		if len(it.pages) == 0 {
			return false
		}
		it.c, it.pages = it.pages[0].cursor(), it.pages[1:]
	}
}

// ID returns the entry's ID.
func (it *Iter) ID() stream.ID { return it.c.id }

// Entry returns the entry.
func (it *Iter) Entry() Entry {
	return Entry{it.c.id, it.list.owners[it.c.owner], it.c.deliveredMS, it.c.deliveries}
}

// Lookup returns the pending entry of that ID, false if it is not pending.
func (g *Group) Lookup(id stream.ID) (Entry, bool) {
	it := g.Pending(id)
	if !it.Next() || it.ID() != id {
		return Entry{}, false
	}
	return it.Entry(), true
}
