package stream

import (
	"bufio"
	"bytes"
	"testing"
)

// FuzzDecodeStream hands Decode what its checksum would not have let through: it must end, without a panic, and without
// much more memory than it read.
func FuzzDecodeStream(f *testing.F) {
	shelf := newShelf()
	s := New(Config{BlockEntries: 3, Source: shelf, Totals: &shelf.totals})
	for i := range 20 {
		s.Append(ID{uint64(i + 1), 0}, [][]byte{[]byte("f"), []byte("v")})
		if i == 12 {
			shelf.spill(1)
			s.Delete(ID{2, 0})
			s.Trim(ID{4, 0}, 3)
			s.Delete(ID{6, 0})
		}
	}
	for range 2 {
		var b bytes.Buffer
		w := bufio.NewWriter(&b)
		if err := s.Copy().Encode(w, func(Ref) {}); err != nil {
			f.Fatal(err)
		}
		_ = w.Flush()
		f.Add(b.Bytes())
		s.EnsureIdempotency().Record([]byte("p"), []byte("i"), ID{20, 0}, 1000)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Decode(bufio.NewReader(bytes.NewReader(b)), Config{Source: newShelf()})
		if err == nil && s.Bytes() > 1000*len(b)+1<<20 {
			t.Errorf("%d bytes became %d", len(b), s.Bytes())
		}
	})
}

// FuzzDecodeBody does the same with the content of a block.
func FuzzDecodeBody(f *testing.F) {
	s := New(Config{})
	for i := range 40 {
		s.Append(ID{uint64(i + 1), 0}, [][]byte{[]byte("f"), []byte("v")})
	}
	f.Add(s.open.Append(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		b, err := DecodeBody(p)
		if err == nil && !bytes.Equal(b.data, p[len(p)-len(b.data):]) {
			t.Error("the data is not at the end")
		}
	})
}
