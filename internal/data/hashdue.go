package data

import (
	"bytes"
	"math"
)

// dueTree knows of a large hash which fields are gone first, without a word for each of them. It divides the hashes of the
// fields, all 32 bits, into ranges of equal width, and keeps a lower bound of the times of each range in a tree in which a
// node is the least of its two children. So whether anything is due is a look at the root, and what is due is found by going
// down to a range and looking at the few hundred fields in it (see HashTable.lapse).
//
// A bound becomes too low when a field is deleted or gets a later time; the next look at its range mends it.
type dueTree struct {
	bounds []int64 // 1: the root, i: the parent of 2i and 2i+1; the second half are the ranges. nil: no field has a time
}

const (
	dueWide = 512     // fields with times, in a range
	dueMost = 1 << 16 // ranges
	never   = math.MaxInt64
)

// first returns a time before which no field is gone.
func (d *dueTree) first() int64 {
	if d.bounds == nil {
		return never
	}
	return d.bounds[1]
}

func (d *dueTree) ranges() int { return len(d.bounds) / 2 }

// add notes a field's time; n fields have one.
func (d *dueTree) add(hash uint32, at int64, n int) {
	switch {
	case d.bounds == nil:
		d.bounds = []int64{never, never}
	case n > dueWide*d.ranges() && d.ranges() < dueMost:
		d.grow()
	}
	for i := d.ranges() + int(uint64(hash)*uint64(d.ranges())>>32); i > 0 && d.bounds[i] > at; i /= 2 {
		d.bounds[i] = at
	}
}

// grow halves the ranges. What was a bound of the whole is one of both halves.
func (d *dueTree) grow() {
	old, n := d.bounds, 2*d.ranges()
	d.bounds = make([]int64, 2*n)
	for i := range n {
		d.bounds[n+i] = old[n/2+i/2]
	}
	for i := n - 1; i > 0; i-- {
		d.bounds[i] = min(d.bounds[2*i], d.bounds[2*i+1])
	}
}

// setBound replaces the bound of a range.
func (d *dueTree) setBound(nth int, at int64) {
	i := d.ranges() + nth
	d.bounds[i] = at
	for i /= 2; i > 0; i /= 2 {
		d.bounds[i] = min(d.bounds[2*i], d.bounds[2*i+1])
	}
}

// firstRange returns the range of the least bound.
func (d *dueTree) firstRange() int {
	i := 1
	for i < d.ranges() {
		if i *= 2; d.bounds[i] > d.bounds[i+1] {
			i++
		}
	}
	return i - d.ranges()
}

// hashes returns the hashes of a range: from <= hash < to.
func (d *dueTree) hashes(nth int) (from, to uint64) {
	width := 1 << 32 / uint64(d.ranges())
	return uint64(nth) * width, uint64(nth+1) * width
}

// Due returns a time before which no field is gone, the highest number if none has a time.
func (h Hash) Due() int64 {
	if h.Large != nil {
		return h.Large.due.first()
	}
	p := packedHash(h.Packed)
	if !p.timed() {
		return never
	}
	due := int64(never)
	for at := hashHead; at < len(p); {
		f, next := p.at(at)
		if f.time != 0 {
			due = min(due, f.time)
		}
		at = next
	}
	return due
}

// eachLate yields the fields that are gone, until it is told false.
func (h Hash) eachLate(yield func(field []byte) bool) {
	if h.Large != nil {
		h.Large.eachLate(h.NowMS, yield)
		return
	}
	p := packedHash(h.Packed)
	for at := hashHead; at < len(p); {
		f, next := p.at(at)
		if f.late(h.NowMS) && !yield(f.name) {
			return
		}
		at = next
	}
}

func (t *HashTable) eachLate(nowMS int64, yield func(field []byte) bool) {
	for nth := range t.due.ranges() {
		if t.due.bounds[t.due.ranges()+nth] >= nowMS {
			continue
		}
		from, to := t.due.hashes(nth)
		for field, time := range t.times.between(from, to) {
			if isLate(timeOf(time), nowMS) && !yield(field) {
				return
			}
		}
	}
}

// Lapse deletes up to limit of the fields that are gone, calls gone with each, and reports whether there may be more.
func (h *Hash) Lapse(limit int, gone func(field []byte)) (more bool) {
	if h.Large != nil {
		return h.Large.lapse(h.NowMS, limit, gone)
	}
	p := packedHash(h.Packed)
	for at := hashHead; at < len(p); {
		f, next := p.at(at)
		if !f.late(h.NowMS) {
			at = next
			continue
		}
		if limit == 0 {
			more = true
			break
		}
		limit--
		gone(f.name)
		p = p.remove(at)
	}
	h.Packed = p
	return more
}

func (t *HashTable) lapse(nowMS int64, limit int, gone func(field []byte)) (more bool) {
	var late [][]byte
	for t.due.first() < nowMS {
		if limit == 0 {
			return true
		}
		nth := t.due.firstRange()
		from, to := t.due.hashes(nth)
		bound := int64(never)
		late = late[:0]
		for field, time := range t.times.between(from, to) {
			at := timeOf(time)
			if isLate(at, nowMS) && len(late) < limit {
				late = append(late, bytes.Clone(field))
			} else {
				bound = min(bound, at)
			}
		}
		t.due.setBound(nth, bound)
		for _, field := range late {
			gone(field)
			t.delete(field)
		}
		limit -= len(late)
	}
	return false
}
