package streams

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

func TestParseXClaim(t *testing.T) {
	one := []stream.ID{{MS: 1, Seq: 1}}
	with := func(edit func(*xclaimArgs)) xclaimArgs {
		a := xclaimArgs{key: []byte("k"), group: []byte("g"), consumer: []byte("c"), minIdleMS: 5, ids: one, retryCount: -1}
		edit(&a)
		return a
	}
	wrong := func(text command.Error) xclaimArgs { return with(func(a *xclaimArgs) { a.err = text }) }
	testParse(t, parseXClaim, []parseTest[xclaimArgs]{
		{line: "xclaim k g c 5 1-1", want: with(func(*xclaimArgs) {})},
		{line: "xclaim k g c -5 1-1", want: with(func(a *xclaimArgs) { a.minIdleMS = -5 })},
		{line: "xclaim k g c 5 1-1 2 1-1", want: with(func(a *xclaimArgs) { a.ids = []stream.ID{one[0], {MS: 2}, one[0]} })},
		{line: "xclaim k g c 5 justid", want: with(func(a *xclaimArgs) { a.ids, a.justID = []stream.ID{}, true })},
		{line: "xclaim k g c 5 1-1 Force JustID", want: with(func(a *xclaimArgs) { a.force, a.justID = true, true })},
		{line: "xclaim k g c 5 1-1 idle 7", want: with(func(a *xclaimArgs) { a.since, a.sinceMS = sinceIdle, 7 })},
		{line: "xclaim k g c 5 1-1 idle 7 TIME -8", want: with(func(a *xclaimArgs) { a.since, a.sinceMS = sinceTime, -8 })},
		{line: "xclaim k g c 5 1-1 retrycount 9 lastid 3", want: with(func(a *xclaimArgs) { a.retryCount, a.lastID = 9, stream.ID{MS: 3} })},

		{line: "xclaim k g c 5 1-1 force 2-1", want: with(func(a *xclaimArgs) { a.force, a.err = true, command.Error("ERR Unrecognized XCLAIM option '2-1'") })},
		{line: "xclaim k g c 5 1-1 -", want: wrong("ERR Unrecognized XCLAIM option '-'")},
		{line: "xclaim k g c 5 1-1 idle", want: wrong("ERR Unrecognized XCLAIM option 'idle'")},
		{line: "xclaim k g c 5 1-1 lastid", want: wrong("ERR Unrecognized XCLAIM option 'lastid'")},
		{line: "xclaim k g c 5 1-1 idle x", want: with(func(a *xclaimArgs) {
			a.since, a.err = sinceIdle, command.Error("ERR Invalid IDLE option argument for XCLAIM")
		})},
		{line: "xclaim k g c 5 1-1 time 9223372036854775808", want: with(func(a *xclaimArgs) {
			a.since, a.err = sinceTime, command.Error("ERR Invalid TIME option argument for XCLAIM")
		})},
		{line: "xclaim k g c 5 1-1 retrycount 1.5", want: with(func(a *xclaimArgs) {
			a.retryCount, a.err = 0, command.Error("ERR Invalid RETRYCOUNT option argument for XCLAIM")
		})},
		{line: "xclaim k g c 5 1-1 lastid x", want: wrong(command.ErrInvalidID)},
		{line: "xclaim k g c x 1-1", want: with(func(a *xclaimArgs) {
			a.minIdleMS, a.ids, a.err = 0, nil, command.Error("ERR Invalid min-idle-time argument for XCLAIM")
		})},
	})
}

func TestAClaimIsNeverOfTheFutureNorBefore1970(t *testing.T) {
	const now = 1_700_000_000_000
	for _, test := range []struct {
		since    claimSince
		ms, want int64
	}{
		{sinceNow, 0, now},
		{sinceIdle, 0, now}, {sinceIdle, 1000, now - 1000}, {sinceIdle, now, 0}, {sinceIdle, now + 1, now},
		{sinceIdle, -1, now}, {sinceIdle, math.MinInt64, now}, {sinceIdle, math.MaxInt64, now},
		{sinceTime, 0, 0}, {sinceTime, 1000, 1000}, {sinceTime, now + 1, now}, {sinceTime, -1, now}, {sinceTime, math.MaxInt64, now},
	} {
		a := xclaimArgs{since: test.since, sinceMS: test.ms}
		if got := a.deliveredMS(now); got != test.want {
			t.Errorf("%d with %d: %d, want %d", test.since, test.ms, got, test.want)
		}
	}
}

func TestParseXAutoClaim(t *testing.T) {
	with := func(edit func(*xautoclaimArgs)) xautoclaimArgs {
		a := xautoclaimArgs{key: []byte("k"), group: []byte("g"), consumer: []byte("c"), minIdleMS: 5, count: defaultAutoClaim}
		edit(&a)
		return a
	}
	testParse(t, parseXAutoClaim, []parseTest[xautoclaimArgs]{
		{line: "xautoclaim k g c 5 0", want: with(func(*xautoclaimArgs) {})},
		{line: "xautoclaim k g c 5 -", want: with(func(*xautoclaimArgs) {})},
		{line: "xautoclaim k g c 5 7", want: with(func(a *xautoclaimArgs) { a.start = stream.ID{MS: 7} })},
		{line: "xautoclaim k g c 5 (7", want: with(func(a *xautoclaimArgs) { a.start = stream.ID{MS: 7, Seq: 1} })},
		{line: "xautoclaim k g c 5 + JUSTID", want: with(func(a *xautoclaimArgs) { a.start, a.justID = stream.MaxID, true })},
		{line: "xautoclaim k g c 5 0 count 7 justid Count 8 justid", want: with(func(a *xautoclaimArgs) { a.count, a.justID = 8, true })},
		{line: "xautoclaim k g c 5 0 count 576460752303423487", want: with(func(a *xautoclaimArgs) { a.count = maxAutoClaim })},

		{line: "xautoclaim k g c 5 0 count 576460752303423488", err: errAutoClaimCount},
		{line: "xautoclaim k g c 5 0 count 0", err: errAutoClaimCount},
		{line: "xautoclaim k g c 5 0 count -1", err: errAutoClaimCount},
		{line: "xautoclaim k g c 5 0 count x", err: errAutoClaimCount},
		{line: "xautoclaim k g c 5 0 count", err: command.ErrSyntax},
		{line: "xautoclaim k g c 5 0 foo", err: command.ErrSyntax},
		{line: "xautoclaim k g c x y", err: errAutoClaimIdle},
		{line: "xautoclaim k g c 5 x", err: command.ErrInvalidID},
		{line: "xautoclaim k g c 5 (-", err: command.ErrInvalidID},
		{line: "xautoclaim k g c 5 (18446744073709551615-18446744073709551615", err: errStart},
	})
}

func TestParseXNack(t *testing.T) {
	one, two := stream.ID{MS: 1, Seq: 1}, stream.ID{MS: 2}
	down, keep := groups.Count{How: groups.CountDown}, groups.Count{How: groups.CountKeep}
	set := func(n int64) groups.Count { return groups.Count{How: groups.CountSet, To: n} }
	for _, test := range []struct {
		line  string
		ids   []stream.ID
		count groups.Count
		force bool
		err   error
	}{
		{line: "silent ids 1 1-1", ids: []stream.ID{one}, count: down},
		{line: "FAIL IDS 2 1-1 2", ids: []stream.ID{one, two}, count: keep},
		{line: "fatal ids 1 1-1 force", ids: []stream.ID{one}, count: set(math.MaxInt64), force: true},
		{line: "fatal retrycount 3 force ids 1 1-1", ids: []stream.ID{one}, count: set(3), force: true},
		{line: "silent ids 1 1-1 retrycount 0", ids: []stream.ID{one}, count: set(0)},

		{line: "maybe ids 1 1-1", err: errNackMode},
		{line: "fail ids 0 1-1", err: errNackNumIDs},
		{line: "fail ids x 1-1", err: errNackNumIDs},
		{line: "fail ids -1 1-1", err: errNackNumIDs},
		{line: "fail ids 9223372036854775807 1-1", err: errNackFew},
		{line: "fail ids 2 1-1", err: errNackFew},
		{line: "fail ids 1 1-1 2-1", err: command.Error("ERR ERR Unrecognized XNACK option '2-1'")},
		{line: "fail ids 1 1-1 retrycount", err: command.Error("ERR ERR Unrecognized XNACK option 'retrycount'")},
		{line: "fail ids 1 1-1 retrycount x", err: command.ErrNotInteger},
		{line: "fail ids 1 1-1 retrycount -1", err: errNackRetry},
		{line: "fail force retrycount 1", err: errNackNoIDs},
		{line: "fail ids 1 x", err: command.ErrInvalidID},
	} {
		a, err := parseXNack(words("xnack k g " + test.line))
		if err != nil || a.err != test.err || string(a.key)+string(a.group) != "kg" {
			t.Errorf("%s: %v", test.line, a.err)
		} else if a.err == nil && (!slices.Equal(a.ids, test.ids) || a.count != test.count || a.force != test.force) {
			t.Errorf("%s: %+v", test.line, a)
		}
	}
}

func TestParseXDelExAndXAckDel(t *testing.T) {
	for _, test := range []struct {
		rest string
		want idBlock
	}{
		{"ids 1 1-1", idBlock{refsKeep, words("1-1"), nil}},
		{"KEEPREF IDS 2 1-1 2", idBlock{refsKeep, words("1-1 2"), nil}},
		{"ids 2 1-1 x DelRef", idBlock{refsDelete, words("1-1 x"), nil}},
		{"acked ids 1 1-1", idBlock{refsAcked, words("1-1"), nil}},

		{"ids 1 1-1 2-2", idBlock{err: command.ErrSyntax}},
		{"ids 1 1-1 ids 1 1-1", idBlock{err: command.ErrSyntax}},
		{"acked acked ids 1 1-1", idBlock{err: command.ErrSyntax}},
		{"keepref ids 1 1-1 delref", idBlock{err: command.ErrSyntax}},
		{"1-1 1-1 1-1", idBlock{err: command.ErrSyntax}},
		{"acked ids", idBlock{err: command.ErrSyntax}},
		{"acked", idBlock{err: errNoIDs}},
		{"ids abc 1-1", idBlock{err: errNumIDs}},
		{"ids 0 1-1", idBlock{err: errNumIDs}},
		{"ids -5 1-1", idBlock{err: errNumIDs}},
		{"ids 3 1-1 2-2", idBlock{err: errNumIDsWrong}},
		{"ids 9223372036854775807 1-1", idBlock{err: errNumIDsWrong}},
	} {
		one, _ := parseXDelEx(words("xdelex k " + test.rest))
		two, _ := parseXAckDel(words("xackdel k g " + test.rest))
		for _, got := range []idBlock{one.idBlock, two.idBlock} {
			if got.err != test.want.err || got.err == nil && !reflect.DeepEqual(got, test.want) {
				t.Errorf("%s: %+v", test.rest, got)
			}
		}
	}
}
