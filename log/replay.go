package log

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Replay calls fn for every record after from, in order; 0 means from the
// beginning. record is valid during the call only. Every frame is verified again
// (Open has done it once); damage ends the replay with a *DamageError after the
// records before it have been delivered, and an error of fn ends it with that
// error.
//
// It may be called after Open, Begin and Reopen, before the first Append, and any
// number of times. Reading and checking runs one segment ahead of fn on a
// goroutine of its own.
func (l *Log) Replay(from Position, fn func(pos Position, unixMS int64, record []byte) error) error {
	l.commitMu.Lock()
	found := *l.end
	l.commitMu.Unlock()
	end := &found
	if l.Last().Count() != end.chain.last.Count() {
		return errors.New("log: Replay after Append")
	}
	l.pub.Lock()
	end.gens = end.gens[l.gens[0].number-end.gens[0].number:] // without what has been discarded since
	l.pub.Unlock()
	if from > l.Last() || from.Count() > end.chain.last.Count() {
		return fmt.Errorf("log: %w", logEndsBefore(end, from))
	}
	if err := voided(end.gens, from); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	at, err := findStart(l.seed, end, from)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	err = readAhead(l.seed, end, at, func(s *segment, frames []byte) error {
		return deliver(s, frames, &from, fn)
	})
	if damage, _ := damageIn(err); damage != nil {
		return fmt.Errorf("log: %w", err)
	}
	return err
}

func logEndsBefore(end *logEnd, from Position) *DamageError {
	return &DamageError{File: end.generation().segments[end.seg].path, Offset: end.offset,
		Position: from, Reason: "the log ends before this position, with " + end.chain.last.String()}
}

// voided refuses a position that was given out and then lost: its record now has
// the same count in a later epoch, and so what follows there does not follow it.
func voided(gens []generation, from Position) error {
	for i := len(gens) - 1; i >= 0; i-- {
		g := &gens[i]
		if g.first == 0 || g.first.Count() > from.Count() {
			continue
		}
		if g.first.Epoch() > from.Epoch() {
			return &DamageError{File: g.segments[0].path, Position: from,
				Reason: fmt.Sprintf("the log has lost this position: the record is %s", makePosition(g.first.Epoch(), from.Count()))}
		}
		break
	}
	return nil
}

// place is a segment of the log.
type place struct{ gen, seg int }

// findStart returns the last segment that begins at or before the record after
// from.
func findStart(seed uint32, end *logEnd, from Position) (place, error) {
	at := place{-1, 0}
	for g := len(end.gens) - 1; g >= 0; g-- {
		segments := end.gens[g].segments
		for s := len(segments) - 1; s >= 0; s-- {
			if from == 0 && (g > 0 || s > 0) {
				continue
			}
			first, err := firstPosition(seed, &segments[s])
			if err != nil {
				return at, err
			}
			if first != 0 && first.Count() <= from.Count()+1 {
				return place{g, s}, nil
			}
			switch {
			case g > 0 || s > 0:
			case first == 0:
				return place{}, nil // whoever reads it says what is wrong
			default:
				return at, logBeginsAfter(&segments[0], from, first)
			}
		}
	}
	return at, &DamageError{File: end.gens[0].dir, Position: from + 1, Reason: "the first segment is missing"}
}

func logBeginsAfter(s *segment, from, first Position) error {
	return &DamageError{File: s.path, Position: from + 1,
		Reason: "the log begins after this position, with " + first.String() + "; what was before has been discarded or is missing"}
}

// firstPosition reads the position at which a segment begins; 0 when it is empty,
// or begins with zeros, or when all that is in it is yet to be cut.
func firstPosition(seed uint32, s *segment) (Position, error) {
	if s.size == 0 {
		return 0, nil
	}
	f, err := os.Open(s.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var b [binary.MaxVarintLen64 + headerBytes]byte
	n, err := f.ReadAt(b[:], 0)
	if err != nil && err != io.EOF {
		return 0, err
	}
	if isReserve(b[:n]) {
		return 0, nil // if it is more than that, whoever reads the segments before it and then this one finds out
	}
	_, k := binary.Uvarint(b[:n])
	h, reason := decodeHeader(seed, b[max(k, 0):n])
	if reason != "" {
		return 0, &DamageError{File: s.path, Reason: reason}
	}
	return h.first, nil
}

// verified is a segment's run of good frames, and what came after them.
type verified struct {
	segment *segment
	frames  []byte
	err     error
}

// readAhead reads and verifies the segments from at to the end and hands the
// good frames of each to fn, while it reads the next.
func readAhead(seed uint32, end *logEnd, at place, fn func(*segment, []byte) error) error {
	ready := make(chan verified)
	spare := make(chan []byte, 2)
	stop := make(chan struct{})
	defer close(stop)
	spare <- nil
	spare <- nil
	go func() {
		defer close(ready)
		v := verifier{seed: seed, end: end, place: at}
		for more := true; more; {
			var r verified
			select {
			case buf := <-spare:
				r, more = v.next(buf)
			case <-stop:
				return
			}
			select {
			case ready <- r:
			case <-stop:
				return
			}
		}
	}()
	for r := range ready {
		if err := fn(r.segment, r.frames); err != nil {
			return err
		}
		if r.err != nil {
			return r.err
		}
		spare <- r.frames[:0]
	}
	return nil
}

// verifier goes through segments, checking every frame, up to where end is known
// to be; or, when its chain is not known, as far as the files go.
type verifier struct {
	seed  uint32
	end   *logEnd
	place place
	chain chain
	head  uint64 // sequence of the first frame of this generation, once known
}

// next verifies one segment. more is false after the last one or damage.
func (v *verifier) next(buf []byte) (r verified, more bool) {
	g := &v.end.gens[v.place.gen]
	if len(g.segments) == 0 {
		r.err = &DamageError{File: g.dir, Position: v.chain.last + 1, Reason: "the generation is empty"}
		return r, false
	}
	s := &g.segments[v.place.seg]
	r.segment = s
	data, err := readInto(buf, s)
	if err != nil {
		r.err = err
		return r, false
	}
	w := walker{seed: v.seed, data: data, chain: v.chain}
	reason := ""
	position := v.chain.last + 1
	switch {
	case !v.chain.known:
		// The first frame is taken at its word, unless that of the generation
		// can be read and says otherwise.
		h, _, _, _ := decodeEntry(v.seed, data)
		if v.head = g.seq; v.head == 0 {
			v.head = h.seq - (s.index - 1)
		}
		w.firstSeq = v.head + s.index - 1
		position = max(h.first, g.first)
		if w.atEnd() {
			reason = "the file is empty"
		}
	case v.place.seg == 0:
		v.head = v.chain.seq + 1
	}
	if v.chain.known && v.head+s.index-1 != v.chain.seq+1 {
		reason = "the segment before this one is missing or incomplete"
	}
	for reason == "" && w.next() {
		if generationStart := v.place.seg == 0 && w.h.seq == v.head; generationStart != (w.h.flags&flagGeneration != 0) {
			reason = fmt.Sprintf("frame %d is out of place", w.h.seq)
		}
	}
	if reason == "" {
		reason = w.reason
	}
	v.chain = w.chain
	if v.chain.known {
		position = v.chain.last + 1
	}
	last := v.place.gen == len(v.end.gens)-1 && v.place.seg == v.end.seg
	if reason == "" && w.offset < len(data) && v.behind() > w.chain.seq+1 {
		reason = fmt.Sprintf("zeros stand where frame %d belongs", w.chain.seq+1)
	}
	if reason == "" && last && v.end.chain.known && w.chain.seq != v.end.chain.seq && len(data) > 0 {
		reason = fmt.Sprintf("frame %d is the last one here; it was frame %d", w.chain.seq, v.end.chain.seq)
	}
	r.frames = data[:w.offset]
	if reason != "" {
		r.err = &DamageError{File: s.path, Offset: int64(w.offset), Position: position, Reason: reason}
		return r, false
	}
	if v.place.seg++; v.place.seg == len(g.segments) {
		v.place = place{v.place.gen + 1, 0}
	}
	return r, !last
}

// behind returns the sequence of the first frame of the segment behind this one,
// as far as the names of files and the beginnings of generations say.
func (v *verifier) behind() uint64 {
	at, gens := v.place, v.end.gens
	if next := at.seg + 1; next < len(gens[at.gen].segments) {
		return v.head + gens[at.gen].segments[next].index - 1
	}
	if next := at.gen + 1; next < len(gens) {
		return gens[next].seq
	}
	return 0
}

// readInto reads s.size bytes of a segment; a longer file has grown since the
// scan.
func readInto(buf []byte, s *segment) ([]byte, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if int64(cap(buf)) < s.size {
		buf = make([]byte, s.size)
	}
	buf = buf[:s.size]
	n, err := io.ReadFull(f, buf)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return buf[:n], err
}

// deliver calls fn for the records after *from in a run of verified frames, and
// moves *from along.
func deliver(s *segment, frames []byte, from *Position, fn func(Position, int64, []byte) error) error {
	offset := 0
	for len(frames) > 0 {
		length, n := binary.Uvarint(frames)
		b := frames[n : n+int(length)]
		h := headerAt(b)
		if h.count > 0 && h.last() > *from {
			if err := deliverFrame(&h, b[headerBytes:], from, fn); err != nil {
				if err == errMalformed || err == errHole {
					err = &DamageError{File: s.path, Offset: int64(offset), Position: *from + 1, Reason: err.Error()}
				}
				return err
			}
		}
		frames = frames[n+int(length):]
		offset += n + int(length)
	}
	return nil
}

var (
	errMalformed = errors.New("the frame does not hold the records it announces")
	errHole      = errors.New("the record of this position is not the next one in the log")
)

func deliverFrame(h *header, payload []byte, from *Position, fn func(Position, int64, []byte) error) error {
	for i := range h.count {
		size, n := binary.Uvarint(payload)
		if n <= 0 || size > uint64(len(payload)-n) {
			return errMalformed
		}
		record := payload[n : n+int(size) : n+int(size)]
		payload = payload[n+int(size):]
		if pos := h.first + Position(i); pos > *from {
			if pos.Count() != from.Count()+1 {
				return errHole
			}
			if err := fn(pos, h.unixMS, record); err != nil {
				return err
			}
			*from = pos
		}
	}
	if len(payload) != 0 {
		return errMalformed
	}
	return nil
}
