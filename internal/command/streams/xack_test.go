package streams_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/stream"
)

// share makes a stream of n entries, 1-1, 2-1 and so on, all delivered to consumers of g in turns of one.
func share(protocol, n int, consumers ...string) *runner {
	r := newRunner(protocol)
	r.do("xgroup create k g 0 mkstream")
	for i := range n {
		r.do(fmt.Sprintf("xadd k %d-1 f v", i+1))
	}
	for i := range n {
		r.do(fmt.Sprintf("xreadgroup group g %s count 1 streams k >", consumers[i%len(consumers)]))
	}
	return r
}

func TestXAckWithAMalformedIDAcknowledgesNothing(t *testing.T) {
	r := share(2, 3, "a")
	r.expectWire(t, [2]string{"xack k g 1-1 2-1 x", wireBadID})
	if r.changed() {
		t.Error("half of a wrong command is in the log")
	}
	for _, id := range []string{"-", "+", "$", "*", "(1-1", "1-*", "", "1-1-1", "18446744073709551616"} {
		if got := string(r.run(1, words("xack", "k", "g", "1-1", id)...)); got != wireBadID || r.changed() {
			t.Errorf("%q: %q", id, got)
		}
	}
	r.expectWire(t, [2]string{"xack k g 1-1 2 2-1 3-1", ":3\r\n"})
}

func TestXAckCountsAnIDOnce(t *testing.T) {
	r := share(2, 3, "a", "b")
	r.expectWire(t,
		[2]string{"xack k g 1-1 1-1 1-1", ":1\r\n"},
		[2]string{"xack k g 1-1", ":0\r\n"},
		[2]string{"xpending k g", "*4\r\n:2\r\n$3\r\n2-1\r\n$3\r\n3-1\r\n*2\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$1\r\nb\r\n$1\r\n1\r\n"},
	)
}

func TestXAckOfAMissingKeyOrGroupIsZeroWhateverTheIDs(t *testing.T) {
	r := newRunner(2)
	r.expectWire(t, [2]string{"xack k g x", ":0\r\n"}, [2]string{"xgroup create k g 0 mkstream", wireOK}, [2]string{"xack k h x", ":0\r\n"})
}

func TestXAckOfWhatWasDeletedStillCounts(t *testing.T) {
	r := share(2, 2, "a")
	r.do("xdel k 1-1")
	r.do("xtrim k maxlen 0")
	r.expectWire(t, [2]string{"xack k g 1-1 2-1", ":2\r\n"}, [2]string{"xpending k g", "*4\r\n:0\r\n$-1\r\n$-1\r\n*-1\r\n"})
}

func TestXAckTakesWhatIsNobodys(t *testing.T) {
	r := share(2, 2, "a")
	r.release("1-1")
	r.expectWire(t, [2]string{"xack k g 1-1", ":1\r\n"}, [2]string{"xpending k g", "*4\r\n:1\r\n$3\r\n2-1\r\n$3\r\n2-1\r\n*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n"})
}

// release takes pending entries of k and g from their consumers.
func (r *runner) release(ids ...string) {
	r.Tx.Begin(0, 0)
	for _, text := range ids {
		id, err := stream.ParseID([]byte(text), 0)
		if err != nil {
			panic(err)
		}
		_ = r.Tx.Lookup([]byte("k"))
		r.Tx.GroupRelease([]byte("k"), []byte("g"), []stream.ID{id}, groups.Count{})
	}
}

func TestCountersOfConsumersNeverDrift(t *testing.T) {
	names := []string{"a", "b", "c"}
	r := share(2, 200, names...)
	random := rand.New(rand.NewPCG(1, 2))
	for range 1_000 {
		name := names[random.IntN(len(names))]
		id := func() string { return fmt.Sprintf("%d-1", random.IntN(220)) }
		switch random.IntN(6) {
		case 0:
			r.do("xack k g " + id() + " " + id() + " " + id())
		case 1:
			r.do("xgroup setid k g " + id())
		case 2:
			r.do("xdel k " + id())
		case 3:
			if random.IntN(20) == 0 {
				r.do("xgroup delconsumer k g " + name)
			}
		default:
			r.do("xreadgroup group g " + name + " count 5 streams k >")
		}
		list := r.do("xpending k g - + 1000")
		summary := r.do("xpending k g")
		total := strings.Count(list, "*4\r\n")
		want := fmt.Sprintf("*4\r\n:%d\r\n", total)
		if !strings.HasPrefix(summary, want) {
			t.Fatalf("%d are listed, the summary is %q", total, summary)
		}
		for _, name := range names {
			n := strings.Count(list, "\r\n$1\r\n"+name+"\r\n:")
			entry := fmt.Sprintf("*2\r\n$1\r\n%s\r\n$%d\r\n%d\r\n", name, len(fmt.Sprint(n)), n)
			if total > 0 && strings.Contains(summary, entry) != (n > 0) {
				t.Fatalf("%s has %d, the summary is %q", name, n, summary)
			}
		}
	}
}
