package data

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Blob is a string in pages of 64 KB.
//
//   - A page that is missing, or shorter than its place, ends in zeros: so a bit that is set far behind the end costs one
//     page, and the last page of a string no more than it holds.
//   - Copies share the pages. One that a copy may have is replaced before it changes.
//   - The directory of the pages is the only thing that grows as a whole: 192 KB for 512 MB.
type Blob struct {
	pages  [][]byte
	shared []uint64 // bit set: a copy may have the page
	size   int
}

const blobPage = 64 << 10

var zeroPage [blobPage]byte

// NewBlob returns a blob with the given bytes, which are copied.
func NewBlob(b []byte) *Blob {
	s := &Blob{pages: make([][]byte, 0, (len(b)+blobPage-1)/blobPage)}
	s.Write(0, b)
	return s
}

// Len returns the number of bytes.
func (b *Blob) Len() int { return b.size }

// Bytes returns how much memory the blob holds, shared pages included.
func (b *Blob) Bytes() int {
	n := 24*cap(b.pages) + 8*cap(b.shared)
	for _, p := range b.pages {
		n += cap(p)
	}
	return n
}

// span is String.Span.
func (b *Blob) span(from, to int) []byte {
	in := from % blobPage
	n := min(to-from, blobPage-in)
	p := b.pages[from/blobPage]
	if in >= len(p) {
		return zeroPage[:n]
	}
	return p[in:min(len(p), in+n)]
}

// Write is String.Write.
func (b *Blob) Write(offset int, bytes []byte) {
	b.grow(max(offset+len(bytes), b.size))
	for len(bytes) > 0 {
		in := offset % blobPage
		n := min(len(bytes), blobPage-in)
		copy(b.editable(offset/blobPage, in+n)[in:], bytes[:n])
		offset, bytes = offset+n, bytes[n:]
	}
}

func (b *Blob) grow(size int) {
	b.size = size
	if n := (size + blobPage - 1) / blobPage; n > len(b.pages) {
		b.pages = append(b.pages, make([][]byte, n-len(b.pages))...)
		b.shared = append(b.shared, make([]uint64, (n+63)/64-len(b.shared))...)
	}
}

// editable returns a page of at least so many bytes that no copy has.
func (b *Blob) editable(page, size int) []byte {
	p := b.pages[page]
	shared := b.shared[page/64]&(1<<(page%64)) != 0
	switch size = max(size, len(p)); {
	case shared || size > cap(p):
		room := size
		if len(p) > 0 {
			room = min(blobPage, size+size/4) // what has grown will grow
		}
		p = append(make([]byte, 0, room), p...)[:size]
		b.shared[page/64] &^= 1 << (page % 64)
	default:
		p = p[:size]
	}
	b.pages[page] = p
	return p
}

// BlobCopy is a blob as it was when it was copied.
type BlobCopy struct {
	pages [][]byte
	size  int
}

// Copy returns a copy that shares the pages.
func (b *Blob) Copy() *BlobCopy {
	for i := range b.shared {
		b.shared[i] = ^uint64(0)
	}
	return &BlobCopy{append([][]byte(nil), b.pages...), b.size}
}

// Clone returns another blob that is the same for now, and shares the pages.
func (b *Blob) Clone() *Blob {
	c := b.Copy()
	return &Blob{pages: c.pages, shared: append([]uint64(nil), b.shared...), size: c.size}
}

// An encoded blob is
//
//	size | number of pages that are there | each: pages missing before it | length | bytes
//
// with uvarints as numbers. Pages are not empty, and only the last may end behind size.
//
// Encode writes the copy. It may run beside changes to the original.
func (c *BlobCopy) Encode(w *bufio.Writer) error {
	there := 0
	for _, p := range c.pages {
		if len(p) > 0 {
			there++
		}
	}
	head := binary.AppendUvarint(w.AvailableBuffer(), uint64(c.size))
	if _, err := w.Write(binary.AppendUvarint(head, uint64(there))); err != nil {
		return err
	}
	missing := 0
	for _, p := range c.pages {
		if len(p) == 0 {
			missing++
			continue
		}
		head := binary.AppendUvarint(w.AvailableBuffer(), uint64(missing))
		if _, err := w.Write(binary.AppendUvarint(head, uint64(len(p)))); err != nil {
			return err
		}
		if _, err := w.Write(p); err != nil {
			return err
		}
		missing = 0
	}
	return nil
}

// MaxBlob is the size of the largest blob that DecodeBlob reads: no command makes a larger one.
const MaxBlob = 1 << 30

// DecodeBlob reads what Encode wrote.
func DecodeBlob(r *bufio.Reader) (*Blob, error) {
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, damaged("a string", err)
	}
	there, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, damaged("a string", err)
	}
	if size > MaxBlob || there > (size+blobPage-1)/blobPage {
		return nil, fmt.Errorf("%w: %d pages of a string of %d bytes", ErrDamaged, there, size)
	}
	b := new(Blob)
	b.grow(int(size))
	page := uint64(0)
	for range there {
		missing, err := binary.ReadUvarint(r)
		if err != nil {
			return nil, damaged("a string", err)
		}
		n, err := binary.ReadUvarint(r)
		if err != nil {
			return nil, damaged("a string", err)
		}
		if missing >= uint64(len(b.pages))-page || n == 0 || n > min(blobPage, size-(page+missing)*blobPage) {
			return nil, fmt.Errorf("%w: a page of %d bytes of a string of %d", ErrDamaged, n, size)
		}
		page += missing
		p := make([]byte, n)
		if _, err := io.ReadFull(r, p); err != nil {
			return nil, damaged("a string", err)
		}
		b.pages[page] = p
		page++
	}
	return b, nil
}
