package state

import (
	"unsafe"

	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/stream"
)

// Tx is the one door to mutation. It belongs to the holder of the state lock and serves one command, transaction or
// script after the other: Begin, reads and changes, Record, Committed.
//
// Decide first, change after: everything that can fail happens before the first change, for a change cannot be undone.
type Tx struct {
	keyspace *Keyspace
	db       int
	nowMS    int64 // by which keys expire
	quiet    bool  // keys that are looked up do not count as used

	record  []byte   // the encoded changes, in order
	touched []uint16 // slots they changed; may repeat
	flushed bool     // a whole database changed
	needs   uint64   // highest last-change position of what was read
	ready   []Ref    // keys whose waiters should look again
	emptied int      // if flushed: which database, or AllDatabases
	swapped []int    // databases that were exchanged

	ids    []stream.ID // for BorrowIDs
	moving []byte      // an item between two lists
	gone   []stream.ID // that a change deletes

	raised []data.HLLRegister // by HLLAdd
	digits [20]byte           // of a number that StringSetNumber sets

	seen uint64 // of no meaning (see Warm)

	hits, misses uint64 // keys looked up since Begin that were there, and that were not
	lapsed       int    // keys deleted since Begin because their time was over

	// The last key looked up, and where it is: commands read a key and change it right after.
	cachedKey     *byte
	cachedLen     int
	cached        ref
	cachedRemoved uint64 // of the database when it was looked up
	cachedFound   bool
}

// Ref names a key of a database.
type Ref struct {
	DB  int
	Key []byte // aliases the caller's argument
}

// NewTx returns a Tx on a keyspace.
func NewTx(k *Keyspace) *Tx { return &Tx{keyspace: k} }

// Begin starts a unit of work on a database, in [0, Databases), at a time in unix milliseconds.
func (tx *Tx) Begin(db int, nowMS int64) {
	tx.db, tx.nowMS = db, nowMS
	if tx.keyspace.begunMS == 0 {
		tx.keyspace.begunMS = nowMS
	}
	tx.record = tx.record[:0]
	tx.touched = tx.touched[:0]
	clear(tx.ready) // they point into read buffers
	if tx.ready = tx.ready[:0]; cap(tx.ready) > keepKeys {
		tx.ready = nil
	}
	tx.flushed, tx.swapped = false, tx.swapped[:0]
	tx.needs = 0
	tx.hits, tx.misses, tx.lapsed = 0, 0, 0
	tx.cachedKey = nil
}

// DB returns the database that keys are looked up in.
func (tx *Tx) DB() int { return tx.db }

// Use looks keys up in another database from here on, in the same unit of work.
func (tx *Tx) Use(db int) {
	tx.db = db
	tx.cachedKey = nil
}

// Quietly says whether keys that are looked up from here on count as used: not with CLIENT NO-TOUCH.
func (tx *Tx) Quietly(on bool) { tx.quiet = on }

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
	if tx.flushed || len(tx.swapped) > 0 {
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

// Lookup returns what a key holds. The key counts as used.
func (tx *Tx) Lookup(key []byte) Value {
	r, ok := tx.lookup(key)
	if !ok {
		tx.misses++
		return Value{}
	}
	tx.hits++
	if !tx.quiet {
		r.entry().see(tx.nowMS)
	}
	return r.value()
}

// Glance is Lookup by somebody who does not use the key.
func (tx *Tx) Glance(key []byte) Value {
	r, ok := tx.lookup(key)
	if !ok {
		tx.misses++
		return Value{}
	}
	tx.hits++
	return r.value()
}

// Peek is Lookup by somebody who does not use the key: it counts neither as used nor as a hit.
func (tx *Tx) Peek(key []byte) Value {
	r, ok := tx.lookup(key)
	if !ok {
		return Value{}
	}
	return r.value()
}

// IdleSeconds returns for how long a key, which is there, was not used: that is not in the log, so since the start at most.
func (tx *Tx) IdleSeconds(key []byte) int64 {
	r, _ := tx.lookup(key)
	if e := r.entry(); e.wasSeen() {
		return e.idle(tx.nowMS)
	}
	return max(tx.nowMS-tx.keyspace.begunMS, 0) / 1000
}

// typed is Lookup of a key that should hold one kind of value. The zero Value is that of a key that is not there.
func (tx *Tx) typed(key []byte, kind Kind) (Value, error) {
	v := tx.Lookup(key)
	if v.Kind != kind && v.Kind != None {
		return Value{}, ErrWrongType
	}
	return v, nil
}

// lookup finds a key that has not expired.
func (tx *Tx) lookup(key []byte) (ref, bool) {
	r, ok := tx.locate(key)
	if ok && tx.expired(r.table, r.entry()) {
		return ref{}, false
	}
	return r, ok
}

// locate finds a key's entry, whether it has expired or not, and notes that the reply depends on it.
func (tx *Tx) locate(key []byte) (ref, bool) {
	if at := unsafe.SliceData(key); at != nil && at == tx.cachedKey && len(key) == tx.cachedLen &&
		(!tx.cachedFound || tx.cached.database.removed == tx.cachedRemoved) {
		return tx.cached, tx.cachedFound
	}
	k := tx.keyspace
	slot := SlotOf(key)
	tx.needs = max(tx.needs, k.changed[slot], k.flushed)
	r, ok := k.databases[tx.db].find(slot, key)
	r.slot = slot
	tx.remember(key, r, ok)
	return r, ok
}

// remember keeps where a key is; r.slot is right also if it is not there.
func (tx *Tx) remember(key []byte, r ref, found bool) {
	tx.cachedKey, tx.cachedLen, tx.cached, tx.cachedFound = unsafe.SliceData(key), len(key), r, found
	if found {
		tx.cachedRemoved = r.database.removed
	}
}

// Stream returns the stream at key for reading, nil if there is no such key, and ErrWrongType if it holds another kind.
// Changes go through the methods below.
func (tx *Tx) Stream(key []byte) (*Stream, error) {
	v, err := tx.typed(key, KindStream)
	s, _ := v.Object.(*Stream)
	return s, err
}

// touch notes that a key is about to change, and returns its entry, if it has one. One whose time is over is deleted.
func (tx *Tx) touch(key []byte) (r ref, ok bool) {
	r, ok = tx.locate(key)
	if ok && tx.expired(r.table, r.entry()) {
		slot := r.slot
		tx.lapse(key, r)
		r, ok = ref{slot: slot}, false
	}
	if ok {
		tx.keyspace.preserve(r)
		if !tx.quiet {
			r.entry().see(tx.nowMS)
		}
	}
	tx.touched = append(tx.touched, r.slot)
	return r, ok
}

// edit is touch of a key that is made if it is not there, to hold a kind of value, with room for so many packed bytes. Whoever
// leaves the value empty removes the key.
func (tx *Tx) edit(key []byte, kind Kind, room int) ref {
	r, ok := tx.touch(key)
	if !ok {
		r = tx.keyspace.add(tx.db, r.slot, key, kind, room)
		r.entry().see(tx.nowMS)
		tx.remember(key, r, true)
	}
	return r
}

// takeBack forgets the last key touched and the record of its change, which began at before: nothing has changed.
func (tx *Tx) takeBack(before int) {
	tx.record = tx.record[:before]
	tx.touched = tx.touched[:len(tx.touched)-1]
}

// touchStream notes that a stream, which is there, is about to change.
func (tx *Tx) touchStream(key []byte) *Stream {
	r, _ := tx.touch(key)
	return r.object().(*Stream)
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
	tx.cachedKey, tx.cached = nil, ref{} // which would keep all of what was flushed until another key is looked up
	tx.record = encodeFlush(tx.record, db)
	tx.keyspace.flush(db)
}
