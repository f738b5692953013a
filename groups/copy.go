package groups

import (
	"bufio"
	"encoding/binary"

	"github.com/weirmq/weir/stream"
)

// Copy is a Set as it was at one moment. It never changes, and any goroutine may use it while the Set goes on.
//
// It shares the bytes of the pages with the Set: what a page holds when it is copied is not written over any more, for
// whoever takes an entry out of such a page, or changes one, does so in bytes of his own (page.put, page.without). A page
// that grows does so behind what the copy sees. Everything else that may change is in the copy itself.
type Copy struct {
	groups []groupCopy
}

type groupCopy struct {
	name        string
	last        stream.ID
	entriesRead int64
	places      []place // of consumers: pendingList.owners from 1 on
	free        []uint32
	pages       []pageCopy
}

// place is that of a consumer, of whom only the name is looked at, for that never changes; or it is free.
type place struct {
	consumer         *Consumer
	seenMS, activeMS int64
}

type pageCopy struct {
	data []byte
	base int64
}

// Copy copies the set, in time and memory that go by the number of pages and of consumers: 32 bytes for each page, that is
// some 0.1 ms for a million entries, and 24 bytes for each consumer, some 1.5 ms for 100,000. It is nil for a set that is
// nil or has no groups.
func (s *Set) Copy() *Copy {
	if s.Len() == 0 {
		return nil
	}
	c := &Copy{groups: make([]groupCopy, 0, s.Len())}
	for g := range s.All() {
		c.groups = append(c.groups, g.copy())
	}
	return c
}

func (g *Group) copy() groupCopy {
	l := &g.pending
	c := groupCopy{name: g.name, last: g.last, entriesRead: g.entriesRead, free: append([]uint32(nil), l.free...)}
	if len(l.owners) > 1 {
		c.places = make([]place, len(l.owners)-1)
		for i, o := range l.owners[1:] {
			if o != nil {
				c.places[i] = place{o, o.seenMS, o.activeMS}
			}
		}
	}
	c.pages = make([]pageCopy, len(l.pages))
	for i, p := range l.pages {
		c.pages[i] = pageCopy{p.data, p.base}
		p.shared = true
	}
	return c
}

// The encoding of a set:
//
//	set     := version groups | groups × group                 one byte; uvarint; in the byte order of their names
//	group   := name | last ms | last seq | entries read | places | places × place | free | free × index | pages | pages × page
//	place   := 0                                               free
//	         | 1 name | seen | active                          a consumer's
//	page    := base | bytes | run run run ...                  the runs are in the picture of type page
//	name    := bytes | that many
//
// Numbers are uvarints, but for entries read, seen, active and base, which are varints. A run's owner is the number of a
// place, from 1 on. The free places are listed once more in the order in which they became free: the next consumer gets
// the last of them.
const version = 1

// Encode writes the copy, for Decode. It holds no more of it encoded than w does. A nil Copy is a set without groups.
func (c *Copy) Encode(w *bufio.Writer) error {
	e := encoder{w: w}
	e.bytes([]byte{version})
	if c == nil {
		e.uvarint(0)
		return e.err
	}
	e.uvarint(uint64(len(c.groups)))
	for i := range c.groups {
		e.group(&c.groups[i])
	}
	return e.err
}

// encoder writes until something fails.
type encoder struct {
	w   *bufio.Writer
	err error
}

func (e *encoder) group(g *groupCopy) {
	e.name(g.name)
	e.uvarint(g.last.MS)
	e.uvarint(g.last.Seq)
	e.varint(g.entriesRead)
	e.uvarint(uint64(len(g.places)))
	for i := range g.places {
		e.place(&g.places[i])
	}
	e.uvarint(uint64(len(g.free)))
	for _, index := range g.free {
		e.uvarint(uint64(index))
	}
	e.uvarint(uint64(len(g.pages)))
	for _, p := range g.pages {
		e.varint(p.base)
		e.uvarint(uint64(len(p.data)))
		e.bytes(p.data)
	}
}

func (e *encoder) place(p *place) {
	if p.consumer == nil {
		e.uvarint(0)
		return
	}
	e.uvarint(1)
	e.name(p.consumer.name)
	e.varint(p.seenMS)
	e.varint(p.activeMS)
}

func (e *encoder) name(s string) {
	e.uvarint(uint64(len(s)))
	if e.err == nil {
		_, e.err = e.w.WriteString(s)
	}
}

func (e *encoder) uvarint(v uint64) { e.bytes(binary.AppendUvarint(e.w.AvailableBuffer(), v)) }

func (e *encoder) varint(v int64) { e.bytes(binary.AppendVarint(e.w.AvailableBuffer(), v)) }

func (e *encoder) bytes(b []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
}
