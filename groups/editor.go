package groups

import (
	"container/heap"
	"slices"
	"sync"

	"github.com/weirmq/weir/stream"
)

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
	had := cap(p.data)
	p.encode(kept)
	l.room += cap(p.data) - had
	if fresh {
		l.pages.add(p)
		heap.Push(&l.byAge, p)
	} else {
		heap.Fix(&l.byAge, int(p.heapIndex))
	}
	if rest != nil || p != l.pages[len(l.pages)-1] {
		l.clip(p) // the last page is still growing: it would get its room back and forth
	}
	if rest != nil {
		q := new(page)
		q.encode(rest)
		l.room += cap(q.data)
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
	l.room -= cap(p.data)
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
