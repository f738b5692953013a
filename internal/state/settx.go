package state

import (
	"encoding/binary"

	"github.com/weirmq/weir/internal/data"
)

// Set returns the set at key for reading, an empty one if there is no such key, and ErrWrongType if it holds another kind.
func (tx *Tx) Set(key []byte) (data.Set, error) {
	v, err := tx.typed(key, KindSet)
	if t, ok := v.Object.(*data.SetTable); ok {
		return data.Set{Large: t}, err
	}
	return data.Set{Packed: v.Packed}, err
}

// SetAdd adds members to the set at key, which is made if it is not there, and returns how many were not in it. There is at
// least one.
func (tx *Tx) SetAdd(key []byte, members [][]byte) (added int) {
	room := 0
	if _, exists := tx.lookup(key); !exists {
		room = data.PackedSetSize(members)
	}
	at := tx.edit(key, KindSet, room)
	before := len(tx.record)
	tx.record = appendMembers(appendHead(tx.record, changeSetAdd, tx.db, key), members)
	if added = setAdd(at, members); added == 0 {
		tx.takeBack(before)
	}
	return added
}

// SetRemove removes members from the set at key, which is there, and returns how many were in it. The key goes with the last.
func (tx *Tx) SetRemove(key []byte, members [][]byte) (removed int) {
	at := tx.edit(key, KindSet, 0)
	before := len(tx.record)
	tx.record = appendMembers(appendHead(tx.record, changeSetRemove, tx.db, key), members)
	if removed = setRemove(at, members); removed == 0 {
		tx.takeBack(before)
	}
	return removed
}

// SetStore makes a set, which is the keyspace's from then on, what a key holds, instead of anything else. The key does not
// expire. An empty set deletes it.
func (tx *Tx) SetStore(key []byte, s data.Set) { tx.setStore(key, s, 0) }

// SetReplace is SetStore for a key that holds a set: it expires as before.
func (tx *Tx) SetReplace(key []byte, s data.Set) { tx.setStore(key, s, storeKeepsExpiry) }

func (tx *Tx) setStore(key []byte, s data.Set, flags byte) {
	if s.Len() == 0 {
		tx.Delete(key)
		return
	}
	r, exists := tx.touch(key)
	if exists && r.entry().kind() != KindSet {
		tx.ready = append(tx.ready, Ref{tx.db, key}) // who waits for what it was
	}
	if s.Encoding() == "hashtable" {
		flags |= storeStrings
	}
	tx.record = append(appendHead(tx.record, changeSetStore, tx.db, key), flags)
	tx.record = binary.AppendUvarint(tx.record, uint64(s.Len()))
	for m := range s.All() {
		tx.record = appendBytes(tx.record, m)
	}
	tx.keyspace.setStore(tx.db, r.slot, key, s, flags&storeKeepsExpiry != 0)
	tx.cachedKey = nil
}
