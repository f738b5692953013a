package data

import (
	"bufio"
	"encoding/binary"
	"fmt"
)

// SetTable is a large set.
type SetTable struct{ members *Dict }

func newSetTable() *SetTable { return &SetTable{NewDict()} }

// Len returns the number of members.
func (t *SetTable) Len() int { return t.members.Len() }

// Bytes returns how much memory the set holds.
func (t *SetTable) Bytes() int { return t.members.Bytes() }

func (t *SetTable) contains(member []byte) bool {
	_, ok := t.members.Get(member)
	return ok
}

func (t *SetTable) add(member []byte) bool    { return t.members.Set(member, nil) }
func (t *SetTable) remove(member []byte) bool { return t.members.Delete(member) }

// SetCopy is a large set as it was at a moment.
type SetCopy struct{ members *DictCopy }

// Copy takes a copy, which shares its memory with the set. It takes no time to speak of.
func (t *SetTable) Copy() *SetCopy { return &SetCopy{t.members.Copy()} }

// Encode writes the set, while the original may change:
//
//	uvarint number, number × (uvarint length, member)
func (c *SetCopy) Encode(w *bufio.Writer) error {
	var head [binary.MaxVarintLen64]byte
	_, err := w.Write(binary.AppendUvarint(head[:0], uint64(c.members.Len())))
	for member := range c.members.All() {
		if err != nil {
			return err
		}
		if _, err = w.Write(binary.AppendUvarint(head[:0], uint64(len(member)))); err == nil {
			_, err = w.Write(member)
		}
	}
	return err
}

// DecodeSet reads what Encode has written. Memory grows with what is read, not with what a length promises.
func DecodeSet(r *bufio.Reader) (*SetTable, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, damaged("a set", err)
	}
	if n == 0 {
		return nil, fmt.Errorf("%w: a set without members", ErrDamaged)
	}
	t := newSetTable()
	var member []byte
	for range n {
		if member, err = readBytes(r, member[:0]); err != nil {
			return nil, damaged("a set", err)
		}
		if !t.add(member) {
			return nil, fmt.Errorf("%w: a member twice in a set", ErrDamaged)
		}
	}
	return t, nil
}

// CheckSet tells whether bytes are a packed set. No method fails on one that has passed.
func CheckSet(packed []byte) error {
	ok := false
	if len(packed) > 0 {
		switch packed[0] {
		case packedStrings:
			ok = packedMembers(packed).check()
		case intWidth2, intWidth4, intWidth8:
			ok = packedInts(packed).check()
		}
	}
	if !ok {
		return fmt.Errorf("%w: a packed set of %d bytes", ErrDamaged, len(packed))
	}
	return nil
}
