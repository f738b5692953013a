package oracle

import (
	"regexp"
	"slices"
	"strconv"
)

// Times in replies about consumer groups are ages (XPENDING, XINFO CONSUMERS) or
// unix milliseconds (XINFO STREAM FULL). No two runs agree on them, so the rule
// "times" writes all of them as ages in steps of ten seconds: what just happened
// is :<0s>, and what XCLAIM ... IDLE 60000 made old is :<60s>. A negative number
// says that there is no such time and stays. The rule "minutes" has steps of 200
// seconds, for runs that may take long.
//
// It knows them by their place:
//
//	*4 id consumer TIME deliveries     a row of XPENDING or XINFO STREAM FULL
//	*4 id fields TIME deliveries       an entry of XREADGROUP ... CLAIM
//	*3 id TIME deliveries              a row of a consumer in XINFO STREAM FULL
//	name TIME                          in a map: the names are in timeFields
var timeFields = []string{"idle", "inactive", "seen-time", "active-time"}

var entryID = regexp.MustCompile(`^([0-9]+-[0-9]+|<id>)$`)

const (
	ageStepMS  = 10_000
	longStepMS = 200_000
	unixMS     = 1_000_000_000_000 // above it a number is a point in time, not an age
)

func age(r Reply, nowMS, stepMS int64) Reply {
	ms, err := strconv.ParseInt(r.Text, 10, 64)
	if r.Kind != ':' || err != nil || ms < 0 {
		return r
	}
	if ms > unixMS {
		ms = nowMS - ms
	}
	r.Text = "<" + strconv.FormatInt((ms+stepMS/2)/stepMS*stepMS/1000, 10) + "s>"
	return r
}

func ages(r Reply, nowMS, stepMS int64) Reply {
	e := slices.Clone(r.Elems)
	for i := range e {
		e[i] = ages(e[i], nowMS, stepMS)
	}
	isInt := func(i int) bool { return e[i].Kind == ':' }
	switch n := len(e); {
	case n >= 3 && e[0].Kind == '$' && entryID.MatchString(e[0].Text):
		if at := n - 2; n <= 4 && isInt(at) && isInt(at+1) && (n == 4) != isInt(1) {
			e[at] = age(e[at], nowMS, stepMS)
		}
	case n%2 == 0:
		for i := 0; i < n; i += 2 {
			if e[i].Kind == '$' && slices.Contains(timeFields, e[i].Text) {
				e[i+1] = age(e[i+1], nowMS, stepMS)
			}
		}
	}
	r.Elems = e
	return r
}
