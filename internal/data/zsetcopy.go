package data

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
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
		return nil, damaged("a sorted set", err)
	}
	t := newZSetTable()
	var item []byte
	for ; n > 0; n-- {
		if item, err = readScored(r, item[:0]); err != nil {
			return nil, damaged("a sorted set", err)
		}
		score, member := scoreOf(item), item[8:]
		if math.IsNaN(score) || !t.set(member, score) {
			return nil, damaged("a sorted set", fmt.Errorf("%q is there twice, or has no score", member))
		}
	}
	return t, nil
}

// readScored appends a score and a member.
func readScored(r *bufio.Reader, b []byte) ([]byte, error) {
	b, err := readSome(r, b, 8)
	if err != nil {
		return nil, err
	}
	return readBytes(r, b)
}
