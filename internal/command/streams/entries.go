package streams

import (
	"strconv"

	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
)

// Reading a stream is writing very many short bulk strings, straight from the bytes of its blocks. An emitter gathers
// them in a buffer of its own, where a string takes no call but one to copy it, and passes that on when it is full.
type emitter struct {
	out *resp.Writer
	n   int // bytes in buf

	// The text of the last ms: neighbours in a stream often share it.
	ms     uint64
	msText [20]byte
	msLen  int

	buf [2 << 10]byte
}

// maxHeader is the most that the header of a bulk string or an array takes.
const maxHeader = 1 + 20 + 2

// entry writes the entry that it stands on: its ID, and its fields in an array of names and values.
func (e *emitter) entry(it *stream.Iter) { e.entryOf(it, 2) }

// delivery writes the entry that it stands on, how long it was idle, and how often it was delivered before.
func (e *emitter) delivery(it *stream.Iter, idleMS, deliveries int64) {
	e.entryOf(it, 4)
	if e.n+2*maxHeader > len(e.buf) {
		e.flush()
	}
	b := appendInt(appendInt(e.buf[:e.n], idleMS), deliveries)
	e.n = len(b)
}

func appendInt(b []byte, n int64) []byte {
	b = strconv.AppendInt(append(b, ':'), n, 10)
	return append(b, '\r', '\n')
}

// entryOf writes the first two parts of an entry, in the head of an array of so many.
func (e *emitter) entryOf(it *stream.Iter, parts int) {
	const maxID = len("*2\r\n$41\r\n\r\n") + 41
	if e.n+maxID+maxHeader > len(e.buf) {
		e.flush()
	}
	b := e.appendID(append(e.buf[:e.n], '*', '0'+byte(parts), '\r', '\n'), it.ID())
	b = resp.AppendHeader(b, '*', 2*it.NumFields())
	names, values := it.Raw()
	var name, value []byte
	for range it.NumFields() {
		name, names = stream.Cut(names)
		value, values = stream.Cut(values)
		if size := len(name) + len(value) + 2*(maxHeader+2); len(b)+size > len(e.buf) {
			e.n = len(b)
			e.flush()
			b = e.buf[:0]
			if size > len(e.buf) {
				e.out.Bulk(name)
				e.out.Bulk(value)
				continue
			}
		}
		b = resp.AppendBulk(b, name)
		b = resp.AppendBulk(b, value)
	}
	e.n = len(b)
}

func (e *emitter) appendID(b []byte, id stream.ID) []byte {
	if e.msLen == 0 || id.MS != e.ms {
		e.ms, e.msLen = id.MS, len(strconv.AppendUint(e.msText[:0], id.MS, 10))
	}
	var seqText [20]byte
	seq := strconv.AppendUint(seqText[:0], id.Seq, 10)
	b = resp.AppendHeader(b, '$', e.msLen+1+len(seq))
	b = append(b, e.msText[:e.msLen]...)
	b = append(b, '-')
	b = append(b, seq...)
	return append(b, '\r', '\n')
}

// flush passes on what was gathered.
func (e *emitter) flush() {
	e.out.Raw(e.buf[:e.n])
	e.n = 0
}

// writeEntries writes an array of the entries that are left in it, but at most limit of them unless limit is 0.
func writeEntries(out *resp.Writer, it *stream.Iter, limit uint64) error {
	mark := out.Mark()
	e := emitter{out: out}
	n := uint64(0)
	for (limit == 0 || n < limit) && it.Next() {
		e.entry(it)
		n++
	}
	e.flush()
	out.InsertArray(mark, int(n))
	return it.Err()
}
