package state

import (
	"encoding/binary"
	"fmt"

	"github.com/weirmq/weir/internal/data"
)

// Changes to strings. After the head of every change (see change.go) their payloads are
//
//	string set      flags: 1, the expiry stays | 2, a varint follows, when it expires in unix ms | 4, see Value.Edited;
//	                neither 1 nor 2: it does not expire. Then the value as bytes. Whatever the key held is gone
//	string append   bytes: the key holds a string
//	string write    offset, bytes: what is missing before them becomes zeros; makes the string if there is none
//	string combine  how (data.BitOp), number of sources, each: 0, or 1 and a key as bytes, which holds a string; a 0 is an
//	                empty string. Whatever the key held is gone. The result is not empty
//	hll raise       number of registers, each: index, count as a byte; makes the HyperLogLog if there is none
const (
	changeStringSet byte = iota + 40
	changeStringAppend
	changeStringWrite
	changeStringCombine
	changeHLLRaise
)

const (
	setKeepsExpiry = 1 << iota
	setExpires
	setEdited
)

// Until is what becomes of a key's expiry when its value is replaced. The zero Until: it does not expire.
type Until struct {
	Keep bool  // it stays as it was
	AtMS int64 // if not 0 and not Keep: the key expires then, in unix milliseconds
}

func encodeStringSet(b []byte, db int, key, value []byte, until Until, edited bool) []byte {
	b = appendHead(b, changeStringSet, db, key)
	var flags byte
	if edited {
		flags = setEdited
	}
	switch {
	case until.Keep:
		b = append(b, flags|setKeepsExpiry)
	case until.AtMS != 0:
		b = binary.AppendVarint(append(b, flags|setExpires), until.AtMS)
	default:
		b = append(b, flags)
	}
	return appendBytes(b, value)
}

func encodeStringWrite(b []byte, db int, key []byte, offset int, bytes []byte) []byte {
	return appendBytes(binary.AppendUvarint(appendHead(b, changeStringWrite, db, key), uint64(offset)), bytes)
}

func encodeHLLRaise(b []byte, db int, key []byte, registers []data.HLLRegister) []byte {
	b = binary.AppendUvarint(appendHead(b, changeHLLRaise, db, key), uint64(len(registers)))
	for _, r := range registers {
		b = append(binary.AppendUvarint(b, uint64(r.Index)), r.Count)
	}
	return b
}

// string returns the entry's string. It is the zero String if the entry holds another kind of value.
func (r ref) string() data.String {
	if r.entry().kind() != KindString {
		return data.String{}
	}
	return stringOf(r.value())
}

func stringOf(v Value) data.String {
	large, _ := v.Object.(*data.Blob)
	return data.String{Packed: v.Packed, Large: large}
}

// editString returns the entry's string to be edited.
func (r ref) editString() data.String {
	if large, ok := r.object().(*data.Blob); ok {
		return data.String{Large: large}
	}
	return data.String{Packed: r.packed()}
}

// putString makes a string the value.
func (r ref) putString(s data.String) {
	if s.Large != nil {
		r.putObject(s.Large)
	} else {
		r.putPacked(s.Packed)
	}
}

// setString replaces what a key holds, if it is there. The string may alias what it held. It returns the key's entry.
func (k *Keyspace) setString(db int, slot uint16, key []byte, s data.String, until Until, edited bool) ref {
	r, ok := k.databases[db].find(slot, key)
	if ok && r.entry().kind() != KindString {
		if at, expires := r.table.expiryOf(r.entry()); until.Keep && expires {
			until = Until{AtMS: at}
		}
		r.remove()
		ok = false
	}
	if !ok {
		r = k.add(db, slot, key, KindString, max(len(s.Packed), objectBytes))
	}
	r.putString(s)
	r.entry().mark(metaEdited, edited)
	switch {
	case until.Keep:
	case until.AtMS != 0:
		k.expire(r, until.AtMS)
	case r.entry().expiring != 0:
		k.persist(r)
	}
	return r
}

// objectBytes is the room that an object takes behind a key.
const objectBytes = 4

func (r ref) appendString(b []byte) {
	s := r.editString()
	s.Append(b)
	r.putString(s)
	r.entry().mark(metaEdited, true)
}

func (r ref) writeString(offset int, b []byte) {
	s := r.editString()
	s.Write(offset, b)
	r.putString(s)
	r.entry().mark(metaEdited, true)
}

// raise makes the registers of a HyperLogLog at least so high. An empty string becomes one that has seen nothing.
func (r ref) raise(registers []data.HLLRegister) {
	h := r.editString().Flat()
	if len(h) == 0 {
		h = data.NewHLL()
		data.HLLStale(h)
	}
	for _, register := range registers {
		h, _ = data.HLLRaise(h, register)
	}
	r.putPacked(h)
	r.entry().mark(metaEdited, true)
}

// applyToString makes a change of this file true.
func (k *Keyspace) applyToString(kind byte, db int, slot uint16, key []byte, r *reader) error {
	at, ok := k.databases[db].find(slot, key)
	if ok && at.entry().kind() != KindString && kind != changeStringSet && kind != changeStringCombine {
		return fmt.Errorf("%w: kind %d changes another kind of value", ErrDamagedChange, kind)
	}
	switch kind {
	case changeStringSet:
		k.applyStringSet(db, slot, key, r)
	case changeStringAppend:
		b := r.bytes()
		if !ok || r.err == nil && len(b) > data.MaxBlob-at.string().Len() {
			r.fail()
		}
		if r.err == nil {
			at.appendString(b)
		}
	case changeStringWrite:
		offset, b := r.number(), r.bytes()
		if offset > data.MaxBlob || len(b) > data.MaxBlob-int(offset) {
			r.fail()
		}
		if r.err == nil {
			if !ok {
				at = k.add(db, slot, key, KindString, objectBytes)
			}
			at.writeString(int(offset), b)
		}
	case changeStringCombine:
		k.applyStringCombine(db, slot, key, r)
	case changeHLLRaise:
		registers := k.registers(r)
		if ok && r.err == nil {
			if h := at.string().Flat(); !data.IsHLL(h) || data.CheckHLL(h) != nil {
				r.fail()
			}
		}
		if r.err == nil {
			if !ok {
				at = k.add(db, slot, key, KindString, hllRoom)
			}
			at.raise(registers)
		}
	default:
		return fmt.Errorf("%w: kind %d", ErrUnknownChange, kind)
	}
	return r.err
}

// hllRoom is for a HyperLogLog of a few elements.
const hllRoom = 32

func (k *Keyspace) applyStringSet(db int, slot uint16, key []byte, r *reader) {
	flags := r.byte()
	until := Until{Keep: flags&setKeepsExpiry != 0}
	if flags&setExpires != 0 {
		until.AtMS = r.signed()
	}
	value := r.bytes()
	if flags > setKeepsExpiry|setExpires|setEdited || len(value) > data.MaxBlob {
		r.fail()
	}
	if r.err == nil {
		k.setString(db, slot, key, data.NewString(value), until, flags&setEdited != 0)
	}
}

func (k *Keyspace) applyStringCombine(db int, slot uint16, key []byte, r *reader) {
	op, n := data.BitOp(r.byte()), r.number()
	if op > data.BitNot || n == 0 || n > uint64(len(r.rest)) || op == data.BitNot && n > 1 {
		r.fail()
		return
	}
	sources := make([]data.String, 0, n)
	for range n {
		if r.byte() == 0 {
			sources = append(sources, data.String{})
			continue
		}
		source := r.bytes()
		at, ok := k.databases[db].find(SlotOf(source), source)
		if !ok || at.entry().kind() != KindString {
			r.fail()
			return
		}
		sources = append(sources, at.string())
	}
	if r.err == nil {
		k.setString(db, slot, key, op.Combine(sources), Until{}, true)
	}
}

func (k *Keyspace) registers(r *reader) []data.HLLRegister {
	n := r.number()
	if n > uint64(len(r.rest))/2 {
		r.fail()
		return nil
	}
	registers := make([]data.HLLRegister, 0, n)
	for range n {
		index := r.number()
		register := data.HLLRegister{Index: uint16(index), Count: r.byte()}
		if index > 1<<16-1 || !register.Valid() {
			r.fail()
			return nil
		}
		registers = append(registers, register)
	}
	return registers
}
