package state

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc64"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/stream"
)

// A dump is a value outside of a keyspace, which whoever has it may change as they like:
//
//	dump    := value | version, 2 bytes | CRC64 (ECMA) of all before it, 8 bytes; both little-endian
//	value   := kind | flags | as in a checkpoint; of a stream:
//	stream  := kind | 0 | entries | entry... | id last | added | id highest deleted | groups (0 or 1) | as in a checkpoint
//	entry   := id | number of fields and values | bytes...
//
// The version is one that no Redis has, and refuses. What a stream remembers of producers' idempotency IDs is not in it.
const dumpVersion = 0x5701

const dumpTrailer = 2 + 8

var dumpTable = crc64.MakeTable(crc64.ECMA)

// ErrForeignDump means that bytes are not a dump of this version, or were changed. ErrDamagedDump means that they were made
// to look like one.
var (
	ErrForeignDump = errors.New("not a dump of this version")
	ErrDamagedDump = errors.New("a dump that does not decode")
)

// Dump returns a dump of what a key holds, nil if it is not there. It fails as streams do that have blocks in files only.
func (tx *Tx) Dump(key []byte) ([]byte, error) {
	v := tx.Lookup(key)
	if !v.Exists() {
		return nil, nil
	}
	var b []byte
	if s, ok := v.Object.(*Stream); ok {
		var err error
		if b, err = appendStream(nil, s); err != nil {
			return nil, err
		}
	} else {
		b = appendValue(nil, v)
	}
	b = binary.LittleEndian.AppendUint16(b, dumpVersion)
	return binary.LittleEndian.AppendUint64(b, crc64.Checksum(b, dumpTable)), nil
}

func appendStream(b []byte, s *Stream) ([]byte, error) {
	b = append(b, byte(KindStream), 0)
	b = binary.AppendUvarint(b, s.Len())
	it := s.Range(stream.MinID, stream.MaxID)
	for it.Next() {
		b = appendID(b, it.ID())
		b = binary.AppendUvarint(b, uint64(2*it.NumFields()))
		for it.Field() {
			b = appendBytes(appendBytes(b, it.Name()), it.Value())
		}
	}
	if err := it.Err(); err != nil {
		return nil, err
	}
	b = appendID(b, s.LastID())
	b = appendID(binary.AppendUvarint(b, s.EntriesAdded()), s.MaxDeletedID())
	copied := s.Groups.Copy()
	if copied == nil {
		return append(b, 0), nil
	}
	out := bytes.NewBuffer(append(b, 1))
	w := bufio.NewWriter(out)
	_ = copied.Encode(w) // a Buffer takes everything
	_ = w.Flush()
	return out.Bytes(), nil
}

// ParseDump returns the value of a dump, which may have been made to do harm. Whoever does not Put it releases it.
func (tx *Tx) ParseDump(dump []byte) (Value, error) {
	body := len(dump) - dumpTrailer
	if body < 2 || binary.LittleEndian.Uint16(dump[body:]) != dumpVersion ||
		binary.LittleEndian.Uint64(dump[body+2:]) != crc64.Checksum(dump[:body+2], dumpTable) {
		return Value{}, ErrForeignDump
	}
	dump = dump[:body]
	if Kind(dump[0]) == KindStream {
		s, ok := tx.keyspace.readStream(dump[1:])
		if !ok {
			return Value{}, ErrDamagedDump
		}
		return Value{Kind: KindStream, Object: s}, nil
	}
	v, err := tx.keyspace.readValue(dump)
	if err != nil {
		return Value{}, ErrDamagedDump
	}
	return v, nil
}

// readStream makes a stream of what appendStream has written behind its kind.
func (k *Keyspace) readStream(b []byte) (_ *Stream, ok bool) {
	r := reader{rest: b}
	s := &Stream{Stream: stream.New(k.streams)}
	defer func() {
		if !ok {
			s.Release()
		}
	}()
	if r.byte() != 0 {
		return nil, false
	}
	var fields [][]byte
	for n := r.number(); n > 0; n-- {
		id := r.id()
		size, parts := 0, r.number()
		if r.err != nil || !s.LastID().Less(id) || parts%2 != 0 || parts > uint64(len(r.rest)) {
			return nil, false
		}
		fields = fields[:0]
		for range parts {
			fields = append(fields, r.bytes())
			size += len(fields[len(fields)-1])
		}
		if r.err != nil || size > stream.MaxEntryBytes {
			return nil, false
		}
		s.Append(id, fields)
	}
	last, added, maxDeleted := r.id(), r.number(), r.id()
	if r.err != nil || last.Less(s.LastID()) || added < s.Len() || last.Less(maxDeleted) {
		return nil, false
	}
	s.SetID(last, added, maxDeleted)
	return s, k.readGroups(s, &r)
}

func (k *Keyspace) readGroups(s *Stream, r *reader) (ok bool) {
	grouped := r.byte()
	if r.err != nil || grouped > 1 || grouped == 0 {
		return r.err == nil && grouped == 0 && len(r.rest) == 0
	}
	rest := bytes.NewReader(r.rest)
	in := bufio.NewReader(rest)
	var err error
	s.Groups, err = groups.Decode(in)
	return err == nil && in.Buffered()+rest.Len() == 0
}
