package groups

import (
	"math"

	"github.com/weirmq/weir/stream"
)

// Taking entries out of a page without taking it apart: what stays is copied as bytes. Only the head of a run that
// loses an entry, and the ID behind one that goes, are written anew.

// cut takes one entry out, of at least two, and returns whose it was. alone says that it was its owner's only one.
//
//	... | head of run | ids | the entry | id behind | ids | ...      the id behind may be the first of the next run
func (p *page) cut(id stream.ID) (owner uint32, alone, found bool) {
	c := p.cursor()
	at := func() int { return len(p.data) - len(c.data) }
	var run cursor // on the first entry of the run
	var prev stream.ID
	var runAt, entryAt int
	for {
		entryAt, prev = at(), c.id
		fresh := c.left == 0
		if !c.next() || id.Less(c.id) {
			return 0, false, false
		}
		if fresh {
			run, runAt = c, entryAt
		}
		if c.id == id {
			break
		}
	}
	taken := c.entry
	inRun := int(run.left) + 1
	var room [1 << 10]byte
	b := append(room[:0], p.data[:runAt]...)
	if inRun > 1 {
		head := len(run.appendHead(b, p.base, 0)) - runAt
		b = run.appendHead(b, p.base, -1)
		if id != run.id {
			b = append(b, p.data[runAt+head:entryAt]...)
		}
	}
	if fresh := c.left == 0; c.next() {
		if fresh {
			b = c.appendHead(b, p.base, 0)
		}
		b = appendID(b, prev, c.id)
		b = append(b, c.data...)
	}
	p.put(b)
	p.n--
	if id == p.first {
		p.first = c.id
	}
	if id == p.last {
		p.last = prev
	}
	if alone = inRun == 1; alone || taken.deliveredMS == p.oldest {
		alone = p.look(taken.owner) && alone
	}
	return taken.owner, alone, true
}

// appendHead encodes the head of the run that c is on the first entry of, with so many more entries.
func (c *cursor) appendHead(b []byte, base int64, more int) []byte {
	return appendRunHead(b, int(c.left)+1+more, c.owner, c.deliveredMS-base, c.deliveries)
}

// look finds the oldest delivery anew, and reports whether an owner has nothing in the page.
func (p *page) look(owner uint32) (none bool) {
	none = true
	p.oldest = math.MaxInt64
	for c := p.cursor(); c.next(); {
		p.oldest = min(p.oldest, c.deliveredMS)
		none = none && c.owner != owner
	}
	return none
}

// without takes out the entries of one owner and returns how many there were. It copies the runs of the others as they
// are, but for their first IDs: each is told from the one before.
func (p *page) without(owner uint32) (removed int) {
	kept := p.data[:0]
	if p.shared {
		kept, p.shared = make([]byte, 0, len(p.data)), false
	}
	n, oldest := int16(0), int64(math.MaxInt64)
	var first, last stream.ID
	for c := p.cursor(); len(c.data) > 0; {
		run := c.data
		before := c.id
		c.next()
		inRun := int(c.left) + 1
		if c.owner == owner {
			for c.left > 0 {
				c.next()
			}
			removed += inRun
			continue
		}
		rest := c.data // from the second ID on
		if n == 0 {
			first = c.id
		}
		if before == last {
			kept = append(kept, run[:len(run)-len(rest)]...)
		} else {
			kept = appendRunHead(kept, inRun, c.owner, c.deliveredMS-p.base, c.deliveries)
			kept = appendID(kept, last, c.id)
		}
		for c.left > 0 {
			c.next()
		}
		kept = append(kept, rest[:len(rest)-len(c.data)]...)
		n, last, oldest = n+int16(inRun), c.id, min(oldest, c.deliveredMS)
	}
	p.data, p.n = kept, n
	if n > 0 {
		p.first, p.last, p.oldest = first, last, oldest
		p.clip()
	}
	return removed
}
