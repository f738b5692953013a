package keys

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/command/commandtest"
	"github.com/weirmq/weir/internal/glob"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

func withStreams(names ...string) *commandtest.Runner {
	r := commandtest.New(2, Specs())
	r.Tx.Begin(0, 0)
	for _, name := range names {
		r.Tx.StreamAppend([]byte(name), stream.ID{MS: 1}, nil)
	}
	return r
}

func TestCommandsOnKeysAnswerAsRedisDoes(t *testing.T) {
	r := withStreams("a", "b", "ab")
	for _, test := range []struct{ line, want string }{
		{"EXISTS a a none", ":2"},
		{"TYPE a", "+stream"},
		{"TYPE none", "+none"},
		{"KEYS a", "*1 $1 a"},
		{"KEYS ?b", "*1 $2 ab"},
		{"KEYS x*", "*0"},
		{"SCAN 0 MATCH b COUNT 100", "*2 $1 0 *1 $1 b"},
		{"SCAN 0 TYPE string", "*2 $1 0 *0"},
		{"SCAN 0 TYPE STREAM MATCH ab COUNT 10", "*2 $1 0 *1 $2 ab"},
		{"SCAN 0", "*2 $1 0 *3"},
		{"DEL a a none", ":1"},
		{"UNLINK b", ":1"},
		{"EXISTS a b ab", ":1"},
	} {
		if got := r.Reply(test.line); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %q, want %q", test.line, got, test.want)
		}
	}
}

func TestAnEmptyCursorIsTheBeginning(t *testing.T) {
	r := withStreams("a", "b", "ab")
	if got := string(r.Wire([][]byte{[]byte("SCAN"), {}})); !strings.HasPrefix(got, "*2\r\n$1\r\n0\r\n*3\r\n") {
		t.Errorf("%q", got)
	}
}

func TestScanRefusesWhatRedisRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"SCAN x": "ERR invalid cursor", "SCAN 1.5": "ERR invalid cursor", "SCAN 18446744073709551616": "ERR invalid cursor",
		"SCAN 0 FOO": "ERR syntax error", "SCAN 0 FOO 1": "ERR syntax error", "SCAN 0 COUNT": "ERR syntax error",
		"SCAN 0 COUNT 0": "ERR syntax error", "SCAN 0 COUNT x": "ERR value is not an integer or out of range",
	} {
		if got := withStreams().Reply(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestScanInStepsMeetsEveryKey(t *testing.T) {
	var names []string
	for i := range 500 {
		names = append(names, fmt.Sprint("key", i))
	}
	r := withStreams(names...)
	seen := map[string]bool{}
	cursor := "0"
	for steps := 0; ; steps++ {
		words := strings.Fields(r.Reply("SCAN " + cursor + " COUNT 7"))
		cursor = words[2]
		for i := 5; i < len(words); i += 2 {
			seen[words[i]] = true
		}
		if cursor == "0" {
			if steps < 500/7 {
				t.Errorf("%d steps: COUNT was not obeyed", steps)
			}
			break
		}
	}
	if len(seen) != len(names) {
		t.Errorf("met %d keys of %d", len(seen), len(names))
	}
}

func TestPatternsAboveTheLimitAreRefused(t *testing.T) {
	r := withStreams("a")
	long := strings.Repeat("x", glob.MaxPattern+1)
	for _, line := range []string{"KEYS " + long, "SCAN 0 MATCH " + long} {
		if got := r.Reply(line); got != string(errPattern) {
			t.Errorf("%.20s...: %q", line, got)
		}
	}
	if got := r.Reply("KEYS " + long[1:]); got != "*0" {
		t.Errorf("a pattern of the limit: %q", got)
	}
}

// TestASortWhoseResultIsTooLongIsRefused: what GET finds is written for each element, also for those that are alike.
func TestASortWhoseResultIsTooLongIsRefused(t *testing.T) {
	r := withStreams()
	r.Tx.ListPush([]byte("l"), true, slices.Repeat([][]byte{[]byte("1")}, 3)...)
	r.Tx.StringSet([]byte("text1"), bytes.Repeat([]byte("x"), 1000), state.Until{})
	r.Call.MaxReply = 2000
	for _, line := range []string{
		"SORT l GET text*", "SORT l BY text* ALPHA", "SORT_RO l GET text*", "SORT l BY nosort GET # GET text*", "SORT l GET text* STORE to", "SORT l LIMIT 0 1 GET text* GET text* GET text* GET text* STORE to",
	} {
		if got := r.Reply(line); got != string(command.ErrResultTooLong) {
			t.Errorf("%s: %.80s", line, got)
		}
	}
	if got := r.Reply("EXISTS to"); got != ":0" {
		t.Error("a list was stored nevertheless")
	}
	if got := r.Reply("SORT l LIMIT 0 2 GET text* STORE to"); got != ":2" {
		t.Error(got)
	}
	if got := r.Reply("SORT l LIMIT 0 2 GET text*"); len(got) < 2000 {
		t.Error(got)
	}
	gets := strings.Repeat(" GET #", 100)
	r.Tx.ListPush([]byte("many"), true, slices.Repeat([][]byte{[]byte("1")}, command.MaxBulks/100+1)...)
	if got := r.Reply("SORT many BY nosort" + gets); got != string(command.ErrResultTooLong) {
		t.Errorf("more strings than fit: %.80s", got)
	}
}
