package zsets

import (
	"bytes"
	"errors"
	"math"
	"strconv"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/data"
)

const (
	errScoreRange command.Error = "ERR min or max is not a float"
	errLexRange   command.Error = "ERR min or max not valid string range item"
)

// interval is a part of a sorted set: that between two ranks, two scores or two members.
type interval struct {
	by          rangeType
	first, last int64 // ranks; negative: from the end
	low, high   scoreEnd
	from, to    memberEnd
}

type rangeType byte

const (
	byRank rangeType = iota
	byScore
	byLex
)

// scoreEnd is an end of an interval of scores.
type scoreEnd struct {
	score     float64
	exclusive bool
}

// memberEnd is an end of an interval of members. Beyond all of them are "-", below, and "+", above.
type memberEnd struct {
	member    []byte
	exclusive bool
	beyond    int // -1, 1
}

func parseInterval(by rangeType, low, high []byte) (v interval, err error) {
	v.by = by
	switch by {
	case byRank:
		if v.first, err = command.ParseInt(low); err == nil {
			v.last, err = command.ParseInt(high)
		}
	case byScore:
		var ok [2]bool
		v.low, ok[0] = parseScoreEnd(low)
		v.high, ok[1] = parseScoreEnd(high)
		if !ok[0] || !ok[1] {
			err = errScoreRange
		}
	case byLex:
		var ok [2]bool
		v.from, ok[0] = parseMemberEnd(low)
		v.to, ok[1] = parseMemberEnd(high)
		if !ok[0] || !ok[1] {
			err = errLexRange
		}
	}
	return v, err
}

func parseScoreEnd(arg []byte) (end scoreEnd, ok bool) {
	if len(arg) > 0 && arg[0] == '(' {
		end.exclusive, arg = true, arg[1:]
	}
	end.score, ok = parseLoosely(arg)
	return end, ok
}

// parseLoosely reads a score as the ends of intervals are read, which is by C's strtod alone: up to a zero byte, with spaces
// in front, nothing being 0 and too much being infinite.
func parseLoosely(arg []byte) (float64, bool) {
	arg, _, _ = bytes.Cut(arg, []byte{0})
	if len(arg) == 0 {
		return 0, true
	}
	arg = bytes.TrimLeft(arg, " \t\n\v\f\r")
	if v, err := command.ParseFloat(arg); err == nil {
		return v, true
	}
	if bytes.ContainsRune(arg, '_') { // Go's notation only
		return 0, false
	}
	if hex := bytes.ContainsAny(arg, "xX"); hex && !bytes.ContainsAny(arg, "pP") {
		arg = append(bytes.Clone(arg), "p0"...)
	}
	v, err := strconv.ParseFloat(string(arg), 64)
	return v, (err == nil || errors.Is(err, strconv.ErrRange)) && !math.IsNaN(v)
}

func parseMemberEnd(arg []byte) (end memberEnd, ok bool) {
	switch {
	case len(arg) == 0:
		return end, false
	case arg[0] == '[', arg[0] == '(':
		return memberEnd{member: arg[1:], exclusive: arg[0] == '('}, true
	case len(arg) > 1 && arg[1] != 0:
		return end, false
	case arg[0] == '-':
		return memberEnd{beyond: -1}, true
	case arg[0] == '+':
		return memberEnd{beyond: 1}, true
	default:
		return end, false
	}
}

// ranks returns the rank of the interval's first element in a set, and the number of its elements.
func (v *interval) ranks(z data.ZSet) (first, n int) {
	size := z.Len()
	end := size // rank behind the last
	switch v.by {
	case byRank:
		first, end = rankRange(v.first, v.last, size)
	case byScore:
		first = z.BelowScore(v.low.score, v.low.exclusive)
		end = z.BelowScore(v.high.score, !v.high.exclusive)
	case byLex:
		if size == 0 || v.from.leavesOut(lastOf(z), 1) || v.to.leavesOut(firstOf(z), -1) {
			return 0, 0 // says nothing new, unless scores differ: then Redis looks at these two first
		}
		first = below(z, v.from, v.from.exclusive)
		end = below(z, v.to, !v.to.exclusive)
	}
	return first, max(0, end-first)
}

func firstOf(z data.ZSet) []byte {
	member, _ := z.At(0)
	return member
}

func lastOf(z data.ZSet) []byte {
	member, _ := z.At(z.Len() - 1)
	return member
}

// leavesOut reports whether an end leaves a member out: a lower end (side 1) that is above it, or an upper one (side -1) below it.
func (e memberEnd) leavesOut(member []byte, side int) bool {
	order := e.beyond
	if order == 0 {
		order = bytes.Compare(e.member, member)
	}
	return order == side || order == 0 && e.exclusive
}

func below(z data.ZSet, end memberEnd, inclusive bool) int {
	switch {
	case end.beyond < 0:
		return 0
	case end.beyond > 0:
		return z.Len()
	default:
		return z.BelowMember(end.member, inclusive)
	}
}

// rankRange resolves ranks that are counted from the end, and cuts off what is beyond.
func rankRange(first, last int64, size int) (from, end int) {
	n := int64(size)
	if first < 0 {
		first = max(0, n+first)
	}
	if last < 0 {
		last = n + last
	}
	if first > last || first >= n {
		return 0, 0
	}
	return int(first), int(min(last, n-1)) + 1
}
