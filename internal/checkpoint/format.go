package checkpoint

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path"
	"strconv"
)

// A checkpoint is a header, the sections of the state, the sections of the
// table of segment files, and a trailer. All integers are little-endian.
//
//	+--------+-------+-------+- - -+-------+- - -+---------+
//	| header | state | state |     | table |     | trailer |
//	+--------+-------+-------+- - -+-------+- - -+---------+
//
// The state comes before the table because which segment files it needs is
// known only when all of it has been encoded; the trailer leads to the table.
const (
	dir           = "checkpoints"
	quarantineDir = "quarantine"
	aside         = ".new" // ends the name of a file that is being written
	nameDigits    = 20

	format = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The header. Every format begins with it, so that each version can tell
// damage from a format that it does not know.
//
//	0           8        12      16             32       40         48
//	+-----------+--------+-------+--------------+--------+----------+
//	| "WEIRCKPT"| format | 0     | directory id | number | position |
//	+-----------+--------+-------+--------------+--------+----------+
//	48        56             64     68
//	+---------+--------------+------+
//	| unix ms | next segment | CRC  |
//	+---------+--------------+------+
//
//	position      of the last record that the state contains
//	unix ms       the clock when the checkpoint began; informative
//	next segment  number that the next segment file gets
//	CRC           CRC32C of the bytes before it, seeded with the directory's id
const (
	headerMagic = "WEIRCKPT"
	headerBytes = 68
)

// Header says what a checkpoint is of.
type Header struct {
	ID          [16]byte // of the data directory
	Number      uint64   // of the checkpoint; rises by one, from 1
	Position    uint64   // of the last record that the state contains
	UnixMS      int64    // the clock when the checkpoint began
	NextSegment uint64   // number that the next segment file gets
}

func (h *Header) encode() []byte {
	b := make([]byte, 0, headerBytes)
	b = append(b, headerMagic...)
	b = binary.LittleEndian.AppendUint32(b, format)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = append(b, h.ID[:]...)
	b = binary.LittleEndian.AppendUint64(b, h.Number)
	b = binary.LittleEndian.AppendUint64(b, h.Position)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.UnixMS))
	b = binary.LittleEndian.AppendUint64(b, h.NextSegment)
	return binary.LittleEndian.AppendUint32(b, headerCRC(b))
}

func headerCRC(b []byte) uint32 { return checksum(checksum(0, b[16:32]), b[:headerBytes-4]) }

// decodeHeader reads a header whose number must be the one in the file's name.
func decodeHeader(b []byte, number uint64) (h Header, err error) {
	file := name(number)
	switch {
	case len(b) < headerBytes:
		return h, &DamageError{file, int64(len(b)), "the file ends inside its header"}
	case string(b[:8]) != headerMagic:
		return h, &DamageError{file, 0, "this is not a checkpoint"}
	case binary.LittleEndian.Uint32(b[headerBytes-4:]) != headerCRC(b):
		return h, &DamageError{file, 0, "the header fails its checksum"}
	}
	if f := binary.LittleEndian.Uint32(b[8:]); f != format {
		return h, &FormatError{file, f}
	}
	copy(h.ID[:], b[16:])
	h.Number = binary.LittleEndian.Uint64(b[32:])
	h.Position = binary.LittleEndian.Uint64(b[40:])
	h.UnixMS = int64(binary.LittleEndian.Uint64(b[48:]))
	h.NextSegment = binary.LittleEndian.Uint64(b[56:])
	if h.Number != number {
		return h, &DamageError{file, 32, fmt.Sprintf("this is checkpoint %d under another name", h.Number)}
	}
	return h, nil
}

// A section is at most maxSection bytes of the state or of the table.
//
//	0        4      5   8     12
//	+--------+------+---+-----+---- - -
//	| length | kind | 0 | CRC | content
//	+--------+------+---+-----+---- - -
//
//	CRC  CRC32C of the bytes before it and of the content, seeded with the
//	     header's CRC and the section's ordinal in the file
//
// The header's CRC stands for the directory, the checkpoint, and the moment at
// which it was made.
const (
	sectionHeader = 12
	sectionBytes  = 256 << 10 // what is written
	maxSection    = 1 << 20   // what is read

	kindState = 1
	kindTable = 2
)

// sealSection fills in the header of the section in b.
func sealSection(b []byte, kind byte, seed uint32, ordinal uint64) {
	binary.LittleEndian.PutUint32(b, uint32(len(b)-sectionHeader))
	b[4], b[5], b[6], b[7] = kind, 0, 0, 0
	binary.LittleEndian.PutUint32(b[8:], sectionCRC(b, seed, ordinal))
}

func sectionCRC(b []byte, seed uint32, ordinal uint64) uint32 {
	var place [8]byte
	binary.LittleEndian.PutUint64(place[:], ordinal)
	crc := checksum(seed, place[:])
	crc = checksum(crc, b[:8])
	return checksum(crc, b[sectionHeader:])
}

// The trailer.
//
//	0          8                16             24           32    36
//	+----------+----------------+--------------+------------+-----+-----------+
//	| sections | table sections | table offset | file bytes | CRC | "WEIRDONE"|
//	+----------+----------------+--------------+------------+-----+-----------+
//
//	sections  of the state and of the table together
//	CRC       CRC32C of the bytes before it, seeded with the header's CRC
const (
	trailerMagic = "WEIRDONE"
	trailerBytes = 44
)

type trailer struct {
	sections    uint64
	table       uint64 // sections of the table
	tableOffset int64
	fileBytes   int64
}

func (t *trailer) encode(seed uint32) []byte {
	b := make([]byte, 0, trailerBytes)
	b = binary.LittleEndian.AppendUint64(b, t.sections)
	b = binary.LittleEndian.AppendUint64(b, t.table)
	b = binary.LittleEndian.AppendUint64(b, uint64(t.tableOffset))
	b = binary.LittleEndian.AppendUint64(b, uint64(t.fileBytes))
	b = binary.LittleEndian.AppendUint32(b, checksum(seed, b))
	return append(b, trailerMagic...)
}

// decodeTrailer reads the last trailerBytes of a file of size bytes. reason is
// empty when it can be believed.
func decodeTrailer(b []byte, seed uint32, size int64) (t trailer, reason string) {
	switch {
	case string(b[36:]) != trailerMagic:
		return t, "the file does not end as a checkpoint does"
	case binary.LittleEndian.Uint32(b[32:]) != checksum(seed, b[:32]):
		return t, "the trailer fails its checksum"
	}
	t = trailer{
		sections:    binary.LittleEndian.Uint64(b),
		table:       binary.LittleEndian.Uint64(b[8:]),
		tableOffset: int64(binary.LittleEndian.Uint64(b[16:])),
		fileBytes:   int64(binary.LittleEndian.Uint64(b[24:])),
	}
	switch {
	case t.fileBytes != size:
		return t, fmt.Sprintf("the file has %d bytes and was written with %d", size, t.fileBytes)
	case t.tableOffset < headerBytes || t.tableOffset > size-trailerBytes || t.table > t.sections || t.sections > uint64(size)/sectionHeader:
		return t, "the trailer contradicts itself"
	}
	return t, ""
}

// Segment is one line of the table: a segment file that the state needs.
type Segment struct {
	Number uint64 // of the file
	End    int64  // offset behind the last block that is needed
	Bytes  int64  // of all blocks that are needed
}

// The table is its lines, in ascending order of numbers.
//
//	0        8     16      24
//	+--------+-----+-------+
//	| number | end | bytes |
//	+--------+-----+-------+
const lineBytes = 24

func encodeTable(segments []Segment) []byte {
	b := make([]byte, 0, len(segments)*lineBytes)
	for _, s := range segments {
		b = binary.LittleEndian.AppendUint64(b, s.Number)
		b = binary.LittleEndian.AppendUint64(b, uint64(s.End))
		b = binary.LittleEndian.AppendUint64(b, uint64(s.Bytes))
	}
	return b
}

// decodeTable returns the lines of b, or why they are not such.
func decodeTable(b []byte) (segments []Segment, reason string) {
	if len(b)%lineBytes != 0 {
		return nil, "the table of segment files ends inside a line"
	}
	segments = make([]Segment, 0, len(b)/lineBytes)
	for ; len(b) > 0; b = b[lineBytes:] {
		s := Segment{
			Number: binary.LittleEndian.Uint64(b),
			End:    int64(binary.LittleEndian.Uint64(b[8:])),
			Bytes:  int64(binary.LittleEndian.Uint64(b[16:])),
		}
		if n := len(segments); n > 0 && segments[n-1].Number >= s.Number {
			return nil, "the table of segment files is out of order"
		}
		segments = append(segments, s)
	}
	return segments, ""
}

func checksum(seed uint32, b []byte) uint32 { return crc32.Update(seed, castagnoli, b) }

func base(number uint64) string { return fmt.Sprintf("%0*d", nameDigits, number) }
func name(number uint64) string { return path.Join(dir, base(number)) }

// parseBase returns the number of a file that has a checkpoint's name.
func parseBase(base string) (number uint64, ok bool) {
	number, err := strconv.ParseUint(base, 10, 64)
	return number, err == nil && number > 0 && len(base) == nameDigits
}

// DamageError says that a checkpoint is not what was written.
type DamageError struct {
	File   string
	Offset int64
	Reason string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged at offset %d: %s", e.File, e.Offset, e.Reason)
}

// FormatError says that a checkpoint is whole and of a format that this version
// does not know.
type FormatError struct {
	File   string
	Format uint32
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s has checkpoint format %d; this version knows formats up to %d", e.File, e.Format, format)
}
