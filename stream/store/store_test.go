package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
)

var testID = [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

// bodyOf makes a body of content, which need not be entries: a store does not look.
func bodyOf(t testing.TB, content []byte) *stream.Body {
	t.Helper()
	b, err := stream.DecodeBody(append([]byte{1, 0, 0}, content...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// blockOf is a block with the number n in it, some of which compress and some do not.
func blockOf(t testing.TB, n uint64, rng *rand.Rand) Block {
	t.Helper()
	content := binary.BigEndian.AppendUint64(nil, n)
	size := 1 + rng.IntN(300)
	if rng.IntN(2) == 0 {
		content = append(content, bytes.Repeat([]byte("event "), size)...)
	} else {
		for range size {
			content = append(content, byte(rng.Uint32()))
		}
	}
	return Block{
		DB: int(n % 16), Key: fmt.Appendf(nil, "stream-%d", n), First: stream.ID{MS: n}, Last: stream.ID{MS: n, Seq: 9}, Entries: 10,
		Body: bodyOf(t, content),
	}
}

func mustOpen(t testing.TB, fs vfs.FS, o Options) *Store {
	t.Helper()
	o.FS, o.ID = fs, testID
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustWrite(t testing.TB, s *Store, blocks ...Block) []stream.Ref {
	t.Helper()
	refs, err := s.Write(blocks)
	if err != nil {
		t.Fatal(err)
	}
	return refs
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// same tells whether two bodies have the same content.
func same(a, b *stream.Body) bool { return bytes.Equal(a.Append(nil), b.Append(nil)) }

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, fs, Options{SegmentBytes: 4 << 10})
	rng := rand.New(rand.NewPCG(1, 2))
	var blocks []Block
	for n := range uint64(50) {
		blocks = append(blocks, blockOf(t, n, rng))
	}
	refs := append(mustWrite(t, s, blocks[:20]...), mustWrite(t, s, blocks[20:]...)...)
	check := func(s *Store) {
		t.Helper()
		for i, ref := range refs {
			body, err := s.Read(ref)
			if err != nil {
				t.Fatal(err)
			}
			if !same(body, blocks[i].Body) {
				t.Fatalf("block %d is another", i)
			}
		}
	}
	check(s)
	mustClose(t, s)
	if _, err := s.Read(refs[0]); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := s.Write(blocks); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	again := mustOpen(t, fs, Options{})
	check(again)
	if refs[49].Segment < 2 || again.Next() != refs[49].Segment+1 {
		t.Errorf("last ref %v, next segment %d", refs[49], again.Next())
	}
	if got := mustWrite(t, again, blocks[0])[0]; got.Segment != refs[49].Segment+1 || got.Offset != headerBytes {
		t.Errorf("after opening again: %v", got)
	}
	for _, seg := range again.Segments() {
		rest := 0
		report, err := Verify(fs, testID, seg.Number, seg.Bytes, func(r Record, err error) {
			if err != nil {
				t.Error(err)
			}
			rest++
		})
		if err != nil || report.Records != rest || report.Complete == !seg.Closed || report.Rest != 0 {
			t.Errorf("segment %v: %+v, %v", seg, report, err)
		}
	}
}
