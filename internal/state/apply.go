package state

import "github.com/weirmq/weir/stream"

// The functions of this file make a change true. Tx calls them for a change that was just decided, Apply for one that
// was read from the log: there is no other way to change the keyspace. They cannot fail.

func (k *Keyspace) newStream(db int, slot uint16, key []byte) *Stream {
	s := &Stream{Stream: stream.New(k.streams)}
	k.add(db, slot, key, KindStream, 4).putObject(s)
	return s
}

func (k *Keyspace) streamAppend(s *Stream, db int, slot uint16, key []byte, id stream.ID, fields [][]byte) {
	if s == nil {
		s = k.newStream(db, slot, key)
	}
	s.Append(id, fields)
}

// flush empties a database, or all of them. A copy that is under way still finds what was in it.
func (k *Keyspace) flush(db int) {
	if db != AllDatabases {
		if was := k.databases[db]; was.keys > 0 {
			k.databases[db] = new(database)
			left := *was // Reap takes slots away as it goes
			k.emptied = append(k.emptied, &left)
		}
		return
	}
	if k.streams.Totals != nil {
		k.streams.Totals.Clear() // quicker than to release each
	}
	for db, was := range k.databases {
		if was.keys > 0 {
			k.databases[db] = new(database)
		}
	}
}

// swap exchanges two databases.
func (k *Keyspace) swap(a, b int) {
	k.databases[a], k.databases[b] = k.databases[b], k.databases[a]
}
