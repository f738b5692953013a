package oracle

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Reply is one reply as it came over the wire, with its type kept: a null bulk,
// a null array and RESP3's null are three different replies.
type Reply struct {
	Kind  byte    // the type byte of the wire; 'c' for a connection that was closed instead
	Null  bool    // $-1 or *-1
	Text  string  // scalars; of a verbatim text without its "txt:"
	Elems []Reply // aggregates; a map holds key, value, key, value
}

var errProtocol = errors.New("oracle: the server broke the protocol")

// aggregate says how many replies follow per counted element, 0 for scalars.
func aggregate(kind byte) int {
	switch kind {
	case '*', '~', '>':
		return 1
	case '%', '|':
		return 2
	}
	return 0
}

// ReadReply reads one reply. It is as strict as a client may be: whatever is
// not RESP2 or RESP3 is an error.
func ReadReply(r *bufio.Reader) (Reply, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return Reply{}, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return Reply{}, fmt.Errorf("%w: line %q", errProtocol, line)
	}
	kind, text := line[0], line[1:len(line)-2]
	switch kind {
	case '+', '-', '(', ',':
		return Reply{Kind: kind, Text: text}, nil
	case ':':
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return Reply{}, fmt.Errorf("%w: integer %q", errProtocol, line)
		}
		return Reply{Kind: kind, Text: text}, nil
	case '#':
		if text != "t" && text != "f" {
			return Reply{}, fmt.Errorf("%w: boolean %q", errProtocol, line)
		}
		return Reply{Kind: kind, Text: text}, nil
	case '_':
		if text != "" {
			return Reply{}, fmt.Errorf("%w: null %q", errProtocol, line)
		}
		return Reply{Kind: kind}, nil
	case '$', '=', '!', '*', '%', '~', '>', '|':
	default:
		return Reply{}, fmt.Errorf("%w: type byte in %q", errProtocol, line)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < -1 || (n == -1 && kind != '$' && kind != '*') {
		return Reply{}, fmt.Errorf("%w: length %q", errProtocol, line)
	}
	if n == -1 {
		return Reply{Kind: kind, Null: true}, nil
	}
	if per := aggregate(kind); per > 0 {
		rep := Reply{Kind: kind}
		for range n * per {
			e, err := ReadReply(r)
			if err != nil {
				return Reply{}, err
			}
			rep.Elems = append(rep.Elems, e)
		}
		return rep, nil
	}
	body := make([]byte, n+2)
	if _, err := io.ReadFull(r, body); err != nil {
		return Reply{}, err
	}
	if body[n] != '\r' || body[n+1] != '\n' {
		return Reply{}, fmt.Errorf("%w: no CRLF after a bulk of %d bytes", errProtocol, n)
	}
	text = string(body[:n])
	if kind == '=' {
		var ok bool
		if text, ok = strings.CutPrefix(text, "txt:"); !ok {
			return Reply{}, fmt.Errorf("%w: verbatim text %q", errProtocol, text)
		}
	}
	return Reply{Kind: kind, Text: text}, nil
}

// IsError says whether the reply is an error of either protocol.
func (r Reply) IsError() bool { return r.Kind == '-' || r.Kind == '!' }

// Lines writes the reply in the notation of the package comment.
func (r Reply) Lines() []string { return r.appendLines(nil, "") }

// String is Lines as one text.
func (r Reply) String() string { return strings.Join(r.Lines(), "\n") }

func (r Reply) appendLines(out []string, indent string) []string {
	switch {
	case r.Kind == 'c':
		return append(out, indent+"(closed)")
	case r.Null:
		return append(out, indent+string(r.Kind)+"-1")
	case r.Kind == '$':
		return append(out, indent+Quote(r.Text))
	case r.Kind == '=':
		return append(out, indent+"=txt:"+Quote(r.Text))
	case r.Kind == '!':
		return append(out, indent+"!"+Quote(r.Text))
	case aggregate(r.Kind) > 0:
		out = append(out, indent+string(r.Kind)+strconv.Itoa(len(r.Elems)/aggregate(r.Kind)))
		for _, e := range r.Elems {
			out = e.appendLines(out, indent+"  ")
		}
		return out
	}
	return append(out, indent+string(r.Kind)+escape(r.Text))
}
