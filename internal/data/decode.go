package data

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// damaged is an error of reading a value as one that is ErrDamaged, and says of what.
func damaged(what string, err error) error { return fmt.Errorf("%w: %s: %w", ErrDamaged, what, err) }

// readSome appends n bytes. For a number that says more than there is, it takes no more memory than twice what is there.
func readSome(r *bufio.Reader, b []byte, n uint64) ([]byte, error) {
	for at := len(b); n > 0; at = len(b) {
		step := min(n, uint64(max(len(b), 64<<10)))
		b = append(b, make([]byte, step)...)
		if _, err := io.ReadFull(r, b[at:]); err != nil {
			return nil, err
		}
		n -= step
	}
	return b, nil
}

// readBytes appends bytes that have their length in front.
func readBytes(r *bufio.Reader, b []byte) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	return readSome(r, b, n)
}
