package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/klauspost/compress/s2"
	"github.com/weirmq/weir/stream"
)

// A record is one block:
//
//	+------+-----+--------+
//	| head | key | stored |
//	+------+-----+--------+
//
//	  0        4       5     8     12       16   20        24     28      44     60         64    68
//	+--------+-------+-----+-----+--------+----+---------+------+-------+------+----------+-----+
//	| "WBLK" | codec |  0  | raw | stored | db | entries | key  | first | last | head CRC | CRC |
//	+--------+-------+-----+-----+--------+----+---------+------+-------+------+----------+-----+
//
//	codec        of stored: 0 as it is, 1 s2
//	raw, stored  lengths of the content, stream.Body.Append, decoded and as it is here
//	db, key      whose block this was when it was written, if the writer knows: the broker does not, for its streams do not
//	             know their names, which RENAME changes. The key is cut at maxKey bytes
//	entries      how many it has, of which some may have been deleted
//	first, last  the IDs of the first and the last of them, each ms 8 | seq 8
//	head CRC     of the 60 bytes before it and of the key
//	CRC          of the 64 bytes before it, the key and stored
//
// Both checksums are seeded with the directory's id, the segment's number and the record's offset. The head has one of its
// own so that it can be said what a damaged record held, and where the next one begins. db, key, entries and IDs are for
// weir check alone: who reads a block knows what it is.
const (
	recordMagic = "WBLK"
	headBytes   = 68
	headCRC     = 60
	recordCRC   = 64

	maxKey = 1 << 10

	// maxRaw bounds a block: one entry may have stream.MaxEntryBytes, to which its framing adds, and stand behind others.
	maxRaw = stream.MaxEntryBytes + 256<<20

	// Above plainBytes a block, which is one huge entry then, is stored as it is. So there are two copies of it in memory
	// while it is written, and one when it is read, not three; and what a reader allocates on the word of a head is at most
	// this, or bytes that are in the file.
	plainBytes = 16 << 20
)

type codec uint8

const (
	codecNone codec = iota
	codecS2
)

// Record is what the head of a record says.
type Record struct {
	Ref         stream.Ref
	DB          int
	Key         []byte // cut at 1,024 bytes
	First, Last stream.ID
	Entries     int
	Raw, Stored int // bytes of the content, and of what is stored of it

	codec codec
}

// appendRecord appends the record of a block for the place offset, and tells how long its content is. scratch is room to
// encode it in.
func appendRecord(dst []byte, seed, offset uint32, b *Block, scratch *[]byte) (_ []byte, raw int) {
	key := b.Key[:min(len(b.Key), maxKey)]
	start := len(dst)
	dst = append(dst, make([]byte, headBytes)...)
	dst = append(dst, key...)
	content := len(dst)
	dst, raw, how := appendBody(dst, b.Body, scratch)

	h := dst[start:]
	copy(h, recordMagic)
	h[4] = byte(how)
	binary.LittleEndian.PutUint32(h[8:], uint32(raw))
	binary.LittleEndian.PutUint32(h[12:], uint32(len(dst)-content))
	binary.LittleEndian.PutUint32(h[16:], uint32(b.DB))
	binary.LittleEndian.PutUint32(h[20:], uint32(b.Entries))
	binary.LittleEndian.PutUint32(h[24:], uint32(len(key)))
	putID(h[28:], b.First)
	putID(h[44:], b.Last)
	seed = seedAt(seed, offset)
	binary.LittleEndian.PutUint32(h[headCRC:], headSum(seed, h, len(key)))
	binary.LittleEndian.PutUint32(h[recordCRC:], recordSum(seed, h))
	return dst, raw
}

// appendBody appends the encoded body, compressed if that saves at least a sixteenth.
func appendBody(dst []byte, body *stream.Body, scratch *[]byte) (_ []byte, raw int, _ codec) {
	if body.Size() > plainBytes {
		before := len(dst)
		dst = body.Append(slices.Grow(dst, body.Size())) // which is more than it needs
		return dst, len(dst) - before, codecNone
	}
	*scratch = body.Append((*scratch)[:0])
	p := *scratch
	dst = slices.Grow(dst, s2.MaxEncodedLen(len(p)))
	stored := s2.Encode(dst[len(dst):cap(dst)], p)
	if len(stored) > len(p)-len(p)/16 {
		return append(dst, p...), len(p), codecNone
	}
	return dst[:len(dst)+len(stored)], len(p), codecS2
}

func putID(b []byte, id stream.ID) {
	binary.LittleEndian.PutUint64(b, id.MS)
	binary.LittleEndian.PutUint64(b[8:], id.Seq)
}

func getID(b []byte) stream.ID {
	return stream.ID{MS: binary.LittleEndian.Uint64(b), Seq: binary.LittleEndian.Uint64(b[8:])}
}

func headSum(seed uint32, b []byte, key int) uint32 {
	return crc32.Update(crc32.Update(seed, castagnoli, b[:headCRC]), castagnoli, b[headBytes:headBytes+key])
}

func recordSum(seed uint32, b []byte) uint32 {
	return crc32.Update(crc32.Update(seed, castagnoli, b[:recordCRC]), castagnoli, b[headBytes:])
}

// decodeHead decodes the head of a record and its key, with which b begins. reason is empty if they can be trusted, which
// says nothing about the content. The key is a part of b.
func decodeHead(b []byte, seed uint32, segment uint64, offset uint32) (r Record, reason string) {
	if len(b) < headBytes {
		return r, "the file ends inside the head of a record"
	}
	if string(b[:len(recordMagic)]) != recordMagic {
		return r, "no record begins here"
	}
	raw, stored := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])
	key := binary.LittleEndian.Uint32(b[24:])
	if key > maxKey || int(key) > len(b)-headBytes ||
		binary.LittleEndian.Uint32(b[headCRC:]) != headSum(seedAt(seed, offset), b, int(key)) {
		return r, "the head of the record fails its checksum"
	}
	r = Record{
		Ref:     stream.Ref{Segment: segment, Offset: offset, Length: headBytes + key + stored},
		DB:      int(binary.LittleEndian.Uint32(b[16:])),
		Entries: int(binary.LittleEndian.Uint32(b[20:])),
		Key:     b[headBytes : headBytes+key],
		First:   getID(b[28:]),
		Last:    getID(b[44:]),
		Raw:     int(raw),
		Stored:  int(stored),
		codec:   codec(b[4]),
	}
	switch {
	case r.codec > codecS2:
		return r, fmt.Sprintf("the record is compressed in a way (%d) that this version does not know", r.codec)
	case stored > raw || r.codec == codecNone && stored != raw || r.codec == codecS2 && raw > plainBytes || raw > maxRaw:
		return r, "the head of the record has impossible lengths"
	}
	return r, ""
}

// decodeRecord decodes a whole record. The body has a part of b if b is longer than maxBuffer, and so is nobody else's.
func decodeRecord(b []byte, seed uint32, ref stream.Ref) (*stream.Body, Record, string) {
	r, reason := decodeHead(b, seed, ref.Segment, ref.Offset)
	switch {
	case reason != "":
		return nil, r, reason
	case r.Ref != ref || len(b) != int(ref.Length):
		return nil, r, fmt.Sprintf("the record has %d bytes where %d were written", r.Ref.Length, ref.Length)
	case binary.LittleEndian.Uint32(b[recordCRC:]) != recordSum(seedAt(seed, ref.Offset), b):
		return nil, r, "the record fails its checksum"
	}
	raw, err := decompress(b[headBytes+len(r.Key):], r)
	if err != nil {
		return nil, r, fmt.Sprintf("the record cannot be decompressed: %v", err)
	}
	body, err := stream.DecodeBody(raw)
	if err != nil {
		return nil, r, fmt.Sprintf("the record is not a block: %v", err)
	}
	return body, r, ""
}

func decompress(stored []byte, r Record) ([]byte, error) {
	switch {
	case r.codec == codecNone && len(stored) > maxBuffer:
		return stored, nil
	case r.codec == codecNone:
		return bytes.Clone(stored), nil
	}
	if n, err := s2.DecodedLen(stored); err != nil || n != r.Raw {
		return nil, s2.ErrCorrupt
	}
	return s2.Decode(make([]byte, r.Raw), stored)
}
