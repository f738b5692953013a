package log

import "encoding/binary"

// batch collects records between two commits, already laid out as frames:
// every frame begins with headerBytes left free for encodeFrame. A Log owns
// two: one is filled by Append while the other is being committed.
type batch struct {
	buf    []byte
	frames []frameSpan
	bytes  int64 // record bytes, what Pending counts
	last   Position
}

// frameSpan is one future frame: buf[from:to].
type frameSpan struct {
	from, to int
	first    Position
	count    uint32
}

// keepBytes is the capacity above which a batch gives its buffer back.
const keepBytes = 4 << 20

func (b *batch) empty() bool { return len(b.frames) == 0 }

// size returns how many bytes it takes in the wal.
func (b *batch) size() (n int64) {
	for i := range b.frames {
		n += entrySize(b.frames[i].to - b.frames[i].from)
	}
	return n
}

// add copies record behind the others.
func (b *batch) add(p Position, record []byte) {
	n := len(b.frames)
	if n == 0 || len(b.buf)-b.frames[n-1].from+len(record) > maxFrameBytes {
		var room [headerBytes]byte
		b.frames = append(b.frames, frameSpan{from: len(b.buf), first: p})
		b.buf = append(b.buf, room[:]...)
		n++
	}
	b.buf = binary.AppendUvarint(b.buf, uint64(len(record)))
	b.buf = append(b.buf, record...)
	f := &b.frames[n-1]
	f.to = len(b.buf)
	f.count++
	b.bytes += int64(len(record))
	b.last = p
}

func (b *batch) reset() {
	if cap(b.buf) > keepBytes {
		b.buf, b.frames = nil, nil
	}
	b.buf, b.frames, b.bytes = b.buf[:0], b.frames[:0], 0
}
