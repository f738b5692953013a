package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
)

// A segment file is
//
//	+--------+--------+--------+- - -+--------+
//	| header | record | record |     | footer |
//	+--------+--------+--------+- - -+--------+
//
// The footer is there once the file is complete. A file without one was being written when its process ended, or could not
// be written further: legal, and its records up to the last one that anything refers to are good. All integers are
// little-endian, all checksums CRC32C, seeded with the id of the data directory.
//
// The header:
//
//	  0          8        12           28       36    40
//	+----------+--------+------------+--------+-----+
//	|"WEIRSEGM"| format | id         | number | CRC |
//	+----------+--------+------------+--------+-----+
//
//	format  1
//	id      of the data directory
//	number  of the segment: the name of the file
const (
	headerMagic  = "WEIRSEGM"
	headerBytes  = 40
	format       = 1
	formatOffset = 8
)

// Dir is the directory that segment files are in.
const Dir = "segments"

const nameDigits = 20

// Name is the name of the file of a segment.
func Name(number uint64) string { return fmt.Sprintf("%s/%0*d", Dir, nameDigits, number) }

// parseName returns the number of a file in Dir; false if it is none of ours.
func parseName(base string) (uint64, bool) {
	n, err := strconv.ParseUint(base, 10, 64)
	return n, err == nil && len(base) == nameDigits
}

// DamageError says that a segment file does not have what was written to it.
type DamageError struct {
	File   string
	Offset int64
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged at offset %d: %s", e.File, e.Offset, e.Reason)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seed is what every checksum in a segment starts from.
func seedOf(id [16]byte, number uint64) uint32 {
	var b [24]byte
	copy(b[:], id[:])
	binary.LittleEndian.PutUint64(b[16:], number)
	return crc32.Update(0, castagnoli, b[:])
}

// seedAt is what the checksums of a record, or of the footer, at an offset start from.
func seedAt(seed, offset uint32) uint32 {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], offset)
	return crc32.Update(seed, castagnoli, b[:])
}

func appendHeader(dst []byte, id [16]byte, number uint64) []byte {
	at := len(dst)
	dst = append(dst, headerMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, format)
	dst = append(dst, id[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, number)
	return binary.LittleEndian.AppendUint32(dst, crc32.Update(seedOf(id, number), castagnoli, dst[at:]))
}

// checkHeader tells why b is not the header of a segment of this directory; empty if it is. Whose header it is instead is
// said if its own checksum is right.
func checkHeader(b []byte, id [16]byte, number uint64) (reason string) {
	if len(b) < headerBytes {
		return "the file ends inside its header"
	}
	if string(b[:len(headerMagic)]) != headerMagic {
		return "the file does not begin as a segment"
	}
	theirID, theirNumber := [16]byte(b[12:28]), binary.LittleEndian.Uint64(b[28:])
	if binary.LittleEndian.Uint32(b[36:]) != crc32.Update(seedOf(theirID, theirNumber), castagnoli, b[:36]) {
		return "the header fails its checksum"
	}
	switch f := binary.LittleEndian.Uint32(b[formatOffset:]); {
	case theirID != id:
		return "the file belongs to another data directory"
	case theirNumber != number:
		return fmt.Sprintf("the file is segment %d: it was renamed or swapped", theirNumber)
	case f != format:
		return fmt.Sprintf("the file has format %d, and this version knows %d only", f, format)
	}
	return ""
}

// place is where a record is in its file.
type place struct{ offset, length uint32 }

// The footer:
//
//	+----------------------------------+-----------+-------+-----+------------+
//	| per record: offset 4 | length 4  | records 4 | end 4 | CRC | "WEIRSEND" |
//	+----------------------------------+-----------+-------+-----+------------+
//
//	records  how many there are
//	end      where the records end and the footer begins
//	CRC      of what is before it in the footer, seeded with end, too
//
// Its last footerTail bytes say how long it is, so that it is found from the end of the file. Records lie one behind the
// other, so the index says nothing that a walk over the records does not; but where a record is damaged, it says where the
// next one begins.
const (
	footerMagic = "WEIRSEND"
	footerTail  = 20
	footerEntry = 8
)

func appendFooter(dst []byte, seed uint32, index []place, end uint32) []byte {
	at := len(dst)
	for _, p := range index {
		dst = binary.LittleEndian.AppendUint32(dst, p.offset)
		dst = binary.LittleEndian.AppendUint32(dst, p.length)
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(index)))
	dst = binary.LittleEndian.AppendUint32(dst, end)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Update(seedAt(seed, end), castagnoli, dst[at:]))
	return append(dst, footerMagic...)
}

// footerSize looks at the end of a file of size bytes and tells how long the footer is that ends there; false if none does.
func footerSize(tail []byte, size int64) (int64, bool) {
	if len(tail) < footerTail || string(tail[len(tail)-len(footerMagic):]) != footerMagic {
		return 0, false
	}
	tail = tail[len(tail)-footerTail:]
	n := int64(binary.LittleEndian.Uint32(tail))*footerEntry + footerTail
	return n, int64(binary.LittleEndian.Uint32(tail[4:]))+n == size
}

// decodeFooter decodes a footer, the end of a file of size bytes. False if it is damaged: it is then as if there were none.
func decodeFooter(b []byte, seed uint32, size int64) ([]place, bool) {
	if n, ok := footerSize(b, size); !ok || n != int64(len(b)) {
		return nil, false
	}
	end := uint32(size - int64(len(b)))
	tail := len(b) - footerTail
	if binary.LittleEndian.Uint32(b[tail+8:]) != crc32.Update(seedAt(seed, end), castagnoli, b[:tail+8]) {
		return nil, false
	}
	index := make([]place, tail/footerEntry)
	next := uint64(headerBytes)
	for i := range index {
		p := place{binary.LittleEndian.Uint32(b[i*footerEntry:]), binary.LittleEndian.Uint32(b[i*footerEntry+4:])}
		if uint64(p.offset) != next || p.length < headBytes {
			return nil, false
		}
		next += uint64(p.length)
		index[i] = p
	}
	return index, next == uint64(end)
}
