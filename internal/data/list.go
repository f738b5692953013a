package data

import (
	"fmt"
	"slices"
)

// List is a sequence of byte strings. The zero List is empty.
//
// A small one is Packed: a byte with the number of items, then the items (see listitem.go). One that has become larger is
// Large, and stays it.
type List struct {
	Packed []byte
	Large  *ListTable
}

// What is packed at most.
const (
	packedListItems = 128
	PackedListBytes = 1024
)

// Encoding is Redis's name for how a list is stored: 7.0 has but one.
func (l List) Encoding() string { return "quicklist" }

// Len returns the number of items.
func (l List) Len() int {
	switch {
	case l.Large != nil:
		return l.Large.count
	case len(l.Packed) > 0:
		return int(l.Packed[0])
	default:
		return 0
	}
}

// At returns the item at an index in [0, Len). It is valid until the next change.
func (l List) At(i int) ListItem {
	it := l.From(i)
	it.Next()
	return it.Item()
}

// PushFront puts items before the first, one after the other: the last of them comes to stand first.
func (l *List) PushFront(items ...[]byte) {
	for i, text := range items {
		item := MakeListItem(text)
		if !l.fits(item.size(), 1) {
			l.enlarge()
			for _, text := range items[i:] {
				l.Large.pushFront(MakeListItem(text))
			}
			return
		}
		l.insertPacked(1, item)
	}
}

// PushBack puts items behind the last.
func (l *List) PushBack(items ...[]byte) {
	for i, text := range items {
		item := MakeListItem(text)
		if !l.fits(item.size(), 1) {
			l.enlarge()
			for _, text := range items[i:] {
				l.Large.pushBack(MakeListItem(text))
			}
			return
		}
		l.insertPacked(max(len(l.Packed), 1), item)
	}
}

// Insert puts an item before the one at an index in [0, Len], or behind the last.
func (l *List) Insert(i int, text []byte) {
	item := MakeListItem(text)
	switch {
	case l.fits(item.size(), 1):
		l.insertPacked(l.offset(i), item)
		return
	case l.Large == nil:
		l.enlarge()
	}
	l.Large.insert(i, item)
}

// Set replaces the item at an index in [0, Len).
func (l *List) Set(i int, text []byte) {
	item := MakeListItem(text)
	if l.Large == nil {
		at := l.offset(i)
		cut := firstSize(l.Packed[at:])
		if l.fits(item.size()-cut, 0) {
			l.Packed = splice(l.Packed, at, cut, item.size())
			item.append(l.Packed[at:at])
			return
		}
		l.enlarge()
	}
	l.Large.set(i, item)
}

// Trim drops so many items at the front and at the back, Len at most.
func (l *List) Trim(front, back int) {
	if front+back >= l.Len() {
		*l = List{}
		return
	}
	if l.Large != nil {
		l.Large.trimFront(front)
		l.Large.trimBack(back)
		return
	}
	l.Packed[0] -= byte(front + back)
	end := len(l.Packed)
	for range back {
		end -= lastSize(l.Packed[:end])
	}
	at := 1
	for range front {
		at += firstSize(l.Packed[at:])
	}
	l.Packed = slices.Delete(l.Packed[:end], 1, at)
}

// Remove drops the items at indexes, which ascend.
func (l *List) Remove(indexes []int) {
	switch {
	case len(indexes) >= l.Len():
		*l = List{}
	case l.Large != nil:
		l.Large.remove(indexes)
	default:
		l.Packed[0] -= byte(len(indexes))
		rest := removeItems(l.Packed[1:], indexes, 0)
		l.Packed = l.Packed[:1+len(rest)]
	}
}

// removeItems drops the items at indexes, less base, from items, and returns what is left of these, in the same place.
func removeItems(items []byte, indexes []int, base int) []byte {
	at, kept := 0, 0
	for i := base; len(indexes) > 0; i++ {
		size := firstSize(items[at:])
		if i == indexes[0] {
			indexes = indexes[1:]
		} else {
			kept += copy(items[kept:], items[at:at+size])
		}
		at += size
	}
	kept += copy(items[kept:], items[at:])
	return items[:kept]
}

// fits reports whether a packed list stays packed if it grows by so much.
func (l *List) fits(bytes, items int) bool {
	return l.Large == nil && l.Len()+items <= packedListItems && len(l.Packed)+bytes <= PackedListBytes
}

// enlarge makes the list Large, if it is not.
func (l *List) enlarge() {
	if l.Large != nil {
		return
	}
	t := new(ListTable)
	if n := l.Len(); n > 0 {
		t.appendItems(l.Packed[1:], n)
	}
	*l = List{Large: t}
}

// offset is where the item at an index of a packed list begins, or where the items end.
func (l *List) offset(i int) int {
	if n := l.Len(); i > n/2 {
		at := len(l.Packed)
		for ; i < n; i++ {
			at -= lastSize(l.Packed[:at])
		}
		return max(at, 1)
	}
	at := 1
	for ; i > 0; i-- {
		at += firstSize(l.Packed[at:])
	}
	return at
}

func (l *List) insertPacked(at int, item ListItem) {
	if len(l.Packed) == 0 {
		l.Packed = append(l.Packed, 0)
	}
	l.Packed[0]++
	l.Packed = splice(l.Packed, at, 0, item.size())
	item.append(l.Packed[at:at])
}

// splice makes room for size bytes in the place of cut bytes, with the capacity that b has if that is enough.
func splice(b []byte, at, cut, size int) []byte {
	end := len(b)
	if size > cut {
		b = slices.Grow(b, size-cut)
	}
	b = b[:end-cut+size]
	copy(b[at+size:], b[at+cut:end:cap(b)])
	return b
}

// CheckList reports whether bytes, which may be anything, are a packed list. They are not empty.
func CheckList(packed []byte) error {
	if len(packed) == 0 || len(packed) > PackedListBytes || packed[0] == 0 || packed[0] > packedListItems {
		return fmt.Errorf("%w: no packed list", ErrDamaged)
	}
	return checkItems(packed[1:], int(packed[0]))
}

// checkItems reports whether bytes are so many items.
func checkItems(b []byte, items int) error {
	for ; items > 0; items-- {
		size := checkItem(b)
		if size == 0 {
			return fmt.Errorf("%w: an item of a list", ErrDamaged)
		}
		b = b[size:]
	}
	if len(b) > 0 {
		return fmt.Errorf("%w: bytes behind the items of a list", ErrDamaged)
	}
	return nil
}
