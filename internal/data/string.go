package data

// String is a string of bytes: packed up to MaxPackedString bytes, larger in the pages of a Blob, which it stays. Unlike
// other values, an empty string exists: the zero String is one that is not there.
type String struct {
	Packed []byte
	Large  *Blob
}

// MaxPackedString is the length of the longest string that is packed.
const MaxPackedString = blobPage

// NewString returns a string of the given bytes, which it aliases if it is packed.
func NewString(b []byte) String {
	if len(b) > MaxPackedString {
		return String{Large: NewBlob(b)}
	}
	return String{Packed: b}
}

// Exists reports whether there is a string, perhaps an empty one.
func (s String) Exists() bool { return s.Packed != nil || s.Large != nil }

// Len returns the number of bytes.
func (s String) Len() int {
	if s.Large != nil {
		return s.Large.Len()
	}
	return len(s.Packed)
}

// At returns a byte, 0 beyond the end.
func (s String) At(i int) byte {
	if i < 0 || i >= s.Len() {
		return 0
	}
	return s.Span(i, i+1)[0]
}

// Span returns the bytes from a place on that lie together: at least one and none from to on. They are not to be changed.
//
//	for at := from; at < to; {
//		span := s.Span(at, to)
//		at += len(span)
//	}
//
// Invariant: 0 <= from < to <= Len.
func (s String) Span(from, to int) []byte {
	if s.Large != nil {
		return s.Large.span(from, to)
	}
	return s.Packed[from:to]
}

// AppendTo appends the bytes in [from, to) to b.
func (s String) AppendTo(b []byte, from, to int) []byte {
	for from < to {
		span := s.Span(from, to)
		b = append(b, span...)
		from += len(span)
	}
	return b
}

// Flat returns all bytes in one piece: those of a packed string themselves, a copy of a large one.
func (s String) Flat() []byte {
	if s.Large == nil {
		return s.Packed
	}
	return s.AppendTo(make([]byte, 0, s.Len()), 0, s.Len())
}

// Append adds bytes at the end.
func (s *String) Append(b []byte) { s.Write(s.Len(), b) }

// Write puts bytes at an offset. What is missing up to there becomes zeros, also if there are no bytes to put.
func (s *String) Write(offset int, b []byte) {
	end := max(offset+len(b), s.Len())
	if s.Large == nil && end > MaxPackedString {
		s.Large = NewBlob(s.Packed)
		s.Packed = nil
	}
	if s.Large != nil {
		s.Large.Write(offset, b)
		return
	}
	if old := len(s.Packed); end <= cap(s.Packed) && s.Packed != nil {
		s.Packed = s.Packed[:end]
		if old < offset {
			clear(s.Packed[old:offset]) // something shorter may have been written over something longer
		}
	} else {
		s.Packed = append(make([]byte, 0, end), s.Packed...)[:end]
	}
	copy(s.Packed[offset:], b)
}

// CheckString says that packed bytes are a string: any are that are not too many.
func CheckString(packed []byte) error {
	if len(packed) > MaxPackedString {
		return ErrDamaged
	}
	return nil
}
