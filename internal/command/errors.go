package command

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// Error is an error in the words of the wire, code included: "ERR syntax error".
type Error string

func (e Error) Error() string { return string(e) }

// Errors that many commands share.
const (
	ErrSyntax       Error = "ERR syntax error"
	ErrNotInteger   Error = "ERR value is not an integer or out of range"
	ErrNoSuchKey    Error = "ERR no such key"
	ErrInvalidID    Error = "ERR Invalid stream ID specified as stream command argument"
	ErrOutOfRange   Error = "ERR index out of range"
	ErrInvalidDB    Error = "ERR DB index is out of range"
	ErrInvalidIDMax Error = "ERR The stream has exhausted the last possible ID, unable to add more items"

	ErrNotFloat      Error = "ERR value is not a valid float"
	ErrNotPositive   Error = "ERR value is out of range, must be positive"
	ErrOverflow      Error = "ERR increment or decrement would overflow"
	ErrNaN           Error = "ERR increment would produce NaN or Infinity"
	ErrStringTooLong Error = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	ErrNumKeys       Error = "ERR numkeys should be greater than 0"
	ErrResultTooLong Error = "ERR the result would be larger than 1 GB: ask for less at once"

	ErrTimeoutNotFloat Error = "ERR timeout is not a float or out of range"
	ErrTimeoutNegative Error = "ERR timeout is negative"
)

// Errorf makes an Error.
func Errorf(format string, a ...any) Error { return Error(fmt.Sprintf(format, a...)) }

// InvalidExpire is the error for an expiry time that is not positive, or too far away to be a time.
func InvalidExpire(s *Spec) Error {
	return Errorf("ERR invalid expire time in '%s' command", s.FullName)
}

// WrongArity is the error for a wrong number of arguments.
func WrongArity(s *Spec) Error {
	return Errorf("ERR wrong number of arguments for '%s' command", s.FullName)
}

// UnknownSubcommand is the error for a word that a container does not know.
func UnknownSubcommand(container *Spec, word []byte) Error {
	return Errorf("ERR unknown subcommand '%s'. Try %s HELP.", Printable(word, 128), strings.ToUpper(container.Name))
}

// Printable makes client bytes fit for one line of an error reply: at most limit bytes, no line breaks, and, as in C, nothing
// after a zero byte.
func Printable(b []byte, limit int) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	if len(b) > limit {
		b = b[:limit]
	}
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(string(b))
}

// wireTexts are the replies for sentinels of the packages below, which know no protocol.
var wireTexts = []struct {
	err  error
	text Error
}{
	{state.ErrWrongType, "WRONGTYPE Operation against a key holding the wrong kind of value"},
	{stream.ErrExhausted, ErrInvalidIDMax},
	{stream.ErrInvalidID, ErrInvalidID},
	{stream.ErrTooMuch, "ERR too much of what is needed at once is not in memory: ask for less, with COUNT or LIMIT"},
}

// Lost names the stream in an error that says that entries of it cannot be read. Other errors stay as they are.
func Lost(key []byte, err error) error {
	if err == nil {
		return nil // the common case allocates nothing
	}
	var e *stream.LostError
	if !errors.As(err, &e) {
		return err
	}
	return lost(e, "stream '"+quoted(key)+"'")
}

func lost(e *stream.LostError, of string) Error {
	return Errorf("DATALOSS the entries %v to %v of %s cannot be read: %v", e.First, e.Last, of, e.Err)
}

// quoted is a key in printable characters, and not too many of them.
func quoted(key []byte) string {
	const limit = 128
	text, more := string(key), ""
	if len(text) > limit {
		text, more = text[:limit], "..."
	}
	text = strconv.QuoteToASCII(text)
	return text[1:len(text)-1] + more
}

// WireText returns the reply for an error of parse or run.
func WireText(err error) string {
	var e Error
	if errors.As(err, &e) {
		return string(e)
	}
	for _, w := range wireTexts {
		if errors.Is(err, w.err) {
			return string(w.text)
		}
	}
	if l := (*stream.LostError)(nil); errors.As(err, &l) {
		return string(lost(l, "a stream"))
	}
	return "ERR " + err.Error()
}
