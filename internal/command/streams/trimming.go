package streams

import (
	"math"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// trimming is the part of XADD and XTRIM that says what must not be kept:
//
//	MAXLEN|MINID [=|~] threshold [LIMIT count] [KEEPREF|DELREF|ACKED]
type trimming struct {
	by         trimBy
	approx     bool
	maxLen     uint64
	minID      stream.ID
	limit      uint64
	limitGiven bool
	refs       references
	refsGiven  bool
}

type trimBy uint8

const (
	trimNone trimBy = iota
	trimMaxLen
	trimMinID
)

// defaultTrimLimit bounds what one approximate trim without a LIMIT removes.
const defaultTrimLimit = 10_000

const (
	errTrimTwice      command.Error = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"
	errTrimNone       command.Error = "ERR syntax error, XTRIM must be called with a trimming strategy"
	errMaxLenNegative command.Error = "ERR The MAXLEN argument must be >= 0."
	errLimitNegative  command.Error = "ERR The LIMIT argument must be >= 0."
	errLimitWithout   command.Error = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
	errLimitExact     command.Error = "ERR syntax error, LIMIT cannot be used without the special ~ option"
)

// parseOption takes the option that args begins with, and returns how many arguments it was: none if it is not one of
// trimming's.
func (t *trimming) parseOption(args [][]byte) (taken int, err error) {
	switch opt := args[0]; {
	case len(args) > 1 && command.EqualFold(opt, "MAXLEN"):
		return t.parseThreshold(trimMaxLen, args)
	case len(args) > 1 && command.EqualFold(opt, "MINID"):
		return t.parseThreshold(trimMinID, args)
	case len(args) > 1 && command.EqualFold(opt, "LIMIT"):
		limit, err := command.ParseInt(args[1])
		if err != nil {
			return 0, err
		}
		if limit < 0 {
			return 0, errLimitNegative
		}
		t.limit, t.limitGiven = uint64(limit), true
		return 2, nil
	case !t.refsGiven:
		if t.refs, t.refsGiven = parseReferences(opt); t.refsGiven {
			return 1, nil
		}
	}
	return 0, nil
}

// parseThreshold reads MAXLEN|MINID [=|~] threshold.
func (t *trimming) parseThreshold(by trimBy, args [][]byte) (taken int, err error) {
	if t.by != trimNone {
		return 0, errTrimTwice
	}
	t.by = by
	at := 1
	if len(args) > 2 && len(args[1]) == 1 && (args[1][0] == '~' || args[1][0] == '=') {
		t.approx = args[1][0] == '~'
		at = 2
	}
	if by == trimMinID {
		t.minID, err = parseID(args[at], 0)
		return at + 1, err
	}
	n, err := command.ParseInt(args[at])
	if err == nil && n < 0 {
		err = errMaxLenNegative
	}
	t.maxLen = uint64(n)
	return at + 1, err
}

// finish checks the options against each other once all are there.
func (t *trimming) finish() error {
	switch {
	case t.limit > 0 && t.by == trimNone:
		return errLimitWithout
	case t.limitGiven && !t.approx:
		return errLimitExact
	case !t.limitGiven:
		t.limit = defaultTrimLimit
	}
	return nil
}

// apply trims the stream at key, if there is anything to trim, and returns how many entries went.
func (t *trimming) apply(c *command.Call, key []byte, s *state.Stream) uint64 {
	if t.refs != refsKeep {
		return t.applyToReferences(c, key, s)
	}
	through, removed, _ := t.plan(s, t.approx)
	if removed > 0 {
		c.Tx.StreamTrim(key, through, removed)
	}
	return removed
}

func (t *trimming) plan(s *state.Stream, approx bool) (through stream.ID, removed uint64, err error) {
	switch t.by {
	case trimMaxLen:
		return s.PlanTrimMaxLen(t.maxLen, approx, t.limit)
	case trimMinID:
		return s.PlanTrimMinID(t.minID, approx, t.limit)
	}
	return stream.ID{}, 0, nil
}

// applyToReferences is apply for DELREF and ACKED. Both go entry by entry: ~ means for them only that LIMIT counts.
func (t *trimming) applyToReferences(c *command.Call, key []byte, s *state.Stream) uint64 {
	through, removed, _ := t.plan(s, false)
	if t.approx && t.limit > 0 && removed > t.limit {
		through, removed, _ = s.PlanTrimMaxLen(s.Len()-t.limit, false, 0)
	}
	if removed == 0 {
		return 0
	}
	first, _, _ := s.First()
	if t.refs == refsDelete {
		dropReferencesBetween(c, key, s, first, through)
		c.Tx.StreamTrim(key, through, removed)
		return removed
	}
	r := newReferrers(s, first, nil)
	if !r.delivered.Less(through) && through.Less(r.first()) {
		c.Tx.StreamTrim(key, through, removed) // nobody refers to anything of it
		return removed
	}
	return t.applyAcked(c, key, s, r, removed)
}

// ackedLooks is how many entries a trim by ACKED and ~ looks at for each that LIMIT allows to go. Else every XADD would
// walk over everything that a group has left pending, and be slower each time. Who wants what is behind so much says
// LIMIT 0, or = instead of ~.
const ackedLooks = 10

// applyAcked takes the oldest entries that no group refers to, from wherever they are: most of them at most, and with
// MINID none at or above it.
func (t *trimming) applyAcked(c *command.Call, key []byte, s *state.Stream, r *referrers, most uint64) uint64 {
	last := r.delivered
	if t.by == trimMinID {
		if below, ok := t.minID.Prev(); ok && below.Less(last) {
			last = below
		}
	}
	looks := uint64(math.MaxUint64)
	if t.approx && t.limit > 0 && t.limit < looks/ackedLooks {
		looks = t.limit * ackedLooks
	}
	var through stream.ID     // the last before the first that stays
	var removed, front uint64 // front: up to through
	var ids []stream.ID       // behind that one
	kept := false
	for it := s.Range(stream.MinID, last); looks > 0 && removed < most && it.Next(); looks-- {
		id := it.ID()
		if r.to(id) {
			kept = true
			continue
		}
		if removed++; !kept {
			through, front = id, removed
			continue
		}
		if ids = append(ids, id); len(ids) == batch {
			c.Tx.StreamDrop(key, ids)
			ids = ids[:0]
			it = s.Range(id, last)
		}
	}
	if len(ids) > 0 {
		c.Tx.StreamDrop(key, ids)
	}
	if through != stream.MinID {
		c.Tx.StreamTrim(key, through, front)
	}
	return removed
}
