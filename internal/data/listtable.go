package data

import (
	"slices"
	"unsafe"
)

// ListTable is a list of any length: items in pages, pages in chunks, chunks in a directory.
//
//	directory   chunk, chunk, chunk ...       each with its number of items
//	chunk       page, page ... up to 256      each with its number of items
//	page        item item item ...            up to 4 KB; an item that is larger has a page for itself
//
// The number of items being known for each, an index is found by adding up: 100 million items have 1,600 chunks. At both ends a
// page has room on the outer side, so that an item is pushed and popped without moving others.
//
// A copy shares the chunks. Chunks and pages have the version of the table that made them; one of another version may be
// shared, and is replaced before it is changed. Dropping items at the ends changes no page, only where it begins and ends.
//
// Where items are taken out of the middle, or put in, two neighbouring pages of one chunk that fit into three quarters of a page
// become one. A page that is split is fuller than that, so that none is split and joined in turns.
type ListTable struct {
	dir     []listChunk
	count   int
	held    int // bytes of all pages' buffers and of the chunks
	version uint32
	spare   []byte // a page's buffer that became free at one end, for the other
}

// listChunk is a part of the directory. Its pages may be shared with a copy unless version is the table's.
type listChunk struct {
	pages   []listPage
	count   int // items
	held    int // bytes of the pages' buffers
	version uint32
}

type listPage struct {
	buf        []byte // the items are in [start, end)
	start, end int
	count      uint32
	version    uint32 // of the table when it made buf
}

const (
	listPageSize  = 4096
	listPageJoin  = listPageSize * 3 / 4
	listChunkSize = 256 // pages
	listPageBytes = int(unsafe.Sizeof(listPage{}))
)

func (p *listPage) items() []byte { return p.buf[p.start:p.end] }
func (p *listPage) size() int     { return p.end - p.start }

// Bytes returns how much memory the list takes.
func (t *ListTable) Bytes() int {
	return int(unsafe.Sizeof(*t)) + cap(t.dir)*int(unsafe.Sizeof(listChunk{})) + t.held + len(t.spare)
}

// listPlace is where an item begins.
type listPlace struct {
	chunk, page int
	offset      int // in the page's items
	before      int // items of the page before it
}

func (t *ListTable) page(at listPlace) *listPage { return &t.dir[at.chunk].pages[at.page] }

// find returns the place of the item at an index in [0, count): from the nearer end, at each level.
func (t *ListTable) find(i int) (at listPlace) {
	if i < t.count/2 {
		for i >= t.dir[at.chunk].count {
			i -= t.dir[at.chunk].count
			at.chunk++
		}
	} else {
		at.chunk = len(t.dir) - 1
		for i -= t.count - t.dir[at.chunk].count; i < 0; {
			at.chunk--
			i += t.dir[at.chunk].count
		}
	}
	c := &t.dir[at.chunk]
	if i < c.count/2 {
		for i >= int(c.pages[at.page].count) {
			i -= int(c.pages[at.page].count)
			at.page++
		}
	} else {
		at.page = len(c.pages) - 1
		for i -= c.count - int(c.pages[at.page].count); i < 0; {
			at.page--
			i += int(c.pages[at.page].count)
		}
	}
	at.before = i
	p := &c.pages[at.page]
	items := p.items()
	if i < int(p.count)/2 {
		for ; i > 0; i-- {
			at.offset += firstSize(items[at.offset:])
		}
		return at
	}
	at.offset = len(items)
	for i = int(p.count) - i; i > 0; i-- {
		at.offset -= lastSize(items[:at.offset])
	}
	return at
}

// own returns a chunk to change.
func (t *ListTable) own(i int) *listChunk {
	c := &t.dir[i]
	if c.version != t.version {
		c.version = t.version
		c.pages = append(make([]listPage, 0, cap(c.pages)), c.pages...)
	}
	return c
}

// hold accounts for so many bytes more in a chunk.
func (t *ListTable) hold(c *listChunk, bytes int) {
	c.held += bytes
	t.held += bytes
}

// newBuffer returns a buffer of at least so many bytes, and as many as an allocation has anyway.
func newBuffer(bytes int) []byte {
	b := slices.Grow([]byte(nil), bytes)
	return b[:cap(b)]
}

// buffer is a newBuffer, or the spare one.
func (t *ListTable) buffer(bytes int) []byte {
	if b := t.spare; b != nil && bytes == len(b) {
		t.spare = nil
		return b
	}
	return newBuffer(bytes)
}

// firstSizeOf is how large a new page's buffer is that is to begin with an item: in a short list no larger than a part of it,
// and never larger than an item of which not three would fit.
func (t *ListTable) firstSizeOf(size int) int {
	if size > listPageSize/3 {
		return size
	}
	return min(max(t.held/4, 4*size, 256), listPageSize)
}

// move puts a page's items into a buffer of a size, from start on; into the same one, if that has the size and is the page's
// own.
func (t *ListTable) move(c *listChunk, p *listPage, size, start int) {
	items := p.items()
	if size != len(p.buf) || p.version != t.version {
		t.hold(c, -len(p.buf))
		p.buf, p.version = t.buffer(size), t.version
		t.hold(c, len(p.buf))
	}
	p.start, p.end = start, start+len(items)
	copy(p.buf[start:], items)
}

// open makes room in an end page for so many bytes more, before its items or behind, and reports whether it could. Where
// items must move for it, some room is left on the other side, too, lest they move at each push when pushes take turns.
func (t *ListTable) open(c *listChunk, p *listPage, size int, front bool) bool {
	has, all := p.size(), len(p.buf)
	room := all - p.end
	if front {
		room = p.start
	}
	if has+size > listPageSize {
		return false
	}
	switch {
	case room >= size:
		if p.version != t.version {
			t.move(c, p, all, p.start)
		}
		return true
	case has+size <= all*3/4:
	case all < listPageSize:
		all = min(max(has+size, all*5/4), listPageSize)
	default:
		return false
	}
	start := (all - has - size) / 4
	if front {
		start = all - has - start
	}
	t.move(c, p, all, start)
	return true
}

// leave gives back what an end page holds too much, when it is to be one in the middle.
func (t *ListTable) leave(c *listChunk, p *listPage, front bool) {
	room := len(p.buf) - p.end
	if front {
		room = p.start
	}
	if room > len(p.buf)/8 && p.version == t.version {
		t.move(c, p, p.size(), 0)
	}
}

func (t *ListTable) pushBack(item ListItem) {
	size := item.size()
	var p *listPage
	if last := len(t.dir) - 1; last >= 0 {
		c := t.own(last)
		p = &c.pages[len(c.pages)-1]
		if !t.open(c, p, size, false) {
			t.leave(c, p, false)
			p = nil
		}
	}
	if p == nil {
		p = t.addBack(t.firstSizeOf(size))
	}
	item.append(p.buf[:p.end])
	p.end += size
	p.count++
	t.dir[len(t.dir)-1].count++
	t.count++
}

func (t *ListTable) pushFront(item ListItem) {
	size := item.size()
	var p *listPage
	if len(t.dir) > 0 {
		c := t.own(0)
		p = &c.pages[0]
		if !t.open(c, p, size, true) {
			t.leave(c, p, true)
			p = nil
		}
	}
	if p == nil {
		p = t.addFront(t.firstSizeOf(size))
	}
	p.start -= size
	item.append(p.buf[:p.start])
	p.count++
	t.dir[0].count++
	t.count++
}

// addBack adds a page behind the last, empty, with a buffer of a size.
func (t *ListTable) addBack(size int) *listPage {
	if last := len(t.dir) - 1; last < 0 || len(t.dir[last].pages) >= listChunkSize {
		t.dir = append(t.dir, listChunk{version: t.version})
	}
	c := t.own(len(t.dir) - 1)
	t.addPage(c, len(c.pages), listPage{buf: t.buffer(size), version: t.version})
	return &c.pages[len(c.pages)-1]
}

// addFront adds a page before the first.
func (t *ListTable) addFront(size int) *listPage {
	if len(t.dir) == 0 || len(t.dir[0].pages) >= listChunkSize {
		t.dir = slices.Insert(t.dir, 0, listChunk{version: t.version})
	}
	p := listPage{buf: t.buffer(size), version: t.version}
	p.start, p.end = len(p.buf), len(p.buf)
	c := t.own(0)
	t.addPage(c, 0, p)
	return &c.pages[0]
}

// addPage puts a page into a chunk, which is owned.
func (t *ListTable) addPage(c *listChunk, at int, p listPage) {
	before := cap(c.pages)
	c.pages = slices.Insert(c.pages, at, p)
	t.hold(c, len(p.buf)+(cap(c.pages)-before)*listPageBytes)
	c.count += int(p.count)
}

// appendItems adds items, which are encoded already, at the back.
func (t *ListTable) appendItems(items []byte, count int) {
	var p *listPage
	if last := len(t.dir) - 1; last >= 0 {
		c := t.own(last)
		if p = &c.pages[len(c.pages)-1]; !t.open(c, p, len(items), false) {
			p = nil
		}
	}
	if p == nil {
		p = t.addBack(max(len(items), min(t.held/4, listPageSize)))
	}
	p.end += copy(p.buf[p.end:], items)
	p.count += uint32(count)
	t.dir[len(t.dir)-1].count += count
	t.count += count
}
