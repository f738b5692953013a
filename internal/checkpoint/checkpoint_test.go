package checkpoint

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/weirmq/weir/internal/vfs"
)

var testID = [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

// state is what a test puts into a checkpoint.
type state struct {
	header   Header
	bytes    []byte
	segments []Segment
	section  int // bytes of a section, if it is not to be sectionBytes
}

// stateOf makes a state of n bytes for a checkpoint, the same each time.
func stateOf(number uint64, n int) state {
	rng := rand.New(rand.NewPCG(number, uint64(n)))
	s := state{header: Header{ID: testID, Number: number, Position: 1<<48 | number*100, UnixMS: 1700000000000 + int64(number), NextSegment: 7 + number}}
	s.bytes = make([]byte, n)
	for i := range s.bytes {
		s.bytes[i] = byte(rng.Uint32())
	}
	for i := range number % 5 {
		s.segments = append(s.segments, Segment{Number: 3*i + 1, End: rng.Int64N(1 << 26), Bytes: rng.Int64N(1 << 26)})
	}
	return s
}

// write makes a checkpoint of s, by writes of random lengths.
func (s state) write(fs vfs.FS, durable func() error) error {
	w, err := Create(fs, s.header)
	if err != nil {
		return err
	}
	if s.section > 0 {
		w.buf = make([]byte, sectionHeader, sectionHeader+s.section)
		w.every = int64(3 * s.section)
	}
	rng := rand.New(rand.NewPCG(s.header.Number, 0))
	for rest := s.bytes; len(rest) > 0; {
		n := min(len(rest), 1+rng.IntN(1+len(s.bytes)/3))
		if _, err := w.Write(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	for _, seg := range slices.Backward(s.segments) {
		w.Name(seg.Number, seg.End/2, seg.Bytes/3)
		w.Name(seg.Number, seg.End, seg.Bytes-seg.Bytes/3)
	}
	return w.Finish(durable)
}

// read reads a checkpoint whole.
func read(fs vfs.FS, number uint64) (s state, err error) {
	r, err := Open(fs, number, testID)
	if err != nil {
		return s, err
	}
	s.header, s.segments = r.Header(), r.Segments()
	s.bytes, err = io.ReadAll(r)
	if err == nil && int64(len(s.bytes)) != r.Size() {
		err = errors.New("Size is not the length of the state")
	}
	return s, errors.Join(err, r.Close())
}

func (s state) equal(other state) bool {
	return s.header == other.header && bytes.Equal(s.bytes, other.bytes) && slices.Equal(s.segments, other.segments)
}

func atOnce() error { return nil }

func mustWrite(t *testing.T, fs vfs.FS, states ...state) {
	t.Helper()
	for _, s := range states {
		if err := s.write(fs, atOnce); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	for i, n := range []int{0, 1, 100, sectionBytes - 1, sectionBytes, sectionBytes + 1, 3*sectionBytes + 17} {
		want := stateOf(uint64(i+1), n)
		for _, fs := range []vfs.FS{vfs.NewMem(), vfs.OS{Root: t.TempDir()}} {
			mustWrite(t, fs, want)
			got, err := read(fs, want.header.Number)
			if err != nil || !got.equal(want) {
				t.Errorf("%T, a state of %d bytes: read back %d bytes, %+v, %v", fs, n, len(got.bytes), got.header, err)
			}
		}
	}
}

// names returns what is in the directory.
func names(t *testing.T, fs vfs.FS, dir string) []string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// content returns the bytes of a checkpoint's file.
func content(t *testing.T, fs vfs.FS, number uint64) []byte {
	t.Helper()
	b, err := vfs.ReadAll(fs, name(number))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// put makes a file of b that is called as a checkpoint is.
func put(t testing.TB, number uint64, b []byte) vfs.FS {
	t.Helper()
	fs := vfs.NewMem()
	err := fs.MakeDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := fs.Create(name(number))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	return fs
}

func TestTheNewestAreListedFirstAndKept(t *testing.T) {
	fs := vfs.NewMem()
	if infos, err := List(fs); err != nil || len(infos) > 0 {
		t.Fatalf("without a directory: %v, %v", infos, err)
	}
	if err := errors.Join(Keep(fs, 2), RemoveLeftovers(fs)); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, fs, stateOf(9, 10), stateOf(10, 20), stateOf(100, 30))
	w, err := Create(fs, Header{ID: testID, Number: 101})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.Create(dir + "/notes.txt"); err != nil { // somebody's
		t.Fatal(err)
	}
	check := func(numbers ...uint64) {
		t.Helper()
		infos, err := List(fs)
		if err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for _, info := range infos {
			got = append(got, info.Number)
			h := stateOf(info.Number, 0).header
			if info.Err != nil || info.Position != h.Position || info.UnixMS != h.UnixMS || info.File != name(info.Number) || info.Bytes != int64(len(content(t, fs, info.Number))) {
				t.Errorf("%+v", info)
			}
		}
		if !slices.Equal(got, numbers) {
			t.Errorf("listed %v, want %v", got, numbers)
		}
	}
	check(100, 10, 9)
	if err := Keep(fs, 2); err != nil {
		t.Fatal(err)
	}
	check(100, 10)
	w.file = nil // as after the end of the process
	if err := RemoveLeftovers(fs); err != nil {
		t.Fatal(err)
	}
	if got := names(t, fs, dir); !slices.Equal(got, []string{base(10), base(100), "notes.txt"}) {
		t.Errorf("left: %v", got)
	}
}

func TestAnUnfinishedFileIsReplaced(t *testing.T) {
	fs := vfs.NewMem()
	w, err := Create(fs, Header{ID: testID, Number: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 2*sectionBytes)); err != nil {
		t.Fatal(err)
	}
	want := stateOf(1, 99)
	mustWrite(t, fs, want)
	if got, err := read(fs, 1); err != nil || !got.equal(want) {
		t.Fatal(got.header, err)
	}
	if got := names(t, fs, dir); !slices.Equal(got, []string{base(1)}) {
		t.Errorf("left: %v", got)
	}
}

func TestAnAbortedCheckpointLeavesNothing(t *testing.T) {
	fs := vfs.NewMem()
	w, err := Create(fs, Header{ID: testID, Number: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.Abort()
	w.Abort()
	if _, err := w.Write([]byte("more")); err == nil {
		t.Error("Write after Abort succeeded")
	}
	if err := w.Finish(atOnce); err == nil {
		t.Error("Finish after Abort succeeded")
	}
	if got := names(t, fs, dir); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}

func TestAFinishedCheckpointCannotBeAborted(t *testing.T) {
	fs := vfs.NewMem()
	w, err := Create(fs, Header{ID: testID, Number: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(atOnce); err != nil {
		t.Fatal(err)
	}
	if b := content(t, fs, 1); int64(len(b)) != w.Bytes() {
		t.Errorf("Bytes says %d, and the file has %d", w.Bytes(), len(b))
	}
	w.Abort()
	if _, err := read(fs, 1); err != nil {
		t.Error(err)
	}
}

func TestACheckpointHasNoNameBeforeTheLogIsDurable(t *testing.T) {
	fs := vfs.NewMem()
	s := stateOf(1, 1000)
	lost := errors.New("the log has failed")
	err := s.write(fs, func() error {
		if got := names(t, fs, dir); !slices.Equal(got, []string{base(1) + aside}) {
			t.Errorf("while the log is waited for: %v", got)
		}
		return lost
	})
	if !errors.Is(err, lost) {
		t.Errorf("Finish: %v", err)
	}
	if got := names(t, fs, dir); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}

func TestAReaderCanBeClosedAtAnyTime(t *testing.T) {
	fs := vfs.NewMem()
	s := stateOf(3, 1000)
	s.section = 64
	mustWrite(t, fs, s)
	for _, n := range []int{0, 1, 64, 65, 500, 1000} {
		r, err := Open(fs, 3, testID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if n, err := r.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("Read after Close: %d, %v", n, err)
		}
	}
}
