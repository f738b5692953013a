package streams_test

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/oracle"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
)

// at runs a command at a time, and returns the reply in short: a word for a scalar, [...] for an array, ~ for null.
func (r *runner) at(nowMS int64, line string) string {
	reply, err := oracle.ReadReply(bufio.NewReader(bytes.NewReader(r.run(nowMS, words(strings.Fields(line)...)...))))
	if err != nil {
		return err.Error()
	}
	return short(reply)
}

func short(r oracle.Reply) string {
	switch {
	case r.Null || r.Kind == '_':
		return "~"
	case r.Elems == nil && r.Kind != '*' && r.Kind != '%':
		return r.Text
	}
	var elems []string
	for _, e := range r.Elems {
		elems = append(elems, short(e))
	}
	return "[" + strings.Join(elems, " ") + "]"
}

// expect runs commands at a time, and compares the replies.
func (r *runner) expect(t *testing.T, nowMS int64, steps ...string) {
	t.Helper()
	for i := 0; i < len(steps); i += 2 {
		if got := r.at(nowMS, steps[i]); got != steps[i+1] {
			t.Errorf("%s:\n got %s\nwant %s", steps[i], got, steps[i+1])
		}
	}
}

// newGroup has the stream s with the entries 1-1 to n-1, and the group g, of which a consumer has read some at 1000.
func newGroup(n, read int, consumer string) *runner {
	r := newRunner(2)
	for i := range n {
		r.do(fmt.Sprintf("xadd s %d-1 n %d", i+1, i+1))
	}
	r.do("xgroup create s g 0")
	if read > 0 {
		r.do(fmt.Sprintf("xreadgroup group g %s count %d streams s >", consumer, read))
	}
	return r
}

func TestXClaimMovesEntriesThatAreIdleLongEnough(t *testing.T) {
	r := newGroup(4, 3, "a")
	r.expect(t, 1500,
		"xclaim s g b 501 1-1 2-1", "[]",
		"xclaim s g b 500 1-1 4-1 9-1", "[[1-1 [n 1]]]",
		"xclaim s g b 0 2-1 justid", "[2-1]",
		"xpending s g - + 9", "[[1-1 b 0 2] [2-1 b 0 1] [3-1 a 500 1]]",
		"xpending s g", "[3 1-1 3-1 [[a 1] [b 2]]]",
	)
	if got := string(r.run(1500, words("xclaim", "s", "g", "b", "0", "1-1")...)); got != "*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nn\r\n$1\r\n1\r\n" {
		t.Errorf("%q", got)
	}
}

func TestXClaimThatClaimsNothingMakesNoConsumer(t *testing.T) {
	r := newGroup(3, 2, "a")
	r.do("xdel s 2-1")
	r.expect(t, 1100,
		"xclaim s g b 500 1-1", "[]",
		"xclaim s g b 0 9-1 force", "[]",
		"xclaim s g b 0 2-1", "[]",
		"xautoclaim s g b 500 0", "[0-0 [] []]",
		"xinfo consumers s g", "[[name a pending 1 idle 100 inactive 100]]",
	)
}

func TestCountsDoNotDriftWhenTheOwnerClaimsItsOwn(t *testing.T) {
	r := newGroup(3, 3, "a")
	for range 3 {
		r.do("xclaim s g a 0 1-1 1-1 2-1 force")
		r.do("xautoclaim s g a 0 0 justid")
		r.do("xack s g 3-1 3-1")
	}
	r.expect(t, 1000,
		"xpending s g", "[2 1-1 2-1 [[a 2]]]",
		"xpending s g - + 9", "[[1-1 a 0 7] [2-1 a 0 4]]",
		"xgroup delconsumer s g a", "2",
		"xpending s g", "[0 ~ ~ ~]",
	)
}

func TestXClaimPurgesWhatWasDeletedFromBothCounts(t *testing.T) {
	r := newGroup(4, 4, "a")
	r.do("xdel s 1-1 2-1")
	r.expect(t, 1000,
		"xclaim s g b 99999 1-1 1-1 2-1 3-1", "[]",
		"xpending s g", "[2 3-1 4-1 [[a 2]]]",
	)
}

func TestAnIDThatIsClaimedTwiceIsIdleOnlyOnce(t *testing.T) {
	r := newGroup(4, 3, "a")
	r.do("xdel s 3-1")
	r.expect(t, 1500,
		"xclaim s g b 0 1-1 1-1 2-1 1-1 justid", "[1-1 1-1 2-1 1-1]",
		"xclaim s g b 0 2-1 3-1 2-1", "[[2-1 [n 2]] [2-1 [n 2]]]")
	r.expect(t, 2500,
		"xclaim s g b 400 2-1 1-1 2-1 1-1 justid", "[2-1 1-1]")
	r.expect(t, 3500,
		"xclaim s g b 400 2-1 1-1 2-1 1-1 idle 500 justid", "[2-1 1-1 2-1 1-1]",
		// What was not pending may be claimed at once, but not twice.
		"xclaim s g b 400 4-1 4-1 force", "[[4-1 [n 4]]]")
}

func TestXClaimForceNeedsTheEntry(t *testing.T) {
	r := newGroup(6, 0, "")
	r.do("xdel s 2-1")
	r.expect(t, 1000,
		"xclaim s g a 50 1-1", "[]",
		"xclaim s g a 50 1-1 2-1 9-1 force", "[[1-1 [n 1]]]",
		"xclaim s g a 0 3-1 force justid", "[3-1]",
		"xclaim s g a 0 4-1 force retrycount 0", "[[4-1 [n 4]]]",
		"xclaim s g a 0 5-1 force retrycount 7 justid", "[5-1]",
		"xpending s g - + 9", "[[1-1 a 0 2] [3-1 a 0 1] [4-1 a 0 0] [5-1 a 0 7]]",
	)
}

func TestXClaimSetsTimeAndCount(t *testing.T) {
	r := newGroup(3, 3, "a")
	r.expect(t, 5000,
		"xclaim s g b 0 1-1 idle 300 retrycount 8 justid", "[1-1]",
		"xclaim s g b 0 2-1 time 1200 justid", "[2-1]",
		"xclaim s g b 0 3-1 time 99999 retrycount -1 justid", "[3-1]",
		"xpending s g - + 9", "[[1-1 b 300 8] [2-1 b 3800 1] [3-1 b 0 1]]",
	)
}

func TestDeliveriesEndAtTheLargestNumber(t *testing.T) {
	r := newGroup(1, 1, "a")
	r.do("xclaim s g a 0 1-1 retrycount 9223372036854775807")
	r.do("xclaim s g a 0 1-1")
	r.do("xautoclaim s g a 0 0")
	r.expect(t, 1000, "xpending s g - + 9", "[[1-1 a 0 9223372036854775807]]")
}

func TestXClaimLastIDMovesTheGroupForwardsOnly(t *testing.T) {
	r := newGroup(5, 2, "a")
	info := func(last string, lag int) string {
		return fmt.Sprintf("[[name g consumers 1 pending 2 last-delivered-id %s entries-read 2 lag %d]]", last, lag)
	}
	r.expect(t, 1000,
		"xclaim s g b 0 9-1 lastid 1-1", "[]", "xinfo groups s", info("2-1", 3),
		"xclaim s g b 0 9-1 lastid 4-0", "[]", "xinfo groups s", info("4-0", 2),
		"xreadgroup group g a count 1 streams s >", "[[s [[4-1 [n 4]]]]]",
	)
}

func TestAMissingGroupComesBeforeWhatIsWrongWithXClaim(t *testing.T) {
	r := newGroup(1, 1, "a")
	r.expect(t, 1000,
		"xclaim x g b y 1-1", "NOGROUP No such key 'x' or consumer group 'g'",
		"xclaim s x b y 1-1 foo", "NOGROUP No such key 's' or consumer group 'x'",
		"xclaim s g b y 1-1", "ERR Invalid min-idle-time argument for XCLAIM",
		"xautoclaim x g b y 1-1", "ERR Invalid min-idle-time argument for XAUTOCLAIM",
		"xautoclaim x g b 0 0", "NOGROUP No such key 'x' or consumer group 'g'",
		"xclaim s g b 0 1-1 lastid 9-1 foo", "ERR Unrecognized XCLAIM option 'foo'",
		"xpending s g - + 9", "[[1-1 a 0 1]]",
	)
	if len(r.Tx.Record()) > 0 {
		t.Error("a refused claim changed something")
	}
}

func TestXAutoClaimGoesOnWhereItsCursorSays(t *testing.T) {
	r := newGroup(5, 5, "a")
	r.expect(t, 2000,
		"xautoclaim s g b 500 0 count 2", "[3-1 [[1-1 [n 1]] [2-1 [n 2]]] []]",
		"xautoclaim s g b 500 3-1 count 2 justid", "[5-1 [3-1 4-1] []]",
		"xautoclaim s g b 500 5-1 count 1 justid", "[0-0 [5-1] []]",
		"xautoclaim s g b 500 - justid", "[0-0 [] []]",
		"xautoclaim s g b 0 (3-1 justid", "[0-0 [4-1 5-1] []]",
		"xautoclaim s g b 0 + justid", "[0-0 [] []]",
		"xpending s g - + 9", "[[1-1 b 0 2] [2-1 b 0 2] [3-1 b 0 1] [4-1 b 0 1] [5-1 b 0 1]]",
	)
}

func TestXAutoClaimCountsAndPurgesWhatWasDeleted(t *testing.T) {
	r := newGroup(6, 6, "a")
	r.do("xdel s 1-1 2-1 4-1")
	r.expect(t, 1000,
		"xautoclaim s g b 0 0 count 3 justid", "[4-1 [3-1] [1-1 2-1]]",
		"xpending s g", "[4 3-1 6-1 [[a 3] [b 1]]]",
		// However idle: what is gone goes.
		"xautoclaim s g b 99999 4-1 count 9", "[0-0 [] [4-1]]",
		"xpending s g", "[3 3-1 6-1 [[a 2] [b 1]]]",
	)
}

func TestXAutoClaimRefreshesWhatIsItsOwn(t *testing.T) {
	r := newGroup(1, 1, "a")
	r.expect(t, 3000,
		"xpending s g - + 9", "[[1-1 a 2000 1]]",
		"xautoclaim s g a 1000 0", "[0-0 [[1-1 [n 1]]] []]",
		"xautoclaim s g a 1000 0", "[0-0 [] []]",
		"xpending s g - + 9", "[[1-1 a 0 2]]",
	)
}

func TestXAutoClaimLooksAtTenTimesItsCount(t *testing.T) {
	r := newGroup(40, 40, "a")
	r.do("xclaim s g a 0 35-1 time 0 justid")
	r.expect(t, 1000,
		"xautoclaim s g b 500 0 count 2 justid", "[21-1 [] []]",
		"xautoclaim s g b 500 0 count 3 justid", "[31-1 [] []]",
		"xautoclaim s g b 500 31-1 count 1 justid", "[36-1 [35-1] []]",
		"xautoclaim s g b 500 31-1 count 576460752303423487 justid", "[0-0 [] []]",
	)
}

func TestXNackGivesEntriesBackToWhoeverClaimsFirst(t *testing.T) {
	r := newGroup(5, 4, "a")
	r.do("xclaim s g a 0 1-1 2-1 3-1 4-1 retrycount 3")
	r.expect(t, 1000,
		"xnack s g silent ids 2 1-1 9-1", "1",
		"xnack s g fail ids 1 2-1", "1",
		"xnack s g fatal ids 1 3-1", "1",
		"xnack s g fatal ids 2 4-1 5-1 retrycount 6", "1",
		"xpending s g - + 9", "[[1-1  -1 2] [2-1  -1 3] [3-1  -1 9223372036854775807] [4-1  -1 6]]",
		"xpending s g", "[4 1-1 4-1 []]",
		// Nobody's: however long is asked for.
		"xclaim s g b 99999 1-1 justid", "[1-1]",
		"xautoclaim s g c 99999 0 count 1 justid", "[3-1 [2-1] []]",
		"xautoclaim s g d 99999 3-1 count 1 justid", "[4-1 [3-1] []]",
		"xpending s g", "[4 1-1 4-1 [[b 1] [c 1] [d 1]]]",
	)
}

func TestXNackOfWhatIsNobodysCountsAgain(t *testing.T) {
	r := newGroup(1, 1, "a")
	r.do("xclaim s g a 0 1-1 retrycount 3")
	r.expect(t, 1000,
		"xnack s g silent ids 2 1-1 1-1", "2", "xpending s g - + 9", "[[1-1  -1 1]]",
		"xnack s g silent ids 2 1-1 1-1", "2", "xpending s g - + 9", "[[1-1  -1 0]]",
	)
}

func TestXNackForceNeedsTheEntry(t *testing.T) {
	r := newGroup(5, 1, "a")
	r.do("xdel s 1-1 5-1")
	r.expect(t, 1000,
		"xnack s g fail ids 2 2-1 5-1", "0",
		"xnack s g fail ids 3 1-1 2-1 5-1 force", "2",
		"xnack s g silent force ids 1 3-1", "1",
		"xnack s g fatal force ids 1 4-1 retrycount 2", "1",
		"xpending s g - + 9", "[[1-1  -1 1] [2-1  -1 0] [3-1  -1 0] [4-1  -1 2]]",
		"xnack x g fail ids 1 1-1", "NOGROUP No such key 'x' or consumer group 'g'",
		"xnack s x fail ids 1 1-1", "NOGROUP No such key 's' or consumer group 'x'",
	)
}

func TestWhatIsGivenBackWakesWhoWaitsToClaim(t *testing.T) {
	r := newGroup(2, 2, "a")
	for line, want := range map[string]bool{
		"xnack s g fail ids 1 1-1": true, "xnack s g fail ids 1 9-1": false,
		"xclaim s g b 0 2-1 idle 500": true, "xclaim s g b 0 2-1": false,
	} {
		if r.do(line); (len(r.Tx.Ready()) > 0) != want {
			t.Errorf("%s: waiters look again: %v", line, !want)
		}
	}
}

func TestClaimsAreReplayedFromTheLog(t *testing.T) {
	live, again := newRunner(2), newRunner(2)
	replica := state.NewKeyspace(stream.Config{})
	again.Tx = state.NewTx(replica)
	again.Call.Tx = again.Tx
	for i, line := range strings.Split(`xadd s 1-1 n 1
		xadd s 2-1 n 2
		xadd s 3-1 n 3
		xadd s 4-1 n 4
		xgroup create s g 0
		xgroup create s h 0
		xreadgroup group g a count 3 streams s >
		xreadgroup group h a count 4 streams s >
		xclaim s g b 0 2-1 1-1 2-1 idle 5 lastid 3-5
		xdel s 1-1
		xclaim s g c 0 1-1 4-1 force
		xautoclaim s g d 0 0 count 1
		xnack s g fatal ids 1 3-1
		xackdel s h delref ids 2 2-1 2-1
		xdelex s acked ids 1 3-1
		xadd s 5-1 n 5
		xgroup setid s g 5-1
		xack s h 3-1
		xtrim s maxlen 0 acked
		xtrim s maxlen 1 delref`, "\n") {
		line = strings.TrimSpace(line)
		live.run(int64(1000+i), words(strings.Fields(line)...)...)
		if err := replica.Apply(uint64(i+1), bytes.Clone(live.Tx.Record())); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		for _, question := range []string{"xpending s g - + 9", "xpending s h - + 9", "xinfo stream s full", "xinfo groups s"} {
			if a, b := live.at(2000, question), again.at(2000, question); a != b {
				t.Fatalf("after %s, %s:\nlive   %s\nreplay %s", line, question, a, b)
			}
		}
	}
}

func TestEntriesOfClaimsAreWrittenInBothProtocols(t *testing.T) {
	r := newGroup(2, 2, "a")
	two := string(r.run(1000, words("xautoclaim", "s", "g", "b", "0", "0")...))
	r.Call.Out = resp.NewWriter(3)
	if three := string(r.run(1000, words("xautoclaim", "s", "g", "b", "0", "0")...)); three != two {
		t.Errorf("%q and %q", two, three)
	}
}
