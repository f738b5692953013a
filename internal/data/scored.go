package data

import (
	"bytes"
	"encoding/binary"
	"math"
)

// A scoreRun is elements of a sorted set as bytes, in order: by score, and by the bytes of the member where scores are equal.
//
//	+------------------------+-----------------+--------+
//	| score, IEEE 754, LE, 8 | member, uvarint | member |   and the next
//	+------------------------+-----------------+--------+
//
// A small sorted set is one run, a large one many (scoretree.go). Looking for a place in a run goes from element to
// element: with the some forty that fit a page that costs as much as a binary search, which would need an index.
type scoreRun []byte

// item returns the element at an offset, and the offset behind it.
func (r scoreRun) item(at int) (score float64, member []byte, next int) {
	score = math.Float64frombits(binary.LittleEndian.Uint64(r[at:]))
	at += 8
	size := int(r[at])
	if at++; size >= 0x80 {
		long, n := binary.Uvarint(r[at-1:])
		size, at = int(long), at-1+n
	}
	return score, r[at : at+size : at+size], at + size
}

// scoredSize is the number of bytes of an element in a run.
func scoredSize(member []byte) int {
	size := 9
	for n := len(member); n >= 0x80; n >>= 7 {
		size++
	}
	return size + len(member)
}

// insert puts an element at an offset.
func (r scoreRun) insert(at int, score float64, member []byte) scoreRun {
	size := scoredSize(member)
	was := len(r)
	if cap(r)-was >= size {
		r = r[:was+size]
	} else {
		r = append(r, make([]byte, size)...)
	}
	copy(r[at+size:], r[at:was])
	binary.LittleEndian.PutUint64(r[at:], math.Float64bits(score))
	n := binary.PutUvarint(r[at+8:], uint64(len(member)))
	copy(r[at+8+n:], member)
	return r
}

// cut removes the bytes of the elements between two offsets.
func (r scoreRun) cut(from, to int) scoreRun { return append(r[:from], r[to:]...) }

// seek returns the offset of the first element that is not below a border, and how many are.
func (r scoreRun) seek(b *scoreBorder) (at, index int) {
	for at < len(r) {
		score, member, next := r.item(at)
		if !b.below(score, member) {
			break
		}
		at, index = next, index+1
	}
	return at, index
}

// skip returns the offset of the element with an index, which may be that behind the last.
func (r scoreRun) skip(index int) (at int) {
	for ; index > 0; index-- {
		_, _, at = r.item(at)
	}
	return at
}

// scoreBorder is a place between elements: what is below it is so by score and member, or by one of them alone.
type scoreBorder struct {
	by        byte
	inclusive bool // what equals the scoreBorder is below it
	score     float64
	member    []byte
}

const (
	byElement byte = iota
	byScore
	byMember // makes sense if all scores are equal
)

// below reports whether an element is below the border.
func (b *scoreBorder) below(score float64, member []byte) bool {
	if b.by != byMember {
		switch {
		case score < b.score:
			return true
		case score > b.score:
			return false
		case b.by == byScore:
			return b.inclusive
		}
	}
	order := bytes.Compare(member, b.member)
	return order < 0 || order == 0 && b.inclusive
}

// find returns the offset of a member, and its score.
func (r scoreRun) find(member []byte) (at int, score float64, ok bool) {
	for at < len(r) {
		score, m, next := r.item(at)
		if string(m) == string(member) {
			return at, score, true
		}
		at = next
	}
	return 0, 0, false
}
