package data

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// ZSetCopy is a large sorted set as it was at a moment. Encode may run while the set changes.
type ZSetCopy struct{ dict *DictCopy }

// Copy takes a copy, which shares the memory of the set.
func (t *ZSetTable) Copy() *ZSetCopy { return &ZSetCopy{t.dict.Copy()} }

// Encode writes the set:
//
//	number of elements, uvarint; then for each, in no order, its score (IEEE 754, LE, 8) and its member (uvarint length, bytes)
func (c *ZSetCopy) Encode(w *bufio.Writer) error {
	var head [binary.MaxVarintLen64]byte
	_, _ = w.Write(binary.AppendUvarint(head[:0], uint64(c.dict.Len())))
	for member, score := range c.dict.All() {
		_, _ = w.Write(score)
		_, _ = w.Write(binary.AppendUvarint(head[:0], uint64(len(member))))
		if _, err := w.Write(member); err != nil {
			return err // a bufio.Writer keeps the first
		}
	}
	return nil
}

// DecodeZSet reads what Encode wrote. What it cannot have written is ErrDamaged.
func DecodeZSet(r *bufio.Reader) (*ZSetTable, error) {
	n, err := binary.ReadUvarint(r)
	if err == nil && n == 0 {
		err = errors.New("of no elements")
	}
	if err != nil {
		return nil, damagedZSet(err)
	}
	t := newZSetTable()
	var item []byte
	for ; n > 0; n-- {
		if item, err = readScored(r, item[:0]); err != nil {
			return nil, damagedZSet(err)
		}
		score, member := scoreOf(item), item[8:]
		if math.IsNaN(score) || !t.set(member, score) {
			return nil, damagedZSet(fmt.Errorf("%q is there twice, or has no score", member))
		}
	}
	return t, nil
}

// readScored appends a score and a member. For a length that says more than there is, it takes no memory to speak of.
func readScored(r *bufio.Reader, b []byte) ([]byte, error) {
	const step = 64 << 10
	b = append(b, make([]byte, 8)...)
	if _, err := io.ReadFull(r, b); err != nil {
		return b, err
	}
	left, err := binary.ReadUvarint(r)
	for left > 0 && err == nil {
		at, n := len(b), min(left, step)
		b = append(b, make([]byte, n)...)
		_, err = io.ReadFull(r, b[at:])
		left -= n
	}
	return b, err
}

func damagedZSet(err error) error { return fmt.Errorf("%w: a sorted set: %w", ErrDamaged, err) }
