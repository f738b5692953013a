package streams_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestAHistoryThatALimitLeavesNoRoomForIsLeftOut protects consumers from taking an empty list for the end of what is
// pending for them.
func TestAHistoryThatALimitLeavesNoRoomForIsLeftOut(t *testing.T) {
	for _, limit := range []string{"maxcount 1", "maxsize 1"} {
		r := newRunner(2)
		for _, line := range []string{
			"xadd x 1-1 f v", "xadd y 1-1 f v", "xgroup create x g 0", "xgroup create y g 0",
			"xreadgroup GROUP g c STREAMS y >",
		} {
			r.do(line)
		}
		if got := r.do("xreadgroup GROUP g c " + limit + " STREAMS x y > 0"); !strings.HasPrefix(got, "*1\r\n*2\r\n$1\r\nx\r\n") {
			t.Errorf("%s: %q", limit, got)
		}
	}
}

func TestWhatIsNobodysMayBeClaimedByTheMostPatient(t *testing.T) {
	r := newRunner(2)
	for _, line := range []string{
		"xadd x 1-1 f v", "xgroup create x g 0", "xreadgroup GROUP g c STREAMS x >", "xnack x g FAIL IDS 1 1-1",
	} {
		r.do(line)
	}
	if got := r.do("xreadgroup GROUP g d CLAIM 9223372036854775807 STREAMS x >"); !strings.Contains(got, "1-1") {
		t.Errorf("%q", got)
	}
}

// TestEntriesOfTheSameAgeAreClaimedInOrderAndOnce has more of them than a claim asks for at first, and deleted ones among
// them, which it finds on its way.
func TestEntriesOfTheSameAgeAreClaimedInOrderAndOnce(t *testing.T) {
	const now = 1_000_000
	r := newGroup(256, 0, "")
	r.at(now, "xreadgroup group g c1 streams s >")
	for i := 1; i <= 108; i++ {
		r.do(fmt.Sprintf("xack s g %d-1", i))
	}
	r.at(now, "xclaim s g c1 0 129-1 idle 100000")
	want := []string{"[129-1 [n 129] 100000 2]"}
	for i := 109; i <= 256; i++ {
		switch {
		case 131 <= i && i <= 190:
			r.do(fmt.Sprintf("xdel s %d-1", i))
		case i != 129:
			want = append(want, fmt.Sprintf("[%d-1 [n %d] 0 1]", i, i))
		}
	}
	r.expect(t, now,
		"xreadgroup group g c2 count 100 claim 0 streams s >", "[[s ["+strings.Join(want, " ")+"]]]",
		"xpending s g", "[88 109-1 256-1 [[c2 88]]]")
}

// TestAClaimGivesUpAfterManyDeletedEntries: others would wait for as long as it goes on.
func TestAClaimGivesUpAfterManyDeletedEntries(t *testing.T) {
	const entries = 20_000
	r := newRunner(2)
	for i := range entries {
		r.run(1000, words("xadd", "s", fmt.Sprint(i+1, "-1"), "n", "x")...)
	}
	r.do("xgroup create s g 0")
	r.do("xreadgroup group g a streams s >")
	r.do("xtrim s maxlen 1")
	pending := func() (n int) {
		fmt.Sscanf(r.do("xpending s g"), "*4\r\n:%d", &n)
		return n
	}
	r.expect(t, 1000, "xreadgroup group g b claim 0 streams s >", "~")
	if left := pending(); left < entries/100 || left > entries-10_000 {
		t.Errorf("of %d entries %d are pending after one claim", entries, left)
	}
	r.expect(t, 1000,
		"xreadgroup group g b claim 0 streams s >", "[[s [[20000-1 [n x] 0 1]]]]",
		"xpending s g", "[1 20000-1 20000-1 [[b 1]]]")
}

func TestWhoReadsItsHistoryOrWithoutAcknowledgingIsSeenButNotActive(t *testing.T) {
	r := newGroup(3, 1, "a")
	info := func(pending, idle, inactive int) string {
		return fmt.Sprintf("[[name a pending %d idle %d inactive %d]]", pending, idle, inactive)
	}
	r.expect(t, 1500,
		"xreadgroup group g a streams s 0", "[[s [[1-1 [n 1]]]]]", "xpending s g - + 9", "[[1-1 a 0 2]]",
		"xreadgroup group g a streams s 7", "[[s []]]",
	)
	r.expect(t, 1600, "xinfo consumers s g", info(1, 100, 600))
	r.expect(t, 2000, "xreadgroup group g a count 1 noack streams s >", "[[s [[2-1 [n 2]]]]]")
	r.expect(t, 2100, "xinfo consumers s g", info(1, 100, 1100))
	r.expect(t, 3000, "xreadgroup group g a streams s >", "[[s [[3-1 [n 3]]]]]")
	r.expect(t, 3100, "xinfo consumers s g", info(2, 100, 100))
	r.expect(t, 3200, "xreadgroup group g a streams s >", "~")
	r.expect(t, 3300, "xinfo consumers s g", info(2, 100, 300))
	if got := r.at(3300, "xinfo stream s full"); !strings.Contains(got, "seen-time 3200 active-time 3000") {
		t.Errorf("seen or active at another time: %s", got)
	}
}

// retry runs a claim that finds nothing, and returns when it wants to look again.
func (r *runner) retry(t *testing.T, nowMS int64, line string) int64 {
	t.Helper()
	if r.at(nowMS, line); r.Call.Wait == nil {
		t.Fatalf("%s does not wait", line)
	}
	return r.Call.Wait.RetryMS
}

func TestAClaimLooksAgainWhenTheFirstEntryMayBeClaimed(t *testing.T) {
	r := newGroup(1, 1, "a") // pending since 1000
	r.do("xadd t 1-1 f v")
	r.do("xgroup create t g 0")
	r.at(1400, "xreadgroup group g a streams t >") // pending since 1400
	r.do("xgroup create u g 0 mkstream")
	for line, want := range map[string]int64{
		"s >":         2000,
		"t >":         2400,
		"u >":         2500, // what somebody gets now
		"s t > >":     2000,
		"t s > >":     2000,
		"u t s > > >": 2000,
		"s t u > > >": 2000,
	} {
		if got := r.retry(t, 1500, "xreadgroup group g b block 0 claim 1000 streams "+line); got != want {
			t.Errorf("%s: looks again at %d, want %d", line, got, want)
		}
	}
	if got := r.retry(t, 1500, "xreadgroup group g b block 0 streams s >"); got != 0 {
		t.Errorf("who claims nothing looks again at %d", got)
	}
}

// TestAClaimDoesNotWaitForAnEntryOfTheFutureOnly: after the clock went back, what others get is claimable before it.
func TestAClaimDoesNotWaitForAnEntryOfTheFutureOnly(t *testing.T) {
	r := newGroup(1, 0, "")
	r.at(100_000, "xreadgroup group g a streams s >")
	if got := r.retry(t, 1500, "xreadgroup group g b block 0 claim 1000 streams s >"); got != 2500 {
		t.Errorf("looks again at %d, want 2500", got)
	}
}
