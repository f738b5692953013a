package log

import (
	"encoding/binary"
	"hash/crc32"
)

// A frame is one entry of the wal: the records of one group commit, or a part
// of them when the commit is larger than maxFrameBytes. All integers are
// little-endian.
//
//	  0      4  5  6   8          16           24        32         40
//	+------+--+--+---+----------+------------+---------+----------+
//	|magic |fm|fl| 0 | sequence | first      | unix ms | synced   |
//	+------+--+--+---+----------+------------+---------+----------+
//	  40              48      52         56           60        64
//	+---------------+-------+----------+------------+---------+---- - -
//	| payload bytes | count | previous | header CRC | CRC     | payload
//	+---------------+-------+----------+------------+---------+---- - -
//
//	magic       "WEIR"
//	fm          format of the frame, 1
//	fl          flags: bit 0, the frame opens a generation
//	sequence    number of the frame, from 1, dense over all generations
//	first       position of the first record; without records, the position
//	            that the next record of this epoch gets
//	unix ms     the clock when the frame was closed; informative, never compared
//	synced      highest sequence known durable when the frame was written
//	count       number of records
//	previous    CRC of the frame before, 0 for the first of all
//	header CRC  CRC32C of the bytes before it, seeded with the directory's id
//	CRC         CRC32C of the bytes before it and of the payload, seeded with
//	            the directory's id and chained to previous
//
// The payload is a run of records, each a uvarint length and that many bytes.
//
// The header has a CRC of its own because the tail rule asks every header it
// can find for its synced, also when the payload behind it is torn.
const (
	frameMagic  = "WEIR"
	frameFormat = 1
	headerBytes = 64

	flagGeneration = 1 << 0

	// maxFrameBytes bounds the payload of a frame of more than one record.
	maxFrameBytes = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the decoded fixed part of a frame.
type header struct {
	flags    uint8
	seq      uint64
	first    Position
	unixMS   int64
	synced   uint64
	length   uint64
	count    uint32
	previous uint32
	crc      uint32
}

// last returns the position of the last record of the frame, or, when the
// frame has none, the position before its first.
func (h *header) last() Position { return h.first + Position(h.count) - 1 }

// seedOf derives the start value of every CRC from the directory's id.
func seedOf(id [16]byte) uint32 { return crc32.Update(0, castagnoli, id[:]) }

// encodeFrame fills in the first headerBytes of b, the rest of which is the
// payload, and returns the frame's CRC.
func encodeFrame(seed uint32, b []byte, h *header) uint32 {
	copy(b, frameMagic)
	b[4], b[5], b[6], b[7] = frameFormat, h.flags, 0, 0
	binary.LittleEndian.PutUint64(b[8:], h.seq)
	binary.LittleEndian.PutUint64(b[16:], uint64(h.first))
	binary.LittleEndian.PutUint64(b[24:], uint64(h.unixMS))
	binary.LittleEndian.PutUint64(b[32:], h.synced)
	binary.LittleEndian.PutUint64(b[40:], uint64(len(b)-headerBytes))
	binary.LittleEndian.PutUint32(b[48:], h.count)
	binary.LittleEndian.PutUint32(b[52:], h.previous)
	binary.LittleEndian.PutUint32(b[56:], crc32.Update(seed, castagnoli, b[:56]))
	crc := frameCRC(seed, b, h.previous)
	binary.LittleEndian.PutUint32(b[60:], crc)
	return crc
}

// frameCRC computes the chained CRC of a whole frame.
func frameCRC(seed uint32, b []byte, previous uint32) uint32 {
	crc := crc32.Update(seed^previous, castagnoli, b[:60])
	return crc32.Update(crc, castagnoli, b[headerBytes:])
}

// decodeHeader reads the header at the start of b. reason is empty when the
// header can be trusted; it says nothing about the payload.
func decodeHeader(seed uint32, b []byte) (h header, reason string) {
	if len(b) < headerBytes {
		return h, "the file ends inside a frame header"
	}
	if string(b[:4]) != frameMagic {
		return h, "no frame begins here"
	}
	if binary.LittleEndian.Uint32(b[56:]) != crc32.Update(seed, castagnoli, b[:56]) {
		return h, "the frame header fails its checksum"
	}
	if b[4] != frameFormat {
		return h, "the frame has an unknown format"
	}
	return headerAt(b), ""
}

// headerAt reads a header that has been verified.
func headerAt(b []byte) header {
	return header{
		flags:    b[5],
		seq:      binary.LittleEndian.Uint64(b[8:]),
		first:    Position(binary.LittleEndian.Uint64(b[16:])),
		unixMS:   int64(binary.LittleEndian.Uint64(b[24:])),
		synced:   binary.LittleEndian.Uint64(b[32:]),
		length:   binary.LittleEndian.Uint64(b[40:]),
		count:    binary.LittleEndian.Uint32(b[48:]),
		previous: binary.LittleEndian.Uint32(b[52:]),
		crc:      binary.LittleEndian.Uint32(b[60:]),
	}
}

// An entry is what the wal puts around a frame: its length as a uvarint.
//
//	+----------------+---------------------------+
//	| uvarint length | frame                     |
//	+----------------+---------------------------+
//
// decodeEntry reads the entry at the start of b and returns its header, its
// payload and the number of bytes it takes. When reason is not empty the entry
// is damaged; h.seq is then not zero if the header itself could be read, and
// size is not zero if the header says where the entry ends.
func decodeEntry(seed uint32, b []byte) (h header, payload []byte, size int, reason string) {
	length, n := binary.Uvarint(b)
	if n <= 0 {
		return h, nil, 0, "the file ends inside an entry length"
	}
	h, reason = decodeHeader(seed, b[n:])
	if reason != "" {
		return header{}, nil, 0, reason
	}
	if h.length > uint64(len(b)-n-headerBytes) {
		return h, nil, 0, "the file ends inside a frame"
	}
	size = n + headerBytes + int(h.length)
	if length != headerBytes+h.length {
		return h, nil, size, "the entry length and the frame length differ"
	}
	frame := b[n:size]
	if frameCRC(seed, frame, h.previous) != h.crc {
		return h, nil, size, "the frame fails its checksum"
	}
	return h, frame[headerBytes:], size, ""
}

// entrySize returns the bytes that a frame of n bytes takes in the wal.
func entrySize(n int) int64 {
	size := int64(n) + 1
	for x := n; x >= 0x80; x >>= 7 {
		size++
	}
	return size
}
