package state

import "github.com/weirmq/weir/stream"

// StreamAppend adds an entry to the stream at key, and makes the stream if there is none. id is above the stream's last
// ID; fields alternate names and values, and are copied.
func (tx *Tx) StreamAppend(key []byte, id stream.ID, fields [][]byte) {
	r, ok := tx.touch(key)
	tx.ready = append(tx.ready, Ref{tx.db, key})
	tx.record = encodeStreamAppend(tx.record, tx.db, key, id, fields)
	var s *Stream
	if ok {
		s = r.object().(*Stream)
	} else {
		tx.cachedKey = nil
	}
	tx.keyspace.streamAppend(s, tx.db, r.slot, key, id, fields)
	if !ok {
		tx.see(tx.db, key)
	}
}

// StreamTrim drops the entries of the stream at key up to and including through: so many are removed.
func (tx *Tx) StreamTrim(key []byte, through stream.ID, removed uint64) {
	s := tx.touchStream(key)
	tx.record = encodeStreamTrim(tx.record, tx.db, key, through, removed)
	s.Trim(through, removed)
}

// StreamDelete removes entries, which are there (stream.Stream.Has), and returns how many they were: one that is named
// twice counts once.
func (tx *Tx) StreamDelete(key []byte, ids []stream.ID) (deleted int) {
	s := tx.touchStream(key)
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
	s := tx.touchStream(key)
	tx.record = encodeStreamSetID(tx.record, tx.db, key, last, added, maxDeleted)
	s.SetID(last, added, maxDeleted)
}

// StreamConfigureIdempotence sets for how many seconds and for how many entries per producer the stream at key remembers
// idempotency IDs. Different values than before forget all that is remembered.
func (tx *Tx) StreamConfigureIdempotence(key []byte, seconds, maxSize int) {
	s := tx.touchStream(key)
	tx.record = encodeStreamConfigure(tx.record, tx.db, key, seconds, maxSize)
	s.EnsureIdempotency().Configure(seconds, maxSize)
}

// StreamRemember ties a producer's idempotency ID to the entry that it made, at a time in unix milliseconds.
func (tx *Tx) StreamRemember(key, producer, iid []byte, id stream.ID, nowMS int64) {
	s := tx.touchStream(key)
	tx.record = encodeStreamRemember(tx.record, tx.db, key, producer, iid, id, nowMS)
	s.EnsureIdempotency().Record(producer, iid, id, uint64(nowMS))
}

// StreamCountDuplicate counts a publication that was recognised as a repetition.
func (tx *Tx) StreamCountDuplicate(key []byte) {
	s := tx.touchStream(key)
	tx.record = encodeKeyOnly(tx.record, changeStreamDuplicate, tx.db, key)
	s.EnsureIdempotency().Duplicate()
}
