package state

import (
	"fmt"

	"github.com/weirmq/weir/internal/data"
)

// Changes to hashes. After the head of every change (see change.go) their payloads are
//
//	hash set     pairs; makes the hash if there is none. The fields have no time
//	hash update  pairs; makes the hash if there is none. The fields keep their times
//	hash delete  fields: those that are there go, and the key with the last
//	hash expire  uvarint time in unix ms, 0 for none; fields, all of which are there
//
// where pairs and fields are a uvarint number, not 0, and so many bytes: fields and values in turn, or fields.
const (
	changeHashSet byte = iota + 60
	changeHashUpdate
	changeHashDelete
	changeHashExpire
)

// applyToHash makes a change of this file true.
func (k *Keyspace) applyToHash(kind byte, db int, slot uint16, key []byte, r *reader) error {
	var atMS uint64
	if kind == changeHashExpire {
		if atMS = r.number(); atMS > data.MaxTime {
			r.fail()
		}
	}
	words := k.members(r)
	if r.err != nil {
		return r.err
	}
	at, exists := k.databases[db].find(slot, key)
	sets := kind == changeHashSet || kind == changeHashUpdate
	switch {
	case exists && at.entry().kind() != KindHash, !exists && !sets:
		return fmt.Errorf("%w: kind %d changes a hash that does not exist", ErrDamagedChange, kind)
	case sets && len(words)%2 != 0:
		return fmt.Errorf("%w: a field without a value", ErrDamagedChange)
	case sets:
		if !exists {
			at = k.add(db, slot, key, KindHash, data.PackedHashSize(words))
		}
		hashSet(at, words, kind == changeHashUpdate)
	case kind == changeHashDelete:
		hashDelete(at, words)
	case kind == changeHashExpire:
		if !hashExpire(at, words, int64(atMS)) {
			return fmt.Errorf("%w: a field that does not exist expires", ErrDamagedChange)
		}
	default:
		return fmt.Errorf("%w: kind %d", ErrUnknownChange, kind)
	}
	return nil
}

// hash returns a value that is a hash, for reading.
func (v Value) hash() data.Hash {
	t, _ := v.Object.(*data.HashTable)
	return data.Hash{Packed: v.Packed, Large: t}
}

// hash returns a hash for changing.
func (r ref) hash() data.Hash {
	if t, ok := r.object().(*data.HashTable); ok {
		return data.Hash{Large: t}
	}
	return data.Hash{Packed: r.packed()}
}

// putHash makes a hash the value, or removes the key if the hash is empty.
func (r ref) putHash(h data.Hash) {
	switch {
	case h.Len() == 0:
		r.remove()
	case h.Large != nil:
		r.putObject(h.Large)
	default:
		r.putPacked(h.Packed)
	}
}

func hashSet(at ref, pairs [][]byte, keepTimes bool) (added int) {
	h := at.hash()
	for i := 0; i+1 < len(pairs); i += 2 {
		field, value := pairs[i], pairs[i+1]
		if keepTimes && h.Update(field, value) || !keepTimes && h.Set(field, value) {
			added++
		}
	}
	at.putHash(h)
	return added
}

func hashDelete(at ref, fields [][]byte) (deleted int) {
	h := at.hash()
	for _, f := range fields {
		if h.Delete(f) {
			deleted++
		}
	}
	if deleted > 0 {
		at.putHash(h)
	}
	return deleted
}

func hashExpire(at ref, fields [][]byte, atMS int64) (all bool) {
	h := at.hash()
	all = true
	for _, f := range fields {
		all = h.SetTime(f, atMS) && all
	}
	at.putHash(h)
	at.noteTimes()
	return all
}

// noteTimes notes that the value is a hash that has fields with times, if it is one: ExpireFields looks at it then.
func (r ref) noteTimes() {
	if r.entry().kind() != KindHash || !r.value().hash().Timed() {
		return
	}
	d := r.database
	if d.timed == nil {
		d.timed = data.NewDict()
	}
	d.timed.Set(r.key(), nil)
}
