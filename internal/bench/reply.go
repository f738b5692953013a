package main

import (
	"fmt"
	"slices"
)

// reader finds whole replies in what arrives on a connection, however it is cut
// up, and where their parts are. It copies nothing and builds no tree: a client
// that shares two cores with the server it measures has to be cheap.
type reader struct {
	buf   []byte // what has arrived of the reply, and possibly of later ones
	pos   int    // how far it has been walked, always at the head of a part
	left  int    // parts still to come of the reply that begins buf
	parts []part
}

// part is a line or a bulk of a reply, in the order of arrival; arrays are a
// part of their own, before what they hold.
//
//	*2\r\n $1\r\na\r\n :7\r\n     three parts: '*' with n 2, '$' with n 1, ':' with n 7
type part struct {
	kind       byte
	n          int // of : * and $, -1 for a null
	start, end int // in buf: all of the part with its head
}

// next is true once a whole reply is there, whose parts are in r.parts until
// drop is called.
func (r *reader) next() (bool, error) {
	if r.pos == 0 {
		r.left, r.parts = 1, r.parts[:0]
	}
	for r.left > 0 {
		p, err := r.part()
		if p.end == 0 || err != nil {
			return false, err
		}
		r.left--
		if p.kind == '*' && p.n > 0 {
			r.left += p.n
		}
		r.pos = p.end
		r.parts = append(r.parts, p)
	}
	return true, nil
}

// part reads the part at r.pos; its end is 0 when not all of it is there.
func (r *reader) part() (part, error) {
	b := r.buf[r.pos:]
	if len(b) < 3 {
		return part{}, nil
	}
	p := part{kind: b[0], start: r.pos}
	i := 1
	switch p.kind {
	case '*', '$', ':':
		negative := b[1] == '-'
		if negative {
			i++
		}
		for ; i < len(b) && '0' <= b[i] && b[i] <= '9'; i++ {
			p.n = p.n*10 + int(b[i]-'0')
		}
		if negative {
			p.n = -p.n
		}
	case '+', '-':
		for i < len(b) && b[i] != '\r' {
			i++
		}
	default:
		return part{}, fmt.Errorf("a reply begins with %q", b[:min(len(b), 40)])
	}
	i += 2 // the end of the line
	if p.kind == '$' && p.n >= 0 {
		i += p.n + 2
	}
	if i > len(b) {
		return part{}, nil
	}
	if b[i-2] != '\r' || b[i-1] != '\n' {
		return part{}, fmt.Errorf("a reply holds %q", b[:min(len(b), 40)])
	}
	p.end = r.pos + i
	return p, nil
}

// drop forgets the reply that next has found.
func (r *reader) drop() {
	r.buf = r.buf[:copy(r.buf, r.buf[r.pos:])]
	r.pos = 0
}

// failure is the error that a whole reply is, if it is one.
func (r *reader) failure() error {
	if p := r.parts[0]; p.kind == '-' {
		return fmt.Errorf("the server says %s", r.buf[p.start+1:p.end-2])
	}
	return nil
}

// text is what a bulk holds.
func (r *reader) text(p part) []byte { return r.buf[p.end-2-p.n : p.end-2] }

// room makes space for what comes next and returns it.
func (r *reader) room() []byte {
	if cap(r.buf)-len(r.buf) < 256 {
		r.buf = slices.Grow(r.buf, max(cap(r.buf), 1024))
	}
	return r.buf[len(r.buf):cap(r.buf)]
}

// delivered walks the reply of an XREADGROUP or XREAD of one stream, whose
// entries have so many fields each, and calls entry for each of them with its
// ID and its first value.
//
//	*1 *2 $key *N   and N times   *2 $id *2F $field $value ...
func (r *reader) delivered(fields int, entry func(id, value part)) (int, error) {
	if err := r.failure(); err != nil {
		return 0, err
	}
	const head = 4
	each := 3 + 2*fields
	if r.parts[0].n <= 0 { // a null: nothing to read
		return 0, nil
	}
	if r.parts[0].n != 1 || len(r.parts) < head || len(r.parts) != head+r.parts[3].n*each {
		return 0, fmt.Errorf("%d parts are not what a read of one stream gives", len(r.parts))
	}
	for rest := r.parts[head:]; len(rest) > 0; rest = rest[each:] {
		if rest[2].n != 2*fields {
			return 0, fmt.Errorf("an entry has %d fields and values, not %d", rest[2].n, 2*fields)
		}
		entry(rest[1], rest[4])
	}
	return r.parts[3].n, nil
}
