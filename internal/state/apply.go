package state

import "github.com/weirmq/weir/stream"

// The functions of this file make a change true. Tx calls them for a change that was just decided, Apply for one that
// was read from the log: there is no other way to change the keyspace. They cannot fail.

func (k *Keyspace) newStream(db int, slot uint16, key []byte) *Stream {
	s := &Stream{Stream: stream.New(k.streams), copied: k.copies}
	k.databases[db].set(slot, key, s)
	return s
}

func (k *Keyspace) streamAppend(s *Stream, db int, slot uint16, key []byte, id stream.ID, fields [][]byte) *Stream {
	if s == nil {
		s = k.newStream(db, slot, key)
	}
	s.Append(id, fields)
	return s
}

func (k *Keyspace) stream(db int, slot uint16, key []byte) *Stream {
	return k.databases[db].get(slot, key).(*Stream)
}

func (k *Keyspace) streamTrim(db int, slot uint16, key []byte, through stream.ID, removed uint64) {
	k.stream(db, slot, key).Trim(through, removed)
}

func (k *Keyspace) streamDelete(db int, slot uint16, key []byte, id stream.ID) bool {
	return k.stream(db, slot, key).Delete(id)
}

func (k *Keyspace) streamSetID(db int, slot uint16, key []byte, last stream.ID, added uint64, maxDeleted stream.ID) {
	k.stream(db, slot, key).SetID(last, added, maxDeleted)
}

func (k *Keyspace) streamConfigure(db int, slot uint16, key []byte, seconds, maxSize int) {
	k.stream(db, slot, key).EnsureIdempotency().Configure(seconds, maxSize)
}

func (k *Keyspace) streamRemember(db int, slot uint16, key, producer, iid []byte, id stream.ID, nowMS int64) {
	k.stream(db, slot, key).EnsureIdempotency().Record(producer, iid, id, uint64(nowMS))
}

func (k *Keyspace) streamDuplicate(db int, slot uint16, key []byte) {
	k.stream(db, slot, key).EnsureIdempotency().Duplicate()
}

func (k *Keyspace) flush(db int) {
	if db != AllDatabases {
		if was := k.empty(db); was.keys > 0 {
			k.emptied = append(k.emptied, was)
		}
		return
	}
	if k.streams.Totals != nil {
		k.streams.Totals.Clear() // quicker than to release each
	}
	for db := range k.databases {
		k.empty(db)
	}
}

// empty takes all keys out of a database, and returns what it was. A copy that is under way still finds them.
func (k *Keyspace) empty(db int) *database {
	was := k.databases[db]
	if c := k.copy; c != nil && c.databases[db] == &k.databases[db] {
		walked := was
		c.databases[db] = &walked
	}
	k.databases[db] = database{}
	return &was
}
