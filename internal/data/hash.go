package data

import "iter"

// Hash maps fields to values. A field may have a time, in unix milliseconds, after which it is gone.
//
// Fields of a packed hash keep the order in which they were added. It becomes large when it gets more than hashMostFields of
// them, or, with a field or value of more than hashLongest bytes, more than hashWidest bytes. Redis would have a hash table for
// one with a long value: Encoding says so, but a record of a few long texts is flat bytes all the same.
type Hash struct {
	Packed []byte // see packedHash
	Large  *HashTable

	// NowMS is the time of who reads: all but Len pass over the fields that are gone by then. Changes do not look at it.
	NowMS int64
}

// The limits of the packed form.
const (
	hashMostFields = 512
	hashLongest    = 64      // bytes of a field or a value, of what is not wide
	hashWidest     = 4 << 10 // bytes of one that is wide
)

// Len returns the number of fields, those included that are gone and not yet deleted.
func (h Hash) Len() int {
	if h.Large != nil {
		return h.Large.fields.Len()
	}
	return packedHash(h.Packed).len()
}

// Live returns the number of fields that are not gone.
func (h Hash) Live() int {
	n := h.Len()
	if h.Due() < h.NowMS {
		h.eachLate(func([]byte) bool { n--; return true })
	}
	return n
}

// Encoding returns what Redis calls the form.
func (h Hash) Encoding() string {
	switch {
	case h.Large != nil, packedHash(h.Packed).wide():
		return "hashtable"
	case packedHash(h.Packed).timed():
		return "listpackex"
	default:
		return "listpack"
	}
}

// Timed reports whether fields have, or had, times.
func (h Hash) Timed() bool {
	if h.Large != nil {
		return h.Large.times != nil
	}
	return packedHash(h.Packed).timed()
}

// Get returns the value of a field.
func (h Hash) Get(field []byte) (value []byte, ok bool) {
	if h.Large != nil {
		if h.Large.late(field, h.NowMS) {
			return nil, false
		}
		return h.Large.fields.Get(field)
	}
	p := packedHash(h.Packed)
	at := p.find(field)
	if at < 0 {
		return nil, false
	}
	f, _ := p.at(at)
	return f.value, !f.late(h.NowMS)
}

// Time returns when a field will be gone, 0 if never; ok is false if it is not there.
func (h Hash) Time(field []byte) (atMS int64, ok bool) {
	if h.Large != nil {
		if _, ok = h.Large.fields.Get(field); ok {
			atMS = h.Large.time(field)
		}
	} else if at := packedHash(h.Packed).find(field); at >= 0 {
		f, _ := packedHash(h.Packed).at(at)
		atMS, ok = f.time, true
	}
	return atMS, ok && !isLate(atMS, h.NowMS)
}

// isLate reports whether what has a time is gone: in the millisecond of its time it is still there.
func isLate(atMS, nowMS int64) bool { return atMS != 0 && atMS < nowMS }

// All yields every field and its value: those of a packed hash in their order.
func (h Hash) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(field, value []byte) bool) {
		if h.Large != nil {
			late := h.Large.due.first() < h.NowMS
			for field, value := range h.Large.fields.All() {
				if late && h.Large.late(field, h.NowMS) {
					continue
				}
				if !yield(field, value) {
					return
				}
			}
			return
		}
		p := packedHash(h.Packed)
		for at := hashHead; at < len(p); {
			f, next := p.at(at)
			if at = next; !f.late(h.NowMS) && !yield(f.name, f.value) {
				return
			}
		}
	}
}

// Scan visits about count fields from a cursor on, 0 at first, and returns the cursor to continue from, 0 at the end. A field
// that is there during the whole scan is visited. A packed hash is visited whole in one step.
func (h Hash) Scan(cursor uint64, count int, visit func(field, value []byte)) (next uint64) {
	if h.Large == nil {
		for field, value := range h.All() {
			visit(field, value)
		}
		return 0
	}
	return h.Large.fields.Scan(cursor, count, func(field, value []byte) {
		if !h.Large.late(field, h.NowMS) {
			visit(field, value)
		}
	})
}

// Random returns a field, each with the same probability; ok is false if there is none. random returns a number below its
// argument.
func (h Hash) Random(random func(n uint64) uint64) (field, value []byte, ok bool) {
	if h.Large != nil && h.Large.fields.Len() > 0 {
		for range 32 {
			if field, value = h.Large.fields.Random(random); !h.Large.late(field, h.NowMS) {
				return field, value, true
			}
		}
	}
	live := h.Live()
	if live == 0 {
		return nil, nil, false
	}
	nth := random(uint64(live))
	for field, value = range h.All() {
		if nth == 0 {
			break
		}
		nth--
	}
	return field, value, true
}

// Set gives a field a value, and no time. It reports whether the field was not there.
func (h *Hash) Set(field, value []byte) (added bool) { return h.set(field, value, false) }

// Update gives a field a value; if it is there, it keeps its time.
func (h *Hash) Update(field, value []byte) (added bool) { return h.set(field, value, true) }

func (h *Hash) set(field, value []byte, keep bool) (added bool) {
	if h.Large == nil {
		p := packedHash(h.Packed)
		if !p.wide() && max(len(field), len(value)) > hashLongest {
			p = p.becomes(p.flags() | hashWide)
			h.Packed = p
		}
		at := p.find(field)
		switch {
		case p.wide() && p.outgrows(at, field, value), at < 0 && p.len() == hashMostFields:
			h.enlarge()
		case at >= 0:
			h.Packed = p.replace(at, value, keep)
			return false
		default:
			h.Packed = p.add(field, value)
			return true
		}
	}
	return h.Large.set(field, value, keep)
}

// Delete removes a field and reports whether it was there.
func (h *Hash) Delete(field []byte) bool {
	if h.Large != nil {
		return h.Large.delete(field)
	}
	p := packedHash(h.Packed)
	at := p.find(field)
	if at >= 0 {
		h.Packed = p.remove(at)
	}
	return at >= 0
}

// LapseField deletes a field if it is gone, and reports whether it was.
func (h *Hash) LapseField(field []byte) bool {
	all := *h
	all.NowMS = 0
	at, ok := all.Time(field)
	return ok && isLate(at, h.NowMS) && h.Delete(field)
}

// MaxTime is the highest time of a field.
const MaxTime = 1<<48 - 1

// SetTime sets when a field will be gone, in (0, MaxTime], or never if that is 0. It reports whether the field is there.
func (h *Hash) SetTime(field []byte, atMS int64) bool {
	if h.Large != nil {
		return h.Large.setTime(field, atMS)
	}
	p := packedHash(h.Packed)
	at := p.find(field)
	if at < 0 {
		return false
	}
	if !p.timed() {
		if atMS == 0 {
			return true
		}
		p = p.becomes(p.flags() | hashTimed)
		at = p.find(field)
	}
	p.setTime(at, atMS)
	h.Packed = p
	return true
}

// enlarge changes the form from packed to large.
func (h *Hash) enlarge() {
	t := newHashTable()
	p := packedHash(h.Packed)
	for at := hashHead; at < len(p); {
		f, next := p.at(at)
		t.fields.Set(f.name, f.value)
		if f.time != 0 {
			t.setTime(f.name, f.time)
		}
		at = next
	}
	if p.timed() {
		t.keepTimes()
	}
	h.Packed, h.Large = nil, t
}
