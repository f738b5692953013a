package groups

import (
	"container/heap"
	"slices"
	"sort"

	"github.com/weirmq/weir/stream"
)

// pendingList is a group's pending entries.
type pendingList struct {
	pages  pages
	byAge  ageHeap
	n      int
	room   int         // bytes that the pages' data takes
	owners []*Consumer // by index; owners[0] is nil: nobody
	free   []uint32    // indices of consumers that were deleted
}

// enrol gives a new consumer an index.
func (l *pendingList) enrol(c *Consumer) {
	if len(l.owners) == 0 {
		l.owners = append(l.owners, nil)
	}
	if n := len(l.free); n > 0 {
		c.index, l.free = l.free[n-1], l.free[:n-1]
		l.owners[c.index] = c
		return
	}
	c.index = uint32(len(l.owners))
	l.owners = append(l.owners, c)
}

// expel removes a consumer's entries, and its index is free for another. All of that is one step, though it may be
// millions of entries: so no page is taken apart, and what is few in a page afterwards stays there until the next change.
func (l *pendingList) expel(c *Consumer) {
	emptied := 0
	many := len(c.pages) > len(l.pages)/16
	for _, p := range c.pages {
		had := cap(p.data)
		l.n -= p.without(c.index)
		l.room += cap(p.data) - had
		if p.empty() {
			l.room -= cap(p.data)
			emptied++
		}
		switch {
		case many: // the heap is made anew
		case p.empty():
			heap.Remove(&l.byAge, int(p.heapIndex))
		default:
			heap.Fix(&l.byAge, int(p.heapIndex)) // now: it mends one page out of order, not two
		}
	}
	if many {
		l.byAge = slices.DeleteFunc(l.byAge, (*page).empty)
		l.byAge.restore()
	}
	if emptied > 0 {
		l.pages = slices.DeleteFunc(l.pages, (*page).empty)
	}
	c.pages, c.pending = nil, 0
	l.owners[c.index] = nil
	l.free = append(l.free, c.index)
}

// appendable returns how many of ascending ids must be upserted: the others are above everything that is pending.
func (l *pendingList) appendable(ids []stream.ID) int {
	if len(l.pages) == 0 {
		return 0
	}
	last := l.pages[len(l.pages)-1].last
	if len(ids) > 0 && last.Less(ids[0]) {
		return 0
	}
	return sort.Search(len(ids), func(i int) bool { return last.Less(ids[i]) })
}

// append adds entries that are above all others and ascend. It decodes nothing.
func (l *pendingList) append(ids []stream.ID, owner uint32, nowMS int64) {
	c := l.owners[owner]
	c.pending += len(ids)
	l.n += len(ids)
	for len(ids) > 0 {
		var p *page
		if n := len(l.pages); n > 0 && l.pages[n-1].n < pageMax {
			p = l.pages[n-1]
		} else {
			if p = new(page); n > 0 {
				l.clip(l.pages[n-1]) // it has grown for the last time
			}
		}
		n := min(pageMax-int(p.n), len(ids))
		fresh, oldest, had := p.n == 0, p.oldest, cap(p.data)
		p.appendRun(ids[:n], owner, nowMS)
		l.room += cap(p.data) - had
		if fresh {
			l.pages = append(l.pages, p)
			heap.Push(&l.byAge, p)
		} else if p.oldest != oldest {
			heap.Fix(&l.byAge, int(p.heapIndex))
		}
		c.pages.add(p)
		ids = ids[n:]
	}
}

// upsert gives entries to an owner, those too that are not pending yet: their deliveries begin with those given. set
// changes the rest of each.
func (l *pendingList) upsert(ids []stream.ID, owner uint32, deliveries int64, set func(*entry)) {
	var ed *editor
	for _, id := range ids {
		if ed == nil || !ed.covers(id) {
			ed.close()
			ed = l.editAt(id)
		}
		i, found := ed.find(id)
		if !found {
			ed.insert(i, entry{id: id, deliveries: deliveries, owner: owner})
		}
		ed.give(i, owner)
		set(&ed.entries[i])
	}
	ed.close()
}

// release makes entries nobody's, those too that are not pending yet.
func (l *pendingList) release(ids []stream.ID, count Count) {
	if len(l.owners) == 0 {
		l.owners = append(l.owners, nil)
	}
	l.upsert(ids, 0, 0, func(e *entry) { e.deliveredMS, e.deliveries = 0, count.apply(e.deliveries) })
}

// remove takes entries out and returns how many there were.
func (l *pendingList) remove(ids []stream.ID) (removed int) {
	if len(ids) == 1 {
		return l.removeOne(ids[0])
	}
	return l.removeAll(ids)
}

// removeOne is remove for one entry, as most acknowledgements are.
func (l *pendingList) removeOne(id stream.ID) int {
	i := l.pages.search(id)
	if i == len(l.pages) || id.Less(l.pages[i].first) {
		return 0
	}
	p := l.pages[i]
	if p.n <= pageMax/4+1 {
		return l.removeAll([]stream.ID{id}) // few are left: it may take in a neighbour
	}
	oldest, had := p.oldest, cap(p.data)
	owner, alone, found := p.cut(id)
	if !found {
		return 0
	}
	l.n--
	l.room += cap(p.data) - had
	if i < len(l.pages)-1 {
		l.clip(p)
	}
	if p.oldest != oldest {
		heap.Fix(&l.byAge, int(p.heapIndex))
	}
	if owner != 0 {
		c := l.owners[owner]
		c.pending--
		if alone {
			c.pages.drop(p)
		}
	}
	return 1
}

func (l *pendingList) removeAll(ids []stream.ID) (removed int) {
	var ed *editor
	for _, id := range ids {
		if ed == nil || !ed.covers(id) {
			ed.close() // which moves pages
			ed = nil
			i := l.pages.search(id)
			if i == len(l.pages) || id.Less(l.pages[i].first) {
				continue
			}
			ed = l.edit(l.pages[i])
		}
		if i, found := ed.find(id); found && !ed.entries[i].gone() {
			ed.remove(i)
			removed++
		}
	}
	ed.close()
	return removed
}
