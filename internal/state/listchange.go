package state

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/weirmq/weir/internal/data"
)

// Changes to lists. After the head of every change (see change.go), their payloads are
//
//	list push front  number of items, then each as bytes: the last of them comes to stand first; makes the list
//	list push back   number of items, then each as bytes; makes the list
//	list trim        how many items go at the front, how many at the back
//	list set         index, item as bytes
//	list insert      index of the item before which it comes to stand, item as bytes
//	list remove      number of indexes, the first, then each less the one before it
//
// A list that loses its last item is gone. An item that moves from one list to another is pushed to the one and then trimmed
// off the other, in one record.
const (
	changeListPushFront byte = iota + 50
	changeListPushBack
	changeListTrim
	changeListSet
	changeListInsert
	changeListRemove
)

func appendItems(b []byte, items [][]byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(items)))
	for _, item := range items {
		b = appendBytes(b, item)
	}
	return b
}

func appendIndexes(b []byte, indexes []int) []byte {
	b = binary.AppendUvarint(b, uint64(len(indexes)))
	before := 0
	for _, i := range indexes {
		b = binary.AppendUvarint(b, uint64(i-before))
		before = i
	}
	return b
}

// listOf returns the list that a value is.
func listOf(v Value) data.List {
	t, _ := v.Object.(*data.ListTable)
	return data.List{Packed: v.Packed, Large: t}
}

// list returns the entry's list, to be changed.
func (r ref) list() data.List {
	if t, ok := r.object().(*data.ListTable); ok {
		return data.List{Large: t}
	}
	return data.List{Packed: r.packed()}
}

// putList makes a list that was changed the entry's, and takes the key away with the last item.
func (r ref) putList(l data.List) {
	switch {
	case l.Large != nil:
		r.putObject(l.Large)
	case l.Len() == 0:
		r.remove()
	default:
		r.putPacked(l.Packed)
	}
}

// listRoom is how many bytes behind its key a new list of these items takes.
func listRoom(items [][]byte) int {
	room := 1
	for _, item := range items {
		if room += len(item) + 2; room > data.PackedListBytes {
			return 4 // for the place of an object
		}
	}
	return room
}

// The functions below make a change true; see apply.go.

func listPush(r ref, front bool, items [][]byte) (length int) {
	l := r.list()
	if front {
		l.PushFront(items...)
	} else {
		l.PushBack(items...)
	}
	r.putList(l)
	return l.Len()
}

func listTrim(r ref, front, back int) {
	l := r.list()
	l.Trim(front, back)
	r.putList(l)
}

func listSet(r ref, index int, item []byte) {
	l := r.list()
	l.Set(index, item)
	r.putList(l)
}

func listInsert(r ref, index int, item []byte) {
	l := r.list()
	l.Insert(index, item)
	r.putList(l)
}

func listRemove(r ref, indexes []int) {
	l := r.list()
	l.Remove(indexes)
	r.putList(l)
}

// applyToList makes a change of this file true.
func (k *Keyspace) applyToList(kind byte, db int, slot uint16, key []byte, r *reader) error {
	at, ok := k.databases[db].find(slot, key)
	if ok && at.entry().kind() != KindList || !ok && kind > changeListPushBack {
		return fmt.Errorf("%w: kind %d changes a list that does not exist", ErrDamagedChange, kind)
	}
	if kind <= changeListPushBack {
		items := k.items(r)
		if r.err != nil || len(items) == 0 {
			return ErrDamagedChange
		}
		if !ok {
			at = k.add(db, slot, key, KindList, listRoom(items))
		}
		listPush(at, kind == changeListPushFront, items)
		return nil
	}
	length := uint64(listOf(at.value()).Len())
	switch kind {
	case changeListTrim:
		front, back := r.number(), r.number()
		if r.err != nil || front > length || back > length-front {
			return ErrDamagedChange
		}
		listTrim(at, int(front), int(back))
	case changeListSet:
		index, item := r.number(), r.bytes()
		if r.err != nil || index >= length {
			return ErrDamagedChange
		}
		listSet(at, int(index), item)
	case changeListInsert:
		index, item := r.number(), r.bytes()
		if r.err != nil || index > length {
			return ErrDamagedChange
		}
		listInsert(at, int(index), item)
	case changeListRemove:
		indexes := r.indexes(length)
		if r.err != nil {
			return r.err
		}
		listRemove(at, indexes)
	default:
		return fmt.Errorf("%w: kind %d", ErrUnknownChange, kind)
	}
	return nil
}

// items decodes what appendItems wrote into the keyspace's scratch.
func (k *Keyspace) items(r *reader) [][]byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	k.scratch = k.scratch[:0]
	for range n {
		k.scratch = append(k.scratch, r.bytes())
	}
	return k.scratch
}

// indexes decodes what appendIndexes wrote: indexes below a length, which ascend.
func (r *reader) indexes(length uint64) []int {
	n := r.number()
	if n > uint64(len(r.rest)) || n > length {
		r.fail()
		return nil
	}
	var indexes []int
	indexes = slices.Grow(indexes, int(n))
	before := uint64(0)
	for i := range n {
		step := r.number()
		if step >= length-before || step == 0 && i > 0 {
			r.fail()
			return nil
		}
		before += step
		indexes = append(indexes, int(before))
	}
	return indexes
}
