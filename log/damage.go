package log

import (
	"errors"
	"fmt"
)

// DamageError refuses a directory: something that was durable is damaged,
// missing or not ours. Nothing has been changed; Verify says more, and Repair may
// help.
type DamageError struct {
	File     string
	Offset   int64    // where in File the damage was found
	Position Position // of the first record that cannot be read
	Reason   string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s is damaged at offset %d, position %s: %s", e.File, e.Offset, e.Position, e.Reason)
}

// damageIn takes a *DamageError out of err; any other error is returned as it is.
func damageIn(err error) (*DamageError, error) {
	var d *DamageError
	if errors.As(err, &d) {
		return d, nil
	}
	return nil, err
}

// chain is what the next frame must continue.
type chain struct {
	known  bool   // false: the next frame may be any
	seq    uint64 // of the last frame
	crc    uint32
	last   Position // of the last record
	synced uint64   // that the last frame carried
}

// follow checks that a frame whose own CRC is right continues the chain, and
// moves on to it. It returns the reason when it does not.
func (c *chain) follow(h *header) string {
	switch {
	case !c.known:
	case h.seq != c.seq+1:
		return fmt.Sprintf("frame %d stands where frame %d belongs", h.seq, c.seq+1)
	case h.previous != c.crc:
		return fmt.Sprintf("frame %d does not continue the frame before it", h.seq)
	case h.first.Count() != c.last.Count()+1 || h.first.Epoch() < c.last.Epoch():
		return fmt.Sprintf("frame %d begins at position %s after %s", h.seq, h.first, c.last)
	case h.synced < c.synced:
		return fmt.Sprintf("frame %d knows less to be durable than the frame before it", h.seq)
	}
	if h.synced >= h.seq {
		return fmt.Sprintf("frame %d calls itself durable", h.seq)
	}
	*c = chain{known: true, seq: h.seq, crc: h.crc, last: h.last(), synced: h.synced}
	return ""
}
