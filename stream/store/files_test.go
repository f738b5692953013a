package store

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
)

func numbers(s *Store) (all []uint64) {
	for _, seg := range s.Segments() {
		all = append(all, seg.Number)
	}
	return all
}

func TestNoNumberIsUsedTwice(t *testing.T) {
	fsys := vfs.NewMem()
	b := blockOf(t, 1, rand.New(rand.NewPCG(1, 2)))
	if ref := mustWrite(t, mustOpen(t, fsys, Options{}), b)[0]; ref.Segment != 1 {
		t.Errorf("the first: %v", ref)
	}
	if ref := mustWrite(t, mustOpen(t, fsys, Options{Next: 7}), b)[0]; ref.Segment != 7 {
		t.Errorf("what the caller says: %v", ref)
	}
	s := mustOpen(t, fsys, Options{Next: 3})
	if ref := mustWrite(t, s, b)[0]; ref.Segment != 8 {
		t.Errorf("above what is on disk: %v", ref)
	}
	mustClose(t, s)
	if err := mustOpen(t, fsys, Options{}).Remove([]uint64{8}); err != nil {
		t.Fatal(err)
	}
	put(t, fsys, Name(10), []byte("somebody else's"))
	for _, name := range []string{"readme", "11", "000000000000000000xx", "00000000000000000011.tmp"} {
		put(t, fsys, Dir+"/"+name, nil)
	}
	s = mustOpen(t, fsys, Options{Next: 9})
	if got := numbers(s); !slices.Equal(got, []uint64{1, 7, 10}) || s.Next() != 11 {
		t.Errorf("%v, next %d", got, s.Next())
	}

	// A number is taken though its file could not be made.
	fsys.Before = func(op, _ string) error {
		if op == "create" {
			return syscall.ENOSPC
		}
		return nil
	}
	if _, err := s.Write([]Block{b}); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	fsys.Before = nil
	put(t, fsys, Name(12), []byte("it was not there when the store was opened"))
	if _, err := s.Write([]Block{b}); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if ref := mustWrite(t, s, b)[0]; ref.Segment != 13 {
		t.Errorf("after two failures: %v", ref)
	}
}

func TestWhatIsRemovedIsRemovedForGood(t *testing.T) {
	fsys := vfs.NewMem()
	s := mustOpen(t, fsys, Options{SegmentBytes: 1})
	rng := rand.New(rand.NewPCG(1, 2))
	mustWrite(t, s, blockOf(t, 1, rng), blockOf(t, 2, rng), blockOf(t, 3, rng))
	if err := s.Remove([]uint64{1, 3}); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if got := numbers(mustOpen(t, fsys.Crash(rng), Options{})); !slices.Equal(got, []uint64{2}) {
			t.Fatalf("after a power cut: %v", got)
		}
	}
}

func TestNoWriteAppendsBelowTheFloorOfBefore(t *testing.T) {
	fsys := vfs.NewMem()
	s := mustOpen(t, fsys, Options{SegmentBytes: 700})
	rng := rand.New(rand.NewPCG(1, 2))
	var before uint64 // the Floor when this Write began
	fsys.Before = func(op, name string) error {
		if floor := s.Floor(); op == "create" && Name(floor) != name || floor < before {
			t.Errorf("%d at %s of %s, %d before", floor, op, name, before)
		}
		return nil
	}
	for n := range uint64(100) {
		before = s.Floor()
		if refs := mustWrite(t, s, blockOf(t, n, rng), blockOf(t, n, rng)); refs[0].Segment < before {
			t.Errorf("%d, and %v after it", before, refs)
		}
	}
}

func TestTheFileThatIsWrittenIsNotRemoved(t *testing.T) {
	fsys := vfs.NewMem()
	s := mustOpen(t, fsys, Options{SegmentBytes: 1})
	rng := rand.New(rand.NewPCG(1, 2))
	if s.Floor() != 1 {
		t.Errorf("before the first Write: %d", s.Floor())
	}
	full := mustWrite(t, s, blockOf(t, 1, rng))[0]
	s.segmentBytes = 1 << 20
	if s.Floor() != 2 {
		t.Errorf("with one that is complete: %d", s.Floor())
	}
	open := mustWrite(t, s, blockOf(t, 2, rng))[0]
	if s.Floor() != 2 {
		t.Errorf("with one that is not: %d", s.Floor())
	}
	if segs := s.Segments(); len(segs) != 2 || !segs[0].Closed || segs[1].Closed {
		t.Errorf("%+v", segs)
	}
	if err := s.Remove([]uint64{open.Segment, full.Segment, 99}); err == nil || err.Error() != "store: segments/00000000000000000002 is being written" {
		t.Error(err)
	}
	if got := numbers(s); !slices.Equal(got, []uint64{2}) {
		t.Errorf("the others are removed: %v", got)
	}
	if _, err := s.Read(open); err != nil {
		t.Error(err)
	}
	mustClose(t, s)
	if err := s.Remove([]uint64{open.Segment}); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

func TestAFileWhoseFooterFailsIsClosedNevertheless(t *testing.T) {
	fsys := vfs.NewMem()
	s := mustOpen(t, fsys, Options{})
	ref := mustWrite(t, s, blockOf(t, 1, rand.New(rand.NewPCG(1, 2))))[0]
	fsys.Before = func(op, _ string) error {
		if op == "sync" {
			return syscall.EIO
		}
		return nil
	}
	if err := s.Close(); !errors.Is(err, syscall.EIO) {
		t.Error(err)
	}
	if segs := s.Segments(); len(segs) != 1 || !segs[0].Closed {
		t.Errorf("%+v", segs)
	}
	fsys.Before = nil
	if _, _, err := CheckRef(fsys, testID, ref); err != nil {
		t.Error(err)
	}
}

func TestNothingIsMadeForNothing(t *testing.T) {
	fsys := vfs.NewMem()
	s := mustOpen(t, fsys, Options{})
	if refs, err := s.Write(nil); err != nil || len(refs) != 0 {
		t.Error(refs, err)
	}
	if err := s.Remove(nil); err != nil {
		t.Error(err)
	}
	mustClose(t, s)
	mustClose(t, s)
	if names, err := fsys.List(Dir); err != nil || len(names) != 0 {
		t.Errorf("%v, %v", names, err)
	}
}

func TestBlocksOfEverySizeComeBack(t *testing.T) {
	s := mustOpen(t, vfs.OS{Root: t.TempDir()}, Options{SegmentBytes: 8 << 20})
	rng := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 3<<20)
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	for _, c := range []struct {
		content []byte
		codec   codec
	}{
		{[]byte("x"), codecNone},
		{make([]byte, 1000), codecS2},
		{random[:70_000], codecNone},
		{append(make([]byte, 70_000), random[:30_000]...), codecS2},
		{append(make([]byte, 3_000), random[:67_000]...), codecNone}, // four in a hundred are not worth it
		{random, codecNone},
		{make([]byte, plainBytes-1<<16), codecS2},
		{make([]byte, plainBytes+100), codecNone}, // too large to be compressed
	} {
		body := bodyOf(t, c.content)
		ref := mustWrite(t, s, Block{Key: bytes.Repeat([]byte("k"), 5000), Body: body})[0]
		got, r, err := CheckRef(s.fs, testID, ref)
		if err != nil || !same(got, body) || r.codec != c.codec || len(r.Key) != maxKey {
			t.Errorf("%d bytes: codec %d, key of %d, %v", len(c.content), r.codec, len(r.Key), err)
		}
		if w := &s.writer; cap(w.buf)+cap(w.scratch) > 9<<20 {
			t.Errorf("%d bytes: the writer keeps %d and %d", len(c.content), cap(w.buf), cap(w.scratch))
		}
	}
	mustClose(t, s)
}

func TestAWriteIsOneFsyncAndOneMoreForTheNameOfANewFile(t *testing.T) {
	fsys := vfs.NewMem()
	s := mustOpen(t, fsys, Options{SegmentBytes: 2000})
	rng := rand.New(rand.NewPCG(1, 2))
	var ops []string
	fsys.Before = func(op, _ string) error {
		ops = append(ops, op)
		return nil
	}
	small := Block{Body: bodyOf(t, make([]byte, 50))}
	random := make([]byte, 6000)
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	large := Block{Body: bodyOf(t, random)}
	for _, c := range []struct {
		what   string
		blocks []Block
		want   []string
	}{
		{"the first of all", []Block{small, small}, []string{"create", "write", "sync", "syncdir"}},
		{"more", []Block{small, small, small}, []string{"write", "sync"}},
		{"what fills the file", []Block{small, large}, []string{"write", "sync"}},
		{"what fills a new file and begins another", []Block{large, small}, []string{"create", "write", "sync", "syncdir", "create", "write", "sync", "syncdir"}},
	} {
		ops = nil
		mustWrite(t, s, c.blocks...)
		if !slices.Equal(ops, c.want) {
			t.Errorf("%s: %v", c.what, ops)
		}
	}
}

func TestABlockThatNoRecordCanHoldIsRefusedAndDisturbsNothing(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), Options{})
	b := blockOf(t, 1, rand.New(rand.NewPCG(1, 2)))
	first := mustWrite(t, s, b)[0]
	// These bytes are never touched, so they take no memory.
	huge, err := stream.DecodeBody(append(make([]byte, 0, maxRaw+1), 1, 0, 0, 'x'))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]Block{b, {Body: huge}}); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if ref := mustWrite(t, s, b)[0]; ref.Segment != first.Segment || ref.Offset != first.Offset+first.Length {
		t.Errorf("the next one is at %v", ref)
	}
}

func TestWhatOpenNeedsMayFail(t *testing.T) {
	for _, op := range []string{"mkdir", "list", "size"} {
		fsys := vfs.NewMem()
		mustWrite(t, mustOpen(t, fsys, Options{}), blockOf(t, 1, rand.New(rand.NewPCG(1, 2))))
		fsys.Before = func(o, _ string) error {
			if o == op {
				return syscall.EIO
			}
			return nil
		}
		if _, err := Open(Options{FS: fsys}); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

var golden = flag.Bool("golden", false, "write testdata/format-1 again: for a format that was never released only")

// TestFormat1CanBeReadForever reads a file that this version may not be able to write any more.
func TestFormat1CanBeReadForever(t *testing.T) {
	const dir = "testdata/format-1"
	mem := vfs.NewMem()
	sm := sampleOf(t, mem, 12, true)
	if *golden {
		if err := os.MkdirAll(dir+"/"+Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+Name(1), sm.bytes, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	disk := vfs.OS{Root: dir}
	content, err := vfs.ReadAll(disk, Name(1))
	if err != nil {
		t.Fatal(err)
	}
	var records []Record
	report, err := Verify(disk, testID, 1, 0, func(r Record, err error) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	})
	if err != nil || len(records) != len(sm.blocks) || !report.Complete || report.Bytes != int64(len(content)) {
		t.Fatalf("%d blocks, %+v, %v", len(records), report, err)
	}
	for i, r := range records {
		b := sm.blocks[i]
		body, _, err := CheckRef(disk, testID, r.Ref)
		if err != nil || !same(body, b.Body) {
			t.Errorf("block %d is another: %v", i, err)
		}
		if r.DB != b.DB || string(r.Key) != string(b.Key) || r.First != b.First || r.Last != b.Last || r.Entries != b.Entries {
			t.Errorf("block %d: %+v", i, r)
		}
	}
}
