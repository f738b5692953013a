package streams_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestXPendingIsAtOnceAnErrorWithoutKeyOrGroup(t *testing.T) {
	r := newRunner(2)
	r.expectWire(t,
		[2]string{"xpending k g", "-NOGROUP No such key 'k' or consumer group 'g'\r\n"},
		[2]string{"xpending k g - + 10", "-NOGROUP No such key 'k' or consumer group 'g'\r\n"},
		[2]string{"xpending k g - + x", "-ERR value is not an integer or out of range\r\n"},
		[2]string{"xgroup create k h 0 mkstream", wireOK},
		[2]string{"xpending k g", "-NOGROUP No such key 'k' or consumer group 'g'\r\n"},
	)
}

func TestXPendingOfNothingIsNull(t *testing.T) {
	for protocol, want := range map[int]string{2: "*4\r\n:0\r\n$-1\r\n$-1\r\n*-1\r\n", 3: "*4\r\n:0\r\n_\r\n_\r\n_\r\n"} {
		r := newRunner(protocol)
		r.do("xgroup create k g 0 mkstream")
		r.do("xgroup createconsumer k g c")
		r.expectWire(t, [2]string{"xpending k g", want}, [2]string{"xpending k g - + 10", "*0\r\n"})
	}
}

func TestXPendingCountsPerConsumerAreBulkStrings(t *testing.T) {
	r := share(3, 12, "a")
	r.do("xgroup createconsumer k g idle")
	r.expectWire(t, [2]string{"xpending k g", "*4\r\n:12\r\n$3\r\n1-1\r\n$4\r\n12-1\r\n*1\r\n*2\r\n$1\r\na\r\n$2\r\n12\r\n"})
}

func TestXPendingKnowsAConsumerWithoutAName(t *testing.T) {
	r := share(2, 3, "a")
	for _, empty := range [][]byte{{}, nil} { // copied arguments may be either
		args := append(words("xpending", "k", "g", "-", "+", "10"), empty)
		if got := string(r.run(1000, args...)); got != "*0\r\n" {
			t.Errorf("%q", got)
		}
	}
	r.run(1000, words("xgroup", "setid", "k", "g", "2-1")...)
	r.run(1000, words("xreadgroup", "group", "g", "", "streams", "k", ">")...)
	if got := string(r.run(1000, append(words("xpending", "k", "g", "-", "+", "10"), nil)...)); pendingIDs(got) != "3-1" {
		t.Errorf("%q", got)
	}
}

// pendingIDs are the IDs of the entries that a reply lists.
func pendingIDs(reply string) string {
	var ids []string
	for _, part := range strings.Split(reply, "*4\r\n")[1:] {
		ids = append(ids, strings.Split(part, "\r\n")[1])
	}
	return strings.Join(ids, " ")
}

func TestXPendingEndsWithTheEntryAtItsEnd(t *testing.T) {
	r := share(2, 5, "a", "b")
	for line, want := range map[string]string{
		"xpending k g 2 4 10":          "2-1 3-1 4-1",
		"xpending k g 2-1 4-1 10":      "2-1 3-1 4-1",
		"xpending k g (2-1 (4-1 10":    "3-1",
		"xpending k g (2 (4 10":        "2-1 3-1 4-1",
		"xpending k g - + 2":           "1-1 2-1",
		"xpending k g 2 + 2":           "2-1 3-1",
		"xpending k g - + 10 a":        "1-1 3-1 5-1",
		"xpending k g 2 4 10 a":        "3-1",
		"xpending k g - + 1 b":         "2-1",
		"xpending k g + - 10":          "",
		"xpending k g - + 0":           "",
		"xpending k g - + -1":          "",
		"xpending k g - + 10 nobody":   "",
		"xpending k g 6 + 10":          "",
		"xpending k g idle 0 - + 10 b": "2-1 4-1",
	} {
		if got := pendingIDs(r.do(line)); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestXPendingIdleIsOfTheEntryAndNotOfItsConsumer(t *testing.T) {
	r := newRunner(2)
	r.do("xgroup create k g 0 mkstream")
	for i := range 600 {
		r.wireAt(1, fmt.Sprintf("xadd k %d-1 f v", i+1))
	}
	// 300 entries at 1000, those from 301 on at 2000, but for the last at 5000.
	r.wireAt(1000, "xreadgroup group g a count 300 streams k >")
	r.wireAt(2000, "xreadgroup group g b count 299 streams k >")
	r.wireAt(5000, "xreadgroup group g a streams k >")
	for line, want := range map[string]int{
		"xpending k g idle 4000 - + 1000":                300,
		"xpending k g idle 4001 - + 1000":                0,
		"xpending k g idle 3000 - + 1000":                599,
		"xpending k g idle 3001 - + 1000":                300,
		"xpending k g idle 0 - + 1000":                   600,
		"xpending k g idle -7 - + 1000":                  600,
		"xpending k g idle 1 - + 1000 a":                 300,
		"xpending k g idle 4000 - + 1000 b":              0,
		"xpending k g idle 3000 200 310 1000":            111,
		"xpending k g idle 4000 200 310 1000":            101,
		"xpending k g idle 4000 310 + 1000":              0,
		"xpending k g idle 4000 - + 7":                   7,
		"xpending k g idle 9223372036854775807 - + 1000": 0,
	} {
		if got := strings.Count(r.wireAt(5000, line), "*4\r\n"); got != want {
			t.Errorf("%s: %d entries, want %d", line, got, want)
		}
	}
	if got := r.wireAt(5000, "xpending k g 300-1 301-1 10"); got != "*2\r\n*4\r\n$5\r\n300-1\r\n$1\r\na\r\n:4000\r\n:1\r\n*4\r\n$5\r\n301-1\r\n$1\r\nb\r\n:3000\r\n:1\r\n" {
		t.Errorf("%q", got)
	}
	if got := r.wireAt(900, "xpending k g 300-1 300-1 10"); !strings.HasSuffix(got, "$1\r\na\r\n:0\r\n:1\r\n") {
		t.Errorf("with the clock set back: %q", got)
	}
}

func TestXPendingShowsWhatIsNobodys(t *testing.T) {
	r := share(2, 3, "a")
	r.release("2-1")
	r.expectWire(t,
		[2]string{"xpending k g 2-1 2-1 10", "*1\r\n*4\r\n$3\r\n2-1\r\n$0\r\n\r\n:-1\r\n:1\r\n"},
		[2]string{"xpending k g", "*4\r\n:3\r\n$3\r\n1-1\r\n$3\r\n3-1\r\n*1\r\n*2\r\n$1\r\na\r\n$1\r\n2\r\n"},
		[2]string{"xpending k g idle 500 - + 10", "*1\r\n*4\r\n$3\r\n2-1\r\n$0\r\n\r\n:-1\r\n:1\r\n"},
	)
	r.release("1-1", "3-1")
	r.expectWire(t, [2]string{"xpending k g", "*4\r\n:3\r\n$3\r\n1-1\r\n$3\r\n3-1\r\n*0\r\n"}, [2]string{"xpending k g - + 10 a", "*0\r\n"})
}

func TestXPendingListsWhatIsNoLongerInTheStream(t *testing.T) {
	r := share(2, 3, "a")
	r.do("xdel k 1-1")
	r.do("xtrim k maxlen 0")
	if got := pendingIDs(r.do("xpending k g - + 10")); got != "1-1 2-1 3-1" {
		t.Errorf("%q", got)
	}
}
