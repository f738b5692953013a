package log

import (
	"testing"
	"unsafe"

	"github.com/tidwall/wal"
)

// A wal that has other fields than the one that walbuffer.go was written for would grow its own memory, and nobody would
// notice.
func TestTheWalWritesFromOurBufferSegmentAfterSegment(t *testing.T) {
	l := open(t, Options{Dir: fastDir(t), SegmentBytes: 10_000, faults: &faults{still: true}})
	var want []string
	for i := range 300 {
		r := numbered(300)[i] + string(make([]byte, i%700))
		want = append(want, r)
		l.Append([]byte(r))
		commitNow(l, false)
		tail := tailBytes(l.tail.wal)
		if tail == nil || unsafe.SliceData(*tail) != unsafe.SliceData(l.buffer) || cap(*tail) != 10_000+beyondSegment {
			t.Fatalf("record %d: the wal has memory of its own", i)
		}
		if int64(len(*tail)) != l.tail.file.size {
			t.Fatalf("record %d: the wal has %d bytes of the segment's %d", i, len(*tail), l.tail.file.size)
		}
		if i%100 == 50 {
			if err := l.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := l.Stats(); s.Segments < 2 || s.Generations != 4 {
		t.Fatalf("%+v", s)
	}
	// A frame for which it is too small.
	large := string(make([]byte, 2*beyondSegment))
	for _, r := range []string{"before", large, "behind"} {
		want = append(want, r)
		l.Append([]byte(r))
		commitNow(l, false)
	}
	if tail := tailBytes(l.tail.wal); unsafe.SliceData(*tail) != unsafe.SliceData(l.buffer) {
		t.Error("the wal has memory of its own behind a large frame")
	}
	dir := l.opts.Dir
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	equal(t, records(t, openReadOnly(t, Options{Dir: dir}), 0), want)
}

func TestNoBufferIsLentForHugeSegments(t *testing.T) {
	l := open(t, Options{Dir: fastDir(t), SegmentBytes: mostLent + 1})
	if l.buffer != nil {
		t.Errorf("%d bytes", cap(l.buffer))
	}
	l.Append([]byte("record"))
	mustCommit(t, l)
}

func TestWhatIsBeingWrittenIsNotLentOver(t *testing.T) {
	w, err := wal.Open(t.TempDir(), &wal.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Write(1, []byte("entry")); err != nil {
		t.Fatal(err)
	}
	var b buffer
	b.lend(w, 1000)
	if tail := tailBytes(w); len(*tail) != 1+len("entry") || b != nil {
		t.Errorf("%q", *tail)
	}
}
