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
}

// stateOf makes a state of n bytes for a checkpoint.
func stateOf(number uint64, n int) state {
	rng := rand.New(rand.NewPCG(number, uint64(n)))
	s := state{header: Header{ID: testID, Number: number, Position: 1<<48 | number*100, UnixMS: 1700000000000 + int64(number), NextSegment: 7 + number}}
	s.bytes = make([]byte, n)
	for i := range s.bytes {
		s.bytes[i] = byte(rng.Uint32())
	}
	for i := range number % 5 {
		s.segments = append(s.segments, Segment{Number: 3*i + 1, End: rng.Uint64N(1 << 26), Bytes: rng.Uint64N(1 << 26)})
	}
	return s
}

// write makes a checkpoint of s, by writes of random lengths.
func (s state) write(fs vfs.FS, durable func() error) error {
	w, err := Create(fs, s.header)
	if err != nil {
		return err
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
