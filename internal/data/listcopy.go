package data

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"slices"
)

// ListCopy is a ListTable as it was. It may be encoded while the original changes.
type ListCopy struct {
	dir   []listChunk
	count int
}

// Copy returns a copy, which shares the pages.
func (t *ListTable) Copy() *ListCopy {
	t.version++
	return &ListCopy{slices.Clone(t.dir), t.count}
}

// An encoded table is its pages, and an end with the number of all items:
//
//	page := uvarint items | uvarint bytes | the items
//	end  := 0 | uvarint items

// Encode writes the copy.
func (c *ListCopy) Encode(w *bufio.Writer) error {
	for i := range c.dir {
		for j := range c.dir[i].pages {
			p := &c.dir[i].pages[j]
			head := binary.AppendUvarint(w.AvailableBuffer(), uint64(p.count))
			head = binary.AppendUvarint(head, uint64(p.size()))
			if _, err := w.Write(head); err != nil {
				return err
			}
			if _, err := w.Write(p.items()); err != nil {
				return err
			}
		}
	}
	_, err := w.Write(binary.AppendUvarint([]byte{0}, uint64(c.count)))
	return err
}

// DecodeList reads what Encode wrote. What it cannot have written is ErrDamaged.
func DecodeList(r *bufio.Reader) (*ListTable, error) {
	t := new(ListTable)
	var buf []byte
	for {
		items, err := binary.ReadUvarint(r)
		if err != nil {
			return nil, damaged("a list", err)
		}
		if items == 0 {
			break
		}
		size, err := binary.ReadUvarint(r)
		if err != nil {
			return nil, damaged("a list", err)
		}
		if size > mostItemBytes || items > size/2 || items > 1 && size > listPageSize {
			return nil, fmt.Errorf("%w: %d items of a list in %d bytes", ErrDamaged, items, size)
		}
		if buf, err = readSome(r, buf[:0], size); err != nil {
			return nil, damaged("a list", err)
		}
		if err := checkItems(buf, int(items)); err != nil {
			return nil, err
		}
		t.appendItems(buf, int(items))
	}
	count, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, damaged("a list", err)
	}
	if count != uint64(t.count) || count == 0 {
		return nil, fmt.Errorf("%w: %d items of a list, and not %d", ErrDamaged, t.count, count)
	}
	return t, nil
}

// mostItemBytes bounds an item with what is around it.
const mostItemBytes = 1<<30 + 16
