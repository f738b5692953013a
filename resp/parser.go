package resp

import (
	"bytes"
	"math"
)

// Parser turns bytes into commands, as redis-server 7.0.15 does (what it does is recorded in testdata/golden.txt).
//
// It is incremental: a command that has half arrived is never parsed from its first byte again, whatever the size of
// the pieces. Nothing is allocated for what a header merely announces; only bytes that have arrived cost memory.
//
// A request is one of
//
//	*2 \r\n $3 \r\n GET \r\n $1 \r\n k \r\n      an array of bulks
//	GET "k" \r\n                                 an inline command
//
// and, as in Redis, the byte after a header's \r and the two bytes after a bulk are skipped unseen.
//
// The zero Parser is ready; Limits may be set before each Feed. A Parser is not safe for concurrent use.
type Parser struct {
	Limits Limits
	// Unauthenticated applies the fixed limits for clients that have not shown a password: 10 arguments of 16 KB.
	Unauthenticated bool

	buf      []byte // the window; buf[pos:] has not been consumed
	pos      int    // start of the command being parsed, or held ready
	borrowed bool   // buf is the transport's arena, not ours

	// The half-parsed command. Offsets count from pos, so that the window may move under them.
	off   int    // everything before it has been parsed
	scan  int    // no line end between off and scan
	nul   bool   // a NUL lies between off and scan: no line end will ever be found (strchr)
	left  int    // bulks still to come; 0: the header has not been read
	bulk  int    // length of the bulk being received; -1: its header has not been read
	spans []span // the arguments so far

	args  [][]byte // the command that Next returned or will return
	ready bool     // args is complete and not yet taken
	last  int      // length of the command last taken, for Unread
	err   *ProtocolError
}

type span struct{ start, end int }

// ProtocolError is a request that no parser can get past. Text is what Redis says, without its "ERR ".
type ProtocolError struct{ Text string }

func (e *ProtocolError) Error() string { return e.Text }

func protocolError(text string) *ProtocolError {
	return &ProtocolError{Text: "Protocol error: " + text}
}

const (
	unauthenticatedArgs = 10
	unauthenticatedBulk = 16384
)

// Feed appends bytes to what has not been consumed. Arguments returned earlier become invalid.
func (p *Parser) Feed(b []byte) {
	p.makeOwn(len(b))
	p.buf = append(p.buf, b...)
}

// Next returns the next complete command, or nil when more bytes are needed. After an error it returns that error for
// ever. The slice it returns is overwritten by the following Next; the bytes in it live until the following Feed.
func (p *Parser) Next() ([][]byte, error) {
	if !p.Ready() {
		return nil, nil
	}
	if p.err != nil {
		return nil, p.err
	}
	p.ready = false
	p.last = p.off
	p.pos += p.off
	p.off, p.scan, p.nul, p.left, p.bulk = 0, 0, false, 0, -1
	p.spans = p.spans[:0]
	return p.args, nil
}

// Unread makes Next return the command that it returned last once more. It may be called once per Next, before
// anything else is done with the parser.
func (p *Parser) Unread() {
	p.pos -= p.last
	p.off, p.last = p.last, 0
	p.ready = true
}

// Ready parses ahead and says whether Next has something to say: a command or an error.
func (p *Parser) Ready() bool {
	for !p.ready && p.err == nil {
		if !p.step() {
			break
		}
	}
	return p.ready || p.err != nil
}

// Buffered is the number of bytes not yet consumed.
func (p *Parser) Buffered() int { return len(p.buf) - p.pos }

// missing is how many bytes the bulk being received still lacks, its line end included, or 0 when no bulk is.
func (p *Parser) missing() int {
	if p.left == 0 || p.bulk < 0 {
		return 0
	}
	return max(0, p.bulk+2-(len(p.buf)-p.pos-p.off))
}

// step parses as far as it can. It returns false when more bytes are needed, and true when there is a command, an
// error, or something that was skipped (a blank line, an empty array).
func (p *Parser) step() bool {
	b := p.buf[p.pos:]
	if p.left == 0 {
		if len(b) == 0 {
			return false
		}
		if b[0] != '*' {
			return p.inline(b)
		}
		n, ok := p.header(b, math.MaxInt32, "too big mbulk count string", "invalid multibulk length")
		if !ok {
			return p.err != nil
		}
		if n > p.Limits.maxArgs() {
			p.err = protocolError("invalid multibulk length")
			return true
		}
		if n > unauthenticatedArgs && p.Unauthenticated {
			p.err = protocolError("unauthenticated multibulk length")
			return true
		}
		if n <= 0 {
			p.skip()
			return true
		}
		p.left, p.bulk = n, -1
	}
	p.wholeBulks(b)
	for p.left > 0 {
		if p.bulk < 0 {
			n, ok := p.header(b, math.MaxInt, "too big bulk count string", "invalid bulk length")
			if !ok {
				return p.err != nil
			}
			if n < 0 || n > p.Limits.maxBulk() {
				p.err = protocolError("invalid bulk length")
				return true
			}
			if n > unauthenticatedBulk && p.Unauthenticated {
				p.err = protocolError("unauthenticated bulk length")
				return true
			}
			p.bulk = n
		}
		if len(b)-p.off < p.bulk+2 {
			return false
		}
		p.spans = append(p.spans, span{p.off, p.off + p.bulk})
		p.off += p.bulk + 2
		p.scan, p.bulk = p.off, -1
		p.left--
	}
	p.args = p.args[:0]
	for _, s := range p.spans {
		p.args = append(p.args, b[s.start:s.end:s.end])
	}
	p.ready = true
	return true
}

// wholeBulks takes what nearly always comes: bulks that have arrived whole, under headers of a few digits. Everything else, every
// error included, is left to the loop in step.
func (p *Parser) wholeBulks(b []byte) {
	if p.bulk >= 0 {
		return
	}
	most := p.Limits.maxBulk()
	if p.Unauthenticated {
		most = min(most, unauthenticatedBulk)
	}
	off, left, spans := p.off, p.left, p.spans
	for left > 0 && off+3 < len(b) && b[off] == '$' {
		i := off + 1
		n := int(b[i] - '0')
		if n > 9 || n == 0 && b[i+1] != '\r' {
			break
		}
		for i++; i < len(b) && i < off+10; i++ {
			d := b[i] - '0'
			if d > 9 {
				break
			}
			n = n*10 + int(d)
		}
		start := i + 2
		if i >= len(b) || b[i] != '\r' || n > most || start+n+2 > len(b) {
			break
		}
		spans = append(spans, span{start, start + n})
		off = start + n + 2
		left--
	}
	p.off, p.left, p.spans = off, left, spans
	p.scan = max(p.scan, off)
}

// header reads "*n\r\n" or "$n\r\n" at p.off. Not ok means either more bytes or p.err.
func (p *Parser) header(b []byte, most int, tooBig, invalid string) (n int, ok bool) {
	// The usual case first: a few digits that have arrived with their line end.
	i := p.off + 1
	for i < len(b) && i < p.off+10 && '0' <= b[i] && b[i] <= '9' {
		n = n*10 + int(b[i]-'0')
		i++
	}
	if i+1 < len(b) && b[i] == '\r' && i > p.off+1 && (b[p.off+1] != '0' || i == p.off+2) && (p.left == 0 || b[p.off] == '$') {
		p.off = i + 2
		p.scan = p.off
		return n, true
	}
	end := p.lineEnd(b, '\r', tooBig)
	if end < 0 || end+2 > len(b) {
		return 0, false
	}
	if p.left > 0 && b[p.off] != '$' {
		got := b[p.off]
		if got == '\r' || got == '\n' {
			got = ' ' // an error reply is one line
		}
		p.err = protocolError("expected '$', got '" + string([]byte{got}) + "'")
		return 0, false
	}
	n, ok = parseLength(b[p.off+1 : end])
	if !ok || n > most {
		p.err = protocolError(invalid)
		return 0, false
	}
	p.off = end + 2
	p.scan = p.off
	return n, true
}

// lineEnd finds c at or after p.off and remembers how far it has looked. A NUL hides what follows it, and a line
// longer than the inline limit is an error wherever the pieces were cut.
func (p *Parser) lineEnd(b []byte, c byte, tooBig string) int {
	end := -1
	p.scan = max(p.scan, p.off)
	if !p.nul {
		seg := b[p.scan:]
		if i := bytes.IndexByte(seg, c); i >= 0 {
			end = p.scan + i
			seg = seg[:i]
		}
		if bytes.IndexByte(seg, 0) >= 0 {
			p.nul, end = true, -1
		}
		p.scan += len(seg)
	}
	line := len(b) - p.off
	if end >= 0 {
		line = end - p.off
	}
	if line > p.Limits.maxInline() {
		p.err = protocolError(tooBig)
		return -1
	}
	return end
}

func (p *Parser) inline(b []byte) bool {
	end := p.lineEnd(b, '\n', "too big inline request")
	if end < 0 {
		return p.err != nil
	}
	line := b[:end]
	if end > 0 && line[end-1] == '\r' {
		line = line[:end-1]
	}
	args, ok := splitInline(line, p.args[:0])
	if !ok {
		p.err = protocolError("unbalanced quotes in request")
		return true
	}
	p.args = args
	p.off = end + 1
	if len(args) == 0 {
		p.skip()
		return true
	}
	p.ready = true
	return true
}

// skip consumes what is no command.
func (p *Parser) skip() {
	p.pos += p.off
	p.off, p.scan, p.nul, p.left, p.bulk = 0, 0, false, 0, -1
}

// parseLength is Redis's string2ll: no sign but '-', no leading zeros, no spaces.
func parseLength(b []byte) (int, bool) {
	if len(b) == 1 && b[0] == '0' {
		return 0, true
	}
	neg := false
	if len(b) > 0 && b[0] == '-' {
		neg, b = true, b[1:]
	}
	if len(b) == 0 || len(b) > 19 || b[0] < '1' || b[0] > '9' {
		return 0, false
	}
	var u uint64
	for _, d := range b {
		if d < '0' || d > '9' {
			return 0, false
		}
		u = u*10 + uint64(d-'0')
	}
	if neg {
		if u > 1<<63 {
			return 0, false
		}
		return -1, true // how negative does not matter to anybody
	}
	if u > math.MaxInt {
		return 0, false
	}
	return int(u), true
}
