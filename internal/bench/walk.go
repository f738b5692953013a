package main

import "fmt"

// walk takes replies of XRANGE and of XREAD of one stream apart while they
// arrive: it counts the entries and finds the first and the last ID, and looks at
// nothing else. A client that is to read a million entries a second, on the
// machine of the server that it measures, cannot afford more.
//
//	XRANGE            *N   and N times   *2 $id *2F $field $value ...
//	XREAD  *1 *2 $key *N   likewise
type walk struct {
	xread       bool
	n           int // entries of the reply
	first, last entryID

	left      int // entries to come
	id, idEnd int // where the newest one's ID is in buf
}

// next is as reader.next, for a reply of entries; r.pos is where the next entry
// begins.
func (w *walk) next(r *reader) (bool, error) {
	if r.pos == 0 {
		whole, err := w.begin(r)
		if !whole || err != nil || w.n == 0 {
			return whole && w.n == 0, err
		}
	}
	for ; w.left > 0; w.left-- {
		id, idEnd, end, err := entryAt(r.buf, r.pos)
		if err != nil || end == 0 {
			return false, err
		}
		if w.left == w.n {
			if w.first, err = parseID(r.buf[id:idEnd]); err != nil {
				return false, err
			}
		}
		w.id, w.idEnd, r.pos = id, idEnd, end
	}
	var err error
	w.last, err = parseID(r.buf[w.id:w.idEnd])
	return err == nil, err
}

// begin reads what is before the first entry; false when it is not all there.
func (w *walk) begin(r *reader) (bool, error) {
	*w = walk{xread: w.xread}
	heads := 1
	if w.xread {
		heads = 4
	}
	r.parts = r.parts[:0]
	for range heads {
		p, err := r.part()
		if err != nil || p.end == 0 {
			r.pos = 0
			return false, err
		}
		r.parts = append(r.parts, p)
		r.pos = p.end
		if p.kind == '-' {
			return false, r.failure()
		}
		if p.kind == '*' && p.n <= 0 { // nothing to read
			return true, nil
		}
	}
	w.n = r.parts[heads-1].n
	w.left = w.n
	return true, nil
}

// entryAt finds the ID of the entry that begins at b[i], and where it ends; 0
// when not all of it is there.
func entryAt(b []byte, i int) (id, idEnd, end int, err error) {
	two, at := head(b, i, '*')
	length, id := head(b, at, '$')
	fields, after := 0, id
	if id > 0 {
		fields, after = head(b, id+length+2, '*')
	}
	if after < 0 || at > 0 && two != 2 {
		return 0, 0, 0, fmt.Errorf("%q is no entry", b[i:min(len(b), i+60)])
	}
	if after == 0 {
		return 0, 0, 0, nil
	}
	at = after
	for range fields {
		n, from := head(b, at, '$')
		if from == 0 {
			return 0, 0, 0, nil
		}
		if from < 0 {
			return 0, 0, 0, fmt.Errorf("%q is no field of an entry", b[at:min(len(b), at+60)])
		}
		at = from + n + 2
	}
	if at > len(b) {
		return 0, 0, 0, nil
	}
	return id, id + length, at, nil
}

// head reads the line of a kind at b[i], a number; end is 0 when not all of it is
// there, and negative when it is something else.
func head(b []byte, i int, kind byte) (n, end int) {
	if i <= 0 || i >= len(b) {
		return 0, min(i, 0)
	}
	if b[i] != kind {
		return 0, -1
	}
	for i++; i < len(b); i++ {
		digit := b[i] - '0'
		if digit > 9 {
			break
		}
		n = n*10 + int(digit)
	}
	if i+2 > len(b) {
		return 0, 0
	}
	if b[i] != '\r' || b[i+1] != '\n' {
		return 0, -1
	}
	return n, i + 2
}
