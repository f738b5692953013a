package store

import (
	"bytes"
	"cmp"
	"errors"

	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
)

// Report is what Verify found in a segment file.
type Report struct {
	Bytes    int64 // of the file
	Records  int   // that are good
	Complete bool  // the file ends with its footer
	// Rest is how many bytes at the end are no records, beside a good footer: what was being written when the process
	// ended, or a damaged footer. Nothing refers to them.
	Rest int64
}

// Verify reads a segment of a data directory that may be in use, and changes nothing. end is where the last record ends that
// anything refers to, as for Find; 0 if nothing does. fn is told of every record: with a nil error if it is good, else with
// a *DamageError and what the head says that it held, which is nothing (Ref.Length 0) if the head is damaged, too. The
// error is the system's, or the *DamageError that Find would return; the records are looked at nevertheless.
func Verify(fsys vfs.FS, id [16]byte, number uint64, end int64, fn func(Record, error)) (Report, error) {
	whole := checkFile(fsys, id, number, end)
	if whole != nil && !isDamage(whole) {
		return Report{}, whole
	}
	f, err := fsys.Open(Name(number))
	if err != nil {
		return Report{}, cmp.Or(whole, err)
	}
	defer f.Close()
	v := verifier{number: number, seed: seedOf(id, number), f: f, fn: fn}
	if v.report.Bytes, err = f.Size(); err != nil {
		return v.report, err
	}
	index, err := v.footer()
	switch {
	case err != nil:
	case v.report.Complete:
		err = v.each(index)
	default:
		err = v.walk(end)
	}
	return v.report, cmp.Or(err, whole)
}

// CheckRef reads and checks the record at one Ref.
func CheckRef(fsys vfs.FS, id [16]byte, ref stream.Ref) (*stream.Body, Record, error) {
	f, err := fsys.Open(Name(ref.Segment))
	if err != nil {
		return nil, Record{}, err
	}
	defer f.Close()
	return readRecord(f, seedOf(id, ref.Segment), ref)
}

type verifier struct {
	number uint64
	seed   uint32
	f      vfs.File
	fn     func(Record, error)
	report Report
}

// footer reads the footer, if there is one and it is good.
func (v *verifier) footer() ([]place, error) {
	size := v.report.Bytes
	tail, err := readUpTo(v.f, max(size-footerTail, 0), footerTail)
	if err != nil {
		return nil, err
	}
	n, ok := footerSize(tail, size)
	if !ok {
		return nil, nil
	}
	b, err := readUpTo(v.f, size-n, int(n))
	if err != nil {
		return nil, err
	}
	var index []place
	index, v.report.Complete = decodeFooter(b, v.seed, size)
	return index, nil
}

// each goes through the records of an index.
func (v *verifier) each(index []place) error {
	for _, p := range index {
		if err := v.record(stream.Ref{Segment: v.number, Offset: p.offset, Length: p.length}); err != nil {
			return err
		}
	}
	return nil
}

// record tells fn of the record at ref.
func (v *verifier) record(ref stream.Ref) error {
	_, r, err := readRecord(v.f, v.seed, ref)
	if err != nil && !isDamage(err) {
		return err
	}
	if err == nil {
		v.report.Records++
	}
	v.fn(r, err)
	return nil
}

func isDamage(err error) bool {
	var d *DamageError
	return errors.As(err, &d)
}

// walk goes from record to record. What is not good is damage below end. Above, it was being written when the process ended,
// and so may be whatever follows it.
func (v *verifier) walk(end int64) error {
	for at := int64(headerBytes); at < v.report.Bytes; {
		b, err := readUpTo(v.f, at, headBytes+maxKey)
		if err != nil {
			return err
		}
		r, reason := decodeHead(b, v.seed, v.number, uint32(at))
		if at >= end {
			if reason == "" {
				_, _, err = readRecord(v.f, v.seed, r.Ref)
			}
			if reason != "" || isDamage(err) {
				v.report.Rest = v.report.Bytes - at
				return nil
			}
		}
		if reason == "" {
			if err := v.record(r.Ref); err != nil {
				return err
			}
			at += int64(r.Ref.Length)
			continue
		}
		v.fn(Record{}, &DamageError{File: Name(v.number), Offset: at, Reason: reason})
		if at, err = v.find(at + 1); err != nil {
			return err
		}
	}
	return nil
}

// find returns where the next good head of a record is, at or behind an offset; the end of the file if none is.
func (v *verifier) find(at int64) (int64, error) {
	const window = 1 << 20
	for at < v.report.Bytes {
		b, err := readUpTo(v.f, at, window+headBytes+maxKey)
		if err != nil {
			return 0, err
		}
		for i := 0; i < min(window, len(b)); i++ {
			next := bytes.Index(b[i:], []byte(recordMagic))
			if next < 0 {
				break
			}
			i += next
			if _, reason := decodeHead(b[i:], v.seed, v.number, uint32(at)+uint32(i)); reason == "" {
				return at + int64(i), nil
			}
		}
		at += window
	}
	return v.report.Bytes, nil
}
