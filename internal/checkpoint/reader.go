package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/weirmq/weir/internal/vfs"
)

// Reader reads the state of one checkpoint.
type Reader struct {
	file     vfs.File
	name     string
	seed     uint32
	header   Header
	trailer  trailer
	segments []Segment

	// A goroutine, begun by the first Read, reads and verifies the next section
	// while the caller decodes this one. It has two buffers, and gets back the one
	// when the other is taken.
	ahead chan section
	stop  chan struct{}
	rest  []byte // of the section at hand
	err   error
}

// section is the content of one, or why there is none.
type section struct {
	content []byte
	err     error
}

// Open opens a checkpoint of the data directory id and verifies all of it but
// the state, which is verified as it is read.
func Open(fsys vfs.FS, number uint64, id [16]byte) (*Reader, error) {
	file, err := fsys.Open(name(number))
	if err != nil {
		return nil, err
	}
	r := &Reader{file: file, name: name(number)}
	if err := r.open(number, id); err != nil {
		_ = file.Close()
		return nil, err
	}
	return r, nil
}

func (r *Reader) open(number uint64, id [16]byte) error {
	size, err := r.file.Size()
	if err != nil {
		return err
	}
	if r.header, r.seed, err = readHeader(r.file, size, number); err != nil {
		return err
	}
	if r.header.ID != id {
		return r.damage(16, "the checkpoint belongs to another data directory")
	}
	if size < headerBytes+trailerBytes {
		return r.damage(size, "the file ends before its trailer")
	}
	var b [trailerBytes]byte
	if err := readFull(r.file, b[:], size-trailerBytes); err != nil {
		return err
	}
	var reason string
	if r.trailer, reason = decodeTrailer(b[:], r.seed, size); reason != "" {
		return r.damage(size-trailerBytes, reason)
	}
	return r.readTable()
}

// readHeader reads the header of a file, and returns its CRC with it.
func readHeader(file vfs.File, size int64, number uint64) (Header, uint32, error) {
	b := make([]byte, min(size, headerBytes))
	if err := readFull(file, b, 0); err != nil {
		return Header{}, 0, err
	}
	h, err := decodeHeader(b, number)
	if err != nil {
		return Header{}, 0, err
	}
	return h, headerCRC(b), nil
}

func (r *Reader) readTable() error {
	s := sections{Reader: r, ordinal: r.trailer.sections - r.trailer.table, at: r.trailer.tableOffset,
		last: r.trailer.sections, end: r.trailer.fileBytes - trailerBytes, kind: kindTable}
	var table []byte
	for {
		content, err := s.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		table = append(table, content...)
	}
	var reason string
	if r.segments, reason = decodeTable(table); reason != "" {
		return r.damage(r.trailer.tableOffset, reason)
	}
	return nil
}

// Header returns what the checkpoint is of.
func (r *Reader) Header() Header { return r.header }

// Segments returns the segment files that the state needs, in ascending order.
func (r *Reader) Segments() []Segment { return r.segments }

// Size returns the length of the state in bytes.
func (r *Reader) Size() int64 {
	return r.trailer.tableOffset - headerBytes - int64(r.trailer.sections-r.trailer.table)*sectionHeader
}

// Read reads the state. io.EOF means that all of it has been read.
func (r *Reader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if r.ahead == nil {
			r.ahead, r.stop = make(chan section), make(chan struct{})
			go r.readAhead()
		}
		s := <-r.ahead
		r.rest, r.err = s.content, s.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *Reader) readAhead() {
	defer close(r.ahead)
	s := sections{Reader: r, at: headerBytes, last: r.trailer.sections - r.trailer.table, end: r.trailer.tableOffset, kind: kindState}
	for {
		content, err := s.next()
		select {
		case r.ahead <- section{content, err}:
		case <-r.stop:
			return
		}
		if err != nil {
			return
		}
	}
}

// Close ends reading.
func (r *Reader) Close() error {
	if r.err == nil {
		r.err = errors.New("checkpoint: the Reader is closed")
	}
	r.rest = nil
	if r.ahead != nil {
		close(r.stop)
		for range r.ahead { // until the goroutine has let go of the file
		}
	}
	return r.file.Close()
}

// sections reads a run of sections of one kind.
type sections struct {
	*Reader
	ordinal uint64 // of the next one
	last    uint64 // ordinal behind the run
	at      int64  // where the next one is
	end     int64  // offset behind the run
	kind    byte
	head    [sectionHeader]byte
	bufs    [2][]byte // taken in turns
}

// next returns the content of the next section, which stays until the call
// after the next, or io.EOF behind the last.
func (s *sections) next() ([]byte, error) {
	switch {
	case s.ordinal == s.last && s.at == s.end:
		return nil, io.EOF
	case s.ordinal == s.last || s.end-s.at < sectionHeader:
		return nil, s.damage(s.at, fmt.Sprintf("section %d is not where the trailer says", s.ordinal))
	}
	if err := readFull(s.file, s.head[:], s.at); err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(s.head[:]))
	if length > min(maxSection, s.end-s.at-sectionHeader) {
		return nil, s.damage(s.at, fmt.Sprintf("section %d has an impossible length", s.ordinal))
	}
	size := int(sectionHeader + length)
	s.bufs[0], s.bufs[1] = s.bufs[1], s.bufs[0]
	if cap(s.bufs[0]) < size {
		s.bufs[0] = make([]byte, size)
	}
	b := s.bufs[0][:size]
	copy(b, s.head[:])
	if err := readFull(s.file, b[sectionHeader:], s.at+sectionHeader); err != nil {
		return nil, err
	}
	if sectionCRC(b, s.seed, s.ordinal) != binary.LittleEndian.Uint32(b[8:]) || b[4] != s.kind {
		return nil, s.damage(s.at, fmt.Sprintf("section %d fails its checksum", s.ordinal))
	}
	s.ordinal++
	s.at += int64(size)
	return b[sectionHeader:], nil
}

func (r *Reader) damage(at int64, reason string) error { return &DamageError{r.name, at, reason} }

// readFull fills b from a place that lies inside the file.
func readFull(file vfs.File, b []byte, at int64) error {
	n, err := file.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // the file has become shorter
	}
	return err
}
