package state

import "encoding/binary"

// Changes to keys of any kind.

// Delete removes a key and reports whether it was there.
func (tx *Tx) Delete(key []byte) bool {
	if _, ok := tx.lookup(key); !ok {
		if r, late := tx.locate(key); late { // its time is over
			tx.lapse(key, r)
		}
		return false
	}
	r, _ := tx.touch(key)
	tx.ready = append(tx.ready, Ref{tx.db, key})
	tx.record = appendHead(tx.record, changeDelete, tx.db, key)
	r.remove()
	return true
}

// Move gives what a key holds, and its expiry, to another name in the same or another database. What that held is gone. The
// names differ, and the key is there.
func (tx *Tx) Move(key []byte, db int, to []byte) {
	tx.touch(key)
	here := tx.db
	tx.Use(db)
	tx.touch(to)
	tx.Use(here)
	tx.ready = append(tx.ready, Ref{here, key}, Ref{db, to})
	tx.record = appendBytes(binary.AppendUvarint(appendHead(tx.record, changeMove, here, key), uint64(db)), to)
	from, _ := tx.locate(key) // not before: another key of its table may have gone
	tx.keyspace.move(from, db, to)
	tx.cachedKey = nil
}

// move makes Move true.
func (k *Keyspace) move(from ref, db int, to []byte) {
	v := from.value()
	at, expires := from.table.expiryOf(from.entry())
	meta := from.entry().meta
	if v.Object != nil {
		from.table.giveUp(from.pos) // without releasing what it holds
	} else {
		v.Packed = append([]byte(nil), v.Packed...)
	}
	from.remove()
	slot := SlotOf(to)
	if old, ok := k.databases[db].find(slot, to); ok {
		old.remove()
	}
	r := k.add(db, slot, to, v.Kind, len(v.Packed))
	r.put(v)
	const kept = metaEdited | ^uint32(1<<metaSeen-1)
	r.entry().meta = r.entry().meta&^kept | meta&kept
	if expires {
		k.expire(r, at)
	}
}

// Swap exchanges two databases.
func (tx *Tx) Swap(a, b int) {
	tx.record = append(appendHead(tx.record, changeSwap, a, nil), byte(b))
	tx.keyspace.swap(a, b)
	tx.swapped = append(tx.swapped, a, b)
	tx.cachedKey = nil
}

// Swapped lists the databases that were exchanged since Begin: all of their keys may have changed.
func (tx *Tx) Swapped() []int { return tx.swapped }

// applyToAnyKey makes a change of this file, of expire.go or of keycopy.go true.
func (k *Keyspace) applyToAnyKey(kind byte, db int, slot uint16, key []byte, r *reader) error {
	switch kind {
	case changeSwap:
		other := int(r.byte())
		if r.err != nil || other >= Databases {
			return ErrDamagedChange
		}
		k.swap(db, other)
		return nil
	case changePut:
		v, err := k.readValue(r.bytes())
		if r.err != nil || err != nil {
			return ErrDamagedChange
		}
		k.put(db, slot, key, v)
		return nil
	}
	at, ok := k.databases[db].find(slot, key)
	if !ok {
		return ErrDamagedChange
	}
	switch kind {
	case changeExpire:
		if ms := r.signed(); r.err == nil {
			k.expire(at, ms)
		}
	case changePersist:
		k.persist(at)
	case changeMove, changeCopy:
		other, to := r.number(), r.bytes()
		if r.err != nil || other >= Databases || int(other) == db && string(to) == string(key) {
			return ErrDamagedChange
		}
		if kind == changeMove {
			k.move(at, int(other), to)
		} else if err := k.copyKey(at, int(other), to); err != nil {
			return ErrDamagedChange
		}
	}
	return r.err
}
