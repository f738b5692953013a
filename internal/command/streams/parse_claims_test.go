package streams

import (
	"math"
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
	with := func(count groups.Count, force bool, ids ...stream.ID) xnackArgs {
		return xnackArgs{[]byte("k"), []byte("g"), ids, count, force}
	}
	one, two := stream.ID{MS: 1, Seq: 1}, stream.ID{MS: 2}
	down, keep := groups.Count{How: groups.CountDown}, groups.Count{How: groups.CountKeep}
	set := func(n int64) groups.Count { return groups.Count{How: groups.CountSet, To: n} }
	testParse(t, parseXNack, []parseTest[xnackArgs]{
		{line: "xnack k g silent ids 1 1-1", want: with(down, false, one)},
		{line: "xnack k g FAIL IDS 2 1-1 2", want: with(keep, false, one, two)},
		{line: "xnack k g fatal ids 1 1-1 force", want: with(set(math.MaxInt64), true, one)},
		{line: "xnack k g fatal retrycount 3 force ids 1 1-1", want: with(set(3), true, one)},
		{line: "xnack k g silent ids 1 1-1 retrycount 0", want: with(set(0), false, one)},

		{line: "xnack k g maybe ids 1 1-1", err: errNackMode},
		{line: "xnack k g fail ids 0 1-1", err: errNackNumIDs},
		{line: "xnack k g fail ids x 1-1", err: errNackNumIDs},
		{line: "xnack k g fail ids -1 1-1", err: errNackNumIDs},
		{line: "xnack k g fail ids 9223372036854775807 1-1", err: errNackFew},
		{line: "xnack k g fail ids 2 1-1", err: errNackFew},
		{line: "xnack k g fail ids 1 1-1 2-1", err: command.Error("ERR ERR Unrecognized XNACK option '2-1'")},
		{line: "xnack k g fail ids 1 1-1 retrycount", err: command.Error("ERR ERR Unrecognized XNACK option 'retrycount'")},
		{line: "xnack k g fail ids 1 1-1 retrycount x", err: command.ErrNotInteger},
		{line: "xnack k g fail ids 1 1-1 retrycount -1", err: errNackRetry},
		{line: "xnack k g fail force retrycount 1", err: errNackNoIDs},
		{line: "xnack k g fail ids 1 x", err: command.ErrInvalidID},
	})
}

func TestParseXDelExAndXAckDel(t *testing.T) {
	one, two := stream.ID{MS: 1, Seq: 1}, stream.ID{MS: 2}
	for _, test := range []struct {
		rest string
		want idBlock
		err  error
	}{
		{rest: "ids 1 1-1", want: idBlock{refsKeep, []stream.ID{one}}},
		{rest: "KEEPREF IDS 2 1-1 2", want: idBlock{refsKeep, []stream.ID{one, two}}},
		{rest: "ids 2 1-1 1-1 DelRef", want: idBlock{refsDelete, []stream.ID{one, one}}},
		{rest: "acked ids 1 1-1", want: idBlock{refsAcked, []stream.ID{one}}},

		{rest: "ids 1 1-1 2-2", err: command.ErrSyntax},
		{rest: "ids 1 1-1 ids 1 1-1", err: command.ErrSyntax},
		{rest: "acked acked ids 1 1-1", err: command.ErrSyntax},
		{rest: "keepref ids 1 1-1 delref", err: command.ErrSyntax},
		{rest: "1-1 1-1 1-1", err: command.ErrSyntax},
		{rest: "acked ids", err: command.ErrSyntax},
		{rest: "acked", err: errNoIDs},
		{rest: "ids abc 1-1", err: errNumIDs},
		{rest: "ids 0 1-1", err: errNumIDs},
		{rest: "ids -5 1-1", err: errNumIDs},
		{rest: "ids 3 1-1 2-2", err: errNumIDsWrong},
		{rest: "ids 9223372036854775807 1-1", err: errNumIDsWrong},
		{rest: "ids 1 x", err: command.ErrInvalidID},
		{rest: "ids 1 -", err: command.ErrInvalidID},
	} {
		testParse(t, parseXDelEx, []parseTest[xdelexArgs]{{"xdelex k " + test.rest, xdelexArgs{[]byte("k"), test.want}, test.err}})
		testParse(t, parseXAckDel, []parseTest[xackdelArgs]{{"xackdel k g " + test.rest, xackdelArgs{[]byte("k"), []byte("g"), test.want}, test.err}})
	}
}
