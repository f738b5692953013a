package store

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
)

// Options say where a Store is and how much it may take.
type Options struct {
	FS vfs.FS   // rooted at the data directory; Open makes Dir in it
	ID [16]byte // of the data directory

	// Next is the number of the next segment file, above all that a checkpoint names. Open raises it above those on disk.
	Next uint64

	SegmentBytes int64 // at which a segment file is complete; 64 MB, at most 2 GB
	CacheBytes   int   // of bodies kept in memory; 0 keeps none

	// Now is the clock that Stats.ReadTime is measured with; nil does not measure it.
	Now func() time.Time
}

// Segment is a segment file.
type Segment struct {
	Number uint64
	Bytes  int64
	// Closed files are never appended to. Of the other, at most one, Write is the owner.
	Closed bool
}

// ErrClosed is what a Store answers after Close.
var ErrClosed = fmt.Errorf("store: %w", fs.ErrClosed)

// Store is the segment files of a data directory. Only one may be open on it.
type Store struct {
	fs    vfs.FS
	id    [16]byte
	cache *cache
	now   func() time.Time

	segmentBytes int64
	writer       writer

	mu       sync.Mutex
	segments map[uint64]Segment
	next     uint64
	files    map[uint64]*file // open for reading
	uses     uint64           // counts, to tell which file was not used for the longest
	reading  map[stream.Ref]*read
	closed   bool
	stats    Stats // without the cache's
}

// Stats count from Open on, except for what is there now.
type Stats struct {
	Hits, Misses uint64 // of Cached
	CacheBlocks  int    // now
	CacheBytes   int    // now, of CacheMax
	CacheMax     int

	Reads     uint64 // records read from disk
	ReadBytes uint64
	ReadTime  time.Duration // spent in them, decompressing included

	Written      uint64 // blocks that a Ref was returned for
	WrittenBytes uint64 // of their records
	WrittenRaw   uint64 // of their contents before compression

	Segments     int   // files now
	SegmentBytes int64 // in them, now
}

// Open makes the store of a data directory usable. It reads the names and sizes of the files that are there and nothing of
// what is in them; see Find.
func Open(o Options) (*Store, error) {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 64 << 20
	}
	s := &Store{
		fs: o.FS, id: o.ID, now: o.Now, cache: newCache(o.CacheBytes),
		segmentBytes: min(o.SegmentBytes, math.MaxInt32), // so that every offset fits a Ref
		segments:     map[uint64]Segment{}, next: max(o.Next, 1),
		files: map[uint64]*file{}, reading: map[stream.Ref]*read{},
	}
	s.writer.s = s
	if err := s.fs.MakeDir(Dir); err != nil {
		return nil, err
	}
	found, err := List(s.fs)
	if err != nil {
		return nil, err
	}
	for _, seg := range found {
		s.segments[seg.Number] = seg
		s.next = max(s.next, seg.Number+1)
	}
	return s, nil
}

// List returns the segment files of a data directory, the lowest number first.
func List(fsys vfs.FS) ([]Segment, error) {
	names, err := fsys.List(Dir)
	if err != nil {
		return nil, err
	}
	var found []Segment
	for _, base := range names {
		number, ok := parseName(base)
		if !ok {
			continue
		}
		size, err := fsys.Size(path.Join(Dir, base))
		if err != nil {
			return nil, err
		}
		found = append(found, Segment{Number: number, Bytes: size, Closed: true})
	}
	return found, nil
}

// Segments returns the files that are there, the lowest number first.
func (s *Store) Segments() []Segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.segments), func(a, b Segment) int { return cmp.Compare(a.Number, b.Number) })
}

// Next is the lowest number that no segment has had.
func (s *Store) Next() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// Floor is the lowest number of a segment that a Write which begins from now on may append to.
func (s *Store) Floor() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for number, seg := range s.segments {
		if !seg.Closed {
			return number // there is one at most
		}
	}
	return s.next
}

// Find makes sure that segments are there and are what they are named: named has, for each that is referred to, where the
// last record referred to ends. It reads headers only. The error is a *DamageError for the first that is not as it should
// be, or the system's.
func (s *Store) Find(named map[uint64]int64) error {
	for _, number := range slices.Sorted(maps.Keys(named)) {
		if err := checkFile(s.fs, s.id, number, named[number]); err != nil {
			return err
		}
	}
	return nil
}

// checkFile makes sure that a segment is there, has the right header and at least end bytes.
func checkFile(fsys vfs.FS, id [16]byte, number uint64, end int64) error {
	name := Name(number)
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return &DamageError{File: name, Reason: "the file is missing"}
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	head, err := readUpTo(f, 0, headerBytes)
	if err != nil {
		return err
	}
	if reason := checkHeader(head, id, number); reason != "" {
		return &DamageError{File: name, Reason: reason}
	}
	if size < end {
		return &DamageError{File: name, Offset: size, Reason: fmt.Sprintf("the file ends here, and records up to %d were written", end)}
	}
	return nil
}

// Remove removes segments that nothing refers to any more; reads of them that have begun may end well. A crash in the midst
// leaves some of them, and so does an error: calling it again for what Segments still has is right. The file that Write
// appends to cannot be removed. A file may be closed before its caller has taken note of the Refs in it: what is at or
// above the Floor of before a Write is not to be removed until then.
func (s *Store) Remove(numbers []uint64) error {
	if len(numbers) == 0 {
		return nil
	}
	var errs []error
	for _, number := range numbers {
		errs = append(errs, s.remove(number))
	}
	return errors.Join(append(errs, s.fs.SyncDir(Dir))...)
}

func (s *Store) remove(number uint64) error {
	s.mu.Lock()
	seg, ok := s.segments[number]
	open := ok && !seg.Closed
	s.mu.Unlock()
	if open {
		return fmt.Errorf("store: %s is being written", Name(number))
	}
	if err := s.fs.Remove(Name(number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.mu.Lock()
	delete(s.segments, number)
	unused := s.forget(number)
	s.mu.Unlock()
	if unused != nil {
		_ = unused.Close() // it was only read
	}
	return nil
}

// Cached returns a body that is in memory, else nil.
func (s *Store) Cached(ref stream.Ref) *stream.Body { return s.cache.get(ref, true) }

// Has reports whether Cached would return a body.
func (s *Store) Has(ref stream.Ref) bool { return s.cache.has(ref) }

// Keep puts a body that was written at ref in the cache.
func (s *Store) Keep(ref stream.Ref, body *stream.Body) { s.cache.keep(ref, body) }

// Resize changes how many bytes of bodies are kept.
func (s *Store) Resize(cacheBytes int) { s.cache.resize(cacheBytes) }

// Stats returns the counts.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	st := s.stats
	st.Segments = len(s.segments)
	for _, seg := range s.segments {
		st.SegmentBytes += seg.Bytes
	}
	s.mu.Unlock()
	c := s.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	st.Hits, st.Misses = c.hits, c.misses
	st.CacheBlocks, st.CacheBytes, st.CacheMax = c.fresh.n+c.hot.n, c.bytes(), c.max
	return st
}

// Close completes the file that was being written, and lets go of all. An error concerns the footer only: every Ref that
// Write returned stays good.
func (s *Store) Close() error {
	err := s.writer.close()
	s.mu.Lock()
	s.closed = true
	var unused []vfs.File
	for number := range s.files {
		if f := s.forget(number); f != nil {
			unused = append(unused, f)
		}
	}
	s.mu.Unlock()
	for _, f := range unused {
		_ = f.Close() // it was only read
	}
	return err
}
