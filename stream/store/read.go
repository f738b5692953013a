package store

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
)

// maxFiles bounds the descriptors of files that are read.
const maxFiles = 128

// file is a segment that is open for reading.
type file struct {
	vfs.File
	users   int
	used    uint64 // when last, in Store.uses
	dropped bool   // nobody else gets it: the last user closes it
}

// read is a Read that is under way, for those who want the same.
type read struct {
	done chan struct{}
	body *stream.Body
	err  error
}

// Read returns the body at ref, from the disk unless it is in memory, and keeps it in the cache. The error is a *DamageError
// or the system's.
func (s *Store) Read(ref stream.Ref) (*stream.Body, error) {
	if body := s.cache.get(ref, false); body != nil {
		return body, nil
	}
	s.mu.Lock()
	r := s.reading[ref]
	if r != nil {
		s.mu.Unlock()
		<-r.done
		return r.body, r.err
	}
	r = &read{done: make(chan struct{})}
	s.reading[ref] = r
	s.mu.Unlock()

	r.body, r.err = s.read(ref)
	if r.err == nil {
		s.cache.keep(ref, r.body)
	}
	s.mu.Lock()
	delete(s.reading, ref)
	s.mu.Unlock()
	close(r.done)
	return r.body, r.err
}

func (s *Store) read(ref stream.Ref) (*stream.Body, error) {
	var begin time.Time
	if s.now != nil {
		begin = s.now()
	}
	f, err := s.acquire(ref.Segment)
	if err != nil {
		return nil, err
	}
	body, _, err := readRecord(f, seedOf(s.id, ref.Segment), ref)
	s.release(f)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Reads++
	s.stats.ReadBytes += uint64(ref.Length)
	if s.now != nil {
		s.stats.ReadTime += s.now().Sub(begin)
	}
	return body, err
}

// readRecord reads and decodes the record at ref.
func readRecord(f vfs.File, seed uint32, ref stream.Ref) (*stream.Body, Record, error) {
	damage := func(reason string) error {
		return &DamageError{File: Name(ref.Segment), Offset: int64(ref.Offset), Reason: reason}
	}
	size, err := f.Size() // before anything is allocated for a Ref that cannot be
	if err != nil {
		return nil, Record{}, err
	}
	if int64(ref.Offset)+int64(ref.Length) > size {
		return nil, Record{}, damage("the file ends before the record does")
	}
	buf := buffers.Get().(*[]byte)
	defer putBuffer(buf)
	if cap(*buf) < int(ref.Length) {
		*buf = make([]byte, ref.Length)
	}
	b := (*buf)[:ref.Length]
	if n, err := f.ReadAt(b, int64(ref.Offset)); n < len(b) {
		if errors.Is(err, io.EOF) {
			return nil, Record{}, damage("the file ends before the record does")
		}
		return nil, Record{}, err
	}
	body, r, reason := decodeRecord(b, seed, ref)
	r.Key = bytes.Clone(r.Key)
	if reason != "" {
		return nil, r, damage(reason)
	}
	return body, r, nil
}

// buffers are what records are read into.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxBuffer is the largest buffer that is kept for the next time.
const maxBuffer = 1 << 20

func putBuffer(b *[]byte) {
	if cap(*b) <= maxBuffer {
		buffers.Put(b)
	}
}

// readUpTo reads n bytes, or those that there are.
func readUpTo(f vfs.File, at int64, n int) ([]byte, error) {
	b := make([]byte, n)
	n, err := f.ReadAt(b, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], err
}

// acquire returns a segment's file, which release gives back.
func (s *Store) acquire(number uint64) (*file, error) {
	s.mu.Lock()
	f, err := s.opened(number)
	s.mu.Unlock()
	if f != nil || err != nil {
		return f, err
	}
	fresh, err := s.fs.Open(Name(number))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	f, err = s.opened(number)
	unused := fresh // if somebody was faster
	if f == nil && err == nil {
		f = &file{File: fresh, users: 1}
		unused = s.adopt(number, f)
	}
	s.mu.Unlock()
	if unused != nil {
		_ = unused.Close()
	}
	return f, err
}

// opened returns a segment's file if it is open already. s.mu is held, as for the two below.
func (s *Store) opened(number uint64) (*file, error) {
	if s.closed {
		return nil, ErrClosed
	}
	f := s.files[number]
	if f != nil {
		s.uses++
		f.used = s.uses
		f.users++
	}
	return f, nil
}

// adopt notes a file for those who want it next. It may return one to be closed, which was not used for the longest.
func (s *Store) adopt(number uint64, f *file) (unused vfs.File) {
	if _, there := s.segments[number]; !there { // removed since: it must not be held open
		f.dropped = true
		return nil
	}
	if len(s.files) >= maxFiles {
		var oldest uint64
		used := s.uses + 1
		for n, f := range s.files {
			if f.used < used {
				oldest, used = n, f.used
			}
		}
		unused = s.forget(oldest)
	}
	s.uses++
	f.used = s.uses
	s.files[number] = f
	return unused
}

// forget lets nobody else have a segment's file, and returns it to be closed if nobody has it now.
func (s *Store) forget(number uint64) (unused vfs.File) {
	f := s.files[number]
	if f == nil {
		return nil
	}
	delete(s.files, number)
	f.dropped = true
	if f.users > 0 {
		return nil
	}
	return f.File
}

func (s *Store) release(f *file) {
	s.mu.Lock()
	f.users--
	last := f.dropped && f.users == 0
	s.mu.Unlock()
	if last {
		_ = f.Close()
	}
}
