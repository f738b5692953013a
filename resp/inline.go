package resp

// splitInline splits a line into words as redis-cli and redis-server do: blanks separate, "..." knows the escapes
// \n \r \t \b \a and \xHH, '...' knows only \', and a closing quote must be followed by a blank or the end. Words
// without quotes alias the line; the others are copies. Not ok means that the quotes do not balance.
func splitInline(line []byte, args [][]byte) ([][]byte, bool) {
	i := 0
	for {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return args, true
		}
		start := i
		for i < len(line) && !endsWord(line[i]) && line[i] != '"' && line[i] != '\'' {
			i++
		}
		word := line[start:i:i]
		if i < len(line) && !endsWord(line[i]) {
			var ok bool
			word, i, ok = splitQuoted(line, i, word) // a closing quote ends the word
			if !ok {
				return nil, false
			}
		}
		args = append(args, word)
	}
}

// splitQuoted appends to word what the quotes that open at line[i] hold, and returns the index behind them.
func splitQuoted(line []byte, i int, word []byte) ([]byte, int, bool) {
	quote := line[i]
	i++
	for i < len(line) {
		c := line[i]
		switch {
		case c == quote:
			if i+1 < len(line) && !isSpace(line[i+1]) {
				return nil, 0, false
			}
			return word, i + 1, true
		case c == '\\' && quote == '"' && i+3 < len(line) && line[i+1] == 'x' && isHex(line[i+2]) && isHex(line[i+3]):
			word = append(word, unhex(line[i+2])<<4|unhex(line[i+3]))
			i += 4
		case c == '\\' && quote == '"' && i+1 < len(line):
			word = append(word, unescape(line[i+1]))
			i += 2
		case c == '\\' && quote == '\'' && i+1 < len(line) && line[i+1] == '\'':
			word = append(word, '\'')
			i += 2
		default:
			word = append(word, c)
			i++
		}
	}
	return nil, 0, false
}

// endsWord knows fewer blanks than isSpace does: a vertical tab between words is skipped, one inside a word is kept.
func endsWord(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}
