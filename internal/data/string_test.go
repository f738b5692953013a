package data

import (
	"bufio"
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// someLength is around where a string changes its form, or a page ends.
func someLength() *rapid.Generator[int] {
	return rapid.Custom(func(t *rapid.T) int {
		edge := rapid.SampledFrom([]int{0, 0, 0, 100, blobPage, 2 * blobPage, 5 * blobPage}).Draw(t, "edge")
		return max(0, edge+rapid.IntRange(-20, 20).Draw(t, "off"))
	})
}

func someBytes(t *rapid.T) []byte {
	b := make([]byte, someLength().Draw(t, "length"))
	fill := rapid.Byte().Draw(t, "fill")
	for i := range b {
		b[i] = fill + byte(i)
	}
	return b
}

func TestAStringIsItsBytesWhateverIsDoneToIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s String
		var model []byte
		var copies []*BlobCopy
		var were [][]byte
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				b := someBytes(t)
				s.Append(b)
				model = append(model, b...)
			case 1, 2:
				b, at := someBytes(t), someLength().Draw(t, "at")
				s.Write(at, b)
				if end := at + len(b); end > len(model) {
					model = append(model, make([]byte, end-len(model))...)
				}
				copy(model[at:], b)
			case 3:
				if s.Large != nil {
					copies, were = append(copies, s.Large.Copy()), append(were, bytes.Clone(model))
				}
			}
			if s.Len() != len(model) || !bytes.Equal(s.Flat(), model) {
				t.Fatalf("%d bytes, and not %d, or other ones", s.Len(), len(model))
			}
			if s.Large == nil != (len(s.Packed) == len(model)) {
				t.Fatal("neither packed nor large, or both")
			}
		}
		for i, c := range copies {
			if back := recode(t, c); !bytes.Equal(String{Large: back}.Flat(), were[i]) {
				t.Fatal("a copy has changed")
			}
		}
	})
}

func recode(t interface{ Fatal(...any) }, c *BlobCopy) *Blob {
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	if err := errors.Join(c.Encode(w), w.Flush()); err != nil {
		t.Fatal(err)
	}
	b, err := DecodeBlob(bufio.NewReader(&out))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestACloneGoesItsOwnWay(t *testing.T) {
	a := NewBlob(bytes.Repeat([]byte("a"), 3*blobPage))
	b := a.Clone()
	a.Write(0, []byte("x"))
	b.Write(blobPage, []byte("y"))
	if (String{Large: b}).At(0) != 'a' || (String{Large: a}).At(blobPage) != 'a' {
		t.Error("one has the other's bytes")
	}
}

func TestABitFarBehindTheEndTakesOnePage(t *testing.T) {
	const far = 512<<20 - 1
	var s String
	s.Write(far, []byte{1})
	if s.Len() != far+1 || s.At(far) != 1 || s.At(far-1) != 0 || s.At(3) != 0 {
		t.Fatal("the string is not what it should be")
	}
	if n := s.Large.Bytes(); n > 400<<10 {
		t.Errorf("it takes %d bytes", n)
	}
	if n := s.CountBits(0, 8*s.Len()); n != 1 {
		t.Errorf("%d bits are set", n)
	}
	or := BitOr.Combine([]String{s, {Packed: []byte("x")}})
	if n := or.Large.Bytes(); n > 400<<10 {
		t.Errorf("what it is combined to takes %d bytes", n)
	}
}

func TestACopyOfALargeStringTakesNoTime(t *testing.T) {
	s := NewBlob(nil)
	s.Write(512<<20-1, []byte{1})
	if n := testing.AllocsPerRun(10, func() { s.Copy() }); n > 2 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDecodeBlob(f *testing.F) {
	for _, b := range []*Blob{NewBlob(nil), NewBlob([]byte("abc")), NewBlob(make([]byte, blobPage+1))} {
		var out bytes.Buffer
		w := bufio.NewWriter(&out)
		if err := errors.Join(b.Copy().Encode(w), w.Flush()); err != nil {
			f.Fatal(err)
		}
		f.Add(out.Bytes())
	}
	f.Add([]byte("\xff\xff\xff\xff\x03\x01\x80\x02\x01x"))
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := DecodeBlob(bufio.NewReader(bytes.NewReader(in)))
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
			return
		}
		s := String{Large: b}
		if s.Len() > 0 {
			s.At(s.Len() - 1)
			s.CountBits(0, 8*min(s.Len(), 1<<20))
		}
		if s.Len() < MaxBlob-4 {
			s.Append([]byte("more"))
		}
		recode(t, b.Copy())
	})
}

func TestBitsAreThoseOfANaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sources []String
		var models [][]byte
		longest := 0
		for range rapid.IntRange(1, 4).Draw(t, "sources") {
			b := someBytes(t)
			if rapid.Bool().Draw(t, "sparse") {
				clear(b)
			}
			var s String
			s.Write(0, b)
			if rapid.Bool().Draw(t, "hole") {
				hole := someLength().Draw(t, "at") + len(b)
				s.Write(hole, []byte{1})
				b = append(append(b, make([]byte, hole-len(b))...), 1)
			}
			sources, models, longest = append(sources, s), append(models, b), max(longest, len(b))
		}
		op := BitOp(rapid.IntRange(0, 3).Draw(t, "op"))
		if op == BitNot {
			sources, models, longest = sources[:1], models[:1], len(models[0])
		}
		got := op.Combine(sources)
		want := make([]byte, longest)
		for i := range want {
			for j, m := range models {
				var c byte
				if i < len(m) {
					c = m[i]
				}
				switch {
				case op == BitNot:
					want[i] = ^c
				case j == 0:
					want[i] = c
				case op == BitAnd:
					want[i] &= c
				case op == BitOr:
					want[i] |= c
				case op == BitXor:
					want[i] ^= c
				}
			}
		}
		if !bytes.Equal(got.Flat(), want) {
			t.Fatal("the combined bits differ")
		}
		if longest == 0 {
			return
		}
		from := rapid.IntRange(0, 8*longest).Draw(t, "from")
		to := rapid.IntRange(0, 8*longest).Draw(t, "to")
		if rapid.Bool().Draw(t, "near") {
			to = min(8*longest, from+rapid.IntRange(0, 70).Draw(t, "bits"))
		}
		count, first := 0, [2]int{-1, -1}
		for i := from; i < to; i++ {
			bit := int(want[i/8]>>(7-i%8)) & 1
			count += bit
			if first[bit] < 0 {
				first[bit] = i
			}
			if got.Bit(i) != bit {
				t.Fatalf("bit %d", i)
			}
		}
		if n := got.CountBits(from, to); n != count {
			t.Fatalf("%d bits of [%d, %d), and not %d", n, from, to, count)
		}
		for bit := range 2 {
			if at := got.FindBit(bit, from, to); at != first[bit] {
				t.Fatalf("the first %d of [%d, %d) is %d, and not %d", bit, from, to, at, first[bit])
			}
		}
	})
}

func TestABitFieldIsReadAsItWasWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var s String
		s.Write(0, []byte("some bytes that were there"))
		model := bytes.Clone(s.Packed)
		at, n, v := r.IntN(30*8), 1+r.IntN(64), r.Uint64()
		offset, b, size := s.WithBits(at, n, v)
		s.Write(offset, b[:size])
		if got, want := s.BitsAt(at, n), v<<(64-n)>>(64-n); got != want {
			t.Fatalf("%d bits at %d: %x, and not %x", n, at, got, want)
		}
		for i := range 8 * len(model) {
			was := int(model[i/8]>>(7-i%8)) & 1
			if (i < at || i >= at+n) && s.Bit(i) != was {
				t.Fatalf("bit %d has changed, too", i)
			}
		}
	}
}

func BenchmarkCountBits100MB(b *testing.B) {
	s := String{Large: NewBlob(bytes.Repeat([]byte("0123456789abcdef"), 100<<16))}
	b.SetBytes(int64(s.Len()))
	for b.Loop() {
		s.CountBits(0, 8*s.Len())
	}
}

func BenchmarkFindBit100MB(b *testing.B) {
	s := String{Large: NewBlob(bytes.Repeat([]byte{0xff}, 100<<20))}
	b.SetBytes(int64(s.Len()))
	for b.Loop() {
		s.FindBit(0, 0, 8*s.Len())
	}
}

func BenchmarkBitAnd100MB(b *testing.B) {
	s := String{Large: NewBlob(bytes.Repeat([]byte("0123456789abcdef"), 100<<16))}
	u := String{Large: NewBlob(bytes.Repeat([]byte("fedcba9876543210"), 100<<16))}
	b.SetBytes(int64(s.Len()))
	for b.Loop() {
		BitAnd.Combine([]String{s, u})
	}
}
