package store

import (
	"errors"
	"fmt"
	"sync"

	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
)

// Block is a sealed block to be written.
type Block struct {
	DB          int
	Key         []byte // of its stream, cut at 1,024 bytes
	First, Last stream.ID
	Entries     int
	Body        *stream.Body
}

// ErrTooLarge refuses a block whose content is above the 1.25 GB that a record may have.
var ErrTooLarge = errors.New("store: the block is too large for a record")

// flushBytes is how much is gathered before it goes to the file.
const flushBytes = 1 << 20

// writer is the file that Write appends to.
type writer struct {
	s  *Store
	mu sync.Mutex // held for a whole Write

	// The file; nil if the next Write begins one.
	file   vfs.File
	number uint64
	seed   uint32
	size   int64   // with what is in buf
	index  []place // of its records
	named  bool    // whether its name is durable
	used   bool    // whether there is a Ref to something in it

	buf     []byte // not written yet
	scratch []byte // for encoding blocks
	closed  bool

	stored, raw uint64 // bytes of the records of this Write, and of their contents
}

// Write makes blocks durable and says where they are, in their order. After an error none of them has a Ref, and the file
// is given up: its earlier records stay good, and the next Write begins another. ErrTooLarge and ErrClosed write nothing.
func (s *Store) Write(blocks []Block) ([]stream.Ref, error) {
	w := &s.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, ErrClosed
	}
	for i := range blocks {
		if blocks[i].Body.Size() > maxRaw {
			return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, blocks[i].Body.Size())
		}
	}
	refs := make([]stream.Ref, len(blocks))
	w.stored, w.raw = 0, 0
	for i := range blocks {
		var err error
		if refs[i], err = w.append(&blocks[i]); err != nil {
			w.abandon()
			return nil, err
		}
	}
	if err := w.sync(); err != nil {
		w.abandon()
		return nil, err
	}
	s.mu.Lock()
	s.stats.Written += uint64(len(blocks))
	s.stats.WrittenBytes += w.stored
	s.stats.WrittenRaw += w.raw
	s.mu.Unlock()
	w.used = w.file != nil
	w.shed()
	return refs, nil
}

// append writes the record of a block, in a new file if there is none, and completes the file if it is full.
func (w *writer) append(b *Block) (stream.Ref, error) {
	if w.file == nil {
		if err := w.begin(); err != nil {
			return stream.Ref{}, err
		}
	}
	before := len(w.buf)
	buf, raw := appendRecord(w.buf, w.seed, uint32(w.size), b, &w.scratch)
	w.buf = buf
	p := place{uint32(w.size), uint32(len(buf) - before)}
	w.stored += uint64(p.length)
	w.raw += uint64(raw)
	w.index = append(w.index, p)
	w.size += int64(p.length)
	var err error
	switch {
	case w.size >= w.s.segmentBytes:
		err = w.complete()
	case len(w.buf) >= flushBytes:
		err = w.flush()
	}
	return stream.Ref{Segment: w.number, Offset: p.offset, Length: p.length}, err
}

// begin makes the next file. Its number is taken, whether that succeeds or not, and it counts from before it is there: see
// Floor.
func (w *writer) begin() error {
	s := w.s
	s.mu.Lock()
	number := s.next
	s.next++
	s.segments[number] = Segment{Number: number}
	s.mu.Unlock()
	f, err := s.fs.Create(Name(number))
	if err != nil {
		s.mu.Lock()
		delete(s.segments, number)
		s.mu.Unlock()
		return err
	}
	w.file, w.number, w.seed, w.named = f, number, seedOf(s.id, number), false
	w.used = false
	w.index = w.index[:0]
	w.buf = appendHeader(w.buf[:0], s.id, number)
	w.size = headerBytes
	return nil
}

// publish says how large the file is and whether more will come.
func (w *writer) publish(closed bool) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.segments[w.number] = Segment{Number: w.number, Bytes: w.size - int64(len(w.buf)), Closed: closed}
}

func (w *writer) flush() error {
	n, err := w.file.Write(w.buf)
	w.buf = w.buf[:copy(w.buf, w.buf[n:])]
	w.publish(false)
	return err
}

// sync makes the file durable, and its name.
func (w *writer) sync() error {
	if w.file == nil {
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	if w.named {
		return nil
	}
	if err := w.s.fs.SyncDir(Dir); err != nil {
		return err
	}
	w.named = true
	return nil
}

// complete writes the footer; the file is durable then, and done with.
func (w *writer) complete() error {
	before := len(w.buf)
	w.buf = appendFooter(w.buf, w.seed, w.index, uint32(w.size))
	w.size += int64(len(w.buf) - before)
	if err := w.sync(); err != nil {
		return err
	}
	w.done()
	return nil
}

// abandon gives up a file that could not be written: it is not asked for anything again. What is in it stays, unless nobody
// can want it: a full disk would have one more empty file for each try.
func (w *writer) abandon() {
	if w.file != nil {
		w.done()
		if !w.used && w.s.fs.Remove(Name(w.number)) == nil {
			w.s.mu.Lock()
			delete(w.s.segments, w.number)
			w.s.mu.Unlock()
		}
	}
	w.shed()
}

func (w *writer) done() {
	w.publish(true)
	_ = w.file.Close() // what counts has been fsynced, or has failed
	w.file, w.buf = nil, w.buf[:0]
}

// shed lets go of room that a huge block has needed.
func (w *writer) shed() {
	const enough = 4 << 20
	if cap(w.buf) > enough {
		w.buf = nil
	}
	if cap(w.scratch) > enough {
		w.scratch = nil
	}
}

// close completes the file. There are no writes afterwards.
func (w *writer) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	if w.file == nil {
		return nil
	}
	err := w.complete()
	if err != nil {
		w.abandon()
	}
	return err
}
