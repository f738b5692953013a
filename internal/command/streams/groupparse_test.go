package streams

import (
	"math"
	"testing"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/stream"
)

func TestParseXGroupCreate(t *testing.T) {
	with := func(edit func(*xgroupArgs)) xgroupArgs {
		a := xgroupArgs{key: []byte("k"), group: []byte("g"), entriesRead: groups.Unknown}
		edit(&a)
		return a
	}
	const wrong command.Error = "ERR unknown subcommand or wrong number of arguments for 'create'. Try XGROUP HELP."
	testParse(t, parseXGroupCreate, []parseTest[xgroupArgs]{
		{line: "xgroup create k g 5", want: with(func(a *xgroupArgs) { a.id = stream.ID{MS: 5} })},
		{line: "xgroup create k g 5-6", want: with(func(a *xgroupArgs) { a.id = stream.ID{MS: 5, Seq: 6} })},
		{line: "xgroup create k g $", want: with(func(a *xgroupArgs) { a.atLast = true })},
		{line: "xgroup create k g $\x00x", want: with(func(a *xgroupArgs) { a.atLast = true })},
		{line: "xgroup create k g $ MkStream", want: with(func(a *xgroupArgs) { a.atLast, a.makeStream = true, true })},
		{line: "xgroup create k g $ entriesread 7 mkstream", want: with(func(a *xgroupArgs) {
			a.atLast, a.makeStream, a.entriesRead = true, true, 7
		})},
		{line: "xgroup create k g $ entriesread 0", want: with(func(a *xgroupArgs) { a.atLast, a.entriesRead = true, 0 })},
		{line: "xgroup create k g $ entriesread -1", want: with(func(a *xgroupArgs) { a.atLast = true })},
		{line: "xgroup create k g $ mkstream mkstream mkstream", want: with(func(a *xgroupArgs) { a.atLast, a.makeStream = true, true })},

		// What matters only once the key is known to be there.
		{line: "xgroup create k g x", want: with(func(a *xgroupArgs) { a.err = command.ErrInvalidID })},
		{line: "xgroup create k g -", want: with(func(a *xgroupArgs) { a.err = command.ErrInvalidID })},
		{line: "xgroup create k g +", want: with(func(a *xgroupArgs) { a.err = command.ErrInvalidID })},
		{line: "xgroup create k g (5", want: with(func(a *xgroupArgs) { a.err = command.ErrInvalidID })},
		{line: "xgroup create k g >", want: with(func(a *xgroupArgs) { a.err = command.ErrInvalidID })},
		{line: "xgroup create k g $x", want: with(func(a *xgroupArgs) { a.err = command.ErrInvalidID })},
		{line: "xgroup create k g x mkstream entriesread 1 mkstream mkstream", want: with(func(a *xgroupArgs) {
			a.makeStream, a.entriesRead, a.err = true, 1, wrong
		})},

		{line: "xgroup create k g $ foo", err: wrong},
		{line: "xgroup create k g x entriesread", err: wrong},
		{line: "xgroup create k g x mkstream 5", err: wrong},
		{line: "xgroup create k g x entriesread x", err: command.ErrNotInteger},
		{line: "xgroup create k g x entriesread -2", err: errEntriesRead},
	})
}

func TestParseXGroupSetID(t *testing.T) {
	with := func(edit func(*xgroupArgs)) xgroupArgs {
		a := xgroupArgs{key: []byte("k"), group: []byte("g"), entriesRead: groups.Unknown}
		edit(&a)
		return a
	}
	const wrong command.Error = "ERR unknown subcommand or wrong number of arguments for 'SetID'. Try XGROUP HELP."
	testParse(t, parseXGroupSetID, []parseTest[xgroupArgs]{
		{line: "xgroup setid k g 5", want: with(func(a *xgroupArgs) { a.id = stream.ID{MS: 5} })},
		{line: "xgroup setid k g -", want: with(func(*xgroupArgs) {})},
		{line: "xgroup setid k g +", want: with(func(a *xgroupArgs) { a.id = stream.MaxID })},
		{line: "xgroup setid k g $ ENTRIESREAD 7", want: with(func(a *xgroupArgs) { a.atLast, a.entriesRead = true, 7 })},
		{line: "xgroup setid k g x", want: with(func(a *xgroupArgs) { a.err = command.ErrInvalidID })},
		{line: "xgroup SetID k g x entriesread 7 entriesread 8", want: with(func(a *xgroupArgs) { a.entriesRead, a.err = 8, wrong })},
		{line: "xgroup SetID k g $ mkstream", err: wrong},
		{line: "xgroup SetID k g $ entriesread", err: wrong},
		{line: "xgroup setid k g $ entriesread -5", err: errEntriesRead},
	})
}

func TestParseXPending(t *testing.T) {
	with := func(edit func(*xpendingArgs)) xpendingArgs {
		a := xpendingArgs{key: []byte("k"), group: []byte("g"), list: true, to: stream.MaxID, count: 10}
		edit(&a)
		return a
	}
	testParse(t, parseXPending, []parseTest[xpendingArgs]{
		{line: "xpending k g", want: xpendingArgs{key: []byte("k"), group: []byte("g")}},
		{line: "xpending k g - + 10", want: with(func(*xpendingArgs) {})},
		{line: "xpending k g - + -5", want: with(func(a *xpendingArgs) { a.count = -5 })},
		{line: "xpending k g - + 10 c", want: with(func(a *xpendingArgs) { a.ofConsumer, a.consumer = true, []byte("c") })},
		{line: "xpending k g - + 10 ''", want: with(func(a *xpendingArgs) { a.ofConsumer, a.consumer = true, []byte{} })},
		{line: "xpending k g - + 10 c d e", want: with(func(a *xpendingArgs) { a.ofConsumer, a.consumer = true, []byte("c") })},
		{line: "xpending k g idle 5 - + 10", want: with(func(a *xpendingArgs) { a.minIdleMS = 5 })},
		{line: "xpending k g IDLE -5 - + 10 c", want: with(func(a *xpendingArgs) { a.minIdleMS, a.ofConsumer, a.consumer = -5, true, []byte("c") })},
		{line: "xpending k g 5 6 10", want: with(func(a *xpendingArgs) {
			a.from, a.to = stream.ID{MS: 5}, stream.ID{MS: 6, Seq: math.MaxUint64}
		})},
		{line: "xpending k g (5 (6 10", want: with(func(a *xpendingArgs) {
			a.from, a.to = stream.ID{MS: 5, Seq: 1}, stream.ID{MS: 6, Seq: math.MaxUint64 - 1}
		})},
		{line: "xpending k g x", err: command.ErrSyntax},
		{line: "xpending k g - +", err: command.ErrSyntax},
		{line: "xpending k g idle 5 - +", err: command.ErrSyntax},
		{line: "xpending k g idle x - +", err: command.ErrNotInteger},
		{line: "xpending k g idle 5 - + 10 c d", err: command.ErrSyntax},
		{line: "xpending k g - + x", err: command.ErrNotInteger},
		{line: "xpending k g x + x", err: command.ErrNotInteger},
		{line: "xpending k g idle - + 10", err: command.ErrNotInteger},
		{line: "xpending k g x + 10", err: command.ErrInvalidID},
		{line: "xpending k g - ( 10", err: command.ErrInvalidID},
		{line: "xpending k g - (0-0 10", err: errEnd},
		{line: "xpending k g (18446744073709551615-18446744073709551615 x 10", err: errStart},
	})
}

func TestParseXAckLeavesTheIDsAsTheyAre(t *testing.T) {
	testParse(t, parseXAck, []parseTest[xackArgs]{
		{line: "xack k g 1-1 x", want: xackArgs{[]byte("k"), []byte("g"), words("1-1 x")}},
	})
}
