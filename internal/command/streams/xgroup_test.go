package streams_test

import (
	"strings"
	"testing"
)

// wireAt runs a line at a time, and returns the reply as it is on the wire.
func (r *runner) wireAt(nowMS int64, line string) string {
	return string(r.run(nowMS, words(strings.Fields(line)...)...))
}

// expectWire runs lines, each with the bytes of the reply that it must get.
func (r *runner) expectWire(t *testing.T, script ...[2]string) {
	t.Helper()
	for _, s := range script {
		if got := r.do(s[0]); got != s[1] {
			t.Errorf("%s:\n got %q\nwant %q", s[0], got, s[1])
		}
	}
}

// changed reports whether the last line changed anything.
func (r *runner) changed() bool { return len(r.Tx.Record()) > 0 }

const (
	wireOK    = "+OK\r\n"
	wireNull  = "$-1\r\n"
	needsKey  = "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.\r\n"
	wireBadID = "-ERR Invalid stream ID specified as stream command argument\r\n"
)

func TestXGroupCreateMakesAStreamOnlyWhenNothingElseIsWrong(t *testing.T) {
	r := newRunner(2)
	for _, line := range []string{
		"xgroup create k g $",
		"xgroup create k g x mkstream",
		"xgroup create k g $ mkstream foo",
		"xgroup create k g $ mkstream entriesread -2",
		"xgroup create k g $ mkstream entriesread 1 entriesread 2",
	} {
		if got := r.do(line); got[0] != '-' || r.changed() || r.Tx.Lookup([]byte("k")).Exists() {
			t.Errorf("%s: %q, and made something", line, got)
		}
	}
	r.expectWire(t, [2]string{"xgroup create k g $ mkstream", wireOK}, [2]string{"xlen k", ":0\r\n"})
}

func TestXGroupErrorsComeInTheOrderOfRedis(t *testing.T) {
	const wrong = "-ERR unknown subcommand or wrong number of arguments for 'create'. Try XGROUP HELP.\r\n"
	const noGroup = "-NOGROUP No such consumer group 'h' for key name 'k'\r\n"
	r := newRunner(2)
	r.expectWire(t,
		// Options, then the key, then the group, then the ID, then whether the group is there.
		[2]string{"xgroup create k g x foo", wrong},
		[2]string{"xgroup create k g x", needsKey},
		[2]string{"xgroup create k g x entriesread 1 entriesread 1", needsKey},
		[2]string{"xgroup setid k g x", needsKey},
		[2]string{"xgroup destroy k g", needsKey},
		[2]string{"xgroup createconsumer k g c", needsKey},
		[2]string{"xgroup delconsumer k g c", needsKey},
		[2]string{"xgroup create k g 0 mkstream", wireOK},
		[2]string{"xgroup create k g x", wireBadID},
		[2]string{"xgroup create k g x entriesread 1 entriesread 1", wrong},
		[2]string{"xgroup create k g 0", "-BUSYGROUP Consumer Group name already exists\r\n"},
		[2]string{"xgroup create k g 0 mkstream", "-BUSYGROUP Consumer Group name already exists\r\n"},
		[2]string{"xgroup setid k h x", noGroup},
		[2]string{"xgroup setid k h x entriesread 1 entriesread 1", noGroup},
		[2]string{"xgroup setid k g x", wireBadID},
		[2]string{"xgroup createconsumer k h c", noGroup},
		[2]string{"xgroup delconsumer k h c", noGroup},
		[2]string{"xgroup destroy k h", ":0\r\n"},
	)
}

func TestGroupsAndConsumersAreNamedByAnyBytes(t *testing.T) {
	r := newRunner(2)
	r.do("xgroup create k x 0 mkstream")
	for _, name := range []string{"", "\x00", "a\x00b", "a\r\nb", "\xff\xfe", strings.Repeat("n", 70_000), "STREAMS"} {
		if got := string(r.run(1, words("xgroup", "create", "k", name, "0")...)); got != wireOK {
			t.Fatalf("%.20q: %q", name, got)
		}
		if got := string(r.run(1, words("xgroup", "createconsumer", "k", name, name)...)); got != ":1\r\n" {
			t.Fatalf("%.20q: %q", name, got)
		}
		if got := string(r.run(1, words("xinfo", "consumers", "k", name)...)); !strings.Contains(got, "\r\n"+name+"\r\n") {
			t.Errorf("%.20q is not the name of its consumer: %.60q", name, got)
		}
		if got := string(r.run(1, words("xgroup", "destroy", "k", name)...)); got != ":1\r\n" {
			t.Fatalf("%.20q: %q", name, got)
		}
	}
	if got := string(r.run(1, words("xgroup", "setid", "k\r\nl", "g\x00h", "0")...)); got != needsKey {
		t.Errorf("%q", got)
	}
	if got := string(r.run(1, words("xgroup", "setid", "k", "g\r\nh\x00i", "0")...)); got != "-NOGROUP No such consumer group 'g  h' for key name 'k'\r\n" {
		t.Errorf("%q", got)
	}
}

func TestXGroupSetIDBackwardsKeepsWhatIsPending(t *testing.T) {
	r := newRunner(2)
	for _, line := range []string{"xadd k 1-1 f v", "xadd k 2-1 f v", "xgroup create k g 0", "xreadgroup group g a streams k >"} {
		r.do(line)
	}
	r.expectWire(t,
		[2]string{"xgroup setid k g -", wireOK},
		[2]string{"xpending k g", "*4\r\n:2\r\n$3\r\n1-1\r\n$3\r\n2-1\r\n*1\r\n*2\r\n$1\r\na\r\n$1\r\n2\r\n"},
	)
	// Delivered again, they are the other consumer's, once each, and once only.
	r.do("xreadgroup group g b streams k >")
	r.expectWire(t, [2]string{"xpending k g - + 10", "*2\r\n*4\r\n$3\r\n1-1\r\n$1\r\nb\r\n:0\r\n:1\r\n*4\r\n$3\r\n2-1\r\n$1\r\nb\r\n:0\r\n:1\r\n"})
}

func TestXGroupSetIDForgetsHowManyWereRead(t *testing.T) {
	r := newRunner(2)
	r.do("xadd k 1-1 f v")
	r.do("xgroup create k g $ entriesread 1")
	if got := r.do("xinfo groups k"); !strings.Contains(got, "entries-read\r\n:1\r\n") {
		t.Errorf("%q", got)
	}
	r.do("xgroup setid k g $")
	if got := r.do("xinfo groups k"); !strings.Contains(got, "entries-read\r\n"+wireNull) {
		t.Errorf("%q", got)
	}
}

func TestXGroupDelConsumerDropsWhatIsPendingForItAndNothingElse(t *testing.T) {
	r := newRunner(2)
	for _, line := range []string{"xadd k 1-1 f v", "xadd k 2-1 f v", "xadd k 3-1 f v", "xgroup create k g 0",
		"xreadgroup group g a count 2 streams k >", "xreadgroup group g b streams k >"} {
		r.do(line)
	}
	r.expectWire(t,
		[2]string{"xgroup delconsumer k g a", ":2\r\n"},
		[2]string{"xgroup delconsumer k g a", ":0\r\n"},
		[2]string{"xgroup delconsumer k g never", ":0\r\n"},
		[2]string{"xpending k g", "*4\r\n:1\r\n$3\r\n3-1\r\n$3\r\n3-1\r\n*1\r\n*2\r\n$1\r\nb\r\n$1\r\n1\r\n"},
		[2]string{"xack k g 1-1 2-1", ":0\r\n"},
	)
	if r.changed() {
		t.Error("an acknowledgement of nothing is a change")
	}
}

func TestXGroupCreateConsumerSaysWhetherItIsNew(t *testing.T) {
	r := newRunner(2)
	r.do("xgroup create k g 0 mkstream")
	r.expectWire(t, [2]string{"xgroup createconsumer k g c", ":1\r\n"}, [2]string{"xgroup createconsumer k g c", ":0\r\n"})
	if r.changed() {
		t.Error("a consumer that was there is made again")
	}
}

func TestAnEmptyStreamStaysForItsGroups(t *testing.T) {
	r := newRunner(2)
	r.do("xgroup create k g 0 mkstream")
	r.do("xadd k 1-1 f v")
	r.expectWire(t,
		[2]string{"xdel k 1-1", ":1\r\n"},
		[2]string{"xgroup createconsumer k g c", ":1\r\n"},
		[2]string{"xgroup destroy k g", ":1\r\n"},
		[2]string{"xlen k", ":0\r\n"},
		[2]string{"xinfo groups k", "*0\r\n"},
		[2]string{"xgroup create k g $", wireOK},
	)
	if got := r.do("xinfo groups k"); !strings.Contains(got, "last-delivered-id\r\n$3\r\n1-1\r\n") {
		t.Errorf("$ of an emptied stream is not its last ID: %q", got)
	}
}

func TestXGroupHelpNamesWhatThereIs(t *testing.T) {
	got := newRunner(2).do("xgroup help")
	for _, want := range []string{"+CREATE key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]\r\n", "+CREATECONSUMER ", "+DELCONSUMER ", "+DESTROY ", "+SETID ", "+HELP\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
}
