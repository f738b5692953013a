package groups

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/weirmq/weir/stream"
)

// ErrDamaged says that bytes are not what Encode writes.
var ErrDamaged = errors.New("groups: damaged")

// Decode reads a set that Copy.Encode wrote, and nothing behind it. It behaves as the one that was copied, in everything:
// a Copy of it is encoded to the same bytes. Anything that Encode does not write is ErrDamaged, with the reason; an error
// of reading is returned as it is. Memory is taken as bytes arrive, not as they announce.
func Decode(r *bufio.Reader) (*Set, error) {
	d := decoder{r: r}
	if v := d.byte(); d.err == nil && v != version {
		d.damaged("version %d", v)
	}
	s := new(Set)
	for n := d.uvarint(); n > 0 && d.err == nil; n-- {
		g := d.group()
		if d.err != nil {
			break
		}
		if highest, _, ok := s.byName.Max(); ok && highest >= g.name {
			d.damaged("group %.100q is not in order", g.name)
			break
		}
		s.byName.Set(g.name, g)
	}
	if d.err != nil {
		return nil, d.err
	}
	return s, nil
}

// decoder reads until something fails; from then on everything is zero.
type decoder struct {
	r     *bufio.Reader
	err   error
	page  []byte // the one that is being read, and zeros
	again []byte // what check writes
}

func (d *decoder) damaged(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
	}
}

// failed notes an error of reading.
func (d *decoder) failed(err error) {
	switch {
	case d.err != nil:
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		d.damaged("it ends too early")
	default:
		d.err = err
	}
}

func (d *decoder) group() *Group {
	g := &Group{name: d.name()}
	g.last = stream.ID{MS: d.uvarint(), Seq: d.uvarint()}
	g.entriesRead = d.varint()
	l := &g.pending
	l.owners = []*Consumer{nil}
	for n := d.uvarint(); n > 0 && d.err == nil; n-- {
		d.place(g)
	}
	d.free(l)
	for n := d.uvarint(); n > 0 && d.err == nil; n-- {
		d.addPage(l)
	}
	l.byAge = ageHeap(slices.Clone(l.pages))
	l.byAge.restore()
	return g
}

func (d *decoder) place(g *Group) {
	l := &g.pending
	if len(l.owners) == math.MaxUint32 {
		d.damaged("too many consumers")
		return
	}
	var c *Consumer
	switch taken := d.uvarint(); taken {
	case 0:
	case 1:
		c = &Consumer{name: d.name(), index: uint32(len(l.owners)), seenMS: d.varint(), activeMS: d.varint()}
		if _, twice := g.consumers.Set(c.name, c); twice {
			d.damaged("two consumers %.100q", c.name)
		}
	default:
		d.damaged("place of kind %d", taken)
	}
	l.owners = append(l.owners, c)
}

// free reads the list of the free places, in which each of them is once.
func (d *decoder) free(l *pendingList) {
	listed := make([]bool, len(l.owners))
	for n := d.uvarint(); n > 0 && d.err == nil; n-- {
		i := d.uvarint()
		if i == 0 || i >= uint64(len(listed)) || l.owners[i] != nil || listed[i] {
			d.damaged("place %d is not free, or listed twice", i)
			return
		}
		listed[i] = true
		l.free = append(l.free, uint32(i))
	}
	for i, o := range l.owners[1:] {
		if o == nil && !listed[i+1] {
			d.damaged("place %d is free, but not listed", i+1)
			return
		}
	}
}

const (
	behind   = 7                                        // numbers that cursor.next reads at most
	mostPage = pageMax * behind * binary.MaxVarintLen64 // bytes of a page
)

// addPage reads a page, which follows those that are there.
func (d *decoder) addPage(l *pendingList) {
	p := &page{base: d.varint()}
	n := d.uvarint()
	if n > mostPage {
		d.damaged("page of %d bytes", n)
	}
	if d.err != nil {
		return
	}
	d.page = slices.Grow(d.page[:0], mostPage+behind)[:n+behind]
	p.data = d.page[:n]
	clear(d.page[n:])
	if _, err := io.ReadFull(d.r, p.data); err != nil {
		d.failed(err)
		return
	}
	if reason := d.check(p, l); reason != "" {
		d.damaged("%s", reason)
		return
	}
	p.data = bytes.Clone(p.data)
	l.take(p)
}

// take adds a page behind all others.
func (l *pendingList) take(p *page) {
	l.pages = append(l.pages, p)
	l.n += int(p.n)
	l.room += cap(p.data)
	for c := p.cursor(); c.next(); {
		o := l.owners[c.owner]
		if o == nil {
			continue
		}
		o.pending++
		if n := len(o.pages); n == 0 || o.pages[n-1] != p {
			o.pages = append(o.pages, p)
		}
	}
}

// check says what is wrong with a page of which only base and bytes are known, and finds out the rest of it.
//
// A cursor trusts the bytes. Here it may: they are whole numbers, and there are as many zeros behind them as it may read
// too far. Whether they are what this package writes shows when they are written again; cut and without rely on that.
func (d *decoder) check(p *page, l *pendingList) (reason string) {
	if !wholeNumbers(p.data) {
		return "a page is not made of numbers"
	}
	var before stream.ID
	if n := len(l.pages); n > 0 {
		before = l.pages[n-1].last
	}
	p.oldest = math.MaxInt64
	d.again = d.again[:0]
	c := cursor{data: d.page, base: p.base}
	for len(c.data) > behind {
		prev, fresh := c.id, c.left == 0
		c.next()
		switch {
		case p.n == pageMax:
			return "a page of too many entries"
		case c.owner != 0 && (uint64(c.owner) >= uint64(len(l.owners)) || l.owners[c.owner] == nil):
			return "an entry is of a consumer that is not there"
		case c.deliveries < 0:
			return "an entry was delivered less than never"
		case !before.Less(c.id) && len(l.pages)+int(p.n) > 0:
			return "entries do not ascend"
		}
		if fresh {
			d.again = c.appendHead(d.again, p.base, 0)
		}
		d.again = appendID(d.again, prev, c.id)
		if p.n == 0 {
			p.first = c.id
		}
		p.last, p.oldest, before = c.id, min(p.oldest, c.deliveredMS), c.id
		p.n++
	}
	if p.n == 0 || c.left != 0 || !bytes.Equal(d.again, p.data) {
		return "a page is not made of runs"
	}
	return ""
}

// wholeNumbers reports whether b is uvarints and nothing else.
func wholeNumbers(b []byte) bool {
	for len(b) > 0 {
		_, n := binary.Uvarint(b)
		if n <= 0 {
			return false
		}
		b = b[n:]
	}
	return true
}

func (d *decoder) byte() byte {
	if d.err != nil {
		return 0
	}
	b, err := d.r.ReadByte()
	if err != nil {
		d.failed(err)
	}
	return b
}

func (d *decoder) uvarint() uint64 {
	var v uint64
	for i := 0; i < binary.MaxVarintLen64; i++ {
		b := d.byte()
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			if i == binary.MaxVarintLen64-1 && b > 1 || i > 0 && b == 0 {
				break
			}
			return v
		}
	}
	d.damaged("a number that is none")
	return 0
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// name reads bytes as a string.
func (d *decoder) name() string {
	n := d.uvarint()
	var b []byte
	for n > 0 && d.err == nil {
		some := int(min(n, 1<<16))
		b = slices.Grow(b, some)[:len(b)+some]
		if _, err := io.ReadFull(d.r, b[len(b)-some:]); err != nil {
			d.failed(err)
		}
		n -= uint64(some)
	}
	return string(b)
}
