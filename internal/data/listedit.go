package data

import "slices"

// Changes of a ListTable that are not pushes.

// trimFront drops the first n items, fewer than there are.
func (t *ListTable) trimFront(n int) {
	t.count -= n
	chunks := 0
	for n >= t.dir[chunks].count {
		n -= t.dir[chunks].count
		chunks++
	}
	t.deleteChunks(0, chunks)
	if n == 0 {
		return
	}
	c := t.own(0)
	c.count -= n
	pages := 0
	for n >= int(c.pages[pages].count) {
		n -= int(c.pages[pages].count)
		pages++
	}
	if pages > 0 {
		t.keepSpare(&c.pages[0])
		t.deletePages(c, 0, pages)
	}
	p := &c.pages[0]
	p.count -= uint32(n)
	for ; n > 0; n-- {
		p.start += firstSize(p.items())
	}
}

// trimBack drops the last n items, fewer than there are.
func (t *ListTable) trimBack(n int) {
	t.count -= n
	chunks := len(t.dir)
	for n >= t.dir[chunks-1].count {
		chunks--
		n -= t.dir[chunks].count
	}
	t.deleteChunks(chunks, len(t.dir))
	if n == 0 {
		return
	}
	c := t.own(chunks - 1)
	c.count -= n
	pages := len(c.pages)
	for n >= int(c.pages[pages-1].count) {
		pages--
		n -= int(c.pages[pages].count)
	}
	if pages < len(c.pages) {
		t.keepSpare(&c.pages[len(c.pages)-1])
		t.deletePages(c, pages, len(c.pages))
	}
	p := &c.pages[pages-1]
	p.count -= uint32(n)
	for ; n > 0; n-- {
		p.end -= lastSize(p.items())
	}
}

// keepSpare keeps the buffer of a page that goes, for a queue which gets items at one end and loses them at the other.
func (t *ListTable) keepSpare(p *listPage) {
	if p.version == t.version && len(p.buf) == listPageSize {
		t.spare = p.buf
	}
}

func (t *ListTable) deleteChunks(from, to int) {
	if from == to {
		return
	}
	for _, c := range t.dir[from:to] {
		t.held -= c.held
	}
	t.dir = slices.Delete(t.dir, from, to)
	if len(t.dir) < cap(t.dir)/4 {
		t.dir = slices.Clone(t.dir)
	}
}

// deletePages takes pages out of a chunk, which is owned. Their items are no longer counted.
func (t *ListTable) deletePages(c *listChunk, from, to int) {
	for _, p := range c.pages[from:to] {
		t.hold(c, -len(p.buf))
	}
	c.pages = slices.Delete(c.pages, from, to)
	if before := cap(c.pages); len(c.pages) < before/4 {
		c.pages = append(make([]listPage, 0, 2*len(c.pages)), c.pages...)
		t.hold(c, (cap(c.pages)-before)*listPageBytes)
	}
}

// insert puts an item before the one at an index in [0, count], or behind the last.
func (t *ListTable) insert(i int, item ListItem) {
	switch i {
	case 0:
		t.pushFront(item)
	case t.count:
		t.pushBack(item)
	default:
		at := t.find(i)
		t.replace(at, 0, item)
		t.count++
	}
}

// set replaces the item at an index in [0, count).
func (t *ListTable) set(i int, item ListItem) {
	at := t.find(i)
	t.replace(at, firstSize(t.page(at).items()[at.offset:]), item)
}

// replace puts an item in the place of cut bytes: of another one, or none.
func (t *ListTable) replace(at listPlace, cut int, item ListItem) {
	c := t.own(at.chunk)
	p := &c.pages[at.page]
	size, grown := item.size(), uint32(1)
	if cut > 0 {
		grown = 0
	}
	has := p.size() - cut + size
	if has > listPageSize && p.size() > cut {
		t.split(at, cut, item)
		return
	}
	switch {
	case cut == p.size(): // it is the only one
		if size > len(p.buf) || len(p.buf) > max(2*size, listPageSize) || p.version != t.version {
			p.end = p.start // nothing to move
			t.move(c, p, size, 0)
		}
		p.start, p.end, cut = 0, 0, 0
	case has > len(p.buf):
		t.move(c, p, max(has, min(has*5/4, listPageSize)), 0)
	case p.version != t.version || p.start+has > len(p.buf):
		t.move(c, p, len(p.buf), 0)
	}
	splice(p.items(), at.offset, cut, size)
	p.end += size - cut
	item.append(p.buf[:p.start+at.offset])
	p.count += grown
	c.count += int(grown)
}

// split puts an item in the place of cut bytes of a page that is too full for it: the items before it, the new one and those
// behind it become pages, and then those join that can.
func (t *ListTable) split(at listPlace, cut int, item ListItem) {
	c := t.own(at.chunk)
	p := &c.pages[at.page]
	before, behind := p.items()[:at.offset], p.items()[at.offset+cut:]
	left := t.pageOf(before, at.before)
	right := t.pageOf(behind, int(p.count)-at.before)
	if cut > 0 {
		right.count--
	}
	middle := listPage{buf: newBuffer(item.size()), version: t.version, end: item.size(), count: 1}
	item.append(middle.buf[:0])

	c.count -= int(p.count)
	t.deletePages(c, at.page, at.page+1)
	page := at.page
	for _, p := range []listPage{left, middle, right} {
		if p.end > 0 {
			t.addPage(c, page, p)
			page++
		}
	}
	t.join(c, max(at.page-1, 0), page+1)
	t.halve(at.chunk)
}

// pageOf returns a page of its own with items.
func (t *ListTable) pageOf(items []byte, count int) listPage {
	p := listPage{version: t.version, end: len(items), count: uint32(count)}
	if len(items) > 0 {
		p.buf = newBuffer(len(items))
		copy(p.buf, items)
	}
	return p
}

// halve makes two chunks of one with too many pages.
func (t *ListTable) halve(i int) {
	c := &t.dir[i]
	if len(c.pages) <= listChunkSize {
		return
	}
	half := len(c.pages) / 2
	second := listChunk{version: t.version}
	for _, p := range c.pages[half:] {
		t.addPage(&second, len(second.pages), p)
	}
	c.count -= second.count
	t.deletePages(c, half, len(c.pages))
	t.dir = slices.Insert(t.dir, i+1, second)
}

// join makes one of neighbouring pages that fit into less, of those in [from, to) of a chunk, and takes out empty ones.
func (t *ListTable) join(c *listChunk, from, to int) {
	to = min(to, len(c.pages))
	kept := from
	for i := from; i < to; i++ {
		p := &c.pages[i]
		switch {
		case p.count == 0:
			t.hold(c, -len(p.buf))
		case kept > from && c.pages[kept-1].size()+p.size() <= listPageJoin:
			into := &c.pages[kept-1]
			has := into.size() + p.size()
			if into.version != t.version || into.start+has > len(into.buf) {
				t.move(c, into, max(has, len(into.buf)), 0)
			}
			into.end += copy(into.buf[into.end:], p.items())
			into.count += p.count
			t.hold(c, -len(p.buf))
		default:
			if kept != i {
				c.pages[kept] = *p
			}
			kept++
		}
	}
	for i := kept; i < to; i++ {
		c.pages[i].buf = nil // it is accounted for
	}
	if kept < to {
		t.deletePages(c, kept, to)
	}
}

// remove drops the items at indexes, which ascend, and are fewer than all.
func (t *ListTable) remove(indexes []int) {
	t.count -= len(indexes)
	base := 0 // index of the chunk's first item, before any was removed
	for i := 0; len(indexes) > 0; i++ {
		next := base + t.dir[i].count
		n, _ := slices.BinarySearch(indexes, next)
		if n > 0 {
			c := t.own(i)
			t.removeFrom(c, indexes[:n], base)
			c.count -= n
			t.join(c, 0, len(c.pages))
		}
		indexes, base = indexes[n:], next
	}
	t.joinChunks()
}

// removeFrom drops items of a chunk. Pages may be empty afterwards.
func (t *ListTable) removeFrom(c *listChunk, indexes []int, base int) {
	for i := 0; len(indexes) > 0; i++ {
		p := &c.pages[i]
		next := base + int(p.count)
		n, _ := slices.BinarySearch(indexes, next)
		switch {
		case n == int(p.count):
			p.start, p.end = 0, 0
		case n > 0:
			if p.version != t.version {
				t.move(c, p, len(p.buf), 0)
			}
			p.end = p.start + len(removeItems(p.items(), indexes[:n], base))
		}
		p.count -= uint32(n)
		indexes, base = indexes[n:], next
	}
}

// joinChunks makes one of neighbouring chunks that are together no more than half full, and takes out empty ones.
func (t *ListTable) joinChunks() {
	kept := 0
	for i := range t.dir {
		c := &t.dir[i]
		switch {
		case c.count == 0:
			t.held -= c.held
		case kept > 0 && len(t.dir[kept-1].pages)+len(c.pages) <= listChunkSize/2:
			into := t.own(kept - 1)
			for _, p := range c.pages {
				t.addPage(into, len(into.pages), p)
			}
			t.held -= c.held
		default:
			if kept != i {
				t.dir[kept] = *c
			}
			kept++
		}
	}
	clear(t.dir[kept:])
	t.dir = t.dir[:kept]
}
