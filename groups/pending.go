package groups

import (
	"container/heap"
	"slices"
	"sort"
	"sync"

	"github.com/weirmq/weir/stream"
)

// pendingList is a group's pending entries.
type pendingList struct {
	pages  pages
	byAge  ageHeap
	n      int
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
		l.n -= p.without(c.index)
		if p.empty() {
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
				l.pages[n-1].clip() // it has grown for the last time
			}
		}
		n := min(pageMax-int(p.n), len(ids))
		fresh, oldest := p.n == 0, p.oldest
		p.appendRun(ids[:n], owner, nowMS)
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
	oldest := p.oldest
	owner, alone, found := p.cut(id)
	if !found {
		return 0
	}
	l.n--
	if i < len(l.pages)-1 {
		p.clip()
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

// removed marks an entry that an editor has removed; no consumer has that index.
const removed = ^uint32(0)

func (e *entry) gone() bool { return e.owner == removed }

// editor is one page taken apart. Counts are right after each step; the page, the lists of pages and the heap after
// close. A nil editor has nothing to close.
type editor struct {
	list    *pendingList
	page    *page
	entries []entry
	next    int      // behind the entry found last
	lost    []uint32 // owners that lost an entry; may repeat
	gained  []uint32 // owners that got one; may repeat
}

var editors = sync.Pool{New: func() any { return &editor{entries: make([]entry, 0, 2*pageMax)} }}

func (l *pendingList) edit(p *page) *editor {
	ed := editors.Get().(*editor)
	ed.list, ed.page, ed.next = l, p, 0
	ed.entries = p.decode(ed.entries[:0])
	return ed
}

// editAt edits the page that id is in or would be in.
func (l *pendingList) editAt(id stream.ID) *editor {
	i := min(l.pages.search(id), len(l.pages)-1)
	if i >= 0 {
		return l.edit(l.pages[i])
	}
	return l.edit(new(page))
}

// covers reports whether id is between the IDs of the page, and the page has room for it.
func (ed *editor) covers(id stream.ID) bool {
	n := len(ed.entries)
	return n > 0 && n < cap(ed.entries) && !id.Less(ed.entries[0].id) && !ed.entries[n-1].id.Less(id)
}

// find returns where an ID is, or would be. Whoever names many names neighbours: first it looks behind the last one.
func (ed *editor) find(id stream.ID) (i int, found bool) {
	if i = ed.next; i < len(ed.entries) && ed.entries[i].id == id {
		found = true
	} else {
		i, found = slices.BinarySearchFunc(ed.entries, id, func(e entry, id stream.ID) int { return e.id.Compare(id) })
	}
	ed.next = i + 1
	return i, found
}

func (ed *editor) insert(i int, e entry) {
	ed.entries = slices.Insert(ed.entries, i, e)
	ed.list.n++
	ed.count(e.owner, 1)
}

func (ed *editor) give(i int, owner uint32) {
	e := &ed.entries[i]
	if e.owner != owner {
		ed.count(e.owner, -1)
		ed.count(owner, 1)
		e.owner = owner
	}
}

func (ed *editor) remove(i int) {
	ed.list.n--
	ed.count(ed.entries[i].owner, -1)
	ed.entries[i].owner = removed
}

// count notes that an owner has more or fewer entries.
func (ed *editor) count(owner uint32, by int) {
	if owner == 0 {
		return
	}
	ed.list.owners[owner].pending += by
	list := &ed.gained
	if by < 0 {
		list = &ed.lost
	}
	if n := len(*list); n == 0 || (*list)[n-1] != owner {
		*list = append(*list, owner)
	}
}

// close puts the page together again.
func (ed *editor) close() {
	if ed == nil {
		return
	}
	ed.entries = slices.DeleteFunc(ed.entries, func(e entry) bool { return e.gone() })
	ed.list.settle(ed)
	ed.list, ed.page = nil, nil
	ed.entries, ed.lost, ed.gained = ed.entries[:0], ed.lost[:0], ed.gained[:0]
	editors.Put(ed)
}

// settle writes an editor's entries back: into its page, into two if they have become too many, together with a
// neighbour's if they are few, or into none.
func (l *pendingList) settle(ed *editor) {
	p := ed.page
	fresh := p.n == 0
	if len(ed.entries) == 0 {
		if !fresh {
			ed.relist(p, nil)
			l.discard(p)
		}
		return
	}
	if len(ed.entries) <= pageMax/4 && !fresh {
		ed.merge()
	}
	kept, rest := ed.entries, []entry(nil)
	if len(kept) > pageMax {
		kept, rest = kept[:len(kept)/2], kept[len(kept)/2:]
	}
	p.encode(kept)
	if fresh {
		l.pages.add(p)
		heap.Push(&l.byAge, p)
	} else {
		heap.Fix(&l.byAge, int(p.heapIndex))
	}
	if rest != nil || p != l.pages[len(l.pages)-1] {
		p.clip() // the last page is still growing: it would get its room back and forth
	}
	if rest != nil {
		q := new(page)
		q.encode(rest)
		l.pages.add(q)
		heap.Push(&l.byAge, q)
		ed.noteOwners(rest, &ed.lost) // of p, perhaps
		ed.relist(p, kept)
		ed.noteOwners(rest, &ed.gained)
		ed.relist(q, rest)
		return
	}
	ed.relist(p, kept)
}

// merge takes the entries of the page behind or before into this one, if that leaves it some room. Else acknowledgements
// here and there would leave many pages of a few entries: the neighbour before is for those that go from the lowest up.
func (ed *editor) merge() {
	l := ed.list
	i := l.pages.search(ed.page.last)
	for _, j := range [...]int{i + 1, i - 1} {
		if j < 0 || j >= len(l.pages) || len(ed.entries)+int(l.pages[j].n) > pageMax*3/4 {
			continue
		}
		had, p := len(ed.entries), l.pages[j]
		ed.entries = p.decode(ed.entries)
		taken := ed.entries[had:]
		ed.noteOwners(taken, &ed.gained)
		for k, e := range taken {
			if e.owner != 0 && (k == 0 || taken[k-1].owner != e.owner) {
				l.owners[e.owner].pages.drop(p)
			}
		}
		l.discard(p)
		if j < i {
			slices.Reverse(ed.entries[:had])
			slices.Reverse(taken)
			slices.Reverse(ed.entries)
		}
		return
	}
}

// discard takes a page out that no consumer lists any more.
func (l *pendingList) discard(p *page) {
	heap.Remove(&l.byAge, int(p.heapIndex))
	l.pages.drop(p)
}

// noteOwners adds the owners of entries to one of the editor's lists.
func (ed *editor) noteOwners(entries []entry, list *[]uint32) {
	for i := range entries {
		if o := entries[i].owner; o != 0 && (i == 0 || entries[i-1].owner != o) {
			*list = append(*list, o)
		}
	}
}

// relist makes p's place in the lists of the owners that lost or got something right; entries is what p holds now.
func (ed *editor) relist(p *page, entries []entry) {
	ed.eachOwner(func(o uint32) {
		pages := &ed.list.owners[o].pages
		if slices.ContainsFunc(entries, func(e entry) bool { return e.owner == o }) {
			pages.add(p)
		} else {
			pages.drop(p)
		}
	})
}

// eachOwner calls f once for each owner that lost or got something.
func (ed *editor) eachOwner(f func(uint32)) {
	ed.gained = append(ed.gained, ed.lost...)
	ed.lost = ed.lost[:0]
	slices.Sort(ed.gained)
	ed.gained = slices.Compact(ed.gained)
	for _, o := range ed.gained {
		f(o)
	}
}
