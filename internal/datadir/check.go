package datadir

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
	if _, err := os.Stat(filepath.Join(dir, "VERSION")); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoData)
	} else if err != nil {
		return nil, err
	}
	c := &checker{
		dir: dir, fs: vfs.OS{Root: dir}, report: &Report{Dir: dir},
		good: map[uint64][]place{}, bad: map[uint64][]Damage{}, absent: map[uint64]*Damage{}, ends: map[uint64]int64{},
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

// found adds damage to the report. What is not damage but the disk's own word
// ends the check.
func (c *checker) found(err error) error {
	if err == nil {
		return nil
	}
	var d Damage
	var ofLog *log.DamageError
	var ofCheckpoint *checkpoint.DamageError
	var ofSegment *store.DamageError
	switch {
	case errors.As(err, &ofLog):
		d = Damage{File: c.below(ofLog.File), Offset: ofLog.Offset, Reason: ofLog.Reason}
	case errors.As(err, &ofCheckpoint):
		d = Damage{File: ofCheckpoint.File, Offset: ofCheckpoint.Offset, Reason: ofCheckpoint.Reason}
	case errors.As(err, &ofSegment):
		d = Damage{File: ofSegment.File, Offset: ofSegment.Offset, Reason: ofSegment.Reason}
	default:
		return err
	}
	c.report.Damage = append(c.report.Damage, d)
	return nil
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
		r, err := checkpoint.Open(c.fs, info.Number, c.id)
		line := Checkpoint{Number: info.Number, File: info.File, Bytes: info.Bytes, UnixMS: info.UnixMS, Keys: -1}
		if info.Err == nil {
			line.Position = log.Position(info.Position).String()
		}
		if err != nil {
			line.Unusable = err.Error()
			if err := c.found(err); err != nil {
				return readers, err
			}
		} else {
			line.Segments = len(r.Segments())
			if p := log.Position(info.Position); p > c.last && c.beyond == "" {
				c.beyond = fmt.Sprintf("%s is of position %s, and the log ends with %s: records that were durable are missing", info.File, p, c.last)
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

// checkSegments verifies every record of every segment file, and finds out
// which files are missing.
func (c *checker) checkSegments(readers []*checkpoint.Reader) error {
	live, there := map[uint64]int64{}, map[uint64]bool{}
	newest := true
	for _, r := range readers {
		if r == nil {
			continue
		}
		for _, s := range r.Segments() {
			c.ends[s.Number] = max(c.ends[s.Number], s.End)
			if newest {
				live[s.Number] = s.Bytes
			}
		}
		newest = false
	}
	segments, err := store.List(c.fs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, s := range segments {
		line := Segment{Number: s.Number, File: store.Name(s.Number), Bytes: s.Bytes, LiveBytes: live[s.Number]}
		if err := c.checkSegment(&line, c.ends[s.Number]); err != nil {
			return err
		}
		c.report.Segments = append(c.report.Segments, line)
		there[s.Number] = true
	}
	for number := range c.ends {
		if !there[number] {
			c.absent[number] = &Damage{File: store.Name(number), Reason: "the file is missing"}
		}
	}
	return nil
}

func (c *checker) checkSegment(line *Segment, end int64) error {
	number := line.Number
	report, err := store.Verify(c.fs, c.id, number, end, func(r store.Record, err error) {
		var damage *store.DamageError
		if errors.As(err, &damage) {
			c.bad[number] = append(c.bad[number], Damage{File: damage.File, Offset: damage.Offset, Reason: damage.Reason})
			return
		}
		c.good[number] = append(c.good[number], place{r.Ref.Offset, r.Ref.Length})
	})
	var damage *store.DamageError
	if errors.As(err, &damage) {
		c.absent[number] = &Damage{File: damage.File, Offset: damage.Offset, Reason: damage.Reason}
		err = nil
	}
	line.Blocks, line.Complete = report.Records, report.Complete
	if report.Rest > 0 {
		c.note("the last %d bytes of %s are no blocks: they were being written when the process ended, or are a damaged footer; nothing needs them", report.Rest, line.File)
	}
	return err
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
		if line.Unusable == "" && c.base == nil {
			h := r.Header()
			c.base = &h
			c.start(k)
		}
	}
	c.reportBlocks(tellAll)
	if c.base == nil {
		c.start(state.NewKeyspace(stream.Config{}))
	}
	return nil
}

// checkRefs looks for each block that a state refers to among those that are
// good, and notes with the damage whose blocks are not.
func (c *checker) checkRefs(checkpoint uint64, k *state.Keyspace) {
	eachCold(k, func(db int, key string, b stream.Placed) {
		d := c.absent[b.Ref.Segment]
		if d == nil {
			d = c.badRecord(b.Ref)
		}
		if d != nil {
			d.affect(checkpoint, db, key, b)
		}
	})
}

// badRecord returns the damage because of which there is no record at ref, nil if
// there is one. Damage reaches from its offset to the next good record.
func (c *checker) badRecord(ref stream.Ref) *Damage {
	good := c.good[ref.Segment]
	next, ok := slices.BinarySearchFunc(good, ref.Offset, func(p place, offset uint32) int { return cmp.Compare(p.offset, offset) })
	if ok && good[next].length == ref.Length {
		return nil
	}
	var since int64
	if next > 0 {
		since = int64(good[next-1].offset)
	}
	bad := c.bad[ref.Segment]
	for i := range bad {
		if at := bad[i].Offset; at > since && at <= int64(ref.Offset) {
			return &bad[i]
		}
	}
	d := Damage{File: store.Name(ref.Segment), Offset: int64(ref.Offset), Reason: fmt.Sprintf("there is no block of %d bytes", ref.Length)}
	c.bad[ref.Segment] = append(bad, d)
	return &c.bad[ref.Segment][len(bad)]
}

// reportBlocks takes over the damage of segment files. What no checkpoint refers
// to is not needed, unless there is one that cannot be asked.
func (c *checker) reportBlocks(tellAll bool) {
	var all []Damage
	for _, d := range c.absent {
		all = append(all, *d)
	}
	for _, bad := range c.bad {
		all = append(all, bad...)
	}
	slices.SortFunc(all, func(a, b Damage) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset))
	})
	for _, d := range all {
		if tellAll && len(d.Affects) == 0 {
			c.note("%s; no checkpoint needs what was there", &d)
			continue
		}
		c.report.Damage = append(c.report.Damage, d)
	}
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
	case from == 0 && !c.whole:
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
