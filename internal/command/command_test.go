package command

import (
	"errors"
	"fmt"
	"math"
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

func TestParseFloatIsAsStrictAsRedis(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "7": 7, "-1": -1, "+5": 5, "00012": 12, "1.5": 1.5, ".5": .5, "5.": 5, "1e5": 1e5, "1E-5": 1e-5, "999999999999999": 999999999999999,
		"1234567890123456789": 1234567890123456789, "inf": math.Inf(1), "+INF": math.Inf(1), "-Infinity": math.Inf(-1), "1e-310": 1e-310,
		"0x10": 16, "0x1p3": 8, "0x.8": .5, "0X1.8P1": 3, "0e-5000": 0, "0x0p-5000": 0, "-0.000": 0,
	} {
		if got, err := ParseFloat([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %g %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "-", " 1", "1 ", "1e", "1d", "x", "0x", "nan", "-NaN", "nan(1)", "1_0", "0x1_0", "1e400", "-1e400", "1e-400", "0.1e-5000", "0x1p-2000", "1\x00",
	} {
		if got, err := ParseFloat([]byte(text)); err != ErrNotFloat {
			t.Errorf("%q: %g %v", text, got, err)
		}
	}
	number := []byte("0.25")
	if allocs := testing.AllocsPerRun(100, func() { _, _ = ParseFloat(number) }); allocs != 0 {
		t.Errorf("ParseFloat allocates %v times", allocs)
	}
}

func TestParseTimeoutRoundsUpToMilliseconds(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1000, "0.0001": 1, "1.5": 1500, "0.1234": 124, "-0.0001": 0, "0x10": 16000, "9.2e15": 9.2e18, "9223372036854775.807": 1<<63 - 1, "-0.001": 0,
		".01": 10, "1e-3": 1,
	} {
		if got, err := ParseTimeout([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %d %v", text, got, err)
		}
	}
	for text, want := range map[string]error{
		"-1": ErrTimeoutNegative, "-inf": ErrTimeoutNegative, "inf": ErrTimeoutNegative, "9223372036854775.808": ErrTimeoutNegative, "1e400": ErrTimeoutNegative,
		"-0.002": ErrTimeoutNegative, "1e-5000": ErrTimeoutNotFloat, " 1": ErrTimeoutNotFloat, "x": ErrTimeoutNotFloat, "nan": ErrTimeoutNotFloat,
	} {
		if got, err := ParseTimeout([]byte(text)); err != want {
			t.Errorf("%s: %d %v", text, got, err)
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

func TestCategoriesStandInRedissOrder(t *testing.T) {
	for want, s := range map[string]Spec{
		"@write @set @sortedset @list @slow @dangerous": {Group: Generic, Flags: Write | Dangerous, NoGroupACL: true, ACL: []string{"list", "set", "sortedset"}},
		"@write @sortedset @slow @blocking":             {Group: SortedSet, Flags: Write | Blocking},
		"@write @hyperloglog @admin @slow @dangerous":   {Group: HyperLogLog, Flags: Write | Admin},
		"@keyspace @write @fast":                        {Group: Generic, Flags: Write | Fast},
		"@read @geo @slow":                              {Group: Geo, Flags: ReadOnly},
	} {
		if got := strings.Join(s.Categories(), " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
