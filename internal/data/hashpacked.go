package data

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// packedHash is a small hash as bytes. Numbers are little-endian.
//
//	2 bytes: number of fields × 2, + 1 if the fields have times, + 32768 if the hash is wide
//	for each: length | field | length | value | with times: 8 bytes, 0 if it has none
//
// where a length is 1 byte, in a wide hash 2. A hash becomes wide, for ever, by a field or a value of more than hashLongest
// bytes. No bytes at all are an empty hash.
type packedHash []byte

const (
	hashHead  = 2
	hashTimed = 1
	hashWide  = 1 << 15
	timeSize  = 8
)

// packedField is a field of a packed hash.
type packedField struct {
	name, value []byte
	time        int64
}

func (f *packedField) late(nowMS int64) bool { return isLate(f.time, nowMS) }

func (p packedHash) head() uint16 {
	if len(p) == 0 {
		return 0
	}
	return binary.LittleEndian.Uint16(p)
}

func (p packedHash) flags() uint16 { return p.head() & (hashTimed | hashWide) }

func (p packedHash) setHead(n int, flags uint16) {
	binary.LittleEndian.PutUint16(p, uint16(n)<<1|flags)
}

func (p packedHash) len() int    { return int(p.head() &^ hashWide >> 1) }
func (p packedHash) timed() bool { return p.head()&hashTimed != 0 }
func (p packedHash) wide() bool  { return p.head()&hashWide != 0 }

// item returns the field or value whose length stands at an offset, and what follows it.
func (p packedHash) item(at int) (item []byte, next int) {
	from, n := at+1, int(p[at])
	if p.wide() {
		from, n = at+2, int(binary.LittleEndian.Uint16(p[at:]))
	}
	next = from + n
	return p[from:next:next], next
}

// appendItem appends a field or a value.
func (p packedHash) appendItem(b []byte) packedHash {
	if p.wide() {
		p = binary.LittleEndian.AppendUint16(p, uint16(len(b)))
	} else {
		p = append(p, byte(len(b)))
	}
	return append(p, b...)
}

// itemsSize returns how many bytes a field and a value take.
func (p packedHash) itemsSize(field, value []byte) int {
	size := 2 + len(field) + len(value)
	if p.wide() {
		size += 2
	}
	if p.timed() {
		size += timeSize
	}
	return size
}

// outgrows reports whether a wide hash becomes longer than it may be when a field, which stands at an offset or is not
// there (-1), gets a value.
func (p packedHash) outgrows(at int, field, value []byte) bool {
	grows := p.itemsSize(field, value)
	if at >= 0 {
		f, _ := p.at(at)
		grows = len(value) - len(f.value)
	}
	return grows > 0 && len(p)+grows > hashWidest
}

// at returns the field that begins at an offset, and where the next one begins.
func (p packedHash) at(at int) (f packedField, next int) {
	f.name, next = p.item(at)
	f.value, next = p.item(next)
	if p.timed() {
		f.time = int64(binary.LittleEndian.Uint64(p[next:]))
		next += timeSize
	}
	return f, next
}

// find returns the offset of a field, or -1.
func (p packedHash) find(field []byte) int {
	behind := 0
	if p.timed() {
		behind = timeSize
	}
	if p.wide() {
		for at := hashHead; at < len(p); {
			name, next := p.item(at)
			if string(name) == string(field) {
				return at
			}
			_, next = p.item(next)
			at = next + behind
		}
		return -1
	}
	for at := hashHead; at < len(p); {
		value := at + 1 + int(p[at])
		if value-at-1 == len(field) && string(p[at+1:value]) == string(field) {
			return at
		}
		at = value + 1 + int(p[value]) + behind
	}
	return -1
}

// add appends a field, which is not there.
func (p packedHash) add(field, value []byte) packedHash {
	n, flags := p.len()+1, p.flags()
	size := p.itemsSize(field, value)
	if len(p) == 0 {
		size += hashHead
	}
	if cap(p)-len(p) < size {
		p = append(make(packedHash, 0, len(p)+size), p...) // not more: the keyspace knows how much room a value gets
	}
	if len(p) == 0 {
		p = p[:hashHead]
	}
	p.setHead(n, flags)
	p = p.appendItem(field).appendItem(value)
	if p.timed() {
		p = binary.LittleEndian.AppendUint64(p, 0)
	}
	return p
}

// replace replaces the value of the field at an offset.
func (p packedHash) replace(at int, value []byte, keepTime bool) packedHash {
	_, from := p.item(at)
	old, to := p.item(from)
	if p.timed() && !keepTime {
		clear(p[to : to+timeSize])
	}
	if len(old) == len(value) {
		copy(old, value)
		return p
	}
	if p.wide() {
		binary.LittleEndian.PutUint16(p[from:], uint16(len(value)))
	} else {
		p[from] = byte(len(value))
	}
	return slices.Replace(p, to-len(old), to, value...)
}

// remove removes the field at an offset.
func (p packedHash) remove(at int) packedHash {
	_, next := p.at(at)
	n := p.len() - 1
	if n == 0 {
		return nil
	}
	p.setHead(n, p.flags())
	return slices.Delete(p, at, next)
}

// becomes returns the hash with other flags: with room for times, or wide.
func (p packedHash) becomes(flags uint16) packedHash {
	q := make(packedHash, hashHead, len(p)+(2+timeSize)*p.len()+hashHead)
	q.setHead(p.len(), flags)
	for at := hashHead; at < len(p); {
		var f packedField
		f, at = p.at(at)
		q = q.appendItem(f.name).appendItem(f.value)
		if q.timed() {
			q = binary.LittleEndian.AppendUint64(q, uint64(f.time))
		}
	}
	return q
}

// PackedHashSize returns how many bytes a hash of fields and values, in turn, has if it is packed; if it is not, few.
func PackedHashSize(pairs [][]byte) int {
	size, longest := hashHead, 0
	for _, b := range pairs {
		size += 1 + len(b)
		longest = max(longest, len(b))
	}
	if longest > hashLongest {
		size += len(pairs)
		if size > hashWidest {
			return 0
		}
	}
	if len(pairs) > 2*hashMostFields {
		return 0
	}
	return size
}

func (p packedHash) setTime(at int, time int64) {
	_, next := p.at(at)
	binary.LittleEndian.PutUint64(p[next-timeSize:], uint64(time))
}

// CheckHash tells whether bytes are a packed hash. No method fails on one that has passed.
func CheckHash(packed []byte) error {
	p := packedHash(packed)
	if len(p) < hashHead || !p.sound() {
		return fmt.Errorf("%w: a packed hash of %d bytes", ErrDamaged, len(packed))
	}
	return nil
}

func (p packedHash) sound() bool {
	behind, length, longest := 0, 1, hashLongest
	if p.timed() {
		behind = timeSize
	}
	if p.wide() {
		length, longest = 2, hashWidest
	}
	n := 0
	for at := hashHead; at < len(p); n++ {
		next := at
		for range 2 {
			if next+length > len(p) {
				return false
			}
			size := int(p[next])
			if p.wide() {
				size = int(binary.LittleEndian.Uint16(p[next:]))
			}
			if next += length + size; size > longest || next > len(p) {
				return false
			}
		}
		if next += behind; next > len(p) {
			return false
		}
		f, _ := p.at(at)
		if f.time < 0 || f.time > MaxTime || p.find(f.name) != at {
			return false
		}
		at = next
	}
	return n > 0 && n == p.len() && n <= hashMostFields
}
