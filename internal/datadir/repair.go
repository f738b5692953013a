package datadir

import (
	"errors"
	"fmt"

	"github.com/weirmq/weir/internal/checkpoint"
	"github.com/weirmq/weir/log"
)

// Repair cuts out of a data directory what is damaged and keeps the broker from
// starting, and says what it did, or with dryRun would do, and what that loses.
// Nothing leaves its place before it is durable in quarantine/. When it fails or
// is interrupted, it can be called again.
//
// A damaged checkpoint goes to quarantine when another one, or the whole of the
// log, stands for it. A damaged log is cut off behind the checkpoint that a start
// will load; what lies before that is not needed, and stays. Blocks that are
// damaged stay, too: their streams serve the rest, and answer -DATALOSS for them.
//
// It fails, having changed nothing, when it knows no way to a start.
func Repair(dir string, dryRun bool) (done []string, err error) {
	c, err := open(dir)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := c.check(); err != nil {
		return nil, err
	}
	r := repairer{checker: c, dryRun: dryRun}
	if err := r.repair(); err != nil {
		return r.done, err
	}
	return r.done, nil
}

type repairer struct {
	*checker
	dryRun bool
	done   []string
}

func (r *repairer) did(format string, args ...any) {
	r.done = append(r.done, fmt.Sprintf(format, args...))
}

func (r *repairer) repair() error {
	if r.id == [16]byte{} {
		return errors.New("without VERSION nothing can be verified: take the file from a backup of this directory")
	}
	if r.base == nil && r.first.Count() > 1 {
		return fmt.Errorf("no checkpoint can be used, and the log begins with %s, not with the first record: restore a backup", r.first)
	}
	for _, line := range r.report.Checkpoints {
		if line.Unusable != "" {
			if err := r.quarantine(&line); err != nil {
				return err
			}
		}
	}
	return r.repairLog()
}

func (r *repairer) quarantine(line *Checkpoint) error {
	instead := "the log is read from its beginning"
	if r.base != nil {
		instead = fmt.Sprintf("checkpoint %d is used", r.base.Number)
	}
	if r.dryRun {
		r.did("would move %s to quarantine/; %s instead, and nothing is lost", line.File, instead)
		return nil
	}
	to, err := checkpoint.Quarantine(r.fs, line.Number)
	if err != nil {
		return err
	}
	r.did("moved %s to %s; %s instead, and nothing is lost", line.File, to, instead)
	return nil
}

// repairLog cuts the log if a start refuses it.
func (r *repairer) repairLog() error {
	if r.report.Start.Refused == "" {
		return nil
	}
	var from log.Position
	if r.base != nil {
		from = log.Position(r.base.Position)
	}
	if r.dryRun {
		r.did("would cut the log off behind position %s or where the first damage after it is, and keep what is cut in quarantine/; the records from there on are lost (%s)",
			from, r.report.Start.Refused)
		return nil
	}
	r.close() // log.Repair takes the lock itself
	cut, err := log.Repair(r.dir, from)
	if err != nil {
		return err
	}
	if cut.Damage == nil {
		return fmt.Errorf("the log is whole, and yet a start is refused: %s", r.report.Start.Refused)
	}
	what := "no record that could be read is lost"
	if cut.From != 0 {
		what = fmt.Sprintf("the records from %s to %s are lost", cut.From, cut.To)
	}
	r.did("cut the log at %s, offset %d (%s): it ends with %s now, and %s; %d bytes are kept in %v",
		r.below(cut.Damage.File), cut.Damage.Offset, cut.Damage.Reason, cut.Last, what, cut.Bytes, cut.Kept)
	return nil
}
