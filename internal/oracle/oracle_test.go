package oracle_test

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// TestRunFindsEveryChangedReply changes one expected line at a time in a
// recorded transcript: each change must show, against the server it came from.
func TestRunFindsEveryChangedReply(t *testing.T) {
	needRedis(t)
	text, err := os.ReadFile(filepath.Join("testdata", "redis", "xlen.txt"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "  ") {
			continue
		}
		broken := slices.Clone(lines)
		broken[i] += "x"
		tr, err := oracle.Parse("broken", strings.Join(broken, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		redis, err := oracle.StartRedis(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		diffs, err := oracle.Run(redis.Addr, tr, 2)
		redis.Kill()
		if err != nil || len(diffs) != 1 || diffs[0].Line != i {
			t.Errorf("line %d changed to %q: %v, %v", i+1, broken[i], diffs, err)
		}
	}
}

func TestEveryTranscriptSurvivesParsingAndPrinting(t *testing.T) {
	for _, folder := range []string{"redis", "weir"} {
		transcripts(t, folder, func(t *testing.T, path string) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			tr, err := oracle.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if tr.String() != string(text) {
				t.Errorf("%s is not printed as it was read", path)
			}
		})
	}
}

func TestNoTwoReplyTypesLookAlike(t *testing.T) {
	for _, c := range []struct{ wire, want string }{
		{"$2\r\nOK\r\n", `"OK"`},
		{"+OK\r\n", "+OK"},
		{"-ERR no\r\n", "-ERR no"},
		{":1\r\n", ":1"},
		{"$1\r\n1\r\n", `"1"`},
		{"$-1\r\n", "$-1"},
		{"*-1\r\n", "*-1"},
		{"_\r\n", "_"},
		{"$0\r\n\r\n", `""`},
		{"*0\r\n", "*0"},
		{"%0\r\n", "%0"},
		{"~1\r\n+a\r\n", "~1\n  +a"},
		{">1\r\n+a\r\n", ">1\n  +a"},
		{",1.5\r\n", ",1.5"},
		{"#t\r\n", "#t"},
		{"(12\r\n", "(12"},
		{"=5\r\ntxt:a\r\n", `=txt:"a"`},
		{"!5\r\nERR x\r\n", `!"ERR x"`},
		{"*2\r\n*1\r\n:1\r\n%1\r\n$1\r\nk\r\n*-1\r\n", "*2\n  *1\n    :1\n  %1\n    \"k\"\n    *-1"},
		{"$5\r\n\x00\xff\"\\\n\r\n", `"\x00\xff\"\\\n"`},
	} {
		rep, err := oracle.ReadReply(bufio.NewReader(strings.NewReader(c.wire)))
		if err != nil || rep.String() != c.want {
			t.Errorf("%q: got %s, %v; want %s", c.wire, rep, err, c.want)
		}
	}
}

func TestRepliesThatBreakTheProtocolAreErrors(t *testing.T) {
	for _, wire := range []string{"", "+OK\n", "OK\r\n", "\r\n", ":\r\n", ":x\r\n", "$x\r\n", "$-2\r\n", "$3\r\nab\r\n",
		"$1\r\nabc", "*1\r\n", "#x\r\n", "_x\r\n", "%-1\r\n", "=3\r\nabc\r\n"} {
		if rep, err := oracle.ReadReply(bufio.NewReader(strings.NewReader(wire))); err == nil {
			t.Errorf("%q was read as %s", wire, rep)
		}
	}
}

func TestCommandsAreQuotedAsInRedisCli(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{``, nil},
		{`PING`, []string{"PING"}},
		{`  SET  k   v `, []string{"SET", "k", "v"}},
		{`ECHO "a b"`, []string{"ECHO", "a b"}},
		{`ECHO "" ''`, []string{"ECHO", "", ""}},
		{`ECHO "\x00\xfF\n\r\t\"\\"`, []string{"ECHO", "\x00\xff\n\r\t\"\\"}},
		{`ECHO '\n\''`, []string{"ECHO", `\n'`}},
		{`KEYS h\*llo`, []string{"KEYS", `h\*llo`}},
	} {
		got, err := oracle.SplitArgs(c.line)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v", c.line, got, err)
		}
		if again, err := oracle.SplitArgs(oracle.FormatCommand(got)); err != nil || !slices.Equal(again, got) {
			t.Errorf("%s was written as %s", c.line, oracle.FormatCommand(got))
		}
	}
	for _, line := range []string{`"`, `a "b`, `'`, `"\`, `"\x0"`} {
		if got, err := oracle.SplitArgs(line); err == nil {
			t.Errorf("%s was read as %q", line, got)
		}
	}
}

func TestNormalisationTouchesOnlyWhatItNames(t *testing.T) {
	bulk := func(s string) oracle.Reply { return oracle.Reply{Kind: '$', Text: s} }
	list := func(e ...oracle.Reply) oracle.Reply { return oracle.Reply{Kind: '*', Elems: e} }
	one := oracle.Reply{Kind: ':', Text: "1"}
	ms := func(n int64) oracle.Reply { return oracle.Reply{Kind: ':', Text: strconv.FormatInt(n, 10)} }
	minuteAgo := ms(time.Now().UnixMilli() - 60_000)
	for _, c := range []struct {
		rules string
		in    oracle.Reply
		want  string
	}{
		{"ids", list(bulk("1795205988832-0"), bulk("1-1"), one), "*3\n  \"<id>\"\n  \"1-1\"\n  :1"},
		{"ints", list(bulk("1"), one), "*2\n  \"1\"\n  :<int>"},
		{"mask a", list(bulk("a"), one, bulk("b"), bulk("a")), "*4\n  \"a\"\n  +<masked>\n  \"b\"\n  \"a\""},
		{"only b", list(bulk("a"), one, bulk("b"), one), "*2\n  \"b\"\n  :1"},
		{"drop a", list(bulk("a"), one, bulk("b"), list(bulk("a"), one)), "*2\n  \"b\"\n  *0"},
		{"times", list(bulk("1-1"), bulk("c"), ms(60_400), one), "*4\n  \"1-1\"\n  \"c\"\n  :<60s>\n  :1"},
		{"times", list(bulk("1-1"), bulk(""), ms(-1), one), "*4\n  \"1-1\"\n  \"\"\n  :-1\n  :1"},
		{"times", list(bulk("1-1"), minuteAgo, one), "*3\n  \"1-1\"\n  :<60s>\n  :1"},
		{"times", list(bulk("1-1"), list(bulk("f"), bulk("1")), one, one), "*4\n  \"1-1\"\n  *2\n    \"f\"\n    \"1\"\n  :<0s>\n  :1"},
		{"times", list(bulk("idle"), ms(123), bulk("pending"), one), "*4\n  \"idle\"\n  :<0s>\n  \"pending\"\n  :1"},
		{"times", list(one, bulk("1-1"), bulk("2-1"), one), "*4\n  :1\n  \"1-1\"\n  \"2-1\"\n  :1"},
		{"sorted", list(bulk("b"), bulk("a")), "*2\n  \"a\"\n  \"b\""},
		{"sorted", list(bulk("0"), list(bulk("b"), bulk("a"))), "*2\n  \"0\"\n  *2\n    \"a\"\n    \"b\""},
		{"names", bulk("id=7 name= x\n"), `"id name x\n"`},
		{"only b c", bulk("# T\r\nc:2\r\na:1\r\nb:x:y\r\n"), `"b:x:y\r\nc:2"`},
		{"mask b", bulk("# T\r\na:1\r\nb:2\r\n"), `"# T\r\na:1\r\nb:<masked>\r\n"`},
		{"kind", list(one), "+<*>"},
		{"shape", list(one, bulk("x")), "*2\n  :<:>\n  \"<$>\""},
	} {
		if got := oracle.Normalise(c.in, c.rules).String(); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.rules, got, c.want)
		}
	}
}
