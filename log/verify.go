package log

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
)

// Report is what Verify found.
type Report struct {
	Generations int
	Segments    int
	Frames      uint64
	Records     uint64
	Bytes       int64
	Last        Position // of the last record
	Synced      uint64   // frame sequence known durable from the log itself
	Clean       bool     // the log ends where a clean shutdown left it
	Cuts        []string // what the next Open would cut, as file@offset
}

// Verify reads every frame of a directory that no process has open, and changes
// nothing. The error is a *DamageError where Open or Replay would refuse.
func Verify(dir string) (Report, error) {
	var r Report
	v, err := readVersion(dir)
	if err != nil {
		return r, fmt.Errorf("log: %w", err)
	}
	seed := seedOf(v.id)
	end, err := findEnd(dir, seed, noLimit, 0, readFresh)
	if err != nil {
		return r, fmt.Errorf("log: %w", err)
	}
	m, ok := readMarker(dir)
	r.Clean = ok && m.seq == end.chain.seq && m.crc == end.chain.crc && len(end.cuts) == 0
	r.Generations = len(end.gens)
	r.Last, r.Synced = end.chain.last, end.chain.synced
	for _, c := range end.cuts {
		name, err := filepath.Rel(dir, c.path)
		if err != nil {
			name = c.path
		}
		r.Cuts = append(r.Cuts, fmt.Sprintf("%s@%d", name, max(c.from, 0)))
	}
	err = readAhead(seed, end, place{}, func(s *segment, frames []byte) error {
		r.Segments++
		r.Bytes += int64(len(frames))
		for len(frames) > 0 {
			length, n := binary.Uvarint(frames)
			b := frames[n : n+int(length)]
			r.Frames++
			r.Records += uint64(binary.LittleEndian.Uint32(b[48:]))
			frames = frames[n+int(length):]
		}
		return nil
	})
	if err != nil {
		return r, fmt.Errorf("log: %w", err)
	}
	return r, nil
}
