package resp

// AheadWords is how many words of each command Conn.Ahead tells: those behind its name.
const AheadWords = 3

// ahead is Conn.Ahead.
func (p *Parser) ahead(words [][]byte) [][]byte {
	if !p.Ready() || p.err != nil || cap(words)-len(words) < AheadWords {
		return words
	}
	var told [AheadWords][]byte
	copy(told[:], p.args[min(1, len(p.args)):])
	words = append(words, told[:]...)
	for at := p.pos + p.off; cap(words)-len(words) >= AheadWords; words = append(words, told[:]...) {
		if told, at = peek(p.buf, at); at < 0 {
			break
		}
	}
	return words
}

// peekMost is how many words a command may have for peek to see what comes after it.
const peekMost = 64

// peek returns the words behind the first of the array of bulks that begins at an offset, and where the next one begins: -1 if
// it is anything but a plain one that has arrived whole.
func peek(b []byte, at int) (told [AheadWords][]byte, next int) {
	n, at := peekNumber(b, at, '*')
	if n < 1 || n > peekMost {
		return told, -1
	}
	for i := range n {
		size, from := peekNumber(b, at, '$')
		if size < 0 || len(b)-from < size+2 {
			return told, -1
		}
		if uint(i-1) < AheadWords {
			told[i-1] = b[from : from+size : from+size]
		}
		at = from + size + 2
	}
	return told, at
}

// peekNumber reads a header of up to eight digits, and returns where it ends; -1 if it is anything else.
func peekNumber(b []byte, at int, mark byte) (n, end int) {
	if at >= len(b) || b[at] != mark {
		return -1, at
	}
	for i := at + 1; i < len(b) && i < at+10; i++ {
		d := b[i] - '0'
		if d > 9 {
			if b[i] != '\r' || i == at+1 {
				break
			}
			return n, i + 2
		}
		n = n*10 + int(d)
	}
	return -1, at
}
