package streams

import (
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
)

// writeEntry writes the entry that it stands on: its ID, and its fields in an array of names and values.
func writeEntry(out *resp.Writer, it *stream.Iter) {
	var text [41]byte
	out.Array(2)
	out.Bulk(it.ID().AppendText(text[:0]))
	out.Array(2 * it.NumFields())
	for it.Field() {
		out.Bulk(it.Name())
		out.Bulk(it.Value())
	}
}

// writeEntries writes an array of the entries that are left in it, but at most max of them unless max is 0.
func writeEntries(out *resp.Writer, it *stream.Iter, max uint64) {
	mark := out.Mark()
	n := uint64(0)
	for (max == 0 || n < max) && it.Next() {
		writeEntry(out, it)
		n++
	}
	out.InsertArray(mark, int(n))
}
