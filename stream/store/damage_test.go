package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
)

// sample is a small segment file, and what is in it.
type sample struct {
	bytes  []byte
	refs   []stream.Ref
	blocks []Block
	end    int64 // of the last record
}

// sampleOf writes n blocks to a segment, which has a footer if closed.
func sampleOf(t testing.TB, fsys *vfs.Mem, n int, closed bool) sample {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	s := mustOpen(t, fsys, Options{})
	var sm sample
	for i := range n {
		sm.blocks = append(sm.blocks, blockOf(t, uint64(i), rng))
	}
	sm.refs = mustWrite(t, s, sm.blocks...)
	last := sm.refs[n-1]
	sm.end = int64(last.Offset) + int64(last.Length)
	if closed {
		mustClose(t, s)
	}
	var err error
	if sm.bytes, err = vfs.ReadAll(fsys, Name(last.Segment)); err != nil {
		t.Fatal(err)
	}
	return sm
}

// put gives a file other content.
func put(t testing.TB, fsys vfs.FS, name string, content []byte) {
	t.Helper()
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	f, err := fsys.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close(), fsys.SyncDir(Dir)); err != nil {
		t.Fatal(err)
	}
}

// readable reads every block of a sample with a fresh store and returns which are there. None may have other bytes, and
// what is not there must be damage that names the file.
func (sm *sample) readable(t *testing.T, fsys vfs.FS) []bool {
	t.Helper()
	s := mustOpen(t, fsys, Options{})
	good := make([]bool, len(sm.refs))
	for i, ref := range sm.refs {
		body, err := s.Read(ref)
		var d *DamageError
		switch {
		case err == nil && !same(body, sm.blocks[i].Body):
			t.Fatalf("block %d has other bytes", i)
		case err == nil:
			good[i] = true
		case !errors.As(err, &d) || d.File != Name(ref.Segment) || d.Offset != int64(ref.Offset):
			t.Fatalf("block %d: %v", i, err)
		}
	}
	return good
}

// verified is what Verify says of segment 1.
func verified(t *testing.T, fsys vfs.FS, end int64) (report Report, good, bad []Record, err error) {
	t.Helper()
	report, err = Verify(fsys, testID, 1, end, func(r Record, err error) {
		if err == nil {
			good = append(good, r)
			return
		}
		var d *DamageError
		if !errors.As(err, &d) || d.File != Name(1) {
			t.Fatal(err)
		}
		bad = append(bad, r)
	})
	return report, good, bad, err
}

func TestEverySingleBitFlipIsFoundOrChangesNothing(t *testing.T) {
	for _, closed := range []bool{true, false} {
		fsys := vfs.NewMem()
		sm := sampleOf(t, fsys, 4, closed)
		for i := range sm.bytes {
			for bit := range 8 {
				damaged := bytes.Clone(sm.bytes)
				damaged[i] ^= 1 << bit
				put(t, fsys, Name(1), damaged)
				at := fmt.Sprintf("bit %d of byte %d, closed %t", bit, i, closed)
				hit := slices.IndexFunc(sm.refs, func(r stream.Ref) bool {
					return int(r.Offset) <= i && i < int(r.Offset+r.Length)
				})
				for k, good := range sm.readable(t, fsys) {
					if good == (k == hit) {
						t.Fatalf("%s: reading block %d, hit %t: good %t", at, k, k == hit, good)
					}
				}
				report, good, bad, err := verified(t, fsys, sm.end)
				found := mustOpen(t, fsys, Options{}).Find(map[uint64]int64{1: sm.end})
				if header := i < headerBytes; header != (found != nil) || header != (err != nil) {
					t.Fatalf("%s: header %t: Find %v, Verify %v", at, header, found, err)
				}
				if hit < 0 {
					footer := int64(i) >= sm.end
					if len(good) != len(sm.refs) || len(bad) != 0 || (report.Rest > 0) != footer || report.Complete != (closed && !footer) {
						t.Fatalf("%s: %+v, %d damaged", at, report, len(bad))
					}
					continue
				}
				if len(good) != len(sm.refs)-1 || len(bad) != 1 || report.Rest != 0 {
					t.Fatalf("%s: %+v, %d damaged", at, report, len(bad))
				}
				ref, b := sm.refs[hit], sm.blocks[hit]
				inContent := i >= int(ref.Offset)+headBytes+len(b.Key) || i >= int(ref.Offset)+recordCRC && i < int(ref.Offset)+headBytes
				switch r := bad[0]; {
				case inContent != (r.Ref == ref):
					t.Fatalf("%s: in the content %t, and the head said %+v", at, inContent, r)
				case inContent && (r.DB != b.DB || string(r.Key) != string(b.Key) || r.First != b.First || r.Last != b.Last || r.Entries != b.Entries):
					t.Fatalf("%s: the head said %+v", at, r)
				}
			}
		}
	}
}

func TestAFileThatEndsAnywhereGivesWhatIsWhole(t *testing.T) {
	for _, closed := range []bool{true, false} {
		fsys := vfs.NewMem()
		sm := sampleOf(t, fsys, 4, closed)
		for size := range len(sm.bytes) {
			put(t, fsys, Name(1), sm.bytes[:size])
			whole := 0
			for i, good := range sm.readable(t, fsys) {
				if good != (int(sm.refs[i].Offset+sm.refs[i].Length) <= size) {
					t.Fatalf("%d bytes: block %d good %t", size, i, good)
				}
				if good {
					whole++
				}
			}
			s := mustOpen(t, fsys, Options{})
			err := s.Find(map[uint64]int64{1: sm.end})
			var d *DamageError
			if short := int64(size) < sm.end; short != errors.As(err, &d) || short && d.File != Name(1) {
				t.Fatalf("%d bytes: %v", size, err)
			}
			for _, end := range []int64{0, sm.end} {
				report, good, bad, err := verified(t, fsys, end)
				if len(good) != whole || (err != nil) != (size < headerBytes || int64(size) < end) || report.Complete {
					t.Fatalf("%d bytes, end %d: %+v, %v", size, end, report, err)
				}
				if end == 0 && len(bad) != 0 {
					t.Fatalf("%d bytes: damage, but nothing refers to it", size)
				}
			}
		}
	}
}

// TestSectorsThatAreZeroedSwappedOrOldNeverGiveOtherBytes damages sectors as disks do.
func TestSectorsThatAreZeroedSwappedOrOldNeverGiveOtherBytes(t *testing.T) {
	const sector = 512
	fsys := vfs.NewMem()
	sm := sampleOf(t, fsys, 40, true)
	n := len(sm.bytes) / sector
	if n < 8 {
		t.Fatalf("only %d sectors", n)
	}
	check := func(what string, damaged []byte) {
		t.Helper()
		put(t, fsys, Name(1), damaged)
		lost := 0
		for i, good := range sm.readable(t, fsys) {
			from, to := sm.refs[i].Offset, sm.refs[i].Offset+sm.refs[i].Length
			if good != bytes.Equal(damaged[from:to], sm.bytes[from:to]) {
				t.Fatalf("%s: block %d: good %t", what, i, good)
			}
			if !good {
				lost++
			}
		}
		if report, good, _, err := verified(t, fsys, sm.end); len(good) != len(sm.refs)-lost {
			t.Fatalf("%s: %d lost, %+v, %v", what, lost, report, err)
		}
	}
	for i := range n {
		zeroed := bytes.Clone(sm.bytes)
		clear(zeroed[i*sector : (i+1)*sector])
		check(fmt.Sprintf("sector %d zeroed", i), zeroed)
		for j := range i {
			swapped := bytes.Clone(sm.bytes)
			copy(swapped[i*sector:], sm.bytes[j*sector:(j+1)*sector])
			check(fmt.Sprintf("sector %d copied to %d", j, i), swapped)
			copy(swapped[j*sector:], sm.bytes[i*sector:(i+1)*sector])
			check(fmt.Sprintf("sectors %d and %d swapped", i, j), swapped)
		}
	}
}

func TestARecordIsGoodAtItsPlaceOnly(t *testing.T) {
	fsys := vfs.NewMem()
	s := mustOpen(t, fsys, Options{})
	b := blockOf(t, 7, rand.New(rand.NewPCG(1, 2)))
	refs := mustWrite(t, s, b, b, b)
	mustClose(t, s)
	other := mustOpen(t, fsys, Options{})
	elsewhere := mustWrite(t, other, b)[0]
	content, err := vfs.ReadAll(fsys, Name(1))
	if err != nil {
		t.Fatal(err)
	}
	record := func(i int) []byte { return content[refs[i].Offset : refs[i].Offset+refs[i].Length] }
	if len(record(0)) != len(record(1)) || elsewhere.Offset != refs[0].Offset {
		t.Fatal("the records must be alike")
	}
	moved := bytes.Clone(content)
	copy(moved[refs[0].Offset:], record(1))
	put(t, fsys, Name(1), moved)
	mustDamage(t, "moved within its file", fsys, testID, refs[0])
	put(t, fsys, Name(2), content)
	mustDamage(t, "moved to another file", fsys, testID, elsewhere)
	put(t, fsys, Name(1), content)
	mustDamage(t, "of another directory", fsys, [16]byte{9}, refs[0])
	long, short, far := refs[0], refs[0], refs[2]
	long.Length++
	short.Length--
	far.Offset += far.Length
	for _, ref := range []stream.Ref{long, short, far, {Segment: 1}, {Segment: 1, Length: 5}, {Segment: 1, Offset: 1<<32 - 1, Length: 1<<32 - 1}} {
		mustDamage(t, "a wrong reference", fsys, testID, ref)
	}
	if body, r, err := CheckRef(fsys, testID, refs[0]); err != nil || !same(body, b.Body) || r.Ref != refs[0] || string(r.Key) != string(b.Key) {
		t.Errorf("at its place: %+v, %v", r, err)
	}
}

// TestTheNextRecordIsFoundHoweverFarItIs damages the head of a record in a file without a footer: what is behind it is found
// by looking for it, a megabyte at a time.
func TestTheNextRecordIsFoundHoweverFarItIs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 1<<20+200)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	for _, size := range []int{500, 1<<20 - headBytes - 1, 1<<20 - headBytes, 1 << 20, 1<<20 + 100} {
		fsys := vfs.NewMem()
		s := mustOpen(t, fsys, Options{})
		refs := mustWrite(t, s, Block{Body: bodyOf(t, noise[:size-3])}, blockOf(t, 1, rng), blockOf(t, 2, rng))
		if int(refs[0].Length) != headBytes+size {
			t.Fatalf("%v: it was compressed", refs[0])
		}
		content, err := vfs.ReadAll(fsys, Name(1))
		if err != nil {
			t.Fatal(err)
		}
		content[headerBytes+10] ^= 1
		put(t, fsys, Name(1), content)
		report, good, bad, err := verified(t, fsys, int64(len(content)))
		if err != nil || len(good) != 2 || len(bad) != 1 || good[0].Ref != refs[1] || report.Rest != 0 {
			t.Errorf("%d bytes: %+v, %d good, %d bad, %v", size, report, len(good), len(bad), err)
		}
	}
}

func TestAReferenceThatCannotBeAllocatesNothing(t *testing.T) {
	fsys := vfs.NewMem()
	sampleOf(t, fsys, 1, true)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	mustDamage(t, "behind the end of the file", fsys, testID, stream.Ref{Segment: 1, Offset: headerBytes, Length: 1<<32 - 1})
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes", n)
	}
}

func mustDamage(t *testing.T, what string, fsys vfs.FS, id [16]byte, ref stream.Ref) {
	t.Helper()
	var d *DamageError
	if _, _, err := CheckRef(fsys, id, ref); !errors.As(err, &d) {
		t.Errorf("%s: %v: %v", what, ref, err)
	}
}

func TestFindNamesTheFileThatIsNotAsItShouldBe(t *testing.T) {
	fsys := vfs.NewMem()
	rng := rand.New(rand.NewPCG(1, 2))
	named := map[uint64]int64{}
	var contents [3][]byte
	for i := range contents {
		s := mustOpen(t, fsys, Options{})
		ref := mustWrite(t, s, blockOf(t, uint64(i), rng))[0]
		named[ref.Segment] = int64(ref.Offset + ref.Length)
		if i != 2 {
			mustClose(t, s) // the last one ends without a footer, which is fine
		}
		var err error
		if contents[i], err = vfs.ReadAll(fsys, Name(uint64(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	s := mustOpen(t, fsys, Options{})
	if err := s.Find(named); err != nil {
		t.Fatal(err)
	}
	header := func(change func([]byte)) []byte {
		b := bytes.Clone(contents[1])
		change(b)
		id, number := [16]byte(b[12:28]), binary.LittleEndian.Uint64(b[28:])
		binary.LittleEndian.PutUint32(b[36:], crc32.Update(seedOf(id, number), castagnoli, b[:36]))
		return b
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"missing":      {nil, "the file is missing"},
		"swapped":      {contents[0], "the file is segment 1: it was renamed or swapped"},
		"empty":        {[]byte{}, "the file ends inside its header"},
		"short":        {contents[1][:named[2]-1], fmt.Sprintf("the file ends here, and records up to %d were written", named[2])},
		"foreign":      {header(func(b []byte) { b[12]++ }), "the file belongs to another data directory"},
		"newer":        {header(func(b []byte) { b[formatOffset]++ }), "the file has format 2, and this version knows 1 only"},
		"another file": {header(func(b []byte) { b[0]++ }), "the file does not begin as a segment"},
		"damaged":      {append([]byte(headerMagic), make([]byte, 500)...), "the header fails its checksum"},
	} {
		put(t, fsys, Name(2), c.content)
		if c.content == nil {
			if err := fsys.Remove(Name(2)); err != nil {
				t.Fatal(err)
			}
		}
		err := s.Find(named)
		if err == nil || !strings.HasPrefix(err.Error(), Name(2)+" is damaged at offset ") || !strings.HasSuffix(err.Error(), ": "+c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if c.content == nil {
			put(t, fsys, Name(2), contents[1])
		}
	}
}
