package state

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/stream"
)

// An encoded keyspace is a key after the other, and an end with their number:
//
//	key     := kind | version | db | uvarint length | key | [version 2: flags | [varint expiry, unix ms]] | value
//	flags   := 1: it expires | 2: see Value.Edited
//	value   := of a stream: what stream.Copy.Encode writes | groups (0 or 1) | what groups.Copy.Encode writes
//	           else: 0 | uvarint length | the packed value; or 1 | what the copy of the large one writes
//	end     := 0 | uvarint number of keys
//
// In version 1 all keys are streams.
const (
	keyVersion   = 2
	flagExpires  = 1
	flagEdited   = 2
	formPacked   = 0
	formLarge    = 1
	mostPackedIn = 1 << 20 // bytes of a packed value
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
	from, to := split(c.cell)
	head := append(e.w.AvailableBuffer(), byte(c.kind), keyVersion, byte(c.db))
	head = binary.AppendUvarint(head, uint64(to-from))
	if _, err := e.w.Write(append(head, c.cell[from:to]...)); err != nil {
		return err
	}
	flags := byte(0)
	if c.edited {
		flags |= flagEdited
	}
	if c.expiry >= 0 {
		flags |= flagExpires
	}
	tail := append(e.w.AvailableBuffer(), flags)
	if c.expiry >= 0 {
		tail = binary.AppendVarint(tail, c.expiry)
	}
	if _, err := e.w.Write(tail); err != nil {
		return err
	}
	return e.value(c.object, c.cell[to:])
}

// value writes a value: the copy of an object, or if that is nil a packed one.
func (e *Encoder) value(object any, packed []byte) error {
	switch o := object.(type) {
	case nil:
		head := binary.AppendUvarint(append(e.w.AvailableBuffer(), formPacked), uint64(len(packed)))
		if _, err := e.w.Write(head); err != nil {
			return err
		}
		_, err := e.w.Write(packed)
		return err
	case streamCopy:
		if err := o.stream.Encode(e.w, e.named.add); err != nil {
			return err
		}
		if o.groups == nil {
			return e.w.WriteByte(0)
		}
		return errors.Join(e.w.WriteByte(1), o.groups.Encode(e.w))
	case interface{ Encode(*bufio.Writer) error }:
		return errors.Join(e.w.WriteByte(formLarge), o.Encode(e.w))
	default:
		panic("state: an object that cannot be encoded")
	}
}

// Close ends the encoding, and returns what it refers to.
func (e *Encoder) Close() (Named, error) {
	_, err := e.w.Write(binary.AppendUvarint([]byte{byte(None)}, e.keys))
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
		if Kind(kind) == None {
			n, err := binary.ReadUvarint(r)
			if err == nil && n != keys {
				err = fmt.Errorf("%w: %d keys, and not %d", ErrDamagedCopy, keys, n)
			}
			return k, unexpected(err)
		}
		if err := k.restoreKey(Kind(kind), r); err != nil {
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

func (k *Keyspace) restoreKey(kind Kind, r *bufio.Reader) error {
	version, err := r.ReadByte()
	if err != nil {
		return err
	}
	if kind > KindZSet || version < 1 || version > keyVersion || version == 1 && kind != KindStream {
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
	key, err := readBytes(r, size)
	if err != nil {
		return err
	}
	var flags byte
	expiry := int64(-1)
	if version > 1 {
		if flags, err = r.ReadByte(); err == nil && flags&flagExpires != 0 {
			expiry, err = binary.ReadVarint(r)
		}
		if err != nil {
			return err
		}
	}
	value, err := k.decodeValue(kind, r)
	if err != nil {
		return err
	}
	slot := SlotOf(key)
	if _, exists := k.databases[db].find(slot, key); exists {
		return fmt.Errorf("%w: a key twice", ErrDamagedCopy)
	}
	at := k.add(int(db), slot, key, kind, len(value.Packed))
	at.put(value)
	at.entry().mark(metaEdited, flags&flagEdited != 0)
	if flags&flagExpires != 0 {
		k.expire(at, expiry)
	}
	return nil
}

// readBytes reads so many bytes: it takes memory only for those that are there.
func readBytes(r *bufio.Reader, size uint64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err == nil && uint64(len(b)) != size {
		err = io.EOF
	}
	return b, err
}

// decodeValue reads what Encoder.value wrote of a kind of value.
func (k *Keyspace) decodeValue(kind Kind, r *bufio.Reader) (Value, error) {
	v := Value{Kind: kind}
	if kind == KindStream {
		s, err := k.decodeStream(r)
		v.Object = s
		return v, err
	}
	if int(kind) >= len(encodings) || encodings[kind].check == nil {
		return v, fmt.Errorf("%w: a value of kind %d", ErrUnknownChange, kind)
	}
	form, err := r.ReadByte()
	if err != nil {
		return v, err
	}
	switch form {
	case formPacked:
		size, err := binary.ReadUvarint(r)
		if err != nil {
			return v, err
		}
		if size > mostPackedIn {
			return v, fmt.Errorf("%w: a packed value of %d bytes", ErrDamagedCopy, size)
		}
		if v.Packed, err = readBytes(r, size); err != nil {
			return v, err
		}
		return v, encodings[kind].check(v.Packed)
	case formLarge:
		v.Object, err = encodings[kind].large(r)
		return v, err
	default:
		return v, fmt.Errorf("%w: a value of form %d", ErrDamagedCopy, form)
	}
}

func (k *Keyspace) decodeStream(r *bufio.Reader) (*Stream, error) {
	s := new(Stream)
	var err error
	if s.Stream, err = stream.Decode(r, k.streams); err != nil {
		return nil, err
	}
	grouped, err := r.ReadByte()
	if err == nil && grouped == 1 {
		s.Groups, err = groups.Decode(r)
	}
	return s, err
}

// encodings is how values of a kind are read that are no streams.
var encodings = [...]struct {
	check func(packed []byte) error                     // what is wrong with bytes that claim to be a packed value
	large func(r *bufio.Reader) (object any, err error) // what the copy of a large one has written
}{
	KindString: {data.CheckString, large(data.DecodeBlob)},
	KindList:   {data.CheckList, large(data.DecodeList)},
	KindSet:    {data.CheckSet, large(data.DecodeSet)},
	KindZSet:   {data.CheckZSet, large(data.DecodeZSet)},
	KindHash:   {data.CheckHash, large(data.DecodeHash)},
}

func large[T any](decode func(*bufio.Reader) (T, error)) func(*bufio.Reader) (any, error) {
	return func(r *bufio.Reader) (any, error) { return decode(r) }
}
