package checkpoint

import (
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/weirmq/weir/internal/vfs"
)

// syncBytes is how much is written before it is fsynced. Gigabytes of dirty
// pages would go to the disk in one burst, and each fsync of the log, which
// clients wait for, would queue behind it: beside 1 GB some wait 200 ms, and
// with fsyncs every 4 MB none more than 6 (BenchmarkFsyncsBesideAWriter).
const syncBytes = 4 << 20

// Writer writes one checkpoint. After the first error nothing is written any
// more, the file is gone, and each method returns that error.
type Writer struct {
	fs       vfs.FS
	file     vfs.File
	number   uint64
	seed     uint32 // of the sections: the header's CRC
	buf      []byte // the section that is being filled, with room for its header in front
	sections uint64
	offset   int64 // where the next section goes
	unsynced int64 // bytes since the last fsync
	every    int64 // syncBytes, but for a benchmark
	segments map[uint64]*Segment
	err      error
}

var errDone = errors.New("checkpoint: the Writer is done")

// Create begins a checkpoint. What an earlier attempt at this number left is
// replaced; a checkpoint of this number is, too, by Finish, and the number of one
// that failed is better not used again.
func Create(fsys vfs.FS, h Header) (*Writer, error) {
	if err := fsys.MakeDir(dir); err != nil {
		return nil, err
	}
	file, err := fsys.Create(name(h.Number) + aside)
	if errors.Is(err, fs.ErrExist) {
		if err = fsys.Remove(name(h.Number) + aside); err == nil {
			file, err = fsys.Create(name(h.Number) + aside)
		}
	}
	if err != nil {
		return nil, err
	}
	header := h.encode()
	w := &Writer{
		fs: fsys, file: file, number: h.Number, seed: headerCRC(header),
		buf: make([]byte, sectionHeader, sectionHeader+sectionBytes), every: syncBytes, segments: map[uint64]*Segment{},
	}
	if err := w.write(header); err != nil {
		return nil, err
	}
	return w, nil
}

// Write adds to the state. It has a buffer of its own.
func (w *Writer) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 && w.err == nil {
		n := copy(w.buf[len(w.buf):cap(w.buf)], p)
		w.buf = w.buf[:len(w.buf)+n]
		p, written = p[n:], written+n
		if len(w.buf) == cap(w.buf) {
			_ = w.flush(kindState) // which keeps the error
		}
	}
	return written, w.err
}

// Name says that the state needs bytes of a segment file, which end at end.
func (w *Writer) Name(segment uint64, end, bytes int64) {
	s := w.segments[segment]
	if s == nil {
		s = &Segment{Number: segment}
		w.segments[segment] = s
	}
	s.End = max(s.End, end)
	s.Bytes += bytes
}

// Bytes returns how much has been written.
func (w *Writer) Bytes() int64 { return w.offset }

// Finish writes the rest, makes the file durable, calls durable, and then gives
// the file its name. durable returns when the log is durable through the
// checkpoint's position, and so is every segment file it names; its error is
// Finish's.
//
// After an error there is no new checkpoint. If the directory could not be synced
// at the very end, the next power cut may bring it back: it is whole, and what it
// names may have gone meanwhile.
func (w *Writer) Finish(durable func() error) error {
	if err := w.finish(); err != nil {
		return err
	}
	if err := durable(); err != nil {
		return w.fail(err)
	}
	if err := w.fs.Rename(name(w.number)+aside, name(w.number)); err != nil {
		return w.fail(err)
	}
	w.err = errDone
	if err := w.fs.SyncDir(dir); err != nil {
		_ = w.fs.Remove(name(w.number)) // the caller does not count it among those that Keep may rely on
		return err
	}
	return nil
}

// finish makes the file complete and durable, and closes it.
func (w *Writer) finish() error {
	if len(w.buf) > sectionHeader {
		_ = w.flush(kindState)
	}
	t := trailer{sections: w.sections, tableOffset: w.offset}
	_ = w.writeTable()
	t.table = w.sections - t.sections
	t.sections = w.sections
	t.fileBytes = w.offset + trailerBytes
	_ = w.write(t.encode(w.seed))
	if w.err != nil {
		return w.err
	}
	if err := w.file.Sync(); err != nil {
		return w.fail(err)
	}
	file := w.file
	w.file = nil
	if err := file.Close(); err != nil {
		return w.fail(err)
	}
	return nil
}

func (w *Writer) writeTable() error {
	segments := make([]Segment, 0, len(w.segments))
	for _, number := range slices.Sorted(maps.Keys(w.segments)) {
		segments = append(segments, *w.segments[number])
	}
	for part := range slices.Chunk(encodeTable(segments), cap(w.buf)-sectionHeader) {
		w.buf = append(w.buf, part...)
		_ = w.flush(kindTable)
	}
	return w.err
}

// Abort gives up. After Finish it does nothing.
func (w *Writer) Abort() {
	if w.err == nil {
		_ = w.fail(errDone)
	}
}

// flush writes what is in the buffer as a section.
func (w *Writer) flush(kind byte) error {
	sealSection(w.buf, kind, w.seed, w.sections)
	w.sections++
	err := w.write(w.buf)
	w.buf = w.buf[:sectionHeader]
	return err
}

func (w *Writer) write(b []byte) error {
	if w.err != nil {
		return w.err
	}
	if _, err := w.file.Write(b); err != nil {
		return w.fail(err)
	}
	w.offset += int64(len(b))
	if w.unsynced += int64(len(b)); w.unsynced < w.every {
		return nil
	}
	w.unsynced = 0
	if err := w.file.Sync(); err != nil {
		return w.fail(err)
	}
	return nil
}

// fail removes the file, if the disk still can: RemoveLeftovers and the next
// Create of this number will, otherwise.
func (w *Writer) fail(err error) error {
	w.err = err
	if w.file != nil {
		_ = w.file.Close()
		w.file = nil
	}
	_ = w.fs.Remove(name(w.number) + aside)
	return err
}
