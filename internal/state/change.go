package state

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/weirmq/weir/stream"
)

// A record of the log is a sequence of changes. A change is
//
//	+------+---------+----+---------+-----+-------------------+
//	| kind | version | db | key len | key | payload           |
//	|  1   |    1    | 1  | uvarint |     | depends on kind   |
//	+------+---------+----+---------+-----+-------------------+
//
// with, as payload (numbers are uvarints; bytes are a uvarint length and the bytes; an id is two numbers, ms and seq):
//
//	stream append     id, number of fields and values together, then each as bytes
//	stream trim       id: entries up to and including it go; how many that are
//	stream delete     number of ids, ids: all of them are there
//	stream set ID     last id, entries added, highest deleted id
//	stream configure  duration in seconds, maximum number of idempotency IDs per producer
//	stream remember   producer bytes, idempotency bytes, id, time in unix ms
//	stream duplicate  nothing
//	delete            nothing
//	flush             (no key) nothing; db 255 is all databases
//
//	expire            time in unix ms as a varint
//	persist           nothing
//	move              database, key: what it holds goes there, and what is there is gone
//	swap              (no key) the other database, a byte
//	copy              database, key: a copy of what it holds goes there, and what is there is gone
//	put               bytes: kind, flags and value as in a checkpoint; what was there is gone
//
// those of groupchange.go, for what concerns groups, and those of the files of each type.
//
// Stream trim, delete and drop are in version 2. In version 1 a trim does not say how many go, and the ids of a delete or
// a drop may be of entries that are not there: replaying it takes a look at the entries, all of which are in memory then,
// for no checkpoint is older than version 2.
//
// Kinds are never reused and never change their meaning; a payload that must change gets a new version. Golden records
// in testdata keep every released form readable.
const (
	changeStreamAppend byte = iota + 1
	changeStreamTrim
	changeStreamDelete
	changeStreamSetID
	changeStreamConfigure
	changeStreamRemember
	changeStreamDuplicate
	changeDelete
	changeFlush
)

// Kinds 10 to 19 are those of groups, 40 to 49 of strings, 50 to 59 of lists, 60 to 69 of hashes, 70 to 79 of sets, 80 to 89
// of sorted sets.
const (
	changeExpire byte = iota + 20
	changePersist
	changeMove
	changeSwap
	changeCopy
	changePut
)

const (
	changeVersion   = 1
	allDatabasesTag = 255
)

// ErrUnknownChange means that a record holds a change that this version of Weir does not know: it was written by a
// newer one. ErrDamagedChange means that a record which passed the log's checksum does not decode.
var (
	ErrUnknownChange = errors.New("record holds a change unknown to this version")
	ErrDamagedChange = errors.New("record does not decode")
)

// latestVersion is the highest version of a kind of change.
func latestVersion(kind byte) byte {
	switch kind {
	case changeStreamTrim, changeStreamDelete, changeStreamDrop:
		return 2
	default:
		return changeVersion
	}
}

func appendHead(b []byte, kind byte, db int, key []byte) []byte {
	return appendHeadVersion(b, kind, changeVersion, db, key)
}

func appendHeadVersion(b []byte, kind, version byte, db int, key []byte) []byte {
	b = append(b, kind, version, byte(db))
	return appendBytes(b, key)
}

func appendBytes(b, p []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(p)))
	return append(b, p...)
}

func appendID(b []byte, id stream.ID) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, id.MS), id.Seq)
}

func encodeStreamAppend(b []byte, db int, key []byte, id stream.ID, fields [][]byte) []byte {
	b = appendHead(b, changeStreamAppend, db, key)
	b = appendID(b, id)
	b = binary.AppendUvarint(b, uint64(len(fields)))
	for _, f := range fields {
		b = appendBytes(b, f)
	}
	return b
}

func encodeStreamTrim(b []byte, db int, key []byte, through stream.ID, removed uint64) []byte {
	b = appendID(appendHeadVersion(b, changeStreamTrim, 2, db, key), through)
	return binary.AppendUvarint(b, removed)
}

func encodeStreamDelete(b []byte, db int, key []byte, ids []stream.ID) []byte {
	b = binary.AppendUvarint(appendHeadVersion(b, changeStreamDelete, 2, db, key), uint64(len(ids)))
	for _, id := range ids {
		b = appendID(b, id)
	}
	return b
}

func encodeStreamSetID(b []byte, db int, key []byte, last stream.ID, added uint64, maxDeleted stream.ID) []byte {
	b = appendID(appendHead(b, changeStreamSetID, db, key), last)
	return appendID(binary.AppendUvarint(b, added), maxDeleted)
}

func encodeStreamConfigure(b []byte, db int, key []byte, seconds, maxSize int) []byte {
	b = binary.AppendUvarint(appendHead(b, changeStreamConfigure, db, key), uint64(seconds))
	return binary.AppendUvarint(b, uint64(maxSize))
}

func encodeStreamRemember(b []byte, db int, key, producer, iid []byte, id stream.ID, nowMS int64) []byte {
	b = appendBytes(appendHead(b, changeStreamRemember, db, key), producer)
	b = appendID(appendBytes(b, iid), id)
	return binary.AppendUvarint(b, uint64(nowMS))
}

func encodeKeyOnly(b []byte, kind byte, db int, key []byte) []byte {
	return appendHead(b, kind, db, key)
}

func encodeFlush(b []byte, db int) []byte {
	if db == AllDatabases {
		db = allDatabasesTag
	}
	return append(b, changeFlush, changeVersion, byte(db))
}

// Apply makes the changes of one record, which stands at the given position of the log, true. Positions rise from call
// to call. After an error the keyspace is undefined.
func (k *Keyspace) Apply(position uint64, record []byte) error {
	r := reader{rest: record}
	for len(r.rest) > 0 && r.err == nil {
		r.err = k.applyOne(position, &r)
	}
	k.last = position
	if cap(k.scratchIDs) > keepKeys || cap(k.scratch) > keepKeys {
		k.scratchIDs, k.scratch = nil, nil // a record of unusual size was there
	}
	return r.err
}

func (k *Keyspace) applyOne(position uint64, r *reader) error {
	kind, version, db := r.byte(), r.byte(), int(r.byte())
	if r.err == nil && (version < 1 || version > latestVersion(kind)) {
		return fmt.Errorf("%w: kind %d, version %d", ErrUnknownChange, kind, version)
	}
	if kind == changeFlush {
		if db == allDatabasesTag {
			db = AllDatabases
		} else if db >= Databases {
			return ErrDamagedChange
		}
		if r.err == nil {
			k.flushed = position
			k.flush(db)
		}
		return r.err
	}
	key := r.bytes()
	if r.err == nil && db >= Databases {
		return ErrDamagedChange
	}
	if r.err != nil {
		return r.err
	}
	if kind == changeSwap {
		k.flushed = position
	}
	slot := SlotOf(key)
	k.changed[slot] = position
	if kind == changeMove || kind == changeCopy {
		k.movedTo(position, r)
	}
	return k.applyToKey(kind, version, db, slot, key, r)
}

// movedTo notes that the slot that a key is moved or copied to changes, too.
func (k *Keyspace) movedTo(position uint64, r *reader) {
	ahead := *r
	ahead.number()
	if to := ahead.bytes(); ahead.err == nil {
		k.changed[SlotOf(to)] = position
	}
}

func (k *Keyspace) applyToKey(kind, version byte, db int, slot uint16, key []byte, r *reader) error {
	switch {
	case kind == changeDelete:
		if at, ok := k.databases[db].find(slot, key); ok {
			at.remove()
		}
		return nil
	case kind < changeStreamDrop:
		return k.applyToStream(kind, version, db, slot, key, r)
	case kind <= changeGroupRelease:
		return k.applyToGroup(kind, version, db, slot, key, r)
	case kind >= changeExpire && kind <= changePut:
		return k.applyToAnyKey(kind, db, slot, key, r)
	case kind >= changeStringSet && kind <= changeHLLRaise:
		return k.applyToString(kind, db, slot, key, r)
	case kind >= changeListPushFront && kind <= changeListRemove:
		return k.applyToList(kind, db, slot, key, r)
	case kind >= changeSetAdd && kind <= changeSetStore:
		return k.applyToSet(kind, db, slot, key, r)
	case kind >= changeZSetSet && kind <= changeZSetStore:
		return k.applyToZSet(kind, db, slot, key, r)
	case kind >= changeHashSet && kind <= changeHashExpire:
		return k.applyToHash(kind, db, slot, key, r)
	default:
		return fmt.Errorf("%w: kind %d", ErrUnknownChange, kind)
	}
}

// streamAt returns the stream at a key, nil if there is none.
func (k *Keyspace) streamAt(db int, slot uint16, key []byte) *Stream {
	if r, ok := k.databases[db].find(slot, key); ok {
		s, _ := r.object().(*Stream)
		return s
	}
	return nil
}

func (k *Keyspace) applyToStream(kind, version byte, db int, slot uint16, key []byte, r *reader) error {
	s := k.streamAt(db, slot, key)
	if s == nil {
		if _, other := k.databases[db].find(slot, key); other || kind != changeStreamAppend {
			return fmt.Errorf("%w: kind %d changes a stream that does not exist", ErrDamagedChange, kind)
		}
	}
	switch kind {
	case changeStreamAppend:
		id := r.id()
		n := r.number()
		if n > uint64(len(r.rest)) {
			return ErrDamagedChange
		}
		k.scratch = k.scratch[:0]
		for range n {
			k.scratch = append(k.scratch, r.bytes())
		}
		if r.err != nil || n%2 != 0 || s != nil && !s.LastID().Less(id) {
			return ErrDamagedChange
		}
		k.streamAppend(s, db, slot, key, id, k.scratch)
	case changeStreamTrim:
		through := r.id()
		var removed uint64
		if version == 1 {
			removed = k.trimmed(s, through, r)
		} else {
			removed = r.number()
		}
		if removed > s.Len() {
			r.fail()
		}
		if r.err == nil && removed > 0 {
			s.Trim(through, removed)
		}
	case changeStreamDelete:
		for n := r.number(); n > 0 && r.err == nil; n-- {
			if id := r.id(); r.err == nil && (version > 1 || k.had(s, id, r)) {
				s.Delete(id)
			}
		}
	case changeStreamSetID:
		last, added, maxDeleted := r.id(), r.number(), r.id()
		if r.err == nil {
			s.SetID(last, added, maxDeleted)
		}
	case changeStreamConfigure:
		seconds, size := r.number(), r.number()
		if r.err == nil {
			s.EnsureIdempotency().Configure(int(seconds), int(size))
		}
	case changeStreamRemember:
		producer, iid, id, now := r.bytes(), r.bytes(), r.id(), r.number()
		if r.err == nil {
			s.EnsureIdempotency().Record(producer, iid, id, now)
		}
	case changeStreamDuplicate:
		s.EnsureIdempotency().Duplicate()
	default:
		return fmt.Errorf("%w: kind %d", ErrUnknownChange, kind)
	}
	return r.err
}

// had and trimmed find out what version 1 of a change does not say.
func (k *Keyspace) had(s *Stream, id stream.ID, r *reader) bool {
	ok, err := s.Has(id)
	if err != nil {
		r.fail()
	}
	return ok
}

func (k *Keyspace) trimmed(s *Stream, through stream.ID, r *reader) uint64 {
	after, err := s.CountAfter(through)
	if err != nil {
		r.fail()
	}
	return s.Len() - after
}

// reader decodes the parts of a change; after the first error everything is zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail() { r.rest, r.err = nil, ErrDamagedChange }

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) id() stream.ID {
	ms := r.number()
	return stream.ID{MS: ms, Seq: r.number()}
}
