package stream

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Copy is a stream as it was at a moment. It shares its blocks with the stream, which may
// go on changing: a Copy may be encoded by another goroutine meanwhile.
type Copy struct {
	chunks      []*chunk
	open        *block // nil: none, or nothing in it
	length      uint64
	last        ID
	added       uint64
	maxDeleted  ID
	node        openNode
	idempotency *idempotencyCopy
}

// Copy takes a copy, in a time that does not depend on how many entries or blocks there
// are.
func (s *Stream) Copy() *Copy {
	l := &s.sealed
	l.generation++
	l.shared = true
	c := &Copy{
		chunks: slices.Clip(l.chunks),
		length: s.length, last: s.last, added: s.added, maxDeleted: s.maxDeleted,
		node:        s.node,
		idempotency: s.idempotency.copy(),
	}
	if b := s.open; b != nil && b.n > 0 {
		c.open = b.clone()
		c.open.Body = &Body{slices.Clip(b.data), slices.Clip(b.groups)}
		s.spread = true
	}
	return c
}

// The encoding of a stream. Numbers are uvarints; an id is two of them.
//
//	stream      := 1 | length | id last | added | id highest deleted | open node | number of blocks | block... | open (0 or 1) | block | idempotency (0 or 1) | idempotency
//	open node   := entries | bytes | id first | alive | checksum of names
//	block       := flags | entries | entries in front that are gone | alive | ids | where | dead? | gone?
//	flags       bit 0 a node begins with it, 1 a node begins in it, 2 cold, 3 dead follows, 4 gone follows
//	ids         ms of the first above the last of the block before | seq | ms of the last above that | seq
//	where       cold: segment | offset | length; else: length in bytes | what Body.Append writes
//	dead        number of words | words, 8 bytes each, little-endian
//	gone        id | number | ids
const (
	encodingVersion = 1

	flagNode = 1 << iota >> 1
	flagNodes
	flagCold
	flagDead
	flagGone
)

// Encode writes the copy for Decode. It calls named with each ref that it contains.
func (c *Copy) Encode(w *bufio.Writer, named func(Ref)) error {
	e := encoder{w: w}
	e.number(encodingVersion)
	e.number(c.length)
	e.id(c.last)
	e.number(c.added)
	e.id(c.maxDeleted)
	e.node(&c.node)
	blocks := 0
	for _, chunk := range c.chunks {
		blocks += len(chunk.blocks)
	}
	e.number(uint64(blocks))
	var prev uint64
	for _, chunk := range c.chunks {
		for _, b := range chunk.blocks {
			e.block(b, prev)
			prev = b.last.MS
			if b.Body == nil {
				named(b.ref)
			}
		}
	}
	e.flag(c.open != nil)
	if c.open != nil {
		e.block(c.open, prev)
	}
	e.flag(c.idempotency != nil)
	if c.idempotency != nil && e.err == nil {
		e.err = c.idempotency.encode(w)
	}
	return e.err
}

// encoder writes until something fails. It has no memory of its own: a checkpoint encodes
// hundreds of thousands of small streams, and what it would leave to the garbage collector
// is work that clients wait for.
type encoder struct {
	w   *bufio.Writer
	err error
}

func (e *encoder) write(b []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
}

func (e *encoder) number(v uint64) {
	e.write(binary.AppendUvarint(e.w.AvailableBuffer(), v))
}

func (e *encoder) id(id ID) {
	e.number(id.MS)
	e.number(id.Seq)
}

func (e *encoder) flag(on bool) {
	if on {
		e.number(1)
	} else {
		e.number(0)
	}
}

func (e *encoder) node(n *openNode) {
	e.number(uint64(n.entries))
	e.number(uint64(n.bytes))
	e.id(n.first)
	e.number(n.live)
	e.number(uint64(n.names))
}

// body writes what Append appends, with its length in front.
func (e *encoder) body(b *Body) {
	e.number(uint64(b.encodedLen()))
	for v := range b.numbers {
		e.number(v)
	}
	e.write(b.data)
}

func (e *encoder) block(b *block, prev uint64) {
	var flags uint64
	set := func(on bool, flag uint64) {
		if on {
			flags |= flag
		}
	}
	set(b.node, flagNode)
	set(b.nodes, flagNodes)
	set(b.Body == nil, flagCold)
	set(b.dead != nil, flagDead)
	set(b.gone != nil, flagGone)
	e.number(flags)
	e.number(uint64(b.n))
	e.number(uint64(b.start))
	e.number(uint64(b.live))
	e.number(b.first.MS - prev)
	e.number(b.first.Seq)
	e.number(b.last.MS - b.first.MS)
	e.number(b.last.Seq)
	if b.Body == nil {
		e.number(b.ref.Segment)
		e.number(uint64(b.ref.Offset))
		e.number(uint64(b.ref.Length))
	} else {
		e.body(b.Body)
	}
	if b.dead != nil {
		e.number(uint64(len(b.dead)))
		for _, word := range b.dead {
			e.write(binary.LittleEndian.AppendUint64(e.w.AvailableBuffer(), word))
		}
	}
	if b.gone != nil {
		e.id(b.gone.through)
		e.number(uint64(len(b.gone.ids)))
		for _, id := range b.gone.ids {
			e.id(id)
		}
	}
}

// ErrDamaged says that bytes are not the encoding of a stream.
var ErrDamaged = errors.New("stream: not a stream")

// Decode reads what Encode wrote. It trusts that a checksum has been looked at: of other
// bytes it finds only the coarse faults, but it never takes much more memory than was read.
func Decode(r *bufio.Reader, cfg Config) (*Stream, error) {
	s := New(cfg)
	d := decoder{r: r}
	if v := d.number(); d.err == nil && v != encodingVersion {
		return nil, fmt.Errorf("%w: version %d", ErrDamaged, v)
	}
	s.length, s.last, s.added, s.maxDeleted = d.number(), d.id(), d.number(), d.id()
	s.node = d.node()
	var length, prev uint64
	for n := d.number(); n > 0 && d.err == nil; n-- {
		if b := d.block(prev); d.err == nil {
			prev = b.last.MS
			length += uint64(b.live)
			b.generation = s.sealed.generation
			s.sealed.append(b)
			s.charge(b.memory(), int64(b.ref.Length), 1)
			if b.Body != nil {
				s.list(b)
			}
		}
	}
	if d.number() == 1 {
		if b := d.block(prev); d.err == nil && b.Body != nil {
			length += uint64(b.live)
			s.use(b)
			s.w = b.writer()
			s.charge(0, 0, 1)
			s.weigh()
		} else {
			d.fail()
		}
	}
	if d.number() == 1 && d.err == nil {
		s.idempotency, d.err = decodeIdempotency(r)
	}
	if d.err == nil && length != s.length {
		d.fail()
	}
	if d.err != nil {
		s.Release()
		return nil, d.err
	}
	return s, nil
}

// writer returns a writer that goes on where b ends.
func (b *block) writer() writer {
	last := b.groups[len(b.groups)-1]
	return writer{b: b, groupStart: int(last.off), groupN: b.n - int(last.ord)}
}

type decoder struct {
	r   *bufio.Reader
	err error
}

func (d *decoder) fail() {
	if d.err == nil {
		d.err = ErrDamaged
	}
}

func (d *decoder) number() uint64 {
	if d.err != nil {
		return 0
	}
	v, err := binary.ReadUvarint(d.r)
	if err != nil {
		d.err = unexpected(err)
	}
	return v
}

// unexpected is err, with an end that should not be there made damage.
func unexpected(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: it ends too early", ErrDamaged)
	}
	return err
}

// small is a number that fits an int32.
func (d *decoder) small() int {
	v := d.number()
	if v > math.MaxInt32 {
		d.fail()
		return 0
	}
	return int(v)
}

func (d *decoder) id() ID {
	ms := d.number()
	return ID{ms, d.number()}
}

// bytes reads n bytes, taking memory only as they come.
func (d *decoder) bytes(n uint64) []byte {
	const step = 1 << 20
	var b []byte
	for n > 0 && d.err == nil {
		size := int(min(n, step, uint64(max(len(b), 64<<10))))
		b = slices.Grow(b, size)
		if _, err := io.ReadFull(d.r, b[len(b):len(b)+size]); err != nil {
			d.err = unexpected(err)
		}
		b, n = b[:len(b)+size], n-uint64(size)
	}
	return b
}

func (d *decoder) node() openNode {
	return openNode{entries: d.small(), bytes: d.small(), first: d.id(), live: d.number(), names: uint32(d.number()), sameAs: notYet}
}

func (d *decoder) block(prev uint64) *block {
	b := new(block)
	flags := d.number()
	b.node, b.nodes = flags&flagNode != 0, flags&flagNodes != 0
	b.n, b.start, b.live = d.small(), d.small(), d.small()
	b.first = ID{prev + d.number(), d.number()}
	b.last = ID{b.first.MS + d.number(), d.number()}
	if b.live <= 0 || b.start+b.live > b.n || b.n > maxOrdinal || b.last.Less(b.first) {
		d.fail()
	}
	if flags&flagCold != 0 {
		b.ref.Segment = d.number()
		offset, length := d.number(), d.number()
		if offset > math.MaxUint32 || length > math.MaxUint32 || length == 0 {
			d.fail()
		}
		b.ref.Offset, b.ref.Length = uint32(offset), uint32(length)
	} else if body := d.bytes(d.number()); d.err == nil {
		if b.Body, d.err = DecodeBody(body); d.err == nil && int(b.groups[len(b.groups)-1].ord) >= b.n {
			d.fail()
		}
	}
	if flags&flagDead != 0 {
		words := d.number()
		if words > maxOrdinal/64+1 {
			d.fail()
		}
		if raw := d.bytes(8 * words); d.err == nil {
			b.dead = make([]uint64, words)
			for i := range b.dead {
				b.dead[i] = binary.LittleEndian.Uint64(raw[8*i:])
			}
		}
	}
	if flags&flagGone != 0 {
		b.gone = &gone{through: d.id()}
		for n := d.number(); n > 0 && d.err == nil; n-- {
			b.gone.ids = append(b.gone.ids, d.id())
		}
	}
	return b
}
