package state

import (
	"bufio"
	"bytes"
	"encoding/binary"
)

// Copy gives a copy of what a key holds, and its expiry, to another name in the same or another database. What that held is
// gone. The names differ, and the key is there.
//
// The log says that it was copied, and not what: replay finds the same value there. Blocks of a stream that are in segment
// files are shared: what refers to one from now on does so because a stream did that a checkpoint names, or will name, so
// the file is there as long as either is (see the broker's removeSegments).
func (tx *Tx) Copy(key []byte, db int, to []byte) {
	here := tx.db
	tx.Use(db)
	tx.touch(to)
	tx.Use(here)
	tx.ready = append(tx.ready, Ref{db, to})
	tx.record = appendBytes(binary.AppendUvarint(appendHead(tx.record, changeCopy, here, key), uint64(db)), to)
	from, _ := tx.locate(key) // another key of its table may have gone
	if err := tx.keyspace.copyKey(from, db, to); err != nil {
		panic("state: a value that does not decode: " + err.Error())
	}
	tx.cachedKey = nil
	tx.see(db, to)
}

// see notes that a key, which is there, was used.
func (tx *Tx) see(db int, key []byte) {
	if r, ok := tx.keyspace.databases[db].find(SlotOf(key), key); ok {
		r.entry().see(tx.nowMS)
	}
}

// copyKey makes Copy true.
func (k *Keyspace) copyKey(from ref, db int, to []byte) error {
	v, err := k.clone(from.value())
	if err != nil {
		return err
	}
	at, expires := from.table.expiryOf(from.entry())
	r := k.put(db, SlotOf(to), to, v)
	if expires {
		k.expire(r, at)
	}
	return nil
}

// put makes a value what a key holds, instead of what it held. It does not expire.
func (k *Keyspace) put(db int, slot uint16, key []byte, v Value) ref {
	if old, ok := k.databases[db].find(slot, key); ok {
		old.remove()
	}
	r := k.add(db, slot, key, v.Kind, len(v.Packed))
	r.put(v)
	r.entry().mark(metaEdited, v.Edited)
	return r
}

// clone returns a value that shares nothing with v that changes.
func (k *Keyspace) clone(v Value) (Value, error) {
	if v.Object == nil {
		v.Packed = bytes.Clone(v.Packed)
		return v, nil
	}
	encoded := appendValue(nil, v)
	return k.readValue(encoded)
}

// appendValue encodes a value: its kind, flags, and what an Encoder writes of it.
func appendValue(b []byte, v Value) []byte {
	flags := byte(0)
	if v.Edited {
		flags |= flagEdited
	}
	out := bytes.NewBuffer(append(b, byte(v.Kind), flags))
	e := NewEncoder(bufio.NewWriter(out))
	var object any
	if v.Object != nil {
		object = copyOf(v.Object)
	}
	_ = e.value(object, v.Packed) // a Buffer takes everything
	_ = e.w.Flush()
	return out.Bytes()
}

// readValue is the reverse of appendValue. It trusts streams, and nothing else.
func (k *Keyspace) readValue(b []byte) (Value, error) {
	if len(b) < 2 || Kind(b[0]) == None || Kind(b[0]) > KindZSet || b[1]&^flagEdited != 0 {
		return Value{}, ErrDamagedCopy
	}
	rest := bytes.NewReader(b[2:])
	r := bufio.NewReader(rest)
	v, err := k.decodeValue(Kind(b[0]), r)
	if err != nil {
		return Value{}, unexpected(err)
	}
	if r.Buffered()+rest.Len() > 0 {
		v.Release()
		return Value{}, ErrDamagedCopy
	}
	v.Edited = b[1]&flagEdited != 0
	return v, nil
}

// Release lets go of a value that ParseDump has made and that no key holds.
func (v Value) Release() {
	if s, ok := v.Object.(*Stream); ok {
		s.Release()
	}
}

// Put makes a value, which nobody else has, what a key holds, instead of what it held. The key does not expire.
func (tx *Tx) Put(key []byte, v Value) {
	r, _ := tx.touch(key)
	tx.ready = append(tx.ready, Ref{tx.db, key})
	tx.record = appendBytes(appendHead(tx.record, changePut, tx.db, key), appendValue(nil, v))
	tx.keyspace.put(tx.db, r.slot, key, v)
	tx.cachedKey = nil
	tx.see(tx.db, key)
}

// SetIdle makes a key, which is there, one that was not used for so many seconds. It is not in the log, as the time when a
// key was used is not.
func (tx *Tx) SetIdle(key []byte, seconds int64) {
	r, _ := tx.lookup(key)
	const most = 1<<24 - 1
	r.entry().see(tx.nowMS - min(seconds, most)*1000)
}
