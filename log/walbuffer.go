package log

import (
	"reflect"
	"unsafe"

	"github.com/tidwall/wal"
)

// The wal keeps all bytes of its last segment in memory and grows that piece as append does, so that a segment of 1 MB leaves 4 MB
// of garbage behind, and whoever commits waits for fresh memory at each step. It has no option for that. So the log lends it
// one buffer, large enough for a segment, for one segment after the other.
//
// Which field that is nobody promises. The version of the wal is pinned, a test fails if a new one does not take the buffer, and it
// would then grow its own as before.

// buffer is what is lent.
type buffer []byte

const (
	// beyondSegment is how much longer than its limit a segment may become before the wal has to grow the buffer: by its last
	// frame, if that is not of one huge record.
	beyondSegment = maxFrameBytes + headerBytes + 16
	// mostLent is the largest segment for which there is a buffer.
	mostLent = 16 << 20
)

// lend gives the buffer to the wal for the segment that it has just begun. The segment before has no use for it any more.
func (b *buffer) lend(w *wal.Log, segmentBytes int) {
	tail := tailBytes(w)
	if tail == nil || len(*tail) > 0 || segmentBytes > mostLent {
		return
	}
	if *b == nil {
		*b = make([]byte, 0, segmentBytes+beyondSegment)
	}
	*tail = (*b)[:0]
}

// tailBytes returns where a wal keeps the bytes of its last segment; nil if that is not to be found.
func tailBytes(w *wal.Log) *[]byte {
	segments := reflect.ValueOf(w).Elem().FieldByName("segments")
	if segments.Kind() != reflect.Slice || segments.Len() == 0 {
		return nil
	}
	last := segments.Index(segments.Len() - 1)
	if last.Kind() != reflect.Pointer || last.Elem().Kind() != reflect.Struct {
		return nil
	}
	field := last.Elem().FieldByName("ebuf")
	if !field.IsValid() || field.Type() != reflect.TypeFor[[]byte]() {
		return nil
	}
	return (*[]byte)(unsafe.Pointer(field.UnsafeAddr())) //nolint:gosec // its type has been looked at
}
