package state

import (
	"unsafe"

	"github.com/weirmq/weir/stream"
)

// Tx is the one door to mutation. It belongs to the holder of the state lock and serves one command, transaction or
// script after the other: Begin, reads and changes, Record, Committed.
//
// Decide first, change after: everything that can fail happens before the first change, for a change cannot be undone.
type Tx struct {
	keyspace *Keyspace
	db       int

	record  []byte   // the encoded changes, in order
	touched []uint16 // slots they changed; may repeat
	flushed bool     // a whole database changed
	needs   uint64   // highest last-change position of what was read
	ready   []Ref    // keys whose waiters should look again
	emptied int      // if flushed: which database, or AllDatabases

	ids  []stream.ID // for BorrowIDs
	gone []stream.ID // that a change deletes

	hits, misses uint64 // keys looked up since Begin that were there, and that were not

	// The last key looked up: commands read a key and change it right after.
	cachedKey  *byte
	cachedLen  int
	cachedSlot uint16
	cached     Value
}

// Ref names a key of a database.
type Ref struct {
	DB  int
	Key []byte // aliases the caller's argument
}

// NewTx returns a Tx on a keyspace.
func NewTx(k *Keyspace) *Tx { return &Tx{keyspace: k} }

// Begin starts a unit of work on a database, in [0, Databases).
func (tx *Tx) Begin(db int) {
	tx.db = db
	tx.record = tx.record[:0]
	tx.touched = tx.touched[:0]
	clear(tx.ready) // they point into read buffers
	if tx.ready = tx.ready[:0]; cap(tx.ready) > keepKeys {
		tx.ready = nil
	}
	tx.flushed = false
	tx.needs = 0
	tx.hits, tx.misses = 0, 0
	tx.cachedKey = nil
}

// DB returns the database that keys are looked up in.
func (tx *Tx) DB() int { return tx.db }

// Record returns the changes made since Begin as one record for the log, empty if there were none or Committed was called.
// It is valid until then.
func (tx *Tx) Record() []byte { return tx.record }

// Committed tells at which position of the log the record stands. Replies that show any of its effects depend on it.
func (tx *Tx) Committed(position uint64) {
	k := tx.keyspace
	k.last = position
	tx.needs = position
	for _, slot := range tx.touched {
		k.changed[slot] = position
	}
	if tx.flushed {
		k.flushed = position
	}
	tx.record = tx.record[:0]
	if cap(tx.record) > keepRecord {
		tx.record = nil
	}
	if cap(tx.touched) > keepKeys {
		tx.touched = nil
	}
}

// What a unit of work of usual size needs; larger buffers are given back.
const (
	keepRecord = 1 << 20 // bytes
	keepKeys   = 1 << 12
)

// Dependency returns the position that must be released before the reply may leave: that of the record, or else of the
// newest change to anything that was read.
func (tx *Tx) Dependency() uint64 { return tx.needs }

// DependOnAll makes the reply depend on the newest change anywhere; for commands that look at the whole keyspace.
func (tx *Tx) DependOnAll() { tx.needs = max(tx.needs, tx.keyspace.last) }

// Ready lists the keys that changed since Begin in a way that blocked readers wait for: they got entries, or are gone, or
// a group is gone.
func (tx *Tx) Ready() []Ref { return tx.ready }

// Flushed returns the database that was flushed since Begin, or AllDatabases; false if none was. All its keys are gone.
func (tx *Tx) Flushed() (db int, ok bool) { return tx.emptied, tx.flushed }

// Len returns the number of keys of the database.
func (tx *Tx) Len() int {
	tx.DependOnAll()
	return tx.keyspace.Len(tx.db)
}

// Lookups returns how many keys were looked up since Begin and found, and how many were not.
func (tx *Tx) Lookups() (hits, misses uint64) { return tx.hits, tx.misses }

// Lookup returns the value of a key, nil if there is none.
func (tx *Tx) Lookup(key []byte) Value {
	_, v := tx.lookup(key)
	return v
}

func (tx *Tx) lookup(key []byte) (slot uint16, v Value) {
	if at := unsafe.SliceData(key); at != nil && at == tx.cachedKey && len(key) == tx.cachedLen {
		return tx.cachedSlot, tx.cached
	}
	k := tx.keyspace
	slot = SlotOf(key)
	v = k.databases[tx.db].get(slot, key)
	tx.needs = max(tx.needs, k.changed[slot], k.flushed)
	if v != nil {
		tx.hits++
	} else {
		tx.misses++
	}
	tx.remember(key, slot, v)
	return slot, v
}

func (tx *Tx) remember(key []byte, slot uint16, v Value) {
	tx.cachedKey, tx.cachedLen, tx.cachedSlot, tx.cached = unsafe.SliceData(key), len(key), slot, v
}

// Stream returns the stream at key for reading, nil if there is no such key, and ErrWrongType if it holds another kind.
// Changes go through the methods below.
func (tx *Tx) Stream(key []byte) (*Stream, error) {
	switch v := tx.Lookup(key).(type) {
	case nil:
		return nil, nil
	case *Stream:
		return v, nil
	default:
		return nil, ErrWrongType
	}
}

// touch notes that a key is about to change.
func (tx *Tx) touch(key []byte) uint16 {
	slot, v := tx.lookup(key)
	if tx.keyspace.copy != nil {
		tx.keyspace.preserve(tx.db, key, v)
	}
	tx.touched = append(tx.touched, slot)
	return slot
}

// StreamAppend adds an entry to the stream at key, and makes the stream if there is none. id is above the stream's last
// ID; fields alternate names and values, and are copied.
func (tx *Tx) StreamAppend(key []byte, id stream.ID, fields [][]byte) {
	slot := tx.touch(key)
	tx.ready = append(tx.ready, Ref{tx.db, key})
	tx.record = encodeStreamAppend(tx.record, tx.db, key, id, fields)
	s, _ := tx.cached.(*Stream)
	s = tx.keyspace.streamAppend(s, tx.db, slot, key, id, fields)
	tx.remember(key, slot, s)
}

// StreamTrim drops the entries of the stream at key up to and including through: so many are removed.
func (tx *Tx) StreamTrim(key []byte, through stream.ID, removed uint64) {
	slot := tx.touch(key)
	tx.record = encodeStreamTrim(tx.record, tx.db, key, through, removed)
	tx.keyspace.streamTrim(tx.db, slot, key, through, removed)
}

// StreamDelete removes entries, which are there (stream.Stream.Has), and returns how many they were: one that is named
// twice counts once.
func (tx *Tx) StreamDelete(key []byte, ids []stream.ID) (deleted int) {
	tx.touch(key)
	s := tx.cached.(*Stream)
	gone := tx.gone[:0]
	for _, id := range ids {
		if s.Delete(id) {
			gone = append(gone, id)
		}
	}
	tx.gone = gone
	tx.record = encodeStreamDelete(tx.record, tx.db, key, gone)
	return len(gone)
}

// StreamSetID replaces the last ID, the number of entries ever added and the highest deleted ID.
func (tx *Tx) StreamSetID(key []byte, last stream.ID, added uint64, maxDeleted stream.ID) {
	slot := tx.touch(key)
	tx.record = encodeStreamSetID(tx.record, tx.db, key, last, added, maxDeleted)
	tx.keyspace.streamSetID(tx.db, slot, key, last, added, maxDeleted)
}

// StreamConfigureIdempotence sets for how many seconds and for how many entries per producer the stream at key remembers
// idempotency IDs. Different values than before forget all that is remembered.
func (tx *Tx) StreamConfigureIdempotence(key []byte, seconds, maxSize int) {
	slot := tx.touch(key)
	tx.record = encodeStreamConfigure(tx.record, tx.db, key, seconds, maxSize)
	tx.keyspace.streamConfigure(tx.db, slot, key, seconds, maxSize)
}

// StreamRemember ties a producer's idempotency ID to the entry that it made, at a time in unix milliseconds.
func (tx *Tx) StreamRemember(key, producer, iid []byte, id stream.ID, nowMS int64) {
	slot := tx.touch(key)
	tx.record = encodeStreamRemember(tx.record, tx.db, key, producer, iid, id, nowMS)
	tx.keyspace.streamRemember(tx.db, slot, key, producer, iid, id, nowMS)
}

// StreamCountDuplicate counts a publication that was recognised as a repetition.
func (tx *Tx) StreamCountDuplicate(key []byte) {
	slot := tx.touch(key)
	tx.record = encodeKeyOnly(tx.record, changeStreamDuplicate, tx.db, key)
	tx.keyspace.streamDuplicate(tx.db, slot, key)
}

// Delete removes a key and reports whether it was there.
func (tx *Tx) Delete(key []byte) bool {
	if tx.Lookup(key) == nil {
		return false
	}
	slot := tx.touch(key)
	tx.ready = append(tx.ready, Ref{tx.db, key})
	tx.record = encodeKeyOnly(tx.record, changeDelete, tx.db, key)
	tx.keyspace.databases[tx.db].delete(slot, key)
	tx.remember(key, slot, nil)
	return true
}

// AllDatabases asks Flush for every database.
const AllDatabases = -1

// Flush empties a database, or all of them. The record is written also when there was nothing to empty.
func (tx *Tx) Flush(db int) {
	if tx.flushed && tx.emptied != db {
		tx.emptied = AllDatabases
	} else {
		tx.flushed, tx.emptied = true, db
	}
	tx.cachedKey = nil
	tx.record = encodeFlush(tx.record, db)
	tx.keyspace.flush(db)
}
