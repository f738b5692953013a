package datadir

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weirmq/weir/internal/checkpoint"
	"github.com/weirmq/weir/log"
)

// Repair makes a data directory one that the broker starts from, by cutting out
// what is damaged, and says what it did, or with dryRun would do, and what that
// loses. Nothing leaves its place before it is durable in quarantine/. When it
// fails or is interrupted, it can be called again.
//
// A damaged checkpoint goes to quarantine when another one, or the whole of the
// log, stands for it. A damaged log is cut off behind the checkpoint that a start
// will load; what lies before that is not needed, and stays. Blocks that are
// damaged stay, too: their streams serve the rest, and answer -DATALOSS for them.
// So that a start gets that far, a segment file that is missing, too short or has
// no header is written anew from what is left of it, if no checkpoint can do
// without.
//
// It fails, having changed nothing, when it knows no way to a start.
func Repair(dir string, dryRun bool) (done []string, err error) {
	for range 4 { // first what a start needs besides the log, then the log as that start would see it, and what it leaves over
		r := repairer{dryRun: dryRun}
		again, err := r.look(dir)
		done = append(done, r.done...)
		if !again || err != nil || dryRun {
			return done, err
		}
	}
	return done, nil
}

type repairer struct {
	*checker
	dryRun bool
	done   []string
}

func (r *repairer) did(format string, args ...any) {
	r.done = append(r.done, fmt.Sprintf(format, args...))
}

// look checks the directory and does what has to be done first; again says that
// there may be more to do.
func (r *repairer) look(dir string) (again bool, err error) {
	if r.checker, err = open(dir); err != nil {
		return false, err
	}
	defer r.close()
	if err := r.check(); err != nil {
		return false, err
	}
	switch {
	case r.id == [16]byte{}:
		return false, errors.New("without VERSION nothing can be verified: take the file from a backup of this directory")
	case r.base == nil && !r.whole && r.lacking:
		return true, r.mend()
	case r.base == nil && !r.whole:
		return false, errors.New("no checkpoint can be used, and the log does not begin with the first record: restore a backup")
	}
	for _, line := range r.report.Checkpoints {
		if line.Unusable != "" {
			again = true
			if err := r.quarantine(&line); err != nil {
				return false, err
			}
		}
	}
	if again && !r.dryRun {
		return true, nil
	}
	return r.repairLog()
}

func (r *repairer) quarantine(line *Checkpoint) error {
	instead := "the log is read from its beginning"
	if r.base != nil {
		instead = fmt.Sprintf("checkpoint %d is used", r.base.Number)
	}
	if r.dryRun {
		r.did("would move %s to quarantine/; %s instead, and nothing is lost by that", line.File, instead)
		return nil
	}
	to, err := checkpoint.Quarantine(r.fs, line.Number)
	if err != nil {
		return err
	}
	r.did("moved %s to %s; %s instead, and nothing is lost by that", line.File, to, instead)
	return nil
}

// repairLog cuts the log if a start refuses it. What an older checkpoint needs of
// it may have gone then.
func (r *repairer) repairLog() (again bool, err error) {
	if r.report.Start.Refused == "" {
		return false, nil
	}
	if r.dryRun {
		r.did("would cut the log off where a start refuses it, and keep in quarantine/ what is cut; the records from there on are lost (%s)", r.report.Start.Refused)
		return false, nil
	}
	var from log.Position
	if r.base != nil {
		from = log.Position(r.base.Position)
	}
	r.close() // log.Repair takes the lock itself
	cut, err := log.Repair(r.dir, from)
	if err != nil {
		return false, err
	}
	if cut.Damage == nil {
		return false, fmt.Errorf("the log is whole, and yet a start is refused: %s", r.report.Start.Refused)
	}
	what := "no record that could be read is lost"
	if cut.From != 0 {
		what = fmt.Sprintf("the records from %s to %s are lost", cut.From, cut.To)
	}
	r.did("cut the log at %s, offset %d (%s): it ends with %s now, and %s; %d bytes are kept in %s",
		r.below(cut.Damage.File), cut.Damage.Offset, cut.Damage.Reason, cut.Last, what, cut.Bytes, strings.Join(cut.Kept, ", "))
	return true, nil
}
