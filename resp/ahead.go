package resp

// ahead is Conn.Ahead.
func (p *Parser) ahead(words [][]byte) [][]byte {
	if !p.Ready() || p.err != nil || len(words) == cap(words) {
		return words
	}
	var word []byte
	if len(p.args) > 1 {
		word = p.args[1]
	}
	words = append(words, word)
	for at := p.pos + p.off; len(words) < cap(words); words = append(words, word) {
		if word, at = peek(p.buf, at); at < 0 {
			break
		}
	}
	return words
}

// peekMost is how many words a command may have for peek to see what comes after it.
const peekMost = 64

// peek returns the second word of the array of bulks that begins at an offset, and where the next one begins: -1 if it is
// anything but a plain one that has arrived whole.
func peek(b []byte, at int) (word []byte, next int) {
	n, at := peekNumber(b, at, '*')
	if n < 1 || n > peekMost {
		return nil, -1
	}
	for i := range n {
		size, from := peekNumber(b, at, '$')
		if size < 0 || len(b)-from < size+2 {
			return nil, -1
		}
		if i == 1 {
			word = b[from : from+size : from+size]
		}
		at = from + size + 2
	}
	return word, at
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
