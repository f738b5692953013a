package resp

import "sync"

// Where a parser's bytes live.
//
// An idle connection owns no buffer. A turn of an event loop reads into the loop's arena, and the parser works on that
// borrowed window until the turn is over. Only what is left then, half a command, is copied into memory of the
// connection's own: a pooled 4 KB while it is small, a buffer that doubles as bytes arrive when it is not.

const smallBuffer = 4096

var smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}

// newBuffer returns an empty buffer with room for n bytes.
func newBuffer(n int) []byte {
	if n <= smallBuffer {
		return smallBuffers.Get().(*[smallBuffer]byte)[:0]
	}
	return make([]byte, 0, n)
}

func freeBuffer(b []byte) {
	if cap(b) == smallBuffer {
		smallBuffers.Put((*[smallBuffer]byte)(b[:smallBuffer]))
	}
}

// borrow sets the window to memory of the caller, which begins with the bytes that pending() returned. The caller
// leaves it alone until settle.
func (p *Parser) borrow(window []byte) {
	if !p.borrowed {
		freeBuffer(p.buf)
	}
	p.buf, p.pos, p.borrowed = window, 0, true
	p.forget()
}

// pending is what has not been consumed.
func (p *Parser) pending() []byte { return p.buf[p.pos:] }

// settle ends a turn: nothing of the window is referenced afterwards, and as little memory as possible is kept.
func (p *Parser) settle() {
	rest := p.buf[p.pos:]
	switch {
	case len(rest) == 0:
		if !p.borrowed {
			freeBuffer(p.buf)
		}
		p.buf = nil
	case p.borrowed:
		p.buf = append(newBuffer(len(rest)), rest...)
	case p.pos == 0 && (cap(p.buf) <= 2*len(p.buf) || cap(p.buf) <= smallBuffer || p.missing() > 0):
		return
	case p.pos < len(rest) && cap(p.buf) > smallBuffer:
		return // moved later, when moving it is cheap against what has been consumed
	default:
		old := p.buf
		p.buf = append(newBuffer(len(rest)), rest...)
		freeBuffer(old)
	}
	p.pos, p.borrowed = 0, false
	p.forget()
	if cap(p.spans) > 1024 && p.left == 0 {
		p.spans, p.args = nil, nil
	}
}

// forget drops a command that was parsed but not taken, for its arguments point into a window that is gone. It is
// parsed again when it is asked for.
func (p *Parser) forget() {
	p.last = 0
	if p.ready {
		p.ready = false
		p.off, p.scan, p.nul, p.left, p.bulk = 0, 0, false, 0, -1
		p.spans = p.spans[:0]
	}
}

// makeOwn makes the window the parser's own, with room for n bytes more. It grows by a quarter at least, and
// up to double while the bulk being received needs it: each byte is copied a bounded number of times, and a large bulk
// ends in a buffer of its size.
func (p *Parser) makeOwn(n int) {
	rest := p.buf[p.pos:]
	if !p.borrowed && cap(p.buf)-len(p.buf) >= n {
		p.forget()
		return
	}
	want := len(rest) + n
	if cap(p.buf) > 0 && want > smallBuffer {
		want = max(want, min(2*len(rest), len(rest)+max(p.missing(), len(rest)/4)))
	}
	grown := append(newBuffer(want), rest...)
	if !p.borrowed {
		freeBuffer(p.buf)
	}
	p.buf, p.pos, p.borrowed = grown, 0, false
	p.forget()
}

// space returns room at the end of the parser's own buffer to read into, n bytes of it; advance says how much was.
func (p *Parser) space(n int) []byte {
	p.makeOwn(n)
	return p.buf[len(p.buf) : len(p.buf)+n]
}

func (p *Parser) advance(n int) { p.buf = p.buf[:len(p.buf)+n] }

// memory is what the parser holds on the heap, to be counted against the query buffer limit: half a command with a
// million tiny arguments costs more in spans than in bytes.
func (p *Parser) memory() int { return len(p.buf) - p.pos + len(p.spans)*16 }

// room is the unused part of the parser's own buffer.
func (p *Parser) room() int {
	if p.borrowed {
		return 0
	}
	return cap(p.buf) - (len(p.buf) - p.pos)
}
