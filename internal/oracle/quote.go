package oracle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Quote writes s as redis-cli would accept it between double quotes.
func Quote(s string) string { return `"` + strings.ReplaceAll(escape(s), `"`, `\"`) + `"` }

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// FormatCommand writes a command so that SplitArgs gives its arguments back.
func FormatCommand(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		q := Quote(a)
		if a != "" && q == `"`+a+`"` && !strings.ContainsAny(a, " '") {
			q = a
		}
		words[i] = q
	}
	return strings.Join(words, " ")
}

var errUnbalanced = errors.New("unbalanced quotes")

// SplitArgs splits a line into arguments by the rules of redis-cli: words,
// "double quotes" with \n \r \t \b \a \xHH escapes, 'single quotes' with \' only.
func SplitArgs(line string) ([]string, error) {
	var args []string
	for i := 0; ; {
		for i < len(line) && line[i] == ' ' {
			i++
		}
		if i == len(line) {
			return args, nil
		}
		var word []byte
		for i < len(line) && line[i] != ' ' {
			if line[i] != '"' && line[i] != '\'' {
				word = append(word, line[i])
				i++
				continue
			}
			text, n, err := unquote(line[i:])
			if err != nil {
				return nil, err
			}
			word = append(word, text...)
			i += n
		}
		args = append(args, string(word))
	}
}

// unquote reads the quoted text at the start of s and says how long it was.
func unquote(s string) (text []byte, n int, err error) {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return text, i + 1, nil
		case s[i] != '\\' || i+1 == len(s):
			text = append(text, s[i])
		case quote == '\'':
			if s[i+1] == '\'' {
				i++
			}
			text = append(text, s[i])
		case s[i+1] == 'x' && i+3 < len(s):
			b, err := strconv.ParseUint(s[i+2:i+4], 16, 8)
			if err != nil {
				return nil, 0, fmt.Errorf("bad escape %q", s[i:i+4])
			}
			text = append(text, byte(b))
			i += 3
		default:
			i++
			c := s[i]
			if at := strings.IndexByte("nrtba", c); at >= 0 {
				c = "\n\r\t\b\a"[at]
			}
			text = append(text, c)
		}
	}
	return nil, 0, errUnbalanced
}
