package log

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
)

// Report is what Verify found.
type Report struct {
	Format      int
	ID          [16]byte
	Generations []GenerationReport
	Segments    int
	Frames      uint64
	Records     uint64
	Bytes       int64
	First       Position // of the first record there is; 0 when there is none
	Last        Position // where the log ends, or where the last good frame does
	Synced      uint64   // frame sequence known durable from the log itself
	Clean       bool     // the log ends where a clean shutdown left it
	Cuts        []string // what the next Begin would cut and keep, as file@offset
	Zeros       string   // what it would cut if SyncAlways has reserved it, in the same form; keep if not
	Damage      []*DamageError
}

// GenerationReport is what Verify found in one generation, up to its damage.
type GenerationReport struct {
	Name     string // relative to the data directory
	Segments int
	Frames   uint64
	Records  uint64
	Bytes    int64
	First    Position     // of its first record; 0 when it has none
	Last     Position     // of its last record
	Damage   *DamageError // nil when it is whole
}

// Verify reads every frame of a directory that no process has open, and changes
// nothing. The first generations may be gone; what is there is verified, and the
// generations behind a damaged one, too. The error is the first of
// Report.Damage: Open, or a Replay that needs it, would refuse.
func Verify(dir string) (Report, error) {
	var r Report
	v, err := readVersion(dir)
	if err != nil {
		return r, fmt.Errorf("log: %w", err)
	}
	r.Format, r.ID = v.format, v.id
	seed := seedOf(v.id)
	end, err := findEnd(dir, seed, noLimit, 0, readFresh)
	refusal, err := damageIn(err)
	if err != nil {
		return r, fmt.Errorf("log: %w", err)
	}
	if refusal != nil {
		if end, err = endOfFiles(dir); err != nil {
			return r, fmt.Errorf("log: %w", err)
		}
	}
	m, ok := readMarker(dir)
	r.Clean = ok && refusal == nil && m.seq == end.chain.seq && m.crc == end.chain.crc && len(end.cuts) == 0
	for _, c := range end.cuts {
		where := fmt.Sprintf("%s@%d", relative(dir, c.path), max(c.from, 0))
		if c.zeros {
			r.Zeros = where
		} else {
			r.Cuts = append(r.Cuts, where)
		}
	}
	if err := r.read(dir, seed, end); err != nil {
		return r, fmt.Errorf("log: %w", err)
	}
	if refusal == nil {
		r.Last, r.Synced = end.chain.last, end.chain.synced
	} else if !r.names(refusal.File) {
		r.Damage = append(r.Damage, refusal)
	}
	if len(r.Damage) > 0 {
		return r, fmt.Errorf("log: %w", r.Damage[0])
	}
	return r, nil
}

// endOfFiles stands for the end of a log that has none: everything in its files.
func endOfFiles(dir string) (*logEnd, error) {
	gens, err := listGenerations(dir)
	if err != nil || len(gens) == 0 {
		return &logEnd{}, err
	}
	end := &logEnd{gens: gens}
	end.seg = len(end.generation().segments) - 1
	return end, nil
}

// read verifies every generation. Behind damage it goes on with the next one.
func (r *Report) read(dir string, seed uint32, end *logEnd) error {
	v := verifier{seed: seed, end: end}
	var buf []byte
	for i := range end.gens {
		g := &end.gens[i]
		if i > 0 && g.number != end.gens[i-1].number+1 {
			v.chain = chain{}
			missing := generationName(end.gens[i-1].number + 1)
			r.Damage = append(r.Damage, &DamageError{File: filepath.Join(dir, logName, missing), Reason: "this generation is missing"})
		}
		v.place = place{i, 0}
		gr := GenerationReport{Name: relative(dir, g.dir), Segments: len(g.segments)}
		for v.place.gen == i {
			part, more := v.next(buf)
			gr.count(part.frames)
			buf = part.frames[:0]
			var err error
			if gr.Damage, err = damageIn(part.err); err != nil {
				return err
			}
			if !more {
				break
			}
		}
		r.Segments += gr.Segments
		r.Frames += gr.Frames
		r.Records += gr.Records
		r.Bytes += gr.Bytes
		r.Last = max(r.Last, gr.Last)
		if r.First == 0 {
			r.First = gr.First
		}
		if gr.Damage != nil {
			v.chain = chain{}
			r.Damage = append(r.Damage, gr.Damage)
		}
		r.Generations = append(r.Generations, gr)
	}
	return nil
}

// count adds a run of good frames.
func (g *GenerationReport) count(frames []byte) {
	g.Bytes += int64(len(frames))
	for len(frames) > 0 {
		length, n := binary.Uvarint(frames)
		h := headerAt(frames[n:])
		g.Frames++
		if h.count > 0 {
			g.Records += uint64(h.count)
			g.Last = h.last()
			if g.First == 0 {
				g.First = h.first
			}
		}
		frames = frames[n+int(length):]
	}
}

// names reports whether damage of that file is known.
func (r *Report) names(file string) bool {
	for _, d := range r.Damage {
		if d.File == file {
			return true
		}
	}
	return false
}

func relative(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil {
		return rel
	}
	return path
}
