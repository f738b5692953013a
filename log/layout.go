package log

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// The data directory:
//
//	VERSION                       format and id of the directory; see formatVersion
//	LOCK                          the pid of the process that has the directory (by flock)
//	CLEAN                         where the log ended at a clean shutdown; absent while it runs
//	log/0000000000000004/         a generation: one directory of the wal
//	    00000000000000000001      a segment, named after its first entry
//	log/0000000000000003.discarded/   an old generation, half removed
//	quarantine/                   what the tail rule cut off, and what Repair did
//
// Everything else in it is somebody else's.
const (
	versionName    = "VERSION"
	lockName       = "LOCK"
	markerName     = "CLEAN"
	logName        = "log"
	quarantineName = "quarantine"

	discardedSuffix = ".discarded"

	// formatVersion 2 means that the log may begin with a later generation than
	// the first. Begin raises format 1, so that no older program takes such a
	// log for one that has lost its beginning.
	formatVersion = 2
)

func generationName(number uint64) string { return fmt.Sprintf("%016d", number) }
func segmentName(index uint64) string     { return fmt.Sprintf("%020d", index) }

// The two small files are one line of text, closed by the CRC32C of what stands
// before it. They are read by writing again what they seem to say: a file that
// differs in any byte is not theirs.
func withSum(line string) []byte {
	return fmt.Appendf(nil, "%s %08x\n", line, crc32.Checksum([]byte(line), castagnoli))
}

// version is what VERSION says.
type version struct {
	format int
	id     [16]byte // of the data directory; every CRC is seeded with it
}

func (v version) encode() []byte {
	return withSum(fmt.Sprintf("weir-log %d %s", v.format, hex.EncodeToString(v.id[:])))
}

// readVersion reads VERSION. The error is fs.ErrNotExist when there is none.
func readVersion(dir string) (v version, err error) {
	path := filepath.Join(dir, versionName)
	b, err := os.ReadFile(path)
	if err != nil {
		return v, err
	}
	var text, sum string
	if _, err := fmt.Sscanf(string(b), "weir-log %d %s %s", &v.format, &text, &sum); err == nil && v.format > formatVersion {
		return v, fmt.Errorf("%s: the directory has format %d; this version knows formats up to %d", path, v.format, formatVersion)
	}
	raw, err := hex.DecodeString(text)
	if err != nil || v.format < 1 || copy(v.id[:], raw) != len(v.id) || !bytes.Equal(b, v.encode()) {
		return v, &DamageError{File: path, Reason: "this is not the version file of a data directory"}
	}
	return v, nil
}

// ReadID returns the id of a data directory, open or not.
func ReadID(dir string) ([16]byte, error) {
	v, err := readVersion(dir)
	if err != nil {
		return v.id, fmt.Errorf("log: %w", err)
	}
	return v.id, nil
}

// marker is what a clean shutdown leaves: the last frame, all of it durable.
type marker struct {
	seq uint64
	crc uint32
}

func (m marker) encode() []byte {
	return withSum(fmt.Sprintf("weir-clean %d %08x", m.seq, m.crc))
}

// readMarker reads CLEAN; ok is false when there is none, or none that can be
// believed, which only makes the start one after a crash.
func readMarker(dir string) (m marker, ok bool) {
	b, err := os.ReadFile(filepath.Join(dir, markerName))
	if err != nil {
		return m, false
	}
	if _, err := fmt.Sscanf(string(b), "weir-clean %d %x", &m.seq, &m.crc); err != nil {
		return m, false
	}
	return m, bytes.Equal(b, m.encode())
}

func (l *Log) leaveMarker() error {
	m := marker{l.tail.chain.seq, l.tail.chain.crc}
	return l.faults.writeWhole(filepath.Join(l.opts.Dir, markerName), m.encode())
}

// generation is one directory of the wal.
type generation struct {
	number   uint64
	dir      string
	segments []segment
	// What its first frame says; zero while that has not been read, or when it
	// cannot be. All records of a generation are of one epoch, that of first.
	seq   uint64
	first Position // of its first record; without records, that of the next one
}

func (g *generation) bytes() int64 {
	var sum int64
	for i := range g.segments {
		sum += g.segments[i].size
	}
	return sum
}

// segment is one file of the wal: the entries from index on.
type segment struct {
	index uint64
	path  string
	size  int64
}

// listGenerations lists the generations and their segments in order. Names that are
// not ours are passed over, except those on which the wal would act.
func listGenerations(dir string) ([]generation, error) {
	logDir := filepath.Join(dir, logName)
	entries, err := os.ReadDir(logDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var gens []generation
	for _, e := range entries {
		number, ok := parseName(e.Name(), 16)
		if !ok || !e.IsDir() {
			continue
		}
		g := generation{number: number, dir: filepath.Join(logDir, e.Name())}
		if g.segments, err = listSegments(g.dir); err != nil {
			return nil, err
		}
		gens = append(gens, g)
	}
	return gens, nil
}

func listSegments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var segments []segment
	for _, e := range entries {
		name := e.Name()
		if strings.HasSuffix(name, ".START") || strings.HasSuffix(name, ".END") {
			return nil, &DamageError{File: filepath.Join(dir, name), Reason: "this log is never truncated, and that is a file of a truncation"}
		}
		index, ok := parseName(name, 20)
		if !ok || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		segments = append(segments, segment{index: index, path: filepath.Join(dir, name), size: info.Size()})
	}
	sort.Slice(segments, func(i, j int) bool { return segments[i].index < segments[j].index })
	return segments, nil
}

func parseName(name string, digits int) (uint64, bool) {
	n, err := strconv.ParseUint(name, 10, 64)
	return n, err == nil && n > 0 && len(name) == digits
}

// measure returns the bytes in log/ and in quarantine/.
func (l *Log) measure() (inLog, inQuarantine int64) {
	return sizeOf(filepath.Join(l.opts.Dir, logName)), sizeOf(filepath.Join(l.opts.Dir, quarantineName))
}

// sizeOf adds up the files below a directory, without what has been discarded; a
// missing one has none.
func sizeOf(dir string) int64 {
	var total int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasSuffix(d.Name(), discardedSuffix) {
			return fs.SkipDir
		}
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}
