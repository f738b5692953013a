package state

import (
	"encoding/binary"

	"github.com/weirmq/weir/internal/data"
)

// List returns the list at key, an empty one if there is none, and ErrWrongType if the key holds another kind.
func (tx *Tx) List(key []byte) (data.List, error) {
	v, err := tx.typed(key, KindList)
	return listOf(v), err
}

// ListPush adds items to the list at key, one after the other at the front or the back, and makes the list if there is none.
// Who waits for items at the key looks again. It returns how many items there are now.
func (tx *Tx) ListPush(key []byte, front bool, items ...[]byte) (length int) {
	r := tx.edit(key, KindList, listRoom(items))
	tx.ready = append(tx.ready, Ref{tx.db, key})
	kind := changeListPushBack
	if front {
		kind = changeListPushFront
	}
	tx.record = appendItems(appendHead(tx.record, kind, tx.db, key), items)
	return listPush(r, front, items)
}

// ListTrim drops so many items at the front and at the back of the list at key, which has at least as many. The key goes
// with its last item.
func (tx *Tx) ListTrim(key []byte, front, back int) {
	r, _ := tx.touch(key)
	b := binary.AppendUvarint(appendHead(tx.record, changeListTrim, tx.db, key), uint64(front))
	tx.record = binary.AppendUvarint(b, uint64(back))
	listTrim(r, front, back)
}

// ListPop drops so many items at one end of the list at key, which has at least as many.
func (tx *Tx) ListPop(key []byte, front bool, count int) {
	if front {
		tx.ListTrim(key, count, 0)
	} else {
		tx.ListTrim(key, 0, count)
	}
}

// ListMove takes the item at an end of a list, which has one, and adds it at an end of another or the same list, which it makes
// if there is none.
func (tx *Tx) ListMove(from []byte, front bool, to []byte, toFront bool) {
	r, _ := tx.lookup(from)
	l := listOf(r.value())
	item := l.At(0)
	if !front {
		item = l.At(l.Len() - 1)
	}
	tx.moving = item.AppendText(tx.moving[:0]) // pushing it may move what it aliases
	tx.ListPush(to, toFront, tx.moving)
	if cap(tx.moving) > keepRecord {
		tx.moving = nil
	}
	tx.ListPop(from, front, 1) // the key was never empty, if it is the same
}

// ListSet replaces the item at an index of the list at key, which has it.
func (tx *Tx) ListSet(key []byte, index int, item []byte) {
	r, _ := tx.touch(key)
	b := binary.AppendUvarint(appendHead(tx.record, changeListSet, tx.db, key), uint64(index))
	tx.record = appendBytes(b, item)
	listSet(r, index, item)
}

// ListInsert puts an item before the one at an index of the list at key, which has as many items or more.
func (tx *Tx) ListInsert(key []byte, index int, item []byte) {
	r, _ := tx.touch(key)
	b := binary.AppendUvarint(appendHead(tx.record, changeListInsert, tx.db, key), uint64(index))
	tx.record = appendBytes(b, item)
	listInsert(r, index, item)
}

// ListRemove drops the items at indexes, at least one, which ascend, of the list at key, which has them.
func (tx *Tx) ListRemove(key []byte, indexes []int) {
	r, _ := tx.touch(key)
	tx.record = appendIndexes(appendHead(tx.record, changeListRemove, tx.db, key), indexes)
	listRemove(r, indexes)
}
