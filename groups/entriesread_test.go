package groups

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/weirmq/weir/stream"
)

// TestEntriesReadIsWhatRedisSays replays histories of streams and their groups, one line for each thing that happened:
//
//	new                     an empty stream without groups
//	add ID                  XADD
//	del ID                  XDEL
//	maxlen N, minid ID      XTRIM
//	set ID ADDED DELETED    XSETID, with the counters as they were afterwards
//	create G ID READ        XGROUP CREATE ... ENTRIESREAD
//	move G ID READ          XGROUP SETID ... ENTRIESREAD
//	read G COUNT WANT       XREADGROUP that delivered something, and the entries-read of XINFO GROUPS after it
//
// They are random ones that redis-server 7.0.15 has been through; what it said is WANT.
func TestEntriesReadIsWhatRedisSays(t *testing.T) {
	f, err := os.Open("testdata/entriesread-7.0.15.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var h history
	reads := 0
	in := bufio.NewScanner(f)
	for line := 1; in.Scan(); line++ {
		if strings.HasPrefix(in.Text(), "#") {
			continue
		}
		word, rest, _ := strings.Cut(in.Text(), " ")
		if word != "read" {
			h.happen(t, word, strings.Fields(rest))
			continue
		}
		reads++
		words := strings.Fields(rest)
		want := int64(Unknown)
		if words[2] != "null" {
			want = number(t, words[2])
		}
		if got := h.read(words[0], int(number(t, words[1]))); got != want {
			t.Fatalf("line %d: entries-read is %d, redis says %d", line, got, want)
		}
	}
	if reads < 100 {
		t.Errorf("only %d reads", reads)
	}
}

// history is a stream and its groups.
type history struct {
	stream *stream.Stream
	groups Set
}

func (h *history) happen(t *testing.T, word string, args []string) {
	switch word {
	case "new":
		*h = history{stream: stream.New(stream.Config{})}
	case "add":
		h.stream.Append(parse(t, args[0]), nil)
	case "del":
		h.stream.Delete(parse(t, args[0]))
	case "maxlen":
		through, removed, _ := h.stream.PlanTrimMaxLen(uint64(number(t, args[0])), false, 0)
		h.stream.Trim(through, removed)
	case "minid":
		through, removed, _ := h.stream.PlanTrimMinID(parse(t, args[0]), false, 0)
		h.stream.Trim(through, removed)
	case "set":
		h.stream.SetID(parse(t, args[0]), uint64(number(t, args[1])), parse(t, args[2]))
	case "create":
		h.groups.Create([]byte(args[0]), parse(t, args[1]), number(t, args[2]))
	case "move":
		h.groups.Get([]byte(args[0])).Advance(parse(t, args[1]), number(t, args[2]))
	default:
		t.Fatalf("%q is nothing that happens", word)
	}
}

// read delivers up to count entries to a group, and returns what it knows of its progress then.
func (h *history) read(group string, count int) int64 {
	g := h.groups.Get([]byte(group))
	from, _ := g.LastDelivered().Next()
	var ids []stream.ID
	for it := h.stream.Range(from, stream.MaxID); len(ids) < count && it.Next(); {
		ids = append(ids, it.ID())
	}
	read, err := g.ReadAfter(h.stream, ids)
	if err != nil {
		panic(err) // all of it is in memory
	}
	g.Advance(ids[len(ids)-1], read)
	return g.EntriesRead()
}

func parse(t *testing.T, text string) stream.ID {
	t.Helper()
	id, err := stream.ParseID([]byte(text), 0)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return id
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
