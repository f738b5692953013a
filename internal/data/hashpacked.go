package data

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// packedHash is a small hash as bytes. Numbers are little-endian.
//
//	2 bytes: number of fields × 2, and 1 if the fields have times
//	for each: 1 byte length | field | 1 byte length | value | with times: 8 bytes, 0 if it has none
//
// No bytes at all are an empty hash.
type packedHash []byte

const (
	hashHead = 2
	timeSize = 8
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

func (p packedHash) setHead(n int, timed bool) {
	head := uint16(n) << 1
	if timed {
		head |= 1
	}
	binary.LittleEndian.PutUint16(p, head)
}

func (p packedHash) len() int    { return int(p.head() >> 1) }
func (p packedHash) timed() bool { return p.head()&1 != 0 }

// at returns the field that begins at an offset, and where the next one begins.
func (p packedHash) at(at int) (f packedField, next int) {
	from := at + 1
	to := from + int(p[at])
	f.name = p[from:to:to]
	from = to + 1
	to = from + int(p[to])
	f.value = p[from:to:to]
	if p.timed() {
		f.time = int64(binary.LittleEndian.Uint64(p[to:]))
		to += timeSize
	}
	return f, to
}

// find returns the offset of a field, or -1.
func (p packedHash) find(field []byte) int {
	behind := 1
	if p.timed() {
		behind += timeSize
	}
	for at := hashHead; at < len(p); {
		value := at + 1 + int(p[at])
		if value-at-1 == len(field) && string(p[at+1:value]) == string(field) {
			return at
		}
		at = value + int(p[value]) + behind
	}
	return -1
}

// add appends a field, which is not there.
func (p packedHash) add(field, value []byte) packedHash {
	n, timed := p.len()+1, p.timed()
	size := len(field) + len(value) + 2
	if timed {
		size += timeSize
	}
	if len(p) == 0 {
		size += hashHead
	}
	if cap(p)-len(p) < size {
		p = append(make(packedHash, 0, len(p)+size), p...) // not more: the keyspace knows how much room a value gets
	}
	if len(p) == 0 {
		p = p[:hashHead]
	}
	p.setHead(n, timed)
	p = append(append(p, byte(len(field))), field...)
	p = append(append(p, byte(len(value))), value...)
	if timed {
		p = binary.LittleEndian.AppendUint64(p, 0)
	}
	return p
}

// replace replaces the value of the field at an offset.
func (p packedHash) replace(at int, value []byte, keepTime bool) packedHash {
	from := at + 1 + int(p[at])
	to := from + 1 + int(p[from])
	if p.timed() && !keepTime {
		clear(p[to : to+timeSize])
	}
	if int(p[from]) == len(value) {
		copy(p[from+1:], value)
		return p
	}
	p[from] = byte(len(value))
	return slices.Replace(p, from+1, to, value...)
}

// remove removes the field at an offset.
func (p packedHash) remove(at int) packedHash {
	_, next := p.at(at)
	n := p.len() - 1
	if n == 0 {
		return nil
	}
	p.setHead(n, p.timed())
	return slices.Delete(p, at, next)
}

// PackedHashSize returns how many bytes a hash of fields and values, in turn, has if it is packed; if it is not, few.
func PackedHashSize(pairs [][]byte) int {
	size := hashHead
	for _, b := range pairs {
		size += 1 + len(b)
	}
	if size > hashHead+2*hashMostFields*(1+hashLongest) {
		return 0
	}
	return size
}

// withTimes returns the hash with room for times.
func (p packedHash) withTimes() packedHash {
	timed := make(packedHash, hashHead, len(p)+timeSize*p.len())
	for at := hashHead; at < len(p); {
		_, next := p.at(at)
		timed = append(append(timed, p[at:next]...), make([]byte, timeSize)...)
		at = next
	}
	timed.setHead(p.len(), true)
	return timed
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
	behind := 0
	if p.timed() {
		behind = timeSize
	}
	n := 0
	for at := hashHead; at < len(p); n++ {
		next := at
		for range 2 {
			if next >= len(p) || p[next] > hashLongest {
				return false
			}
			next += 1 + int(p[next])
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
