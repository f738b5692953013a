package streams

import (
	"github.com/weirmq/weir/internal/command"
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
