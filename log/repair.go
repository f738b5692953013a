package log

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// RepairReport is what Repair has done.
type RepairReport struct {
	// Damage is what Open or Replay refused; nil when they would not have, and
	// then nothing has been changed.
	Damage *DamageError
	// From is the first position that the log has lost, To the last one that could
	// still be read behind the damage; 0 when nothing was there to be read.
	From, To Position
	Bytes    int64    // moved to quarantine/
	Kept     []string // what is there now, relative to the directory
	Last     Position // where the log ends now
}

// Repair makes a damaged log open again, by cutting it off at the first damage
// that Open or a Replay from there would refuse. What is cut, the damaged part and all
// that follows it, is kept in quarantine/: nothing leaves its place before it is
// there, durably. A sound log, also one with a torn tail, is left alone. Nobody
// may have the directory open.
//
// What lies before from is left alone, damaged or not; a caller who has a
// checkpoint gives its position. When what is good does not reach from any more, all
// of the log goes to quarantine/ and it begins anew behind from. A log that
// begins only after from lacks something that Repair cannot give back: then it fails
// with a *DamageError, and changes nothing.
//
// The log goes on in a generation and an epoch of its own, so that no
// position that has been cut is given out again. When Repair fails or is
// interrupted, it can be called again.
func Repair(dir string, from Position) (RepairReport, error) {
	r, err := repair(Options{Dir: dir}, from)
	if err != nil {
		err = fmt.Errorf("log: %w", err)
	}
	return r, err
}

func repair(o Options, from Position) (r RepairReport, err error) {
	v, err := readVersion(o.Dir)
	if err != nil {
		return r, err
	}
	lock, err := lockDir(o.Dir, lockName)
	if err != nil {
		return r, err
	}
	l := newLog(o, lock)
	l.version, l.seed = v, seedOf(v.id)
	defer func() {
		if cerr := l.Close(); err == nil {
			err = cerr
		}
	}()
	b, err := findBreach(o.Dir, l.seed, from)
	if err != nil || b == nil {
		return r, err
	}
	r.Damage = b.damage
	rest := seen{seed: l.seed}
	if err := r.cutAll(l, &rest, b.cuts()); err != nil {
		return r, err
	}
	end, err := findEnd(o.Dir, l.seed, noLimit, 0, readFresh)
	refusal, err := damageIn(err)
	if refusal != nil || err == nil && end.chain.last.Count() < from.Count() {
		return r, r.beginAnew(l, &rest, from)
	}
	if err != nil {
		return r, err
	}
	r.lost(end.chain.last, &rest)
	l.last.Store(uint64(makePosition(rest.epoch(), 0)))
	if err := l.standAt(end, true); err != nil {
		return r, err
	}
	r.Last = l.Last()
	return r, l.Begin()
}

// breach is where a log breaks: everything from there on has to go.
type breach struct {
	gens   []generation
	at     place
	offset int64
	damage *DamageError
}

// findBreach returns the first place that Open, or a Replay behind from, refuses;
// nil when there is none.
func findBreach(dir string, seed uint32, from Position) (*breach, error) {
	end, err := findEnd(dir, seed, noLimit, 0, readFresh)
	refusal, err := damageIn(err)
	if err != nil {
		return nil, err
	}
	gens, err := listGenerations(dir)
	if err != nil {
		return nil, err
	}
	n, disorder := inOrder(seed, gens)
	v := verifier{seed: seed, end: &logEnd{gens: gens[:n]}, place: repairFrom(seed, gens[:n], from)}
	if err := v.beginsAfter(from); err != nil {
		return nil, err
	}
	var buf []byte
	for v.place.gen < n {
		part, _ := v.next(buf)
		damage, err := damageIn(part.err)
		switch offset := int64(len(part.frames)); {
		case err != nil:
			return nil, err
		case damage == nil:
			buf = part.frames[:0]
		case refusal == nil && !v.place.before(end, offset):
			return endsBefore(end, gens, from), nil // a torn tail
		default:
			return &breach{gens, v.place, offset, damage}, nil
		}
	}
	if refusal == nil {
		return endsBefore(end, gens, from), nil
	}
	// All frames are whole; but there are more generations, or too few frames.
	b := &breach{gens: gens, at: place{n, 0}, damage: refusal}
	if disorder != nil {
		b.damage = disorder
	}
	return b, nil
}

// endsBefore says what is wrong with a sound log that does not reach from: what was
// durable when somebody stood there is missing. It is nil when the log does.
func endsBefore(end *logEnd, gens []generation, from Position) *breach {
	if end.chain.last.Count() >= from.Count() {
		return nil
	}
	return &breach{gens: gens, at: place{len(gens), 0}, damage: logEndsBefore(end, from)}
}

// beginsAfter refuses a log that lacks what a replay behind from would begin with.
func (v *verifier) beginsAfter(from Position) error {
	if v.place.gen >= len(v.end.gens) || len(v.end.gens[v.place.gen].segments) == 0 {
		return nil
	}
	s := &v.end.gens[v.place.gen].segments[v.place.seg]
	if first, err := firstPosition(v.seed, s); err == nil && first.Count() > from.Count()+1 {
		return logBeginsAfter(s, from, first)
	}
	return nil // damage is for whoever reads on
}

// before reports whether the place and the offset there lie before the end.
func (p place) before(end *logEnd, offset int64) bool {
	last := len(end.gens) - 1
	switch {
	case p.gen != last:
		return p.gen < last
	case p.seg != end.seg:
		return p.seg < end.seg
	}
	return offset < end.offset
}

// repairFrom returns the place from which a Replay behind from would read, as
// far as that can be told.
func repairFrom(seed uint32, gens []generation, from Position) place {
	for g := len(gens) - 1; g >= 0 && from != 0; g-- {
		for s := len(gens[g].segments) - 1; s >= 0; s-- {
			first, err := firstPosition(seed, &gens[g].segments[s])
			if err == nil && first != 0 && first.Count() <= from.Count()+1 {
				return place{g, s}
			}
		}
	}
	return place{}
}

// cuts lists what stands from a breach on, in the order in which it is to go: from
// the end, so that what remains is a log at any time.
func (b *breach) cuts() (cuts []cut) {
	gens, at, offset := b.gens, b.at, b.offset
	if at.seg == 0 && offset == 0 {
		at.gen-- // all of the generation
	}
	for g := len(gens) - 1; g > at.gen; g-- {
		cuts = append(cuts, cut{path: gens[g].dir, from: -1, label: generationName(gens[g].number)})
	}
	if at.seg == 0 && offset == 0 {
		return cuts
	}
	g := &gens[at.gen]
	for s := len(g.segments) - 1; s >= at.seg; s-- {
		path := g.segments[s].path
		label := generationName(g.number) + "-" + filepath.Base(path)
		if s > at.seg || offset == 0 {
			cuts = append(cuts, cut{path: path, from: -1, label: label})
		} else {
			cuts = append(cuts, cut{path: path, from: offset, label: fmt.Sprintf("%s-%d", label, offset)})
		}
	}
	return cuts
}

// cutAll moves everything in cuts to quarantine/, and the marker of a clean
// shutdown, which knows where the log ended.
func (r *RepairReport) cutAll(l *Log, rest *seen, cuts []cut) error {
	marker := filepath.Join(l.opts.Dir, markerName)
	if _, err := os.Lstat(marker); err == nil {
		cuts = append([]cut{{path: marker, from: -1, label: markerName}}, cuts...)
	}
	for _, c := range cuts {
		if err := rest.readAll(c.path, max(c.from, 0)); err != nil {
			return err
		}
		kept, err := l.quarantine(c)
		if err != nil {
			return err
		}
		r.Bytes += sizeOf(kept)
		r.Kept = append(r.Kept, relative(l.opts.Dir, kept))
	}
	return nil
}

// beginAnew takes what is left of the log away and begins one behind from.
func (r *RepairReport) beginAnew(l *Log, rest *seen, from Position) error {
	gens, err := listGenerations(l.opts.Dir)
	if err != nil {
		return err
	}
	number := uint64(1)
	if len(gens) > 0 {
		number = gens[len(gens)-1].number + 1
	}
	if err := r.cutAll(l, rest, (&breach{gens: gens}).cuts()); err != nil {
		return err
	}
	// An earlier Repair may have taken away all there was, and then died.
	if err := rest.readAll(filepath.Join(l.opts.Dir, quarantineName), 0); err != nil {
		return err
	}
	r.lost(from, rest)
	epoch := max(rest.epoch(), from.Epoch())
	if epoch == maxEpoch {
		return errNoEpoch
	}
	r.Last = makePosition(epoch+1, from.Count())
	if err := l.raiseFormat(); err != nil {
		return err
	}
	if err := l.startGeneration(number, chain{known: true, last: r.Last}); err != nil {
		return err
	}
	return l.run(0)
}

// lost notes which positions behind last have been cut.
func (r *RepairReport) lost(last Position, rest *seen) {
	if rest.last.Count() > last.Count() {
		r.From, r.To = last+1, rest.last
	}
}

// seen is what the frame headers of cut files say.
type seen struct {
	seed uint32
	last Position // highest position of a record
	next Position // highest position that a record might have got
}

func (s *seen) epoch() uint16 { return max(s.last, s.next).Epoch() }

// readAll reads every header that can be found in a file from an offset on, or
// in the files of a directory.
func (s *seen) readAll(path string, from int64) error {
	return filepath.WalkDir(path, func(file string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for b = b[min(from, int64(len(b))):]; ; b = b[1:] {
			i := bytes.Index(b, []byte(frameMagic))
			if i < 0 {
				return nil
			}
			b = b[i:]
			h, reason := decodeHeader(s.seed, b)
			if reason != "" {
				continue
			}
			s.next = max(s.next, h.first)
			if h.count > 0 {
				s.last = max(s.last, h.last())
			}
		}
	})
}
