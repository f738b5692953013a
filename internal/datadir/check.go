package datadir

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/weirmq/weir/internal/checkpoint"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/log"
	"github.com/weirmq/weir/stream"
	"github.com/weirmq/weir/stream/store"
)

// ErrNoData means that a directory is not that of a broker.
var ErrNoData = errors.New("this is not a data directory: there is no VERSION in it")

// ErrLocked means that a broker has the directory.
var ErrLocked = log.ErrLocked

// Check verifies every frame of the log, every checkpoint and what it says, and
// every block of every segment file, and changes nothing. It needs the memory of
// a start. What is damaged is in the report; the error says why it could not look.
func Check(dir string) (*Report, error) {
	c, err := open(dir)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.report, c.check()
}

// checker is a directory that is being checked.
type checker struct {
	dir    string
	fs     vfs.FS
	log    *log.Log // with the lock; nil if its end is damaged
	report *Report

	id      [16]byte
	last    log.Position       // where the log ends
	whole   bool               // the log has everything since its beginning
	beyond  string             // what is wrong with a checkpoint that goes further than the log; empty if none does
	lacking bool               // a checkpoint would be good if it had its segments
	base    *checkpoint.Header // of the newest checkpoint that is good and has its segments; nil if none is

	good   map[uint64][]place  // records that are as they were written, by segment, in ascending order of offsets
	bad    map[uint64][]Damage // those that are not
	absent map[uint64]*Damage  // segments that are needed, and missing or not what they are called
	ends   map[uint64]int64    // where the last block that a checkpoint needs ends, by segment
}

// place is where a record is in its segment.
type place struct{ offset, length uint32 }

// open takes the lock of a directory. Where the log cannot be opened no broker
// can, and there is none.
func open(dir string) (*checker, error) {
	if err := mustBeData(dir); err != nil {
		return nil, err
	}
	c := &checker{
		dir: dir, fs: vfs.OS{Root: dir},
		report: &Report{Dir: dir, Checkpoints: []Checkpoint{}, Segments: []Segment{}, Damage: []Damage{}, Notes: []string{}},
		good:   map[uint64][]place{}, bad: map[uint64][]Damage{}, absent: map[uint64]*Damage{}, ends: map[uint64]int64{},
	}
	var err error
	c.log, err = log.Open(log.Options{Dir: dir})
	var damage *log.DamageError
	if errors.As(err, &damage) {
		c.report.Start.Refused = err.Error()
		err = nil
	}
	return c, err
}

// mustBeData makes sure that opening the log of a directory does not begin one.
func mustBeData(dir string) error {
	_, err := os.Stat(filepath.Join(dir, "VERSION"))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range []string{"log", "checkpoints", "segments"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("%s: there is %s/, and VERSION is missing, without which nothing can be verified: take it from a backup of this directory", dir, name)
		}
	}
	return fmt.Errorf("%s: %w", dir, ErrNoData)
}

func (c *checker) close() {
	if c.log != nil {
		_ = c.log.Close() // it was only read
		c.log = nil
	}
}

func (c *checker) check() error {
	if err := c.checkLog(); err != nil || c.id == [16]byte{} {
		return err
	}
	readers, err := c.openCheckpoints()
	defer func() {
		for _, r := range readers {
			if r != nil {
				_ = r.Close()
			}
		}
	}()
	if err == nil {
		err = c.checkSegments(readers)
	}
	if err == nil {
		err = c.checkStates(readers)
	}
	return err
}

// found adds damage to the report. What is not damage, but keeps the check from
// looking, ends it.
func (c *checker) found(err error) error {
	if err == nil {
		return nil
	}
	d, ok := c.damageOf(err)
	if !ok {
		return err
	}
	for _, known := range c.report.Damage {
		if known.File == d.File && known.Offset == d.Offset {
			return nil
		}
	}
	c.report.Damage = append(c.report.Damage, d)
	return nil
}

// damageOf returns the damage that an error tells of. A part of the disk that
// cannot be read is damage, too.
func (c *checker) damageOf(err error) (Damage, bool) {
	var ofLog *log.DamageError
	var ofCheckpoint *checkpoint.DamageError
	var ofSegment *store.DamageError
	var unread *fs.PathError
	switch {
	case errors.As(err, &ofLog):
		return Damage{File: c.below(ofLog.File), Offset: ofLog.Offset, Reason: ofLog.Reason}, true
	case errors.As(err, &ofCheckpoint):
		return Damage{File: ofCheckpoint.File, Offset: ofCheckpoint.Offset, Reason: ofCheckpoint.Reason}, true
	case errors.As(err, &ofSegment):
		return Damage{File: ofSegment.File, Offset: ofSegment.Offset, Reason: ofSegment.Reason}, true
	case errors.As(err, &unread) && errors.Is(err, syscall.EIO):
		return Damage{File: c.below(unread.Path), Reason: "the disk cannot read it: " + err.Error()}, true
	}
	return Damage{}, false
}

// below makes the path of a file relative to the directory.
func (c *checker) below(path string) string {
	if name, err := filepath.Rel(c.dir, path); err == nil && filepath.IsLocal(name) {
		return filepath.ToSlash(name)
	}
	return path
}

func (c *checker) checkLog() error {
	v, err := log.Verify(c.dir)
	l := &c.report.Log
	*l = Log{Frames: v.Frames, Records: v.Records, Bytes: v.Bytes, Last: v.Last.String(), Clean: v.Clean}
	for _, g := range v.Generations {
		line := Generation{Name: filepath.ToSlash(g.Name), Segments: g.Segments, Records: g.Records, Bytes: g.Bytes}
		if g.Records > 0 {
			line.First, line.Last = g.First.String(), g.Last.String()
		}
		l.Generations = append(l.Generations, line)
	}
	c.id, c.last = v.ID, v.Last
	c.whole = v.First.Count() == 1 || v.First == 0 && v.Last.Count() == 0
	if c.log != nil {
		c.whole = c.log.First() == 0
	}
	c.report.ID = hex.EncodeToString(v.ID[:])
	for _, cut := range v.Cuts {
		c.note("%s was being written when the process ended; the next start cuts it", cut)
	}
	if v.Zeros != "" {
		c.note("%s: zeros to the end of the log, reserved by `always` or left by a power cut; the next start cuts them", v.Zeros)
	}
	for _, damage := range v.Damage {
		_ = c.found(damage)
	}
	if len(v.Damage) > 0 {
		return nil
	}
	return c.found(err) // nil, or VERSION is damaged
}

func (c *checker) note(format string, args ...any) {
	c.report.Notes = append(c.report.Notes, fmt.Sprintf(format, args...))
}

// openCheckpoints opens those that can be: the others have a nil.
func (c *checker) openCheckpoints() ([]*checkpoint.Reader, error) {
	infos, err := checkpoint.List(c.fs)
	if err != nil {
		return nil, err
	}
	var readers []*checkpoint.Reader
	for _, info := range infos {
		line := Checkpoint{Number: info.Number, File: info.File, Bytes: info.Bytes, UnixMS: info.UnixMS, Keys: -1}
		r, err := checkpoint.Open(c.fs, info.Number, c.id)
		if err == nil {
			h := r.Header()
			p := log.Position(h.Position)
			line.Position, line.UnixMS, line.Segments = p.String(), h.UnixMS, len(r.Segments())
			if p > c.last && c.beyond == "" {
				c.beyond = fmt.Sprintf("%s is of position %s, and the log ends with %s: records that were durable are missing", info.File, p, c.last)
			}
		} else {
			if info.Err == nil {
				line.Position = log.Position(info.Position).String()
			}
			line.Unusable = err.Error()
			if err := c.found(err); err != nil {
				return readers, err
			}
		}
		readers = append(readers, r)
		c.report.Checkpoints = append(c.report.Checkpoints, line)
	}
	names, err := c.fs.List("checkpoints")
	for _, name := range names {
		if strings.HasSuffix(name, ".new") {
			c.note("checkpoints/%s was never finished; the next checkpoint removes it", name)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return readers, err
}

// checkStates decodes every checkpoint, looks for each block that it refers to,
// and starts from the newest that can be started from.
func (c *checker) checkStates(readers []*checkpoint.Reader) error {
	tellAll := true // every checkpoint was read: a block that none refers to is not needed
	for i, r := range readers {
		line := &c.report.Checkpoints[i]
		if r == nil {
			tellAll = false
			continue
		}
		k, err := restore(r, line.File)
		if err != nil {
			tellAll = false
			line.Unusable = err.Error()
			if err := c.found(err); err != nil {
				return err
			}
			continue
		}
		line.Keys = keys(k)
		c.checkRefs(line.Number, k)
		line.Unusable = c.unusable(r)
		c.lacking = c.lacking || line.Unusable != ""
		switch h := r.Header(); {
		case line.Unusable != "":
		case c.base == nil:
			c.base = &h
			c.start(k)
		default:
			if err := c.fallBack(log.Position(h.Position)); err != nil {
				line.Unusable = err.Error()
				if err := c.found(err); err != nil {
					return err
				}
			}
		}
	}
	c.reportBlocks(tellAll)
	if c.base == nil {
		c.start(state.NewKeyspace(stream.Config{}))
	}
	return nil
}

// unusable says why a start would not load a checkpoint whose state is good.
func (c *checker) unusable(r *checkpoint.Reader) string {
	for _, s := range r.Segments() {
		if d := c.absent[s.Number]; d != nil {
			return d.String()
		}
	}
	return ""
}

// start does what a start does with a state: that of base, or none.
func (c *checker) start(k *state.Keyspace) {
	s := &c.report.Start
	var from log.Position
	if c.base != nil {
		s.Checkpoint, from = c.base.Number, log.Position(c.base.Position)
	}
	switch {
	case c.log == nil: // refused already
		return
	case c.beyond != "":
		s.Refused = c.beyond
		return
	case c.base == nil && !c.whole:
		s.Refused = fmt.Sprintf("the log begins with %s, and there is no checkpoint to load before it", c.log.First())
		return
	}
	err := c.log.Replay(from, func(p log.Position, _ int64, record []byte) error {
		s.Records++
		return k.Apply(uint64(p), record)
	})
	if err != nil {
		s.Refused = err.Error()
		return
	}
	s.Last, s.Keys = c.last.String(), keys(k)
}

// fallBack makes sure that the log reaches back to an older checkpoint, which is
// kept for the day on which the newer one cannot be used.
func (c *checker) fallBack(from log.Position) error {
	if c.log == nil || from > c.last {
		return nil
	}
	return c.log.Replay(from, func(log.Position, int64, []byte) error { return nil })
}
