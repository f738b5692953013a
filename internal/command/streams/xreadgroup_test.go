package streams

import (
	"math"
	"testing"

	"github.com/weirmq/weir/internal/command"
)

func TestParseXReadGroup(t *testing.T) {
	with := func(edit func(*xreadgroupArgs)) xreadgroupArgs {
		a := xreadgroupArgs{group: []byte("g"), consumer: []byte("c")}
		a.keys, a.ids = words("s"), words(">")
		edit(&a)
		return a
	}
	testParse(t, parseXReadGroup, []parseTest[xreadgroupArgs]{
		{line: "xreadgroup GROUP g c STREAMS s >", want: with(func(*xreadgroupArgs) {})},
		{line: "xreadgroup group g c noack count 5 block 7 streams s >", want: with(func(a *xreadgroupArgs) {
			a.noAck, a.limits.count, a.block, a.blockMS = true, 5, true, 7
		})},
		{line: "xreadgroup COUNT 5 GROUP g c STREAMS s >", want: with(func(a *xreadgroupArgs) { a.limits.count = 5 })},
		{line: "xreadgroup GROUP g c COUNT -5 STREAMS s >", want: with(func(*xreadgroupArgs) {})},
		{line: "xreadgroup GROUP g c CLAIM 9 CLAIM 10 STREAMS s >", want: with(func(a *xreadgroupArgs) { a.claim, a.minIdleMS = true, 10 })},
		{line: "xreadgroup CLAIM 0 GROUP g c STREAMS s >", want: with(func(a *xreadgroupArgs) { a.claim = true })},
		{line: "xreadgroup GROUP g c MAXCOUNT 7 MAXSIZE 8 STREAMS s >", want: with(func(a *xreadgroupArgs) {
			a.limits.maxCount, a.limits.maxSize = 7, 8
		})},
		{line: "xreadgroup GROUP a b GROUP g c STREAMS s >", want: with(func(*xreadgroupArgs) {})},
		{line: "xreadgroup GROUP STREAMS STREAMS STREAMS STREAMS s 0 >", want: with(func(a *xreadgroupArgs) {
			a.group, a.consumer, a.keys, a.ids = []byte("STREAMS"), []byte("STREAMS"), words("STREAMS s"), words("0 >")
		})},
		{line: "xreadgroup GROUP g c BLOCK 9223372036854775807 STREAMS s >", want: with(func(a *xreadgroupArgs) {
			a.block, a.blockMS = true, maxBlockMS
		})},

		{line: "xreadgroup COUNT 1 BLOCK 5 STREAMS s >", err: errGroupMissing},
		{line: "xreadgroup COUNT 1 BLOCK 5 STREAMS s t >", err: errUnbalanced},
		{line: "xreadgroup GROUP g c COUNT 1 STREAMS", err: command.ErrSyntax},
		{line: "xreadgroup GROUP g c COUNT x STREAMS s >", err: command.ErrNotInteger},
		{line: "xreadgroup GROUP g c BLOCK x STREAMS s >", err: errTimeout},
		{line: "xreadgroup GROUP g c BLOCK -1 STREAMS s >", err: errTimeoutNegative},
		{line: "xreadgroup GROUP g c CLAIM x STREAMS s >", err: errMinIdle},
		{line: "xreadgroup GROUP g c CLAIM 5.5 STREAMS s >", err: errMinIdle},
		{line: "xreadgroup GROUP g c CLAIM -1 STREAMS s >", err: errMinIdleBelow0},
		{line: "xreadgroup GROUP g c MAXCOUNT 1 COUNT 2 STREAMS s >", err: errMaxCountBelow},
		{line: "xreadgroup GROUP g c MAXCOUNT 0 STREAMS s >", err: errMaxCount},
		{line: "xreadgroup GROUP g c FOO 1 STREAMS s >", err: command.ErrSyntax},
	})
}

func TestRetryIsNeverBeyondWhatTheClockCanHold(t *testing.T) {
	d := delivery{claim: true, minIdleMS: math.MaxInt64}
	c := &command.Call{NowMS: 1_700_000_000_000}
	if d.retry(c, source{above: newEntries}, 1); c.RetryMS != 0 {
		t.Errorf("looks again at %d, which will never come", c.RetryMS)
	}
}
