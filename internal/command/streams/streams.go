// Package streams is the commands on streams: XADD and its kin.
//
// Special spellings of IDs ("*", "ms-*", "-", "+", "$", "(") end in the parse functions; what they mean for a stream is
// decided in run, through package stream, before anything changes.
package streams

import (
	"bytes"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

// Specs lists the commands of the family.
func Specs() []command.Spec {
	return []command.Spec{
		xack, xackdel, xadd, xautoclaim, xcfgset, xclaim, xdel, xdelex, xgroup, xinfo, xlen, xnack,
		xpending, xrange, xread, xreadgroup, xrevrange, xsetid, xtrim,
	}
}

// Errors that are the family's own.
const (
	errZeroID   command.Error = "ERR The ID specified in XADD must be greater than 0-0"
	errNotAbove command.Error = "ERR The ID specified in XADD is equal or smaller than the target stream top item"
	errTooLarge command.Error = "ERR Elements are too large to be stored"
)

// parseID reads an ID without special spellings; an ID without sequence number gets the given one. A NUL byte ends it,
// as it ends a string of Redis's language.
func parseID(arg []byte, missingSeq uint64) (stream.ID, error) {
	if end := bytes.IndexByte(arg, 0); end >= 0 && len(arg) <= stream.MaxIDText {
		arg = arg[:end]
	}
	id, err := stream.ParseID(arg, missingSeq)
	if err != nil {
		return id, command.ErrInvalidID
	}
	return id, nil
}

// special returns the character that an ID is a special spelling by, if it is one character long; else 0.
func special(arg []byte) byte {
	if len(arg) == 1 || len(arg) > 1 && len(arg) <= stream.MaxIDText && arg[1] == 0 {
		return arg[0]
	}
	return 0
}

// writeID writes an ID as a bulk string.
func writeID(c *command.Call, id stream.ID) {
	var text [41]byte
	c.Out.Bulk(id.AppendText(text[:0]))
}
