package data

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// HashCopy is a large hash as it was at a moment.
type HashCopy struct {
	fields *DictCopy
	times  *DictCopy // nil: none
}

// Copy takes a copy, which shares its memory with the hash. It takes no time to speak of.
func (t *HashTable) Copy() *HashCopy {
	c := &HashCopy{fields: t.fields.Copy()}
	if t.times != nil {
		c.times = t.times.Copy()
	}
	return c
}

// Encode writes the hash, while the original may change. A string is a uvarint, its length, and its bytes:
//
//	uvarint number of fields | for each: string field, string value
//	0, or if fields have or had times: 1 | uvarint number of those | for each: string field, 8 bytes time
func (c *HashCopy) Encode(w *bufio.Writer) error {
	if err := writeNumber(w, c.fields.Len()); err != nil {
		return err
	}
	for field, value := range c.fields.All() {
		if err := writeString(w, field); err != nil {
			return err
		}
		if err := writeString(w, value); err != nil {
			return err
		}
	}
	if c.times == nil {
		return w.WriteByte(0)
	}
	if err := w.WriteByte(1); err != nil {
		return err
	}
	if err := writeNumber(w, c.times.Len()); err != nil {
		return err
	}
	for field, time := range c.times.All() {
		if err := writeString(w, field); err != nil {
			return err
		}
		if _, err := w.Write(time); err != nil {
			return err
		}
	}
	return nil
}

func writeNumber(w *bufio.Writer, n int) error {
	_, err := w.Write(binary.AppendUvarint(w.AvailableBuffer(), uint64(n)))
	return err
}

func writeString(w *bufio.Writer, s []byte) error {
	if err := writeNumber(w, len(s)); err != nil {
		return err
	}
	_, err := w.Write(s)
	return err
}

// DecodeHash reads what Encode has written. Memory grows with what is read, not with what a length promises.
func DecodeHash(r *bufio.Reader) (*HashTable, error) {
	t := newHashTable()
	err := t.decodeFields(r)
	if err == nil {
		err = t.decodeTimes(r)
	}
	if err != nil {
		return nil, damaged("a hash", err)
	}
	return t, nil
}

var errTwice = errors.New("a field twice, or none")

func (t *HashTable) decodeFields(r *bufio.Reader) error {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return err
	}
	var field, value []byte
	for range n {
		if field, err = readBytes(r, field[:0]); err != nil {
			return err
		}
		if value, err = readBytes(r, value[:0]); err != nil {
			return err
		}
		if !t.fields.Set(field, value) {
			return errTwice
		}
	}
	if n == 0 {
		return errTwice
	}
	return nil
}

func (t *HashTable) decodeTimes(r *bufio.Reader) error {
	timed, err := r.ReadByte()
	if err != nil || timed == 0 {
		return err
	}
	if timed != 1 {
		return fmt.Errorf("%d for whether there are times", timed)
	}
	t.keepTimes()
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return err
	}
	var field []byte
	var b [timeSize]byte
	for range n {
		if field, err = readBytes(r, field[:0]); err != nil {
			return err
		}
		if _, err = io.ReadFull(r, b[:]); err != nil {
			return err
		}
		at := timeOf(b[:])
		if at <= 0 || at > MaxTime || t.time(field) != 0 || !t.setTime(field, at) {
			return fmt.Errorf("a field has the time %d, twice, or is not there", at)
		}
	}
	return nil
}
