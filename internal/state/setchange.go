package state

import (
	"encoding/binary"
	"fmt"

	"github.com/weirmq/weir/internal/data"
)

// Changes to sets. After the head of every change (see change.go) their payloads are
//
//	set add     members; makes the set if there is none
//	set remove  members: those that are there go, and the key with the last
//	set store   flags, a byte, and members: of nothing else the set consists, whatever the key held
//	            1: it is one of strings, also if all members are integers
//	            2: the key expires as before
//
// where members are a uvarint number, not 0, and so many bytes.
const (
	changeSetAdd byte = iota + 70
	changeSetRemove
	changeSetStore
)

const (
	storeStrings      = 1
	storeKeepsExpiry  = 2
	storeFlagsDefined = storeStrings | storeKeepsExpiry
)

func appendMembers(b []byte, members [][]byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(members)))
	for _, m := range members {
		b = appendBytes(b, m)
	}
	return b
}

// members decodes members into the keyspace's scratch.
func (k *Keyspace) members(r *reader) [][]byte {
	n := r.number()
	if n == 0 || n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	k.scratch = k.scratch[:0]
	for range n {
		k.scratch = append(k.scratch, r.bytes())
	}
	return k.scratch
}

// applyToSet makes a change of this file true.
func (k *Keyspace) applyToSet(kind byte, db int, slot uint16, key []byte, r *reader) error {
	var flags byte
	if kind == changeSetStore {
		flags = r.byte()
	}
	members := k.members(r)
	if r.err != nil {
		return r.err
	}
	at, exists := k.databases[db].find(slot, key)
	if kind == changeSetStore {
		if flags&^storeFlagsDefined != 0 {
			return ErrDamagedChange
		}
		var s data.Set
		if flags&storeStrings != 0 {
			s.Stringify()
		}
		for _, m := range members {
			s.Add(m)
		}
		k.setStore(db, slot, key, s, flags&storeKeepsExpiry != 0)
		return nil
	}
	switch {
	case exists && at.entry().kind() != KindSet, !exists && kind != changeSetAdd:
		return fmt.Errorf("%w: kind %d changes a set that does not exist", ErrDamagedChange, kind)
	case kind == changeSetAdd:
		if !exists {
			at = k.add(db, slot, key, KindSet, data.PackedSetSize(members))
		}
		setAdd(at, members)
	case kind == changeSetRemove:
		setRemove(at, members)
	default:
		return fmt.Errorf("%w: kind %d", ErrUnknownChange, kind)
	}
	return nil
}

// set returns a set for changing.
func (r ref) set() data.Set {
	if t, ok := r.object().(*data.SetTable); ok {
		return data.Set{Large: t}
	}
	return data.Set{Packed: r.packed()}
}

// putSet makes a set the value, or removes the key if the set is empty.
func (r ref) putSet(s data.Set) {
	switch {
	case s.Len() == 0:
		r.remove()
	case s.Large != nil:
		r.putObject(s.Large)
	default:
		r.putPacked(s.Packed)
	}
}

func setAdd(at ref, members [][]byte) (added int) {
	s := at.set()
	for _, m := range members {
		if s.Add(m) {
			added++
		}
	}
	if added > 0 {
		at.putSet(s)
	}
	return added
}

func setRemove(at ref, members [][]byte) (removed int) {
	s := at.set()
	for _, m := range members {
		if s.Remove(m) {
			removed++
		}
	}
	if removed > 0 {
		at.putSet(s)
	}
	return removed
}

// setStore replaces what a key holds, if anything, by a set, which is not empty.
func (k *Keyspace) setStore(db int, slot uint16, key []byte, s data.Set, keepsExpiry bool) {
	at, exists := k.databases[db].find(slot, key)
	if exists && !(keepsExpiry && at.entry().kind() == KindSet) {
		at.remove()
		exists = false
	}
	if !exists {
		at = k.add(db, slot, key, KindSet, len(s.Packed))
	}
	at.putSet(s)
}
