package groups

import (
	"encoding/binary"
	"math"
	"slices"
	"sort"

	"github.com/weirmq/weir/stream"
)

// A page is up to pageMax pending entries with neighbouring IDs, as bytes:
//
//	page   := run run run ...
//	run    := n | owner | delivered | deliveries | n × id
//
//	n           uvarint  entries in the run
//	owner       uvarint  index of the consumer; 0 nobody
//	delivered   varint   unix ms above the page's base
//	deliveries  uvarint
//	id          uvarint v, by its lowest two bits:
//	            0  same ms as the entry before, seq v>>2 + 1 higher
//	            1  ms v>>2 higher, seq 0
//	            2  v is 2: same ms; or 6: uvarint follows, ms so much higher. Then uvarint seq
//	            3  ms v>>2 higher, uvarint seq follows
//
// The entry before the first of a page is 0-0.
type page struct {
	data        []byte
	base        int64 // unix ms that delivery times are relative to
	heapIndex   int32 // in the group's ageHeap
	n           int16 // entries; at least 1
	shared      bool  // a Copy may have data, too: what is in it stays as it is, but more may be appended
	last, first stream.ID
	oldest      int64 // lowest delivery time in the page
}

const pageMax = 128

// entry is a decoded pending entry.
type entry struct {
	id          stream.ID
	deliveredMS int64
	deliveries  int64
	owner       uint32
}

func (e *entry) sameRun(o *entry) bool {
	return e.owner == o.owner && e.deliveredMS == o.deliveredMS && e.deliveries == o.deliveries
}

// appendID encodes an ID that follows prev, and is above it.
func appendID(b []byte, prev, id stream.ID) []byte {
	const fits = math.MaxUint64 >> 2
	step := id.MS - prev.MS
	switch {
	case step == 0 && id.Seq-prev.Seq-1 <= fits:
		return binary.AppendUvarint(b, (id.Seq-prev.Seq-1)<<2)
	case step == 0:
		return binary.AppendUvarint(binary.AppendUvarint(b, 2), id.Seq)
	case step > fits:
		b = binary.AppendUvarint(binary.AppendUvarint(b, 6), step)
		return binary.AppendUvarint(b, id.Seq)
	case id.Seq == 0:
		return binary.AppendUvarint(b, step<<2|1)
	default:
		return binary.AppendUvarint(binary.AppendUvarint(b, step<<2|3), id.Seq)
	}
}

// cursor decodes a page forwards. It trusts the bytes: this process wrote them.
type cursor struct {
	data []byte
	base int64
	left uint64 // entries of the run not yet seen
	entry
}

func (p *page) cursor() cursor { return cursor{data: p.data, base: p.base} }

func (c *cursor) uvarint() uint64 {
	if v := c.data[0]; v < 0x80 {
		c.data = c.data[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(c.data)
	c.data = c.data[n:]
	return v
}

// next goes to the next entry and reports whether there is one.
func (c *cursor) next() bool {
	if c.left == 0 {
		if len(c.data) == 0 {
			return false
		}
		c.left = c.uvarint()
		c.owner = uint32(c.uvarint())
		delivered, n := binary.Varint(c.data)
		c.data = c.data[n:]
		c.deliveredMS = c.base + delivered
		c.deliveries = int64(c.uvarint())
	}
	c.left--
	v := c.uvarint()
	switch v & 3 {
	case 0:
		c.id.Seq += v>>2 + 1
	case 1:
		c.id = stream.ID{MS: c.id.MS + v>>2}
	case 2:
		if v != 2 {
			c.id.MS += c.uvarint()
		}
		c.id.Seq = c.uvarint()
	case 3:
		c.id.MS += v >> 2
		c.id.Seq = c.uvarint()
	}
	return true
}

// decode appends the page's entries to dst.
func (p *page) decode(dst []entry) []entry {
	for c := p.cursor(); c.next(); {
		dst = append(dst, c.entry)
	}
	return dst
}

// encode replaces the page's content by entries: at least one and at most pageMax, with ascending IDs.
func (p *page) encode(entries []entry) {
	var room [1 << 10]byte
	b := room[:0]
	p.base, p.oldest = entries[0].deliveredMS, entries[0].deliveredMS
	prev := stream.ID{}
	for i := 0; i < len(entries); {
		run := &entries[i]
		end := i + 1
		for end < len(entries) && entries[end].sameRun(run) {
			end++
		}
		p.oldest = min(p.oldest, run.deliveredMS)
		b = appendRunHead(b, end-i, run.owner, run.deliveredMS-p.base, run.deliveries)
		for ; i < end; i++ {
			b = appendID(b, prev, entries[i].id)
			prev = entries[i].id
		}
	}
	p.n, p.first, p.last = int16(len(entries)), entries[0].id, prev
	p.put(b)
}

// put replaces the page's bytes by others, which it copies.
func (p *page) put(b []byte) {
	if p.shared || cap(p.data) < len(b) {
		p.data, p.shared = make([]byte, 0, len(b)), false
	}
	p.data = append(p.data[:0], b...)
}

func appendRunHead(b []byte, n int, owner uint32, delivered, deliveries int64) []byte {
	b = binary.AppendUvarint(b, uint64(n))
	b = binary.AppendUvarint(b, uint64(owner))
	b = binary.AppendVarint(b, delivered)
	return binary.AppendUvarint(b, uint64(deliveries))
}

// appendRun adds entries behind the last one: at most as many as there is room for, each delivered once, at nowMS.
func (p *page) appendRun(ids []stream.ID, owner uint32, nowMS int64) {
	if p.n == 0 {
		p.base, p.oldest, p.first = nowMS, nowMS, ids[0]
	}
	p.oldest = min(p.oldest, nowMS)
	b := slices.Grow(p.data, len(ids)+8) // what it takes at least, as a rule
	b = appendRunHead(b, len(ids), owner, nowMS-p.base, 1)
	for _, id := range ids {
		b = appendID(b, p.last, id)
		p.last = id
	}
	p.data = b
	p.n += int16(len(ids))
}

func (p *page) empty() bool { return p.n == 0 }

// clip gives back the room behind the last entry, if it is worth it.
func (p *page) clip() {
	if cap(p.data) > len(p.data)+len(p.data)/4+8 {
		p.data = slices.Clone(p.data)
	}
}

// clip is page.clip for a page of the list.
func (l *pendingList) clip(p *page) {
	had := cap(p.data)
	p.clip()
	l.room += cap(p.data) - had
}

// pages is a list of pages in the order of their IDs, which do not overlap.
type pages []*page

// search returns the index of the first page whose last ID is not below id.
func (l pages) search(id stream.ID) int {
	return sort.Search(len(l), func(i int) bool { return !l[i].last.Less(id) })
}

// add puts p in its place, unless it is there.
func (l *pages) add(p *page) {
	i := len(*l)
	if i > 0 && !(*l)[i-1].first.Less(p.first) {
		if i = l.search(p.last); i < len(*l) && (*l)[i] == p {
			return
		}
	}
	*l = slices.Insert(*l, i, p)
}

// drop takes p out, if it is there. Taking the first one moves nothing.
func (l *pages) drop(p *page) {
	i := l.search(p.last)
	if i == len(*l) || (*l)[i] != p {
		return
	}
	if i == 0 {
		(*l)[0] = nil
		if len(*l) == 1 {
			*l = (*l)[:0] // a consumer that has one page after the other needs no other room
		} else {
			*l = (*l)[1:]
		}
		return
	}
	*l = slices.Delete(*l, i, i+1)
	if n := len(*l); cap(*l) > 64 && n < cap(*l)/4 {
		*l = append(make(pages, 0, 2*n), *l...) // a consumer may have been in every page once
	}
}
