package log

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// Finding the end. The scan reads from the last segment backwards until it
// stands on a frame that can be trusted, then forwards to the end of what is
// whole. Meanwhile it collects evidence: the highest sequence that anything it
// saw knows to have been durable. That is
//
//   - the synced of every frame header in reach, also beyond damage. The first
//     frame of a generation carries that everything before it is durable;
//   - the existence of a later segment: the wal fsyncs one before it creates
//     the next;
//   - the marker of a clean shutdown.
//
// If the frame after the last whole one is not above the evidence, something
// durable has been damaged or lost, and the directory is refused. Otherwise what
// follows was never acknowledged with SyncAlways (a crash tore it), and it is cut.
//
// A few zeros up to the end of a file, no more than reserve in tail.go writes,
// are no frames and no damage: they were to be written over. What should stand
// there is missed by the evidence, or by the segment behind it.
//
// What lies further back than the last segments is checked by a verifier
// (replay.go), in Replay, as far as it is needed, and in Verify.

// logEnd is where the log ends and what lies beyond.
type logEnd struct {
	gens   []generation // up to the one with the end
	seg    int          // index in the last generation's segments
	offset int64        // in that segment
	chain  chain
	cuts   []cut
	epoch  uint16 // of what is appended next
}

func (e *logEnd) generation() *generation { return &e.gens[len(e.gens)-1] }

// cut is something beyond the end: the bytes of a file from an offset on, or a
// whole file or directory.
type cut struct {
	path  string
	from  int64 // -1: all of it
	label string
	zeros bool // no more of them than are reserved, and nothing else
}

const noLimit = math.MaxUint64

// findEnd scans the log. Frames above limit are cut even when they are whole:
// after a failure of the disk, limit is the last one that counts, and durable,
// the last one that must be there, is all the evidence.
func findEnd(dir string, seed uint32, limit, durable uint64, read readFunc) (*logEnd, error) {
	gens, err := listGenerations(dir)
	if err != nil {
		return nil, err
	}
	if n, damage := inOrder(seed, gens); n < len(gens) {
		return nil, damage
	}
	var evidence uint64
	if m, ok := readMarker(dir); ok && limit == noLimit {
		evidence = m.seq
	}
	var unborn []generation
	missing := &DamageError{File: filepath.Join(dir, logName), Reason: "there is no log although the directory has been used"}
	for len(gens) > 0 {
		g := &gens[len(gens)-1]
		head, reason, err := firstFrame(seed, g)
		if err != nil {
			return nil, err
		}
		if reason == "" && head.seq <= limit {
			return endOfGeneration(gens, head, seed, limit, durable, evidence, unborn, read)
		}
		// Its first frame never became durable, so nothing followed, unless
		// a header says otherwise.
		if reason != "" {
			missing = &DamageError{File: filepath.Join(g.dir, segmentName(1)), Reason: "the first frame of the generation cannot be read: " + reason}
			for _, s := range g.segments {
				data, err := os.ReadFile(s.path)
				if err != nil {
					return nil, err
				}
				evidence = max(evidence, evidenceIn(seed, data))
			}
		}
		unborn = append(unborn, *g)
		gens = gens[:len(gens)-1]
	}
	return nil, missing
}

// firstFrame reads the frame that opens a generation. reason says why there is
// none.
func firstFrame(seed uint32, g *generation) (h header, reason string, err error) {
	if len(g.segments) == 0 {
		return h, "the generation is empty", nil
	}
	if s := &g.segments[0]; s.index != 1 {
		return h, "", &DamageError{File: s.path, Reason: "the segments before this one are missing"}
	}
	f, err := os.Open(g.segments[0].path)
	if err != nil {
		return h, "", err
	}
	defer f.Close()
	b := make([]byte, entrySize(headerBytes)) // the first frame is empty
	n, err := f.ReadAt(b, 0)
	if n < len(b) {
		return h, "the file ends inside its first frame", nil
	}
	if err != nil {
		return h, "", err
	}
	h, _, _, reason = decodeEntry(seed, b)
	if reason == "" && h.flags&flagGeneration == 0 {
		reason = "the first frame does not open a generation"
	}
	return h, reason, nil
}

// inOrder reads where the generations begin, and returns how many stand in order:
// their numbers are dense, from any number on (Discard removes the first ones),
// and their frames rise, or a directory has been lost, copied or renamed. What
// is wrong with the next one is damage. A first frame that cannot be read is the
// business of whoever needs that generation.
func inOrder(seed uint32, gens []generation) (n int, damage *DamageError) {
	var before *generation
	for i := range gens {
		g := &gens[i]
		if want := gens[0].number + uint64(i); g.number != want {
			return i, &DamageError{File: filepath.Join(filepath.Dir(g.dir), generationName(want)), Position: g.first, Reason: "this generation is missing"}
		}
		h, reason, err := firstFrame(seed, g)
		if err != nil || reason != "" {
			continue
		}
		if before != nil && (h.seq <= before.seq || h.first < before.first) {
			return i, &DamageError{File: g.segments[0].path, Position: h.first,
				Reason: fmt.Sprintf("this generation begins with frame %d, and generation %d before it with frame %d", h.seq, before.number, before.seq)}
		}
		g.seq, g.first = h.seq, h.first
		before = g
	}
	return len(gens), nil
}

// evidenceIn returns the highest synced of all frame headers in b, wherever
// they stand.
func evidenceIn(seed uint32, b []byte) uint64 {
	var highest uint64
	for {
		i := bytes.Index(b, []byte(frameMagic))
		if i < 0 {
			return highest
		}
		if h, reason := decodeHeader(seed, b[i:]); reason == "" {
			highest = max(highest, h.synced)
		}
		b = b[i+1:]
	}
}

// endOfGeneration finds the end in the last generation of gens.
func endOfGeneration(gens []generation, head header, seed uint32, limit, durable, evidence uint64, unborn []generation, read readFunc) (*logEnd, error) {
	g := &gens[len(gens)-1]
	end := &logEnd{gens: gens}
	seqOf := func(index uint64) uint64 { return head.seq + index - 1 }
	var reason string
	var index uint64 // of the last entry
	var rest []byte  // of that segment, behind the last entry
	for at := len(g.segments) - 1; ; at-- {
		s := &g.segments[at]
		if seqOf(s.index) > limit {
			continue
		}
		if at > 0 {
			evidence = max(evidence, seqOf(s.index)-1)
		}
		data, err := read(s.path)
		if err != nil {
			return nil, err
		}
		w := walker{seed: seed, data: data, firstSeq: seqOf(s.index)}
		entries := uint64(0)
		for w.chain.seq < limit && w.next() {
			entries++
		}
		evidence = max(evidence, w.chain.synced, evidenceIn(seed, data[w.offset:]))
		if w.reason != "" {
			reason = w.reason
		}
		if entries > 0 {
			end.seg, end.offset, end.chain = at, int64(w.offset), w.chain
			rest = data[w.offset:]
			index = s.index + entries - 1
			break
		}
		if at == 0 {
			return nil, &DamageError{File: s.path, Position: head.first, Reason: "the generation's first frame cannot be read again: " + w.reason}
		}
	}

	// An empty segment behind a complete one is where the next entry goes.
	next := end.seg + 1
	if next < len(g.segments) && g.segments[next].index == index+1 && end.offset == g.segments[end.seg].size {
		data, err := read(g.segments[next].path)
		if err != nil {
			return nil, err
		}
		end.seg, end.offset, rest = next, 0, data
	}
	if limit != noLimit {
		evidence = durable
	}
	here := &g.segments[end.seg]
	if end.chain.seq < evidence {
		if reason == "" && len(unborn) > 0 {
			u := filepath.Join(unborn[len(unborn)-1].dir, segmentName(1))
			return nil, &DamageError{File: u, Position: end.chain.last + 1, Reason: "the first frame of the generation cannot be read"}
		}
		if reason == "" {
			reason = fmt.Sprintf("the log ends with frame %d, but frame %d was durable", end.chain.seq, evidence)
		}
		return nil, &DamageError{File: here.path, Offset: end.offset, Position: end.chain.last + 1, Reason: reason}
	}

	if here.size > end.offset {
		end.cuts = append(end.cuts, cut{
			path: here.path, from: end.offset, zeros: isReserve(rest),
			label: fmt.Sprintf("%s-%s-%d", generationName(g.number), segmentName(here.index), end.offset),
		})
	}
	for _, s := range g.segments[end.seg+1:] {
		end.cuts = append(end.cuts, cut{path: s.path, from: -1, label: generationName(g.number) + "-" + segmentName(s.index)})
	}
	for _, u := range unborn {
		end.cuts = append(end.cuts, cut{path: u.dir, from: -1, label: generationName(u.number)})
	}
	g.segments = g.segments[:end.seg+1]
	here.size = end.offset
	return end, nil
}

// readFunc reads a whole segment.
type readFunc func(path string) ([]byte, error)

// readSettled reads a segment as the disk has it: what another process left in
// the page cache is written first, and clean pages are read again.
func (l *Log) readSettled(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return readFresh(path) // a read-only file system has nothing to settle
	}
	defer f.Close()
	if err := datasync(f); err != nil {
		return nil, fmt.Errorf("%s: fsync: %w", path, err)
	}
	if info, err := f.Stat(); err == nil {
		l.faults.done(opFsync, path, info.Size())
	}
	return readFresh(path)
}

// readFresh reads a segment, from the disk where the cache allows it. It never
// calls fsync, which must not be called again where it has failed.
func readFresh(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	forget(f)
	_ = f.Close()
	return os.ReadFile(path)
}

// walker goes from frame to frame in the bytes of a segment.
type walker struct {
	seed     uint32
	data     []byte
	firstSeq uint64 // that the first frame must have while the chain is not known
	offset   int    // of the next frame
	chain    chain
	h        header
	payload  []byte
	reason   string // why next stopped; empty at the end of the frames
}

// atEnd reports whether no frame follows, nor anything that might have been one.
func (w *walker) atEnd() bool { return isReserve(w.data[w.offset:]) }

// isReserve reports whether the rest of a file may be what reserve has written.
func isReserve(b []byte) bool {
	return len(b) <= reserveBytes && (len(b) == 0 || b[0] == 0 && bytes.Count(b, []byte{0}) == len(b))
}

// next moves to the next frame; false at the end or at damage. The chain then
// still stands on the last good frame, and offset behind it.
func (w *walker) next() bool {
	if w.atEnd() {
		return false
	}
	h, payload, size, reason := decodeEntry(w.seed, w.data[w.offset:])
	if reason == "" && !w.chain.known && h.seq != w.firstSeq {
		reason = fmt.Sprintf("frame %d stands where frame %d belongs", h.seq, w.firstSeq)
	}
	if reason == "" {
		reason = w.chain.follow(&h)
	}
	if reason != "" {
		w.reason = reason
		return false
	}
	w.h, w.payload = h, payload
	w.offset += size
	return true
}
