package datadir

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/weirmq/weir/internal/checkpoint"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
	"github.com/weirmq/weir/stream/store"
)

// Segments are checked from both sides: every record that is in a file, and every
// block that a checkpoint refers to. Damage of the one is told with the other.

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
		if d, ok := c.damageOf(err); ok {
			c.bad[number] = append(c.bad[number], d)
			return
		}
		c.good[number] = append(c.good[number], place{r.Ref.Offset, r.Ref.Length})
	})
	if d, ok := c.damageOf(err); ok {
		c.absent[number] = &d
		err = nil
	}
	line.Blocks, line.Complete = report.Records, report.Complete
	if report.Rest > 0 {
		c.note("the last %d bytes of %s are no blocks: they were being written when the process ended, or are a damaged footer; nothing needs them", report.Rest, line.File)
	}
	return err
}

// checkRefs looks for each block that a state refers to among those that are
// good, and notes with the damage whose blocks are not.
func (c *checker) checkRefs(number uint64, k *state.Keyspace) {
	eachCold(k, func(db int, key string, b stream.Placed) {
		d := c.absent[b.Ref.Segment]
		if d == nil {
			d = c.badRecord(b.Ref)
		}
		if d != nil {
			d.affect(number, db, key, b)
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
