package streams_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
)

const tooLong = "-" + string(command.ErrResultTooLong) + "\r\n"

// withLongEntries has the stream s with the entries 1-1 to n-1 of 100 bytes each, a group g at its beginning, and leave for replies
// of 1,000 bytes.
func withLongEntries(n int) *runner {
	r := newRunner(2)
	for i := range n {
		r.do(fmt.Sprintf("xadd s %d-1 f %s", i+1, strings.Repeat("x", 100)))
	}
	r.do("xgroup create s g 0")
	r.Call.MaxReply = 1000
	return r
}

func entriesOf(reply string) int { return strings.Count(reply, strings.Repeat("x", 100)) }

func TestARangeThatIsTooLongIsRefused(t *testing.T) {
	r := withLongEntries(100)
	for _, line := range []string{"xrange s - +", "xrevrange s + -", "xrange s - + count 50"} {
		if got := r.do(line); got != tooLong {
			t.Errorf("%s: %.80q", line, got)
		}
	}
	if n := entriesOf(r.do("xrange s - + count 5")); n != 5 {
		t.Errorf("%d entries of 5 that fit", n)
	}
}

func TestAReadEndsBehindWhatFitsAndGoesOnFromThere(t *testing.T) {
	for _, protocol := range []int{2, 3} {
		r := withLongEntries(100)
		r.Call.Out.SetProtocol(protocol)
		last, met := 0, 0
		for range 100 {
			got := r.do(fmt.Sprintf("xread streams s %d-1", last))
			n := entriesOf(got)
			if n == 0 {
				break
			}
			if len(got) > 1000+300 || n < 6 && met+n < 100 {
				t.Fatalf("%d entries in %d bytes", n, len(got))
			}
			met += n
			last += n
		}
		if met != 100 {
			t.Errorf("XREAD met %d entries of 100", met)
		}
		met = 0
		for range 100 {
			n := entriesOf(r.do("xreadgroup group g c streams s >"))
			if n == 0 {
				break
			}
			met += n
		}
		if pending := r.do("xpending s g"); met != 100 || !strings.Contains(pending, ":100\r\n") {
			t.Errorf("XREADGROUP delivered %d entries of 100; %q", met, pending)
		}
	}
}

func TestAStreamNamedAgainAndAgainMakesNoLongReply(t *testing.T) {
	r := withLongEntries(10)
	r.do("xreadgroup group g c streams s >")
	again := strings.Repeat(" s", 500) + strings.Repeat(" 0", 500)
	for _, line := range []string{"xreadgroup group g c streams" + again, "xread streams" + again} {
		if got := r.do(line); entriesOf(got) < 6 || len(got) > 1000+300 {
			t.Errorf("%.20s: %d entries in %d bytes", line, entriesOf(got), len(got))
		}
	}
}

func TestAClaimWhoseReplyIsTooLongClaimsNothing(t *testing.T) {
	r := withLongEntries(10)
	r.do("xreadgroup group g c count 2 streams s >")
	line := "xclaim s g other 0" + strings.Repeat(" 1-1", 50) + " lastid 9-1"
	if got := r.do(line); got != tooLong || len(r.Tx.Record()) > 0 {
		t.Errorf("%.80q, and %d bytes of changes", got, len(r.Tx.Record()))
	}
	if got := r.do(line + " justid"); strings.Count(got, "1-1") != 50 {
		t.Errorf("the IDs alone: %.80q", got)
	}
}
