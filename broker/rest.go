package broker

import (
	"io"
	"time"
)

// resting passes on what a checkpoint writes, a piece at a time, and rests in between for as long as the work has taken.
//
// A checkpoint is in no hurry, and those who serve clients are. With as many processors as cores, a loop that comes back
// from its wait finds none free while the writer has one and the garbage collector the other, and the runtime takes
// one away only after 10 ms. So the writer is never at work for much longer than restAfter, however large the value is
// that it encodes: a group of a million pending entries, or a stream of ten million blocks.
type resting struct {
	to    io.Writer
	alone bool      // nobody is there to be let in
	begun time.Time // the work since the last rest
}

const (
	restPiece = 64 << 10               // bytes between two looks at the clock
	restAfter = 500 * time.Microsecond // of work
	longRest  = 5 * time.Millisecond   // at most: what it waited for, a disk or a busy machine, is no work
)

// begin says that the work goes on.
func (r *resting) begin() { r.begun = time.Now() }

// rest ends a piece of work.
func (r *resting) rest() {
	if !r.alone {
		time.Sleep(min(time.Since(r.begun), longRest))
	}
	r.begin()
}

func (r *resting) Write(p []byte) (written int, err error) {
	for len(p) > 0 && err == nil {
		var n int
		n, err = r.to.Write(p[:min(len(p), restPiece)])
		written += n
		p = p[n:]
		if time.Since(r.begun) > restAfter {
			r.rest()
		}
	}
	return written, err
}
