package state

import "encoding/binary"

// A key that expires is gone from the moment its time is over: every read of Tx passes it over. It leaves memory, and its
// deletion the log, when a command changes the key, or when ExpireDue comes to it. Replay deletes nothing by itself.

// expired reports whether an entry's time is over.
func (tx *Tx) expired(t *table, e *entry) bool {
	if e.expiring == 0 {
		return false
	}
	at, _ := t.expiryOf(e)
	return tx.nowMS > at
}

// expire sets when a key expires.
func (k *Keyspace) expire(r ref, atMS int64) {
	had := len(r.table.expires)
	r.table.expire(r.pos, atMS)
	r.database.countExpires(r.slot, len(r.table.expires)-had)
}

// persist makes a key not expire.
func (k *Keyspace) persist(r ref) {
	had := len(r.table.expires)
	r.table.persist(r.entry())
	r.database.countExpires(r.slot, len(r.table.expires)-had)
}

// Expiry returns when a key expires, in unix milliseconds; ok is false if it does not, or is not there.
func (tx *Tx) Expiry(key []byte) (atMS int64, ok bool) {
	r, found := tx.lookup(key)
	if !found {
		return 0, false
	}
	return r.table.expiryOf(r.entry())
}

// Expire sets when a key, which is there, expires: in unix milliseconds. A time that is over leaves it to the next who looks;
// a command deletes the key instead.
func (tx *Tx) Expire(key []byte, atMS int64) {
	r := tx.edit(key, None, 0)
	tx.record = binary.AppendVarint(appendHead(tx.record, changeExpire, tx.db, key), atMS)
	tx.keyspace.expire(r, atMS)
}

// Persist makes a key not expire, and reports whether it did.
func (tx *Tx) Persist(key []byte) bool {
	if _, ok := tx.Expiry(key); !ok {
		return false
	}
	r := tx.edit(key, None, 0)
	tx.record = appendHead(tx.record, changePersist, tx.db, key)
	tx.keyspace.persist(r)
	return true
}

// Expired returns how many keys were deleted since Begin because their time was over.
func (tx *Tx) Expired() int { return tx.lapsed }

// lapse deletes a key whose time is over.
func (tx *Tx) lapse(key []byte, r ref) {
	tx.keyspace.preserve(r)
	tx.touched = append(tx.touched, r.slot)
	tx.ready = append(tx.ready, Ref{tx.db, key})
	tx.record = appendHead(tx.record, changeDelete, tx.db, key)
	tx.lapsed++
	r.remove()
}

// ExpiryCursor is a place in the walk of ExpireDue over a database. The zero cursor is the beginning.
type ExpiryCursor struct {
	slot  int
	ahead int // of the slot's list of keys that expire: so many are still to be looked at; 0: all
}

// ExpireDue deletes keys whose time is over. It looks at up to so many of those that expire, from a place on, and returns the
// place to go on from, which is the beginning when all have been looked at, at how many it has looked, and how many
// of them it deleted.
func (tx *Tx) ExpireDue(from ExpiryCursor, looks int) (next ExpiryCursor, looked, deleted int) {
	d := tx.keyspace.databases[tx.db]
	for c := from; ; c = (ExpiryCursor{slot: c.slot + 1}) {
		slot := nextIn(&d.expiring, c.slot)
		if slot == Slots {
			return ExpiryCursor{}, looked, deleted
		}
		if slot != c.slot {
			c = ExpiryCursor{slot: slot}
		}
		t := d.table(slot)
		ahead := len(t.expires)
		if c.ahead > 0 {
			ahead = min(ahead, c.ahead)
		}
		for ; ahead > 0; ahead-- {
			if looked == looks {
				return ExpiryCursor{slot, ahead}, looked, deleted
			}
			looked++
			if x := t.expires[ahead-1]; tx.nowMS > x.atMS {
				r := ref{d, t, uint16(slot), int(x.pos)}
				tx.lapse(r.key(), r)
				deleted++
			}
		}
	}
}

// AverageTTL estimates for how many milliseconds on average the keys of a database that expire have to go: from the first
// that it comes to.
func (k *Keyspace) AverageTTL(db int, nowMS int64) int64 {
	const most = 256
	d := k.databases[db]
	n, sum := int64(0), float64(0)
	for slot := nextIn(&d.expiring, 0); slot < Slots && n < most; slot = nextIn(&d.expiring, slot+1) {
		for _, x := range d.table(slot).expires {
			if n == most {
				break
			}
			n++
			sum += max(float64(x.atMS)-float64(nowMS), 0)
		}
	}
	if n == 0 {
		return 0
	}
	return int64(min(sum/float64(n), 1<<62))
}
