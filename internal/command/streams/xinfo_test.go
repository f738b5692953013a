package streams_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestLagIsANumberAfterEveryDeletion(t *testing.T) {
	r := newRunner(2)
	for i := range 9 {
		r.do(fmt.Sprintf("xadd k %d-1 f v", i+1))
	}
	r.do("xgroup create k g 0")
	lag := func(want int) {
		t.Helper()
		if got := r.do("xinfo groups k"); !strings.HasSuffix(got, fmt.Sprintf("$3\r\nlag\r\n:%d\r\n", want)) {
			t.Errorf("not a lag of %d: %q", want, got)
		}
	}
	lag(9)
	r.do("xreadgroup group g a count 2 streams k >")
	lag(7)
	r.do("xdel k 5-1") // ahead: Redis does not know any more
	lag(6)
	r.do("xdel k 1-1") // behind
	lag(6)
	r.do("xtrim k maxlen 3")
	lag(3)
	r.do("xgroup setid k g 8-1")
	lag(1)
	r.do("xgroup setid k g +")
	lag(0)
	r.do("xgroup setid k g 0")
	r.do("xtrim k maxlen 0")
	lag(0)
}

func TestXInfoGroupsHasTheFieldsOfRedisAndNoMore(t *testing.T) {
	for protocol, head := range map[int]string{2: "*1\r\n*12\r\n", 3: "*1\r\n%6\r\n"} {
		r := share(protocol, 3, "a", "b")
		want := head + "$4\r\nname\r\n$1\r\ng\r\n$9\r\nconsumers\r\n:2\r\n$7\r\npending\r\n:3\r\n$17\r\nlast-delivered-id\r\n$3\r\n3-1\r\n$12\r\nentries-read\r\n:3\r\n$3\r\nlag\r\n:0\r\n"
		r.expectWire(t, [2]string{"xinfo groups k", want})
	}
	r := newRunner(3)
	r.do("xgroup create k g 5 mkstream")
	if got := r.do("xinfo groups k"); !strings.Contains(got, "entries-read\r\n_\r\n") {
		t.Errorf("%q", got)
	}
}

func TestXInfoErrors(t *testing.T) {
	r := newRunner(2)
	r.expectWire(t,
		[2]string{"xinfo groups k", "-ERR no such key\r\n"},
		[2]string{"xinfo consumers k g", "-ERR no such key\r\n"},
		[2]string{"xgroup create k h 0 mkstream", wireOK},
		[2]string{"xinfo consumers k g", "-NOGROUP No such consumer group 'g' for key name 'k'\r\n"},
		[2]string{"xinfo consumers k h", "*0\r\n"},
	)
}

func TestIdleIsSinceTheLastAttemptAndInactiveSinceTheLastSuccess(t *testing.T) {
	r := newRunner(3)
	r.wireAt(1000, "xgroup create k g 0 mkstream")
	r.wireAt(1000, "xgroup createconsumer k g c")
	consumer := func(now int64, pending, idle, inactive int) {
		t.Helper()
		want := fmt.Sprintf("*1\r\n%%4\r\n$4\r\nname\r\n$1\r\nc\r\n$7\r\npending\r\n:%d\r\n$4\r\nidle\r\n:%d\r\n$8\r\ninactive\r\n:%d\r\n", pending, idle, inactive)
		if got := r.wireAt(now, "xinfo consumers k g"); got != want {
			t.Errorf("at %d:\n got %q\nwant %q", now, got, want)
		}
	}
	consumer(1500, 0, 500, -1)
	r.wireAt(2000, "xreadgroup group g c streams k >")
	consumer(2500, 0, 500, -1)
	r.wireAt(3000, "xadd k 1-1 f v")
	r.wireAt(3000, "xreadgroup group g c streams k >")
	consumer(3500, 1, 500, 500)
	r.wireAt(4000, "xreadgroup group g c streams k >")
	consumer(4500, 1, 500, 1500)
	r.wireAt(5000, "xack k g 1-1")
	consumer(5500, 0, 1500, 2500)
	consumer(100, 0, 0, 0) // the clock was set back
}

func TestXInfoStreamFullShowsGroupsWithTheirTimes(t *testing.T) {
	r := newRunner(3)
	r.wireAt(1000, "xgroup create k g 0 mkstream")
	r.wireAt(1000, "xadd k 1-1 f v")
	r.wireAt(1000, "xadd k 2-1 f v")
	r.wireAt(2000, "xreadgroup group g a count 1 streams k >")
	r.wireAt(3000, "xreadgroup group g b streams k >")
	r.wireAt(3500, "xgroup createconsumer k g c")
	got := r.wireAt(9000, "xinfo stream k full")
	_, got, _ = strings.Cut(got, "$6\r\ngroups\r\n")
	consumer := func(name string, seen, active int, pending string) string {
		n := strings.Count(pending, "*3\r\n")
		return fmt.Sprintf("%%5\r\n$4\r\nname\r\n$1\r\n%s\r\n$9\r\nseen-time\r\n:%d\r\n$11\r\nactive-time\r\n:%d\r\n$9\r\npel-count\r\n:%d\r\n$7\r\npending\r\n*%d\r\n%s", name, seen, active, n, n, pending)
	}
	want := "*1\r\n%7\r\n$4\r\nname\r\n$1\r\ng\r\n$17\r\nlast-delivered-id\r\n$3\r\n2-1\r\n$12\r\nentries-read\r\n:2\r\n$3\r\nlag\r\n:0\r\n$9\r\npel-count\r\n:2\r\n" +
		"$7\r\npending\r\n*2\r\n*4\r\n$3\r\n1-1\r\n$1\r\na\r\n:2000\r\n:1\r\n*4\r\n$3\r\n2-1\r\n$1\r\nb\r\n:3000\r\n:1\r\n" +
		"$9\r\nconsumers\r\n*3\r\n" +
		consumer("a", 2000, 2000, "*3\r\n$3\r\n1-1\r\n:2000\r\n:1\r\n") +
		consumer("b", 3000, 3000, "*3\r\n$3\r\n2-1\r\n:3000\r\n:1\r\n") +
		consumer("c", 3500, -1, "")
	if got != want {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	if got := r.do("xinfo stream k"); !strings.Contains(got, "$6\r\ngroups\r\n:1\r\n") {
		t.Errorf("%q", got)
	}
}

func TestXInfoStreamFullCountLimitsWhatIsPendingToo(t *testing.T) {
	r := share(2, 30, "a", "b")
	for count, want := range map[string][2]int{
		"":         {10, 20}, // entries of the stream and the group; those of both consumers
		"count 3":  {3, 6},
		"count 0":  {30, 30},
		"count 99": {30, 30},
		"count -1": {10, 20},
	} {
		got := r.do("xinfo stream k full " + count)
		entries, pending, perConsumer := strings.Count(got, "*2\r\n$1\r\nf\r\n"), strings.Count(got, "\r\n*4\r\n"), strings.Count(got, "\r\n*3\r\n$")
		if entries != want[0] || pending != want[0] || perConsumer != want[1] {
			t.Errorf("FULL %s: %d entries, %d pending, %d of consumers, want %v", count, entries, pending, perConsumer, want)
		}
		if !strings.Contains(got, "pel-count\r\n:30\r\n") || strings.Count(got, "pel-count\r\n:15\r\n") != 2 {
			t.Errorf("FULL %s: counts are those of what is shown: %q", count, got)
		}
	}
}

func TestNackedCountIsThereOnlyIfSomethingWasReleased(t *testing.T) {
	r := share(3, 3, "a")
	if got := r.do("xinfo stream k full"); strings.Contains(got, "nacked-count") {
		t.Errorf("%q", got)
	}
	r.release("2-1")
	got := r.do("xinfo stream k full")
	if !strings.Contains(got, "*1\r\n%8\r\n$4\r\nname\r\n") || !strings.Contains(got, "$9\r\npel-count\r\n:3\r\n$12\r\nnacked-count\r\n:1\r\n$7\r\npending\r\n*3\r\n") ||
		!strings.Contains(got, "*4\r\n$3\r\n2-1\r\n$0\r\n\r\n:0\r\n:1\r\n") {
		t.Errorf("%q", got)
	}
	if got := r.do("xinfo groups k"); !strings.HasPrefix(got, "*1\r\n%6\r\n") {
		t.Errorf("%q", got)
	}
}
