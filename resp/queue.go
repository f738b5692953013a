package resp

import "sync"

// queue is the output of a connection: bytes, and which prefix of them may leave.
//
//	chunks   [ 8 KB ][ 8 KB ][ 8 KB ]...     pooled; a large reply is adopted as a chunk of its own
//	          ^off                           sent up to here in the first chunk
//	marks    (end 310, pos 7) (end 5000, pos 9) ...
//
// Ends count all bytes ever queued. Positions only rise from mark to mark, so what may leave is a prefix, and marks of one
// position melt into one: a pipeliner whose commands share a group commit costs one mark per commit. Nothing is ever
// moved, so a queue of 64 MB costs as much per byte as an empty one.
//
// The owner (a loop, or the writing goroutine) takes bytes under mu, writes them without it, and drops them under it.
// Others only append.
type queue struct {
	mu      sync.Mutex
	chunks  [][]byte
	first   int // chunks[:first] have left
	off     int
	marks   []mark
	mfirst  int
	total   uint64 // bytes ever queued
	sent    uint64
	covered uint64 // bytes that may leave; >= sent
	closed  bool
}

type mark struct{ end, pos uint64 }

const (
	chunkSize = 8 << 10
	adoptSize = 256 << 10
)

var chunkPool = sync.Pool{New: func() any { return new([chunkSize]byte) }}

func freeChunk(b []byte) {
	if cap(b) == chunkSize {
		chunkPool.Put((*[chunkSize]byte)(b[:chunkSize]))
	}
}

// appendLocked queues a copy of p, or p itself when it says adopted, and returns how many bytes are queued now.
func (q *queue) appendLocked(p []byte, pos uint64) (size int, adopted bool) {
	if q.closed || len(p) == 0 {
		return 0, false
	}
	q.total += uint64(len(p))
	if n := len(q.marks); n > q.mfirst && q.marks[n-1].pos >= pos {
		q.marks[n-1].end = q.total
	} else {
		q.marks = append(q.marks, mark{q.total, pos})
	}
	if len(p) >= adoptSize {
		q.chunks = append(q.chunks, p)
		return int(q.total - q.sent), true
	}
	for len(p) > 0 {
		n := len(q.chunks)
		if n == q.first || len(q.chunks[n-1]) == cap(q.chunks[n-1]) || cap(q.chunks[n-1]) != chunkSize {
			q.chunks = append(q.chunks, chunkPool.Get().(*[chunkSize]byte)[:0])
			n++
		}
		tail := q.chunks[n-1]
		k := min(len(p), cap(tail)-len(tail))
		q.chunks[n-1] = append(tail, p[:k]...)
		p = p[k:]
	}
	return int(q.total - q.sent), false
}

// cover lets out what released covers.
func (q *queue) coverLocked(released uint64) {
	for q.mfirst < len(q.marks) && q.marks[q.mfirst].pos <= released {
		q.covered = q.marks[q.mfirst].end
		q.mfirst++
	}
	if q.mfirst == len(q.marks) {
		q.marks, q.mfirst = q.marks[:0], 0
		if cap(q.marks) > 256 {
			q.marks = nil
		}
	} else if q.mfirst > len(q.marks)/2 && q.mfirst > 64 {
		q.marks = q.marks[:copy(q.marks, q.marks[q.mfirst:])]
		q.mfirst = 0
	}
}

// take returns the next pieces that may be written, none of them empty, at most limit bytes, appended to out as far as
// it has room. They stay queued until drop. It also says how many bytes may leave in all, and the position that the
// first of the others waits for (held says whether there is one).
func (q *queue) take(released uint64, limit int, out [][]byte) (pieces [][]byte, may int, waitsFor uint64, held bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return out, 0, 0, false
	}
	q.coverLocked(released)
	may = int(q.covered - q.sent)
	left, off := min(may, limit), q.off
	for i := q.first; left > 0 && len(out) < cap(out); i++ {
		b := q.chunks[i][off:]
		b = b[:min(len(b), left)]
		left -= len(b)
		out = append(out, b)
		off = 0
	}
	if q.mfirst < len(q.marks) {
		waitsFor, held = q.marks[q.mfirst].pos, true
	}
	return out, may, waitsFor, held
}

// drop forgets n bytes that have been written, and says the same of the rest.
func (q *queue) drop(n int) (may int, waitsFor uint64, held bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, 0, false
	}
	q.sent += uint64(n)
	for n > 0 {
		head := q.chunks[q.first]
		k := min(n, len(head)-q.off)
		q.off += k
		n -= k
		if q.off == len(head) {
			q.popLocked()
		}
	}
	if q.sent == q.total {
		q.chunks, q.first = q.chunks[:0], 0
		if cap(q.chunks) > 256 {
			q.chunks = nil
		}
	} else if q.first > len(q.chunks)/2 && q.first > 64 {
		m := copy(q.chunks, q.chunks[q.first:])
		clear(q.chunks[m:])
		q.chunks, q.first = q.chunks[:m], 0
	}
	if q.mfirst < len(q.marks) {
		waitsFor, held = q.marks[q.mfirst].pos, true
	}
	return int(q.covered - q.sent), waitsFor, held
}

func (q *queue) popLocked() {
	freeChunk(q.chunks[q.first])
	q.chunks[q.first] = nil
	q.first++
	q.off = 0
}

// close drops everything; nothing is queued afterwards. The owner calls it, and nothing taken may be in use: chunks go back
// to their pool.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.first < len(q.chunks) {
		q.popLocked()
	}
	q.chunks, q.marks, q.first, q.mfirst, q.closed = nil, nil, 0, 0, true
	q.total, q.covered = q.sent, q.sent
}

// stop makes the queue refuse more and lets out nothing that has not been taken yet. Any goroutine may call it.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.covered = q.sent
	q.marks, q.mfirst = nil, 0
}

// state says how many bytes are queued, in how many chunks, with how much memory, and whether a position later than released holds some back.
func (q *queue) state(released uint64) (bytes, chunks, memory int, held bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, c := range q.chunks[q.first:] {
		memory += cap(c)
	}
	n := len(q.marks)
	return int(q.total - q.sent), len(q.chunks) - q.first, memory, n > q.mfirst && q.marks[n-1].pos > released
}
