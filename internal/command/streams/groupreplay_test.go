package streams_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// Attempts are not in the log, so that asking an empty stream again and again does not fill it.
var seenTime = regexp.MustCompile(`seen-time\r\n:\d+`)

func TestGroupsComeBackFromTheLogAsTheyWere(t *testing.T) {
	live, again := newRunner(2), newRunner(2)
	replica := state.NewKeyspace(stream.Config{})
	again.Tx = state.NewTx(replica)
	again.Call.Tx = again.Tx
	random := rand.New(rand.NewPCG(5, 6))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	position := uint64(0)
	for i := range 2_000 {
		key, group, consumer := pick("k", "k", "l"), pick("g", "g", "h"), pick("a", "b", "c")
		id := fmt.Sprintf("%d-1", i-random.IntN(40))
		var line string
		switch random.IntN(10) {
		case 0:
			line = fmt.Sprintf("xgroup create %s %s %s mkstream entriesread %d", key, group, pick("0", "$", "5-1"), random.IntN(9)-1)
		case 1:
			line = "xgroup " + pick("createconsumer", "delconsumer") + " " + key + " " + group + " " + consumer
		case 2:
			if line = "xgroup destroy " + key + " " + group; random.IntN(10) > 0 {
				line = "xgroup setid " + key + " " + group + " " + id
			}
		case 3:
			line = "xack " + key + " " + group + " " + id + " " + pick(id, "1-1", "x")
		case 4:
			line = pick("xdel "+key+" "+id, "xtrim "+key+" maxlen 20")
		case 5, 6:
			line = "xreadgroup group " + group + " " + consumer + " count 3 " + pick("noack", "") + " streams " + key + " " + pick(">", ">", "0")
		default:
			line = fmt.Sprintf("xadd %s %d-1 f v", key, i)
		}
		live.wireAt(int64(1000+i), line)
		if record := bytes.Clone(live.Tx.Record()); len(record) > 0 {
			position++
			if err := replica.Apply(position, record); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
		for _, question := range []string{"xinfo stream " + key + " full count 0", "xpending " + key + " " + group, "xinfo groups " + key} {
			a, b := live.wireAt(1_000_000, question), again.wireAt(1_000_000, question)
			if seenTime.ReplaceAllString(a, "") != seenTime.ReplaceAllString(b, "") {
				t.Fatalf("after %s, %s:\nlive   %q\nreplay %q", line, question, a, b)
			}
		}
	}
	if position < 800 {
		t.Errorf("only %d changes", position)
	}
}

func TestGroupsOfOneStreamAreNotThoseOfAnother(t *testing.T) {
	r := share(2, 3, "a")
	r.do("xgroup create k2 h 0 mkstream")
	r.do("xgroup create k2 g 0")
	r.expectWire(t,
		[2]string{"xpending k2 g", "*4\r\n:0\r\n$-1\r\n$-1\r\n*-1\r\n"},
		[2]string{"xack k2 g 1-1", ":0\r\n"},
		[2]string{"xgroup destroy k2 g", ":1\r\n"},
		[2]string{"xinfo consumers k2 h", "*0\r\n"},
		[2]string{"xread count 1 streams k 0", "*1\r\n*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n"},
	)
	if got := r.do("xinfo groups k"); !strings.HasPrefix(got, "*1\r\n") || !strings.Contains(got, "pending\r\n:3\r\n") {
		t.Errorf("%q", got)
	}
}
