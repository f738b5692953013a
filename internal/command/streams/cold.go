package streams

import (
	"errors"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// Blocks of a stream may be in a file only: then what needs one fails with stream.ErrCold, and so does the command. The
// dispatcher drops what it has written, has the block read beside the state lock, and runs the command again from its
// beginning, with everything at hand that it had asked for before.
//
// So a command must not have changed anything when it fails: it reads all that it needs before its first change. Most do so
// by nature, since they decide first. Those whose changes and reads take turns (XADD with a trim, trims with DELREF or ACKED,
// XREADGROUP with a key that is named twice) are rehearsed if the stream has blocks that are not in memory: they run once with
// their changes left out, and then once more. What the rehearsal has read is at hand until the command ends.

// wanting is what stands in the way of a command. Blocks that are not at hand do not keep it from looking on: so all of
// them are asked for in one run.
type wanting struct{ err error }

// stops notes an error, and reports whether there is no point in looking on.
func (w *wanting) stops(err error) bool {
	if err == nil {
		return false
	}
	over := !errors.Is(err, stream.ErrCold)
	if over || w.err == nil {
		w.err = err
	}
	return over
}

// has reports whether a stream has an entry, or that there is no point in looking on.
func (w *wanting) has(s *state.Stream, id stream.ID) (ok, over bool) {
	ok, err := s.Has(id)
	return ok, w.stops(err)
}

// about makes a handler name its stream, whose key is that argument, in an error that says that entries are lost.
func about(key int, run command.Handler) command.Handler {
	return func(c *command.Call) error { return command.Lost(c.Args[key], run(c)) }
}
