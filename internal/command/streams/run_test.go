package streams_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

func (r *runner) do(line string) string {
	return string(r.run(1000, words(strings.Fields(line)...)...))
}

func TestXAddIDsFollowTheClockButNeverGoBack(t *testing.T) {
	r := newRunner(2)
	for _, step := range []struct {
		now  int64
		want string
	}{{1000, "1000-0"}, {1000, "1000-1"}, {999, "1000-2"}, {1001, "1001-0"}} {
		if got := string(r.run(step.now, words("xadd", "k", "*", "f", "v")...)); got != fmt.Sprintf("$%d\r\n%s\r\n", len(step.want), step.want) {
			t.Errorf("at %d: %q, want %s", step.now, got, step.want)
		}
	}
}

func TestXAddThatFailsChangesNothing(t *testing.T) {
	r := newRunner(2)
	for _, line := range []string{"xadd k maxlen 1 0-0 f v", "xadd k nomkstream 1-1 f v", "xadd k x f v"} {
		r.do(line)
		if len(r.Tx.Record()) > 0 || r.Tx.Lookup([]byte("k")).Exists() {
			t.Errorf("%s made something", line)
		}
	}
	r.do("xadd k 5-5 f v")
	r.do("xadd k maxlen 0 5-5 f v")
	if len(r.Tx.Record()) > 0 || r.do("xlen k") != ":1\r\n" {
		t.Error("a refused entry trimmed the stream")
	}
}

func TestXInfoShowsIdempotencyOnlyOnceUsed(t *testing.T) {
	r := newRunner(3)
	r.do("xadd k 1-1 f v")
	if got := r.do("xinfo stream k"); !strings.HasPrefix(got, "%10\r\n") || strings.Contains(got, "idmp") {
		t.Errorf("%q", got)
	}
	if got := r.do("xinfo stream k full"); !strings.HasPrefix(got, "%9\r\n") || strings.Contains(got, "idmp") {
		t.Errorf("%q", got)
	}
	r.do("xadd k idmp p i * f v")
	r.do("xadd k idmp p i * f v")
	r.do("xadd k idmpauto q * f v")
	for _, line := range []string{"xinfo stream k", "xinfo stream k full"} {
		got := r.do(line)
		for _, want := range []string{"idmp-duration\r\n:100\r\n", "idmp-maxsize\r\n:100\r\n", "pids-tracked\r\n:2\r\n", "iids-tracked\r\n:2\r\n", "iids-added\r\n:2\r\n", "iids-duplicates\r\n:1\r\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s lacks %q: %q", line, want, got)
			}
		}
	}
}

func TestXCfgSetKeepsTheSettingThatIsNotNamed(t *testing.T) {
	r := newRunner(2)
	r.do("xadd k 1-1 f v")
	r.do("xcfgset k idmp-duration 7")
	r.do("xcfgset k idmp-maxsize 8")
	if got := r.do("xinfo stream k"); !strings.Contains(got, "idmp-duration\r\n:7\r\n") || !strings.Contains(got, "idmp-maxsize\r\n:8\r\n") {
		t.Errorf("%q", got)
	}
}

func TestXReadMaxSizeStopsBeforeTheEntryThatIsTooMuch(t *testing.T) {
	r := newRunner(2)
	for i := range 9 {
		r.do(fmt.Sprintf("xadd a %d-1 f v", i+1))
		r.do(fmt.Sprintf("xadd b %d-1 f v", i+1))
	}
	full := len(r.do("xread streams a 0"))
	for size := 1; size < 2*full+100; size++ {
		got := r.do(fmt.Sprintf("xread maxsize %d streams a b 0 0", size))
		entries := strings.Count(got, "$3\r\n")
		// The headers of the reply and of its lists are not there yet when the size is looked at.
		if len(got)-3*len("*2\r\n") > size && entries != 1 {
			t.Fatalf("%d bytes and %d entries for at most %d", len(got), entries, size)
		}
		if entries < 1 || len(got) < min(size, 2*full-4)-80 {
			t.Fatalf("%d bytes and %d entries for at most %d", len(got), entries, size)
		}
		if n := strings.Count(got, "$1\r\na\r\n") + strings.Count(got, "$1\r\nb\r\n"); fmt.Sprintf("*%d\r\n", n) != got[:4] {
			t.Fatalf("the header does not fit: %q", got)
		}
	}
}

// block runs an XREAD that waits, and returns what the broker would keep.
func (r *runner) block(t *testing.T, line string) func(*command.Call) (bool, error) {
	t.Helper()
	args := words(strings.Fields(line)...)
	if got := r.run(1000, args...); len(got) > 0 || r.Call.Wait == nil {
		t.Fatalf("%s does not wait: %q", line, got)
	}
	again := r.Call.Wait.Again()
	for _, a := range args { // the read buffer is used again
		copy(a, bytes.Repeat([]byte{'#'}, len(a)))
	}
	return again
}

func (r *runner) wake(again func(*command.Call) (bool, error)) (string, bool, error) {
	r.Tx.Begin(0, 0)
	r.Call.Out.Reset()
	done, err := again(&r.Call)
	return string(r.Call.Out.Bytes()), done, err
}

func TestABlockedReadKeepsItsArgumentsAndTheMeaningOfDollar(t *testing.T) {
	r := newRunner(2)
	r.do("xadd k 1-1 f v")
	again := r.block(t, "xread block 0 streams k none $ $")
	if got, done, err := r.wake(again); done || err != nil || got != "" {
		t.Fatalf("woke for nothing: %q %v %v", got, done, err)
	}
	r.do("xadd k 2-1 f v")
	r.do("xadd k 3-1 f v")
	got, done, err := r.wake(again)
	if !done || err != nil || !strings.Contains(got, "2-1") || !strings.Contains(got, "3-1") || strings.Contains(got, "$3\r\n1-1") {
		t.Errorf("%q %v %v", got, done, err)
	}
}

func TestABlockedReadOutlivesItsKey(t *testing.T) {
	r := newRunner(2)
	r.do("xadd k 5-1 f v")
	again := r.block(t, "xread block 0 count 1 streams k $")
	r.Tx.Begin(0, 0)
	r.Tx.Delete([]byte("k"))
	if _, done, err := r.wake(again); done || err != nil {
		t.Errorf("woke because the key is gone: %v", err)
	}
	r.do("xadd k 4-1 f v")
	if _, done, _ := r.wake(again); done {
		t.Error("woke for an entry below its ID")
	}
	r.do("xadd k 6-1 f v")
	if got, done, _ := r.wake(again); !done || !strings.Contains(got, "6-1") {
		t.Errorf("%q", got)
	}
}

func TestTheTimeoutOfABlockedReadIsNull(t *testing.T) {
	for protocol, want := range map[int]string{2: "*-1\r\n", 3: "_\r\n"} {
		r := newRunner(protocol)
		r.block(t, "xread block 50 streams k $")
		if r.Call.Wait.TimeoutMS != 50 {
			t.Errorf("waits for %d ms", r.Call.Wait.TimeoutMS)
		}
		out := resp.NewWriter(protocol)
		r.Call.Wait.Timeout(out)
		if string(out.Bytes()) != want {
			t.Errorf("%q", out.Bytes())
		}
	}
}

func TestEntriesOfEverySizeAreWrittenWhole(t *testing.T) {
	r := newRunner(2)
	var args [][]byte
	want := ""
	for i, size := range []int{0, 1, 9, 10, 99, 100, 127, 128, 1000, 1990, 2000, 2047, 2048, 2049, 16383, 16384, 100_000, 3, 1020, 1020} {
		name, value := bytes.Repeat([]byte{'n'}, size), bytes.Repeat([]byte{'a' + byte(i)}, size)
		args = append(args, name, value)
		want += fmt.Sprintf("$%d\r\n%s\r\n$%d\r\n%s\r\n", size, name, size, value)
	}
	const first, second = "18446744073709551615-9", "18446744073709551615-18446744073709551614"
	reply := "*2\r\n"
	for _, id := range []string{first, second} {
		r.run(0, append(words("xadd", "k", id), args...)...)
		reply += fmt.Sprintf("*2\r\n$%d\r\n%s\r\n*%d\r\n%s", len(id), id, len(args), want)
	}
	if got := r.do("xrange k - +"); got != reply {
		t.Errorf("%d bytes, want %d", len(got), len(reply))
	}
}

func TestXInfoHelpNamesWhatThereIs(t *testing.T) {
	got := newRunner(2).do("xinfo help")
	if !strings.HasPrefix(got, "*9\r\n+XINFO <subcommand>") || !strings.Contains(got, "+STREAM key [FULL [COUNT count]]\r\n") || !strings.Contains(got, "+GROUPS key\r\n") {
		t.Errorf("%q", got)
	}
}
