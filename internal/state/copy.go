package state

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/stream"
)

// Copy is the keyspace as it was at one position, in the making: for a checkpoint.
//
// Walk copies key by key, a few at a time, while commands go on between. Before a command changes a key that has not been
// walked over, Tx copies it (preserve): so every key is copied as it was when the Copy began. A key is stamped with the
// number of the last Copy that has it; one that is made meanwhile has that stamp from the beginning, and is passed over.
// Keys, and not slots, are copied at a time, because a hash tag can put everything into one slot.
//
// To copy a value takes no longer for a larger one: values share their bytes with their copies.
type Copy struct {
	keyspace  *Keyspace
	number    uint64
	position  uint64
	databases [Databases]*database // flushed ones included
	copied    []Copied

	// Where the walk is: positions of a slot's table are walked downwards (see data.Table).
	db, slot, ahead int
}

// Copied is a key as it was when the Copy began. It may be encoded by another goroutine.
type Copied struct {
	db     int
	key    string
	stream *stream.Copy
	groups *groups.Copy
}

// BeginCopy begins a copy of the keyspace as it is now. There is none under way, and everything changed is committed.
func (k *Keyspace) BeginCopy() *Copy {
	k.copies++
	c := &Copy{keyspace: k, number: k.copies, position: k.last, ahead: -1}
	for db := range k.databases {
		c.databases[db] = &k.databases[db]
	}
	k.copy = c
	return c
}

// Position is the position of the last change that is in the copy.
func (c *Copy) Position() uint64 { return c.position }

// End says that the copy is complete, or no longer wanted.
func (c *Copy) End() { c.keyspace.copy = nil }

// Take returns what was copied since it was called last.
func (c *Copy) Take() []Copied {
	taken := c.copied
	c.copied = nil
	return taken
}

// Walk copies up to so many keys more, and reports whether there are others behind them.
func (c *Copy) Walk(keys int) (more bool) {
	for ; c.db < Databases; c.db, c.slot, c.ahead = c.db+1, 0, -1 {
		d := c.databases[c.db]
		for ; ; c.slot, c.ahead = c.slot+1, -1 {
			if used := d.nextUsed(c.slot); used != c.slot { // also if the one that it stood in was emptied
				c.slot, c.ahead = used, -1
			}
			if c.slot == Slots {
				break
			}
			table := d.slots[c.slot]
			if c.ahead < 0 {
				c.ahead = table.Len()
			}
			for c.ahead = min(c.ahead, table.Len()); c.ahead > 0; c.ahead-- {
				if keys == 0 {
					return true
				}
				keys--
				key, v := table.At(c.ahead - 1)
				c.add(c.db, key, v.(*Stream))
			}
		}
	}
	return false
}

// add copies a key, unless it has been copied.
func (c *Copy) add(db int, key string, s *Stream) {
	if s.copied == c.number {
		return
	}
	s.copied = c.number
	c.copied = append(c.copied, Copied{db, key, s.Stream.Copy(), s.Groups.Copy()})
}

// preserve copies a key that is about to change, if a copy is under way that does not have it.
func (k *Keyspace) preserve(db int, key []byte, v Value) {
	if s, ok := v.(*Stream); ok && k.copy != nil && s.copied != k.copy.number {
		k.copy.add(db, string(key), s)
	}
}

// An encoded keyspace is a key after the other, and an end with their number:
//
//	key   := kind (1 stream) | version | db | uvarint length | key | value
//	value := what stream.Copy.Encode writes | groups (0 or 1) | what groups.Copy.Encode writes
//	end   := 0 | uvarint number of keys
const (
	kindEnd byte = iota
	kindStream
)

// Extent is what of a segment file is referred to.
type Extent struct {
	End   int64 // of the last block
	Bytes int64 // all blocks together
}

// Named is the segment files that an encoded keyspace refers to.
type Named map[uint64]Extent

func (n Named) add(ref stream.Ref) {
	e := n[ref.Segment]
	e.End = max(e.End, int64(ref.Offset)+int64(ref.Length))
	e.Bytes += int64(ref.Length)
	n[ref.Segment] = e
}

// Encoder writes copied keys for Restore.
type Encoder struct {
	w     *bufio.Writer
	named Named
	keys  uint64
}

// NewEncoder returns an Encoder that writes to w.
func NewEncoder(w *bufio.Writer) *Encoder { return &Encoder{w: w, named: Named{}} }

// Encode writes keys.
func (e *Encoder) Encode(keys []Copied) error {
	for i := range keys {
		if err := e.encode(&keys[i]); err != nil {
			return err
		}
	}
	return nil
}

func (e *Encoder) encode(c *Copied) error {
	e.keys++
	head := append(e.w.AvailableBuffer(), kindStream, changeVersion, byte(c.db))
	head = binary.AppendUvarint(head, uint64(len(c.key)))
	if _, err := e.w.Write(append(head, c.key...)); err != nil {
		return err
	}
	if err := c.stream.Encode(e.w, e.named.add); err != nil {
		return err
	}
	if c.groups == nil {
		return e.w.WriteByte(0)
	}
	return errors.Join(e.w.WriteByte(1), c.groups.Encode(e.w))
}

// Close ends the encoding, and returns what it refers to.
func (e *Encoder) Close() (Named, error) {
	_, err := e.w.Write(binary.AppendUvarint([]byte{kindEnd}, e.keys))
	return e.named, errors.Join(err, e.w.Flush())
}

// ErrDamagedCopy means that what Restore read is not an encoded keyspace.
var ErrDamagedCopy = errors.New("not the keys of a checkpoint")

// Restore reads what an Encoder wrote: the keyspace as it was at a position. It calls progress after each key, whose error
// ends it.
func Restore(r *bufio.Reader, streams stream.Config, position uint64, progress func(keys uint64) error) (*Keyspace, error) {
	k := NewKeyspace(streams)
	k.last = position
	for keys := uint64(0); ; keys++ {
		kind, err := r.ReadByte()
		if err != nil {
			return nil, unexpected(err)
		}
		if kind == kindEnd {
			n, err := binary.ReadUvarint(r)
			if err == nil && n != keys {
				err = fmt.Errorf("%w: %d keys, and not %d", ErrDamagedCopy, keys, n)
			}
			return k, unexpected(err)
		}
		if err := k.restoreKey(kind, r); err != nil {
			return nil, unexpected(err)
		}
		if err := progress(keys + 1); err != nil {
			return nil, err
		}
	}
}

// unexpected is err, with an end that comes too early made damage.
func unexpected(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: they end too early", ErrDamagedCopy)
	}
	return err
}

// mostKey bounds a key: the wire allows no longer ones.
const mostKey = 1 << 30

func (k *Keyspace) restoreKey(kind byte, r *bufio.Reader) error {
	version, err := r.ReadByte()
	if err != nil {
		return err
	}
	if kind != kindStream || version != changeVersion {
		return fmt.Errorf("%w: a key of kind %d, version %d", ErrUnknownChange, kind, version)
	}
	db, err := r.ReadByte()
	if err != nil {
		return err
	}
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return err
	}
	if int(db) >= Databases || size > mostKey {
		return fmt.Errorf("%w: a key of %d bytes in database %d", ErrDamagedCopy, size, db)
	}
	key, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err == nil && uint64(len(key)) != size {
		err = io.EOF
	}
	if err != nil {
		return err
	}
	s := new(Stream)
	if s.Stream, err = stream.Decode(r, k.streams); err != nil {
		return err
	}
	grouped, err := r.ReadByte()
	if err == nil && grouped == 1 {
		s.Groups, err = groups.Decode(r)
	}
	if err != nil {
		return err
	}
	k.databases[db].set(SlotOf(key), key, s)
	return nil
}
