package checkpoint

import (
	"encoding/binary"
	"io"
	"slices"
	"testing"

	"github.com/weirmq/weir/internal/vfs"
)

// FuzzReader reads files that nobody has written: as they are, and with every checksum made right, so that what stands
// behind the checksums is met, too. There is an error or the state, and memory only for bytes that are there.
func FuzzReader(f *testing.F) {
	for _, s := range []state{small(1), small(5), stateOf(1, 0), stateOf(4, 100)} {
		fs := vfs.NewMem()
		if err := s.write(fs, atOnce); err != nil {
			f.Fatal(err)
		}
		b, err := vfs.ReadAll(fs, name(s.header.Number))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, s.header.Number)
	}
	f.Fuzz(func(t *testing.T, b []byte, number uint64) {
		readAny(t, b, number)
		whole := slices.Clone(b)
		if number, ok := correct(whole); ok {
			readAny(t, whole, number)
		}
	})
}

func readAny(t *testing.T, b []byte, number uint64) {
	fs := put(t, number, b)
	var id [16]byte
	if len(b) >= 32 {
		copy(id[:], b[16:])
	}
	if _, err := List(fs); err != nil {
		t.Fatal(err)
	}
	r, err := Open(fs, number, id)
	if err != nil {
		return
	}
	defer r.Close()
	if n := len(r.Segments()) * lineBytes; n > len(b) {
		t.Fatalf("%d bytes of table in a file of %d", n, len(b))
	}
	got, err := io.ReadAll(r)
	if err == nil && int64(len(got)) != r.Size() {
		t.Fatalf("read %d bytes, Size says %d", len(got), r.Size())
	}
	if len(got) > len(b) {
		t.Fatalf("%d bytes of state in a file of %d", len(got), len(b))
	}
}

// correct makes each checksum of b right, as far as its sections can be followed, and its number known.
func correct(b []byte) (number uint64, ok bool) {
	if len(b) < headerBytes+trailerBytes {
		return 0, false
	}
	copy(b, headerMagic)
	binary.LittleEndian.PutUint32(b[8:], format)
	number = binary.LittleEndian.Uint64(b[32:])
	seed := headerCRC(b)
	binary.LittleEndian.PutUint32(b[headerBytes-4:], seed)
	end := b[len(b)-trailerBytes:]
	for rest, ordinal := b[headerBytes:len(b)-trailerBytes], uint64(0); len(rest) >= sectionHeader; ordinal++ {
		length := uint64(binary.LittleEndian.Uint32(rest))
		if length > uint64(len(rest)-sectionHeader) {
			break
		}
		section := rest[:sectionHeader+length]
		binary.LittleEndian.PutUint32(section[8:], sectionCRC(section, seed, ordinal))
		rest = rest[len(section):]
	}
	binary.LittleEndian.PutUint64(end[24:], uint64(len(b)))
	binary.LittleEndian.PutUint32(end[32:], checksum(seed, end[:32]))
	copy(end[36:], trailerMagic)
	return number, true
}
