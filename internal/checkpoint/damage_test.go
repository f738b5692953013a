package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/weirmq/weir/internal/vfs"
)

// small is a checkpoint of several sections of state and two of table, in less than a kilobyte.
func small(number uint64) state {
	s := stateOf(number, 200)
	s.segments = []Segment{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}}
	s.section = 48
	return s
}

// mustFail reads a file that is not what was written: the damage must be called that, with its place in the file, and no
// byte may be handed out but those that were written.
func mustFail(t *testing.T, what string, want state, b []byte) {
	t.Helper()
	fs := put(t, want.header.Number, b)
	got, err := read(fs, want.header.Number)
	var damage *DamageError
	switch {
	case !errors.As(err, &damage):
		t.Fatalf("%s: read: %v", what, err)
	case damage.File != name(want.header.Number) || damage.Offset < 0 || damage.Offset > int64(len(b)) || damage.Reason == "":
		t.Fatalf("%s: %v", what, damage)
	case !bytes.HasPrefix(want.bytes, got.bytes):
		t.Fatalf("%s: wrong bytes were handed out before %v", what, err)
	}
	// A damaged checkpoint is not a missing one.
	if infos, err := List(fs); err != nil || len(infos) != 1 {
		t.Fatalf("%s: listed %v, %v", what, infos, err)
	}
}

func fileOf(t *testing.T, s state) []byte {
	t.Helper()
	fs := vfs.NewMem()
	mustWrite(t, fs, s)
	if got, err := read(fs, s.header.Number); err != nil || !got.equal(s) {
		t.Fatal(err)
	}
	return content(t, fs, s.header.Number)
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	s := small(5)
	b := fileOf(t, s)
	for bit := range 8 * len(b) {
		b[bit/8] ^= 1 << (bit % 8)
		mustFail(t, "flipped", s, b)
		b[bit/8] ^= 1 << (bit % 8)
	}
}

func TestEveryTruncationIsFound(t *testing.T) {
	s := small(5)
	b := fileOf(t, s)
	for n := range b {
		mustFail(t, "cut", s, b[:n])
	}
	mustFail(t, "longer", s, append(slices.Clone(b), 0))
	mustFail(t, "twice", s, slices.Concat(b, b))
	mustFail(t, "with a second trailer", s, slices.Concat(b, b[len(b)-trailerBytes:]))
}

func TestEveryZeroedPartIsFound(t *testing.T) {
	s := small(5)
	b := fileOf(t, s)
	for _, size := range []int{16, 64, 512} {
		for at := 0; at < len(b); at += 4 {
			damaged := slices.Clone(b)
			clear(damaged[at:min(len(b), at+size)])
			if !bytes.Equal(damaged, b) {
				mustFail(t, "zeroed", s, damaged)
			}
		}
	}
}

// parts cuts a file into header, sections and trailer.
func parts(b []byte) [][]byte {
	all := [][]byte{b[:headerBytes]}
	end := len(b) - trailerBytes
	for at := headerBytes; at < end; {
		next := at + sectionHeader + int(binary.LittleEndian.Uint32(b[at:]))
		all = append(all, b[at:next])
		at = next
	}
	return append(all, b[end:])
}

// join puts parts together, under a trailer that fits as well as one can. It knows how many of the sections are the table's.
func join(parts [][]byte, table int) []byte {
	b := slices.Concat(parts[:len(parts)-1]...)
	t := trailer{sections: uint64(len(parts) - 2), table: uint64(table), tableOffset: int64(len(b)), fileBytes: int64(len(b) + trailerBytes)}
	for _, p := range parts[len(parts)-1-table : len(parts)-1] {
		t.tableOffset -= int64(len(p))
	}
	return append(b, t.encode(headerCRC(b))...)
}

func TestSectionsHaveOnePlaceInOneFile(t *testing.T) {
	s := small(5)
	b := fileOf(t, s)
	own := parts(b)
	const table = 2
	if !bytes.Equal(join(own, table), b) {
		t.Fatal("join does not put together what parts has cut")
	}
	again, other, foreign := small(5), small(6), small(5)
	again.header.UnixMS++
	other.bytes = s.bytes
	foreign.header.ID[3]++
	for i := 1; i < len(own)-1; i++ {
		without := slices.Delete(slices.Clone(own), i, i+1)
		twice := slices.Insert(slices.Clone(own), i, own[i])
		mustFail(t, "missing", s, join(without, table))
		mustFail(t, "repeated", s, join(twice, table))
		if i >= len(own)-1-table {
			mustFail(t, "repeated in the table", s, join(twice, table+1))
		}
		for j := 1; j < i; j++ {
			swapped := slices.Clone(own)
			swapped[i], swapped[j] = own[j], own[i]
			mustFail(t, "swapped", s, join(swapped, table))
			overwritten := slices.Clone(own)
			overwritten[i] = own[j]
			mustFail(t, "overwritten", s, join(overwritten, table))
		}
		for _, from := range []state{again, other} {
			strange := slices.Clone(own)
			strange[i] = parts(fileOf(t, from))[i]
			mustFail(t, "of another checkpoint", s, join(strange, table))
		}
		strange := slices.Clone(own)
		strange[i] = parts(foreignFile(t, foreign))[i]
		mustFail(t, "of another directory", s, join(strange, table))
	}
	// The table cannot be taken for state, or the end of the state for table.
	for n := range len(own) - 1 {
		if n != table {
			mustFail(t, "divided elsewhere", s, join(own, n))
		}
	}
}

// foreignFile makes the file of a state of another data directory.
func foreignFile(t *testing.T, s state) []byte {
	t.Helper()
	fs := vfs.NewMem()
	mustWrite(t, fs, s)
	return content(t, fs, s.header.Number)
}

func TestAFileOfAnotherNameOrDirectoryIsFound(t *testing.T) {
	s := small(5)
	mustFail(t, "renamed", s, fileOf(t, small(6)))
	foreign := s
	foreign.header.ID[0]++
	mustFail(t, "of another directory", s, foreignFile(t, foreign))
	mustFail(t, "empty", s, nil)
	mustFail(t, "somebody's", s, bytes.Repeat([]byte("text "), 100))
}

func TestANewerFormatIsRefusedByName(t *testing.T) {
	b := fileOf(t, small(5))
	binary.LittleEndian.PutUint32(b[8:], 2)
	binary.LittleEndian.PutUint32(b[headerBytes-4:], headerCRC(b))
	fs := put(t, 5, b)
	var format *FormatError
	if _, err := Open(fs, 5, testID); !errors.As(err, &format) || format.Format != 2 ||
		err.Error() != "checkpoints/00000000000000000005 has checkpoint format 2; this version knows formats up to 1" {
		t.Errorf("Open: %v", err)
	}
	if infos, err := List(fs); err != nil || len(infos) != 1 || !errors.As(infos[0].Err, &format) {
		t.Errorf("List: %v, %v", infos, err)
	}
}

func TestAReadErrorIsNotDamage(t *testing.T) {
	fs := vfs.NewMem()
	s := small(5)
	mustWrite(t, fs, s)
	broken := errors.New("input/output error")
	for k := 0; ; k++ {
		reads := 0
		fs.Before = func(op, _ string) error {
			if op == "read" {
				if reads++; reads == k+1 {
					return broken
				}
			}
			return nil
		}
		got, err := read(fs, 5)
		if reads <= k {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		var damage *DamageError
		if !errors.Is(err, broken) || errors.As(err, &damage) || !bytes.HasPrefix(s.bytes, got.bytes) {
			t.Fatalf("read %d failed: %v", k, err)
		}
	}
}

func TestADamagedCheckpointGoesToQuarantine(t *testing.T) {
	fs := vfs.NewMem()
	for round, want := range []string{"quarantine/checkpoint-00000000000000000005", "quarantine/checkpoint-00000000000000000005.2"} {
		mustWrite(t, fs, small(4), small(5))
		b := content(t, fs, 5)
		to, err := Quarantine(fs, 5)
		if err != nil || to != want {
			t.Fatalf("round %d: %q, %v", round, to, err)
		}
		if kept, err := vfs.ReadAll(fs, to); err != nil || !bytes.Equal(kept, b) {
			t.Errorf("round %d: kept %d bytes of %d, %v", round, len(kept), len(b), err)
		}
		if got := names(t, fs, dir); !slices.Equal(got, []string{base(4)}) {
			t.Errorf("round %d: left: %v", round, got)
		}
	}
}
