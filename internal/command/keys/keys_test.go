package keys

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/glob"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
)

// run executes one command on a keyspace and returns its reply, line ends shown as blanks.
func run(tx *state.Tx, line string) string {
	var args command.Args
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(strings.Trim(w, "'")))
	}
	out := resp.NewWriter(2)
	tx.Begin(0, 0)
	if err := command.NewTable(Specs()).Lookup(args[0]).Run(&command.Call{Args: args, Out: out, Tx: tx}); err != nil {
		return command.WireText(err)
	}
	return strings.ReplaceAll(strings.TrimSpace(string(out.Bytes())), "\r\n", " ")
}

func withStreams(names ...string) *state.Tx {
	tx := state.NewTx(state.NewKeyspace(stream.Config{}))
	tx.Begin(0, 0)
	for _, name := range names {
		tx.StreamAppend([]byte(name), stream.ID{MS: 1}, nil)
	}
	return tx
}

func TestCommandsOnKeysAnswerAsRedisDoes(t *testing.T) {
	tx := withStreams("a", "b", "ab")
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
		{"SCAN ''", "*2 $1 0 *3"},
		{"DEL a a none", ":1"},
		{"UNLINK b", ":1"},
		{"EXISTS a b ab", ":1"},
	} {
		if got := run(tx, test.line); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %q, want %q", test.line, got, test.want)
		}
	}
}

func TestScanRefusesWhatRedisRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"SCAN x": "ERR invalid cursor", "SCAN 1.5": "ERR invalid cursor", "SCAN 18446744073709551616": "ERR invalid cursor",
		"SCAN 0 FOO": "ERR syntax error", "SCAN 0 FOO 1": "ERR syntax error", "SCAN 0 COUNT": "ERR syntax error",
		"SCAN 0 COUNT 0": "ERR syntax error", "SCAN 0 COUNT x": "ERR value is not an integer or out of range",
	} {
		if got := run(withStreams(), line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestScanInStepsMeetsEveryKey(t *testing.T) {
	var names []string
	for i := range 500 {
		names = append(names, fmt.Sprint("key", i))
	}
	tx := withStreams(names...)
	seen := map[string]bool{}
	cursor := "0"
	for steps := 0; ; steps++ {
		words := strings.Fields(run(tx, "SCAN "+cursor+" COUNT 7"))
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
	tx := withStreams("a")
	long := strings.Repeat("x", glob.MaxPattern+1)
	for _, line := range []string{"KEYS " + long, "SCAN 0 MATCH " + long} {
		if got := run(tx, line); got != string(errPattern) {
			t.Errorf("%.20s...: %q", line, got)
		}
	}
	if got := run(tx, "KEYS "+long[1:]); got != "*0" {
		t.Errorf("a pattern of the limit: %q", got)
	}
}
