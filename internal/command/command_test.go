package command

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
)

func words(line string) Args {
	var args Args
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(w))
	}
	return args
}

func TestParseIntIsAsStrictAsRedis(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "7": 7, "-1": -1, "9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64, "10": 10,
	} {
		if got, err := ParseInt([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %d %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1.0", "0x1", "1e3", "9223372036854775808", "-9223372036854775809", "18446744073709551616", "99999999999999999999"} {
		if got, err := ParseInt([]byte(text)); err != ErrNotInteger {
			t.Errorf("%q: %d %v", text, got, err)
		}
	}
}

func TestKeysAreFoundWhereTheSpecSays(t *testing.T) {
	for _, test := range []struct {
		keys Keys
		line string
		want []int
	}{
		{KeyAt(1), "xlen s", []int{1}},
		{KeysFrom(1), "del a b c", []int{1, 2, 3}},
		{Keys{}, "ping x", nil},
		{KeysAfter("STREAMS", 1), "xread count 1 streams a b 0 0", []int{4, 5}},
		{KeysAfter("STREAMS", 1), "xread streams streams 0", []int{2}},
		{KeysAfter("STREAMS", 1), "xread streams a b 0", []int{2}},
		{KeysAfter("STREAMS", 1), "xread count 1", nil},
	} {
		if got := test.keys.Indexes(words(test.line)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.line, got, test.want)
		}
	}
}

func TestATableFindsCommandsInAnyCaseAndNamesSubcommands(t *testing.T) {
	table := NewTable([]Spec{{Name: "ping"}, {Name: "client", Group: Connection, Sub: []Spec{{Name: "id"}}}})
	if s := table.Lookup([]byte("PiNg")); s == nil || s.FullName != "ping" {
		t.Errorf("PiNg: %+v", s)
	}
	client := table.Lookup([]byte("CLIENT"))
	if sub := client.Lookup([]byte("ID")); sub == nil || sub.FullName != "client|id" || sub.Group != Connection {
		t.Errorf("CLIENT ID: %+v", sub)
	}
	for _, unknown := range []string{"", "pin", "pingg", strings.Repeat("x", 100)} {
		if s := table.Lookup([]byte(unknown)); s != nil {
			t.Errorf("%q found %s", unknown, s.Name)
		}
	}
	if allocs := testing.AllocsPerRun(100, func() { table.Lookup([]byte("PING")) }); allocs != 0 {
		t.Errorf("Lookup allocates %v times", allocs)
	}
	defer func() {
		if recover() == nil {
			t.Error("two commands of one name were accepted")
		}
	}()
	NewTable([]Spec{{Name: "ping"}}, []Spec{{Name: "ping"}})
}

func TestSentinelsBecomeRedissWords(t *testing.T) {
	for err, want := range map[error]string{
		ErrSyntax:                                "ERR syntax error",
		state.ErrWrongType:                       "WRONGTYPE Operation against a key holding the wrong kind of value",
		fmt.Errorf("x: %w", stream.ErrExhausted): "ERR The stream has exhausted the last possible ID, unable to add more items",
		errors.New("something else"):             "ERR something else",
	} {
		if got := WireText(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestHandleRunsOnlyWhatParses(t *testing.T) {
	ran := 0
	h := Handle(func(a Args) (int64, error) { return ParseInt(a[1]) }, func(c *Call, n int64) error {
		ran++
		c.Out.Int(n)
		return nil
	})
	out := resp.NewWriter(2)
	if err := h(&Call{Args: words("x nonsense"), Out: out}); err != ErrNotInteger || ran != 0 {
		t.Errorf("%v, ran %d times", err, ran)
	}
	if err := h(&Call{Args: words("x 12"), Out: out}); err != nil || string(out.Bytes()) != ":12\r\n" {
		t.Errorf("%v %q", err, out.Bytes())
	}
}

func TestPrintableKeepsAnErrorOnOneLine(t *testing.T) {
	if got := Printable([]byte("a\r\nb\x00c"), 4); got != "a  b" {
		t.Errorf("%q", got)
	}
}
