package groups

import (
	"cmp"
	"container/heap"
	"slices"
)

// ageHeap has the page with the oldest delivery on top. It is what finds claimable entries without a walk over all.
type ageHeap []*page

func (h ageHeap) Len() int           { return len(h) }
func (h ageHeap) Less(i, j int) bool { return h[i].older(h[j]) }
func (h ageHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = int32(i), int32(j)
}
func (h *ageHeap) Push(x any) {
	p := x.(*page)
	p.heapIndex = int32(len(*h))
	*h = append(*h, p)
}
func (h *ageHeap) Pop() any {
	old := *h
	p := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return p
}

// restore puts a heap in order of which nothing is known.
func (h *ageHeap) restore() {
	for i, p := range *h {
		p.heapIndex = int32(i)
	}
	heap.Init(h)
}

// older orders pages by their oldest delivery, and those of the same time by their IDs: pages never change places.
func (p *page) older(q *page) bool {
	return p.oldest < q.oldest || p.oldest == q.oldest && p.first.Less(q.first)
}

// OldestDelivery returns the lowest delivery time of all pending entries, false if nothing is pending.
func (g *Group) OldestDelivery() (ms int64, ok bool) {
	if len(g.pending.byAge) == 0 {
		return 0, false
	}
	return g.pending.byAge[0].oldest, true
}

// Oldest returns the entries that were delivered at untilMS or before, the longest ago first, but at most limit of them,
// which is positive. Those of the same time come in the order of their IDs.
func (g *Group) Oldest(untilMS int64, limit int) []Entry {
	// The children of a page in the heap are no older than it: so pages come out in order of age from a second, small
	// heap of those whose parents were looked at.
	all := g.pending.byAge
	front := &frontier{all: all}
	front.push(0)
	var found youngest
	for len(front.list) > 0 {
		i := heap.Pop(front).(int)
		p := all[i]
		if p.oldest > untilMS || len(found) == limit && !p.before(found[0]) {
			break // and so are all that come after it
		}
		for c := p.cursor(); c.next(); {
			if c.deliveredMS > untilMS {
				continue
			}
			e := Entry{c.id, g.pending.owners[c.owner], c.deliveredMS, c.deliveries}
			switch {
			case len(found) < limit:
				if found = append(found, e); len(found) == limit {
					heap.Init(&found)
				}
			case byAge(e, found[0]) < 0:
				found[0] = e
				heap.Fix(&found, 0)
			}
		}
		front.push(2*i + 1)
		front.push(2*i + 2)
	}
	slices.SortFunc(found, byAge)
	return found
}

// youngest is the entries found so far; once there are as many as wanted, a heap with the last in order of age on top.
type youngest []Entry

func (y youngest) Len() int           { return len(y) }
func (y youngest) Less(i, j int) bool { return byAge(y[j], y[i]) < 0 }
func (y youngest) Swap(i, j int)      { y[i], y[j] = y[j], y[i] }
func (y *youngest) Push(any)          { panic("groups: entries are appended or replaced") }
func (y *youngest) Pop() any          { panic("groups: entries are appended or replaced") }

// before reports whether a page may have an entry that comes before e in order of age.
func (p *page) before(e Entry) bool {
	return p.oldest < e.DeliveredMS || p.oldest == e.DeliveredMS && p.first.Less(e.ID)
}

func byAge(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.DeliveredMS, b.DeliveredMS), a.ID.Compare(b.ID))
}

// frontier is a heap of places in an ageHeap.
type frontier struct {
	all  ageHeap
	list []int
}

func (f *frontier) push(i int) {
	if i < len(f.all) {
		heap.Push(f, i)
	}
}
func (f *frontier) Len() int           { return len(f.list) }
func (f *frontier) Less(i, j int) bool { return f.all[f.list[i]].older(f.all[f.list[j]]) }
func (f *frontier) Swap(i, j int)      { f.list[i], f.list[j] = f.list[j], f.list[i] }
func (f *frontier) Push(x any)         { f.list = append(f.list, x.(int)) }
func (f *frontier) Pop() any {
	i := f.list[len(f.list)-1]
	f.list = f.list[:len(f.list)-1]
	return i
}
