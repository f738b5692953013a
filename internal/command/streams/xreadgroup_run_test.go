package streams_test

import (
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
