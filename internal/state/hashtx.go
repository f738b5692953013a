package state

import (
	"bytes"
	"encoding/binary"

	"github.com/weirmq/weir/internal/data"
)

// mostLapsed is how many fields that are gone a change to their hash deletes, at most. There may be millions.
const mostLapsed = 128

// Hash returns the hash at key for reading, an empty one if there is no such key, and ErrWrongType if it holds another kind.
// Fields that are gone by the time of Begin are not there.
func (tx *Tx) Hash(key []byte) (data.Hash, error) {
	v, err := tx.typed(key, KindHash)
	h := v.hash()
	h.NowMS = tx.nowMS
	return h, err
}

// HashSet sets fields of the hash at key, which is made if it is not there, and returns how many were not in it. pairs
// alternate fields and values; there is at least one. The fields have no time any more.
func (tx *Tx) HashSet(key []byte, pairs [][]byte) (added int) {
	return tx.hashSet(changeHashSet, key, pairs)
}

// HashUpdate is HashSet of fields that keep their times, if they have one.
func (tx *Tx) HashUpdate(key []byte, pairs [][]byte) (added int) {
	return tx.hashSet(changeHashUpdate, key, pairs)
}

func (tx *Tx) hashSet(kind byte, key []byte, pairs [][]byte) (added int) {
	room := 0
	if _, exists := tx.lookup(key); !exists {
		room = data.PackedHashSize(pairs)
	}
	r := tx.edit(key, KindHash, room)
	if tx.lapseFields(key, r, pairs, 2) {
		r = tx.edit(key, KindHash, room)
	}
	tx.record = appendMembers(appendHead(tx.record, kind, tx.db, key), pairs)
	return hashSet(r, pairs, kind == changeHashUpdate)
}

// HashDelete deletes fields from the hash at key, which is there, and returns how many were in it. The key goes with the
// last.
func (tx *Tx) HashDelete(key []byte, fields [][]byte) (deleted int) {
	before := len(tx.record)
	r := tx.edit(key, KindHash, 0)
	if tx.lapseFields(key, r, fields, 1) {
		return 0
	}
	lapsed := len(tx.record)
	tx.record = appendMembers(appendHead(tx.record, changeHashDelete, tx.db, key), fields)
	switch deleted = hashDelete(r, fields); {
	case deleted > 0:
	case lapsed > before:
		tx.record = tx.record[:lapsed]
	default:
		tx.takeBack(before)
	}
	return deleted
}

// HashExpire sets when fields of the hash at key are gone, in (0, data.MaxTime], or if that is 0, that they are never. All of
// them are there, and there is at least one.
func (tx *Tx) HashExpire(key []byte, fields [][]byte, atMS int64) {
	r := tx.edit(key, KindHash, 0)
	tx.record = binary.AppendUvarint(appendHead(tx.record, changeHashExpire, tx.db, key), uint64(atMS))
	tx.record = appendMembers(tx.record, fields)
	hashExpire(r, fields, atMS)
}

// lapseFields deletes what is gone of a hash that is about to change: some fields, and each step-th of those named. It reports
// whether the key went with them.
func (tx *Tx) lapseFields(key []byte, r ref, named [][]byte, step int) (removed bool) {
	if h := r.value().hash(); h.Due() >= tx.nowMS {
		return false
	}
	h := r.hash()
	h.NowMS = tx.nowMS
	var gone [][]byte
	h.Lapse(mostLapsed, func(field []byte) { gone = append(gone, bytes.Clone(field)) })
	for i := 0; i < len(named); i += step {
		if h.LapseField(named[i]) {
			gone = append(gone, named[i])
		}
	}
	tx.logLapsed(key, gone)
	removed = h.Len() == 0
	r.putHash(h)
	return removed
}

func (tx *Tx) logLapsed(key []byte, gone [][]byte) {
	if len(gone) > 0 { // else a bound of their times was too low
		tx.record = appendMembers(appendHead(tx.record, changeHashDelete, tx.db, key), gone)
	}
}

// ExpireFields deletes fields whose time is over. Of the hashes of the database that have fields with times it looks at about
// so many, or deletes so many fields, from a cursor on, 0 at first. It returns the cursor to go on from, whether there are more
// to look at, and how many fields it deleted.
func (tx *Tx) ExpireFields(cursor uint64, looks int) (next uint64, more bool, deleted int) {
	d := tx.keyspace.databases[tx.db]
	if d.timed == nil {
		return 0, false, 0
	}
	var keys [][]byte
	next = d.timed.Scan(cursor, looks, func(key, _ []byte) { keys = append(keys, bytes.Clone(key)) })
	for _, key := range keys {
		if deleted == looks {
			return cursor, true, deleted // the same keys again: what was deleted is not there to be deleted again
		}
		n, left := tx.expireFields(key, looks-deleted)
		if deleted += n; left {
			return cursor, true, deleted
		}
	}
	return next, next != 0, deleted
}

func (tx *Tx) expireFields(key []byte, limit int) (deleted int, more bool) {
	r, ok := tx.lookup(key)
	if !ok || r.value().hash().Due() >= tx.nowMS {
		return 0, false
	}
	tx.keyspace.preserve(r)
	h := r.hash()
	h.NowMS = tx.nowMS
	var gone [][]byte
	more = h.Lapse(limit, func(field []byte) { gone = append(gone, bytes.Clone(field)) })
	if len(gone) > 0 {
		tx.touched = append(tx.touched, r.slot)
		tx.logLapsed(key, gone)
	}
	r.putHash(h)
	return len(gone), more
}
