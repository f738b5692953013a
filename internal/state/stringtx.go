package state

import (
	"encoding/binary"
	"strconv"

	"github.com/weirmq/weir/internal/data"
)

// String returns the string at key for reading: the zero String if there is no such key, and ErrWrongType if it holds
// another kind of value.
func (tx *Tx) String(key []byte) (data.String, error) {
	v, err := tx.typed(key, KindString)
	return stringOf(v), err
}

// StringSet makes a string of at most data.MaxBlob bytes what a key holds, whatever it held before.
func (tx *Tx) StringSet(key, value []byte, until Until) {
	tx.stringSet(key, value, until, false)
}

// StringSetNumber is StringSet of a number as text. The expiry stays.
func (tx *Tx) StringSetNumber(key []byte, n int64) {
	tx.stringSet(key, strconv.AppendInt(tx.digits[:0], n, 10), Until{Keep: true}, false)
}

// StringRebuild is StringSet of a value that is thought of as edited (Value.Edited). The expiry stays.
func (tx *Tx) StringRebuild(key, value []byte) {
	tx.stringSet(key, value, Until{Keep: true}, true)
}

func (tx *Tx) stringSet(key, value []byte, until Until, edited bool) {
	slot := tx.overwrite(key)
	tx.record = encodeStringSet(tx.record, tx.db, key, value, until, edited)
	r := tx.keyspace.setString(tx.db, slot, key, data.NewString(value), until, edited)
	tx.written(key, r)
}

// overwrite notes that a key is about to hold a string, and maybe held something else that somebody waits for.
func (tx *Tx) overwrite(key []byte) (slot uint16) {
	r, ok := tx.touch(key)
	if ok && r.entry().kind() != KindString {
		tx.ready = append(tx.ready, Ref{tx.db, key})
	}
	return r.slot
}

// written keeps where a key is that may be new.
func (tx *Tx) written(key []byte, r ref) {
	if !tx.quiet {
		r.entry().see(tx.nowMS)
	}
	tx.remember(key, r, true)
}

// StringAppend adds bytes at the end of the string at key, which is there. The result is not longer than data.MaxBlob.
func (tx *Tx) StringAppend(key, b []byte) {
	r := tx.edit(key, KindString, 0)
	tx.record = appendBytes(appendHead(tx.record, changeStringAppend, tx.db, key), b)
	r.appendString(b)
}

// StringWrite puts bytes at an offset of the string at key, which is made if it is not there. What is missing up to the
// offset becomes zeros, also if there are no bytes. The result is not longer than data.MaxBlob.
func (tx *Tx) StringWrite(key []byte, offset int, b []byte) {
	r := tx.edit(key, KindString, objectBytes)
	tx.record = encodeStringWrite(tx.record, tx.db, key, offset, b)
	r.writeString(offset, b)
}

// StringCombine makes the bits of strings combined what a key holds, whatever it held before, and returns how many bytes
// that are. Sources that are not there count as empty; one is not empty, and none holds another kind of value.
func (tx *Tx) StringCombine(key []byte, op data.BitOp, sources [][]byte) (size int) {
	slot := tx.overwrite(key)
	b := append(appendHead(tx.record, changeStringCombine, tx.db, key), byte(op))
	b = binary.AppendUvarint(b, uint64(len(sources)))
	strings := make([]data.String, 0, len(sources))
	for _, source := range sources {
		r, ok := tx.lookup(source)
		if !ok {
			b, strings = append(b, 0), append(strings, data.String{})
			continue
		}
		b, strings = appendBytes(append(b, 1), source), append(strings, r.string())
	}
	tx.record = b
	result := op.Combine(strings)
	tx.written(key, tx.keyspace.setString(tx.db, slot, key, result, Until{}, true))
	return result.Len()
}

// HLLAdd adds elements to the HyperLogLog at key, which is made if it is not there, and reports whether that changed
// anything. What the key holds is one that data.CheckHLL has nothing against.
func (tx *Tx) HLLAdd(key []byte, elements [][]byte) (changed bool) {
	at, ok := tx.lookup(key)
	var h []byte
	if ok {
		h = at.string().Flat()
	}
	raised := tx.raised[:0]
	for _, element := range elements {
		register := data.HLLRegisterOf(element)
		if !ok || data.HLLAt(h, register.Index) < register.Count {
			raised = append(raised, register)
		}
	}
	if cap(raised) <= keepKeys {
		tx.raised = raised
	}
	if ok && len(raised) == 0 {
		return false
	}
	r := tx.edit(key, KindString, hllRoom)
	tx.record = encodeHLLRaise(tx.record, tx.db, key, raised)
	r.raise(raised)
	return true
}
