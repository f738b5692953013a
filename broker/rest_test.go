package broker

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// slowWriter takes its time for every write, and fails at one of them.
type slowWriter struct {
	bytes.Buffer
	takes time.Duration
	sizes []int
	fails int // the number of the write; 0: none
}

var errSlowWriter = errors.New("this write fails")

func (w *slowWriter) Write(p []byte) (int, error) {
	time.Sleep(w.takes)
	w.sizes = append(w.sizes, len(p))
	if len(w.sizes) == w.fails {
		return 0, errSlowWriter
	}
	return w.Buffer.Write(p)
}

func TestTheWriterOfACheckpointRestsForAsLongAsItWorks(t *testing.T) {
	for _, c := range []struct {
		takes, want time.Duration
		alone       bool
	}{
		{takes: time.Millisecond, want: 10 * 2 * time.Millisecond},
		{takes: 300 * time.Microsecond, want: 10 * 2 * 300 * time.Microsecond}, // after every second piece
		{takes: 20 * time.Millisecond, want: 10 * (20*time.Millisecond + longRest)},
		{takes: time.Millisecond, want: 10 * time.Millisecond, alone: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &slowWriter{takes: c.takes}
			r := resting{to: w, alone: c.alone}
			r.begin()
			begun := time.Now()
			p := bytes.Repeat([]byte("0123456789"), restPiece) // 10 pieces
			if n, err := r.Write(p); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
			if took := time.Since(begun); took != c.want {
				t.Errorf("pieces of %v take %v, want %v", c.takes, took, c.want)
			}
			if !bytes.Equal(w.Bytes(), p) || len(w.sizes) != 10 || w.sizes[0] != restPiece {
				t.Errorf("written: %v", w.sizes)
			}
		})
	}
}

func TestARestingWriterFailsWithWhatItWritesTo(t *testing.T) {
	w := &slowWriter{fails: 3}
	r := resting{to: w}
	r.begin()
	if n, err := r.Write(make([]byte, 10*restPiece)); n != 2*restPiece || !errors.Is(err, errSlowWriter) || len(w.sizes) != 3 {
		t.Error(n, err, w.sizes)
	}
}
