package data

// ListIter is a walk over a list:
//
//	for it := l.From(0); it.Next(); {
//		use(it.Item())
//	}
//
// Its items are valid until the list's next change.
type ListIter struct {
	table       *ListTable // nil if the list is packed
	chunk, page int        // of the table: where rest is
	rest        []byte     // of the page's items
	back        bool       // towards the first item
	item        ListItem
}

// From returns a walk from an index, not below 0, to the last item.
func (l List) From(i int) ListIter {
	switch {
	case i >= l.Len():
		return ListIter{}
	case l.Large == nil:
		return ListIter{rest: l.Packed[l.offset(i):]}
	}
	at := l.Large.find(i)
	items := l.Large.page(at).items()
	return ListIter{table: l.Large, chunk: at.chunk, page: at.page, rest: items[at.offset:]}
}

// Backward returns a walk from an index, below Len, to the first item.
func (l List) Backward(i int) ListIter {
	switch {
	case i < 0:
		return ListIter{}
	case l.Large == nil:
		return ListIter{rest: l.Packed[1:l.offset(i+1)], back: true}
	}
	at := l.Large.find(i)
	items := l.Large.page(at).items()
	return ListIter{table: l.Large, chunk: at.chunk, page: at.page, rest: items[:at.offset+firstSize(items[at.offset:])], back: true}
}

// Next moves on to the next item, and reports whether there is one.
func (it *ListIter) Next() bool {
	if len(it.rest) == 0 && !it.turn() {
		return false
	}
	if it.back {
		end := len(it.rest) - lastSize(it.rest)
		it.item, _ = firstItem(it.rest[end:])
		it.rest = it.rest[:end]
	} else {
		item, size := firstItem(it.rest)
		it.item, it.rest = item, it.rest[size:]
	}
	return true
}

// Item is the item that Next has moved on to.
func (it *ListIter) Item() ListItem { return it.item }

// turn goes on with the next page.
func (it *ListIter) turn() bool {
	if it.table == nil {
		return false
	}
	dir := it.table.dir
	if it.back {
		if it.page--; it.page < 0 {
			if it.chunk--; it.chunk < 0 {
				it.table = nil
				return false
			}
			it.page = len(dir[it.chunk].pages) - 1
		}
	} else if it.page++; it.page == len(dir[it.chunk].pages) {
		it.page = 0
		if it.chunk++; it.chunk == len(dir) {
			it.table = nil
			return false
		}
	}
	it.rest = dir[it.chunk].pages[it.page].items()
	return true
}
