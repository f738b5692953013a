package stream

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// errIdempotency says that bytes are not what idempotencyCopy.encode writes.
var errIdempotency = errors.New("stream: damaged memory of producers")

// idempotencyCopy is an Idempotency as it was at one moment. It never changes, and any goroutine may encode it while the
// other goes on: they share the turns and the records. Both are appended and taken off the front, but never written over.
type idempotencyCopy struct {
	durationMS        uint64
	maxSize           int
	added, duplicates uint64
	producers         int
	turns             []turn // of a producer's turns the last counts; of the producer itself only pid may be looked at
}

// copy takes the same short time whatever is remembered. The copy of nil is nil.
func (d *Idempotency) copy() *idempotencyCopy {
	if d == nil {
		return nil
	}
	return &idempotencyCopy{d.durationMS, d.maxSize, d.added, d.duplicates, len(d.producers), d.turns}
}

// last returns the last turn of each producer, the least recent one first.
func (c *idempotencyCopy) last() []turn {
	list := make([]turn, 0, c.producers)
	seen := make(map[*producer]bool, c.producers)
	for _, t := range slices.Backward(c.turns) {
		if !seen[t.p] {
			seen[t.p] = true
			list = append(list, t)
		}
	}
	slices.Reverse(list)
	return list
}

// The encoding. All numbers are uvarints, and text is its length and its bytes:
//
//	version (1) | duration ms | max size | added | duplicates | producers | producers × producer, the least recent one first
//	producer := pid | records | records × record
//	record   := iid | at ms | ID: ms | seq
const idempotencyVersion = 1

func (c *idempotencyCopy) encode(w *bufio.Writer) error {
	e := idempotencyWriter{w: w}
	e.numbers(idempotencyVersion, c.durationMS, uint64(c.maxSize), c.added, c.duplicates, uint64(c.producers))
	for _, t := range c.last() {
		e.text(t.p.pid)
		e.numbers(uint64(len(t.queue)))
		for _, r := range t.queue {
			e.text(r.iid)
			e.numbers(r.atMS, r.id.MS, r.id.Seq)
		}
	}
	return e.err
}

// idempotencyWriter writes until something fails.
type idempotencyWriter struct {
	w   *bufio.Writer
	err error
}

func (e *idempotencyWriter) numbers(list ...uint64) {
	for _, v := range list {
		if e.err == nil {
			_, e.err = e.w.Write(binary.AppendUvarint(e.w.AvailableBuffer(), v))
		}
	}
}

func (e *idempotencyWriter) text(s string) {
	e.numbers(uint64(len(s)))
	if e.err == nil {
		_, e.err = e.w.WriteString(s)
	}
}

// decodeIdempotency reads what a copy was encoded to, and nothing behind it. Anything else is errIdempotency, with the
// reason; an error of reading is returned as it is. Memory is taken as bytes arrive, not as they announce.
func decodeIdempotency(r *bufio.Reader) (*Idempotency, error) {
	d := idempotencyReader{r: r}
	if v := d.number(); v != idempotencyVersion {
		d.damaged("version %d", v)
	}
	into := &Idempotency{durationMS: d.number(), producers: map[string]*producer{}}
	if n := d.number(); n >= 1 && n <= math.MaxInt32 {
		into.maxSize = int(n)
	} else {
		d.damaged("at most %d for each producer", n)
	}
	into.added, into.duplicates = d.number(), d.number()
	for n := d.number(); n > 0 && d.err == nil; n-- {
		d.producer(into)
	}
	if d.err != nil {
		return nil, d.err
	}
	return into, nil
}

// idempotencyReader reads until something fails; from then on everything is zero.
type idempotencyReader struct {
	r   *bufio.Reader
	err error
}

func (d *idempotencyReader) producer(into *Idempotency) {
	pid, n := d.text(), d.number()
	if _, twice := into.producers[pid]; twice || n < 1 || n > uint64(into.maxSize) {
		d.damaged("producer %.100q, %d times", pid, n)
		return
	}
	p := into.newProducer(pid)
	for ; n > 0 && d.err == nil; n-- {
		r := record{iid: d.text(), atMS: d.number(), id: ID{MS: d.number(), Seq: d.number()}}
		if _, twice := p.byIID[r.iid]; twice {
			d.damaged("producer %.100q has %.100q twice", pid, r.iid)
		}
		into.add(p, r)
	}
	into.takeTurn(p)
}

func (d *idempotencyReader) damaged(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", errIdempotency, fmt.Sprintf(format, args...))
	}
}

func (d *idempotencyReader) failed(err error) {
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		d.damaged("it ends too early")
	case d.err == nil:
		d.err = err
	}
}

func (d *idempotencyReader) number() uint64 {
	var v uint64
	for shift := 0; d.err == nil; shift += 7 {
		b, err := d.r.ReadByte()
		switch {
		case err != nil:
			d.failed(err)
		case shift > 63 || shift == 63 && b > 1 || shift > 0 && b == 0:
			d.damaged("a number that is none")
		case b < 0x80:
			return v | uint64(b)<<shift
		}
		v |= uint64(b&0x7f) << shift
	}
	return 0
}

func (d *idempotencyReader) text() string {
	var b []byte
	for n := d.number(); n > 0 && d.err == nil; {
		some := int(min(n, 1<<16))
		b = slices.Grow(b, some)[:len(b)+some]
		if _, err := io.ReadFull(d.r, b[len(b)-some:]); err != nil {
			d.failed(err)
			return ""
		}
		n -= uint64(some)
	}
	return string(b)
}
