// Package strings is the commands on strings, and on what strings are used for: numbers, bits, and HyperLogLogs.
package strings

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/resp"
)

// Specs lists the commands of the family.
func Specs() []command.Spec {
	return []command.Spec{
		appendTo, bitcount, bitfield, bitfieldRO, bitop, bitpos, decr, decrby, get, getbit, getdel, getex, getrange, getset,
		incr, incrby, incrbyfloat, lcs, mget, mset, msetnx, pfadd, pfcount, pfmerge, psetex, set, setbit, setex, setnx,
		setrange, strlen, substr,
	}
}

// maxGrown is how long commands may make a string that is there: as long as an argument by default is. A longer one can only
// be set as a whole.
const maxGrown = 512 << 20

// Errors that are the family's own.
const (
	errTooLong   command.Error = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	errOffset    command.Error = "ERR offset is out of range"
	errBitOffset command.Error = "ERR bit offset is not an integer or out of range"
)

// checkValue refuses a value that is longer than a string can be.
func checkValue(value []byte) error {
	if len(value) > data.MaxBlob {
		return errTooLong
	}
	return nil
}

// checkGrown refuses to make a string end behind an offset and so many bytes.
func checkGrown(offset int64, more int) error {
	if offset > maxGrown || int64(more) > maxGrown-offset {
		return errTooLong
	}
	return nil
}

// writeValue writes a string, or that there is none.
func writeValue(out *resp.Writer, s data.String) {
	switch {
	case s.Large != nil:
		writeRange(out, s, 0, s.Len())
	case s.Packed != nil:
		out.Bulk(s.Packed)
	default:
		out.Null()
	}
}

// writeRange writes the bytes in [from, to) of a string, page by page.
func writeRange(out *resp.Writer, s data.String, from, to int) {
	var head [24]byte
	out.Grow(to - from + len(head))
	out.Raw(resp.AppendHeader(head[:0], '$', to-from))
	for from < to {
		span := s.Span(from, to)
		out.Raw(span)
		from += len(span)
	}
	out.RawString("\r\n")
}
