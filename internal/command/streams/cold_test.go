package streams_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// shelf is a stream.Source: blocks that are put on it are in memory only as long as they are at hand.
type shelf struct {
	totals stream.Totals
	blocks map[stream.Ref][]byte
	atHand map[stream.Ref]*stream.Body
	wanted []stream.Ref
	broken error // why nothing can be read, or nil
	open   bool  // everything is at hand
}

func (s *shelf) Body(ref stream.Ref) *stream.Body {
	if s.open && s.atHand[ref] == nil {
		s.fetch(ref)
	}
	return s.atHand[ref]
}

func (s *shelf) Soon([]stream.Ref) {}

func (s *shelf) Want(refs []stream.Ref) error {
	if s.broken != nil {
		return s.broken
	}
	s.wanted = append(s.wanted, refs[0])
	return stream.ErrCold
}

// put takes every sealed block out of memory.
func (s *shelf) put() {
	for _, x := range s.totals.Take(math.MaxInt64) {
		ref := stream.Ref{Segment: 1, Offset: uint32(len(s.blocks)), Length: 1}
		s.blocks[ref] = x.Body().Append(nil)
		if !x.Spilled(ref) {
			panic("Take has returned a block that is gone")
		}
	}
	clear(s.atHand)
}

func (s *shelf) fetch(refs ...stream.Ref) {
	for _, ref := range refs {
		body, err := stream.DecodeBody(s.blocks[ref])
		if err != nil {
			panic(err)
		}
		s.atHand[ref] = body
	}
}

// twins are two brokers that get the same commands. The blocks of one are on a shelf.
type twins struct {
	t         *testing.T
	hot, cold *runner
	shelf     *shelf
	reruns    int // of the last command
}

func newTwins(t *testing.T, protocol int) *twins {
	s := &shelf{blocks: map[stream.Ref][]byte{}, atHand: map[stream.Ref]*stream.Body{}}
	w := &twins{t: t, hot: newRunner(protocol), cold: newRunner(protocol), shelf: s}
	w.hot.use(stream.Config{BlockEntries: 3})
	w.cold.use(stream.Config{BlockEntries: 3, Source: s, Totals: &s.totals})
	return w
}

// use makes the runner begin again on an empty keyspace.
func (r *runner) use(cfg stream.Config) {
	r.Tx = state.NewTx(state.NewKeyspace(cfg))
	r.Call.Tx = r.Tx
}

// try runs a command, and returns its error.
func (r *runner) try(nowMS int64, args [][]byte) error {
	r.NowMS = nowMS
	return r.Run(args)
}

// finish is a command's reply and its record.
func (r *runner) finish(err error) (reply, record string) {
	if err != nil {
		r.Call.Out.Reset()
		r.Call.Out.Error(command.WireText(err))
	}
	if r.Call.Wait != nil {
		return "waits", string(r.Tx.Record())
	}
	return string(r.Call.Out.Bytes()), string(r.Tx.Record())
}

// patiently runs something on the cold twin until it does not need more blocks. Whenever it does it must have changed
// nothing.
func (w *twins) patiently(what string, careful bool, run func() error) error {
	w.t.Helper()
	before := ""
	if careful {
		before = w.hot.dump()
	}
	for w.reruns = 0; ; w.reruns++ {
		err := run()
		if !errors.Is(err, stream.ErrCold) {
			return err
		}
		if record := w.cold.Tx.Record(); len(record) > 0 {
			w.t.Fatalf("%s changed something, and then wanted a block: %q", what, record)
		}
		if careful {
			if after := w.dump(); after != before {
				w.t.Fatalf("%s wanted a block, and left %s", what, firstDifference(after, before))
			}
		}
		if len(w.shelf.wanted) == 0 || w.reruns > 200 {
			w.t.Fatalf("%s wants %d blocks after %d runs", what, len(w.shelf.wanted), w.reruns)
		}
		w.shelf.fetch(w.shelf.wanted...)
		w.shelf.wanted = w.shelf.wanted[:0]
	}
}

// do runs a command on both twins and returns the reply.
func (w *twins) do(nowMS int64, careful bool, line string) string {
	w.t.Helper()
	args := words(strings.Fields(line)...)
	err := w.patiently(line, careful, func() error { return w.cold.try(nowMS, args) })
	reply, record := w.cold.finish(err)
	wantReply, wantRecord := w.hot.finish(w.hot.try(nowMS, args))
	if reply != wantReply {
		w.t.Fatalf("%s:\n got %q\nwant %q", line, reply, wantReply)
	}
	if record != wantRecord {
		w.t.Fatalf("the record of %s:\n got %q\nwant %q", line, record, wantRecord)
	}
	return reply
}

var dumped = []string{"s", "r"}

// dump is everything that can be asked about the streams, when all of it is at hand.
func (r *runner) dump() string {
	var b strings.Builder
	for _, key := range dumped {
		for _, question := range []string{"xlen %s", "xinfo stream %s full count 0", "xinfo groups %s", "xinfo stream %s", "xrevrange %s + -"} {
			fmt.Fprintf(&b, "%s\n", r.run(1e9, words(strings.Fields(fmt.Sprintf(question, key))...)...))
		}
	}
	return b.String()
}

func (w *twins) dump() string {
	atHand := maps.Clone(w.shelf.atHand)
	w.shelf.open = true
	defer func() { w.shelf.open, w.shelf.atHand = false, atHand }()
	return w.cold.dump()
}

// compare looks whether both twins hold the same, and takes the blocks of one out of memory.
func (w *twins) compare(after string) {
	w.t.Helper()
	if got, want := w.dump(), w.hot.dump(); got != want {
		w.t.Fatalf("after %s: %s", after, firstDifference(got, want))
	}
	w.shelf.put()
}

func firstDifference(got, want string) string {
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	from := max(at-200, 0)
	return fmt.Sprintf("\n got ...%q\nwant ...%q", got[from:min(at+100, len(got))], want[from:min(at+100, len(want))])
}

// history makes streams s and r of 40 entries with two groups, some of them pending, some deleted.
func (w *twins) history() {
	w.t.Helper()
	for _, key := range dumped {
		w.do(1000, false, "xgroup create "+key+" g 0 mkstream")
		w.do(1000, false, "xgroup create "+key+" h 0")
		for i := range 40 {
			w.do(1000, false, fmt.Sprintf("xadd %s %d-1 f %d", key, i+1, i))
		}
		for _, line := range []string{
			"xreadgroup group g a count 12 streams %s >", "xreadgroup group g b count 12 streams %s >",
			"xreadgroup group h a count 8 streams %s >", "xdel %s 2-1 3-1 8-1 17-1 31-1 39-1 40-1",
			"xack %s g 1-1 5-1 20-1", "xnack %s g silent ids 2 6-1 7-1",
		} {
			w.do(1000, false, fmt.Sprintf(line, key))
		}
	}
	w.shelf.put()
}

// coldCommands are run on a history with nothing at hand. Those behind the bar need no block.
const coldCommands = `
xadd s maxlen 10 50-1 f v
xadd s maxlen ~ 10 50-1 f v
xadd s maxlen ~ 5 limit 3 50-1 f v
xadd s minid 15-1 50-1 f v
xadd s minid ~ 15-1 50-1 f v
xadd s maxlen 4 delref 50-1 f v
xadd s maxlen 4 acked 50-1 f v
xadd s maxlen 0 delref 50-1 f v
xadd s maxlen 0 acked 50-1 f v
xadd s maxlen ~ 4 limit 9 acked 50-1 f v
xadd s minid 20-1 delref 50-1 f v
xtrim s maxlen 11
xtrim s maxlen ~ 10
xtrim s minid 15-1
xtrim s minid ~ 15-1 limit 4
xtrim s maxlen 2 acked
xtrim s maxlen 0 acked
xtrim s minid 22-1 acked
xtrim s maxlen ~ 2 limit 5 acked
xtrim s maxlen 2 delref
xtrim s minid 22-1 delref
xtrim s maxlen ~ 2 limit 9 delref
xdel s 1-1 9-1 10-1 25-1 38-1
xdel s 3-1 4-1 4-1
xdelex s ids 4 1-1 9-1 25-1 38-1
xdelex s delref ids 4 1-1 9-1 25-1 38-1
xdelex s acked ids 4 1-1 9-1 25-1 38-1
xackdel s g ids 4 1-1 9-1 21-1 38-1
xackdel s g delref ids 4 1-1 9-1 21-1 38-1
xackdel s h acked ids 3 1-1 4-1 5-1
xrange s - +
xrange s 11-1 30-1
xrange s 11-1 30-1 count 3
xrevrange s + -
xrevrange s 30-1 11-1 count 2
xread streams s r 0 20-1
xread count 5 streams s r 12-1 20-1
xread streams s r + +
xread maxcount 6 streams s r 0 0
xread maxsize 80 streams s r 0 0
xreadgroup group g c streams s r > >
xreadgroup group g c count 3 streams s r > >
xreadgroup group g c count 3 streams s s > >
xreadgroup group g c count 3 maxcount 5 streams s r s > > >
xreadgroup group g a streams s r 0 0
xreadgroup group g b count 4 streams s s > 0
xreadgroup group g a count 2 streams s s 0 >
xreadgroup group g c noack count 9 streams r s > >
xreadgroup group g c claim 100 streams s r > >
xreadgroup group g c claim 100 count 5 streams s r > >
xreadgroup group g c claim 0 count 9 streams s s > >
xreadgroup group g c maxsize 200 claim 100 streams s r > >
xclaim s g c 0 1-1 2-1 4-1 9-1 20-1 30-1
xclaim s g c 0 30-1 4-1 2-1 4-1 force
xclaim s g c 0 30-1 4-1 justid lastid 35-1
xautoclaim s g c 0 0
xautoclaim s g c 0 9-1 count 3
xautoclaim s g c 0 0 count 4 justid
xnack s g fail ids 4 4-1 9-1 30-1 31-1 force
xinfo stream s
xinfo stream s full
xinfo stream s full count 0
xinfo groups s
xsetid s 41-1 entriesadded 40
xsetid s 30-1
-
xadd s 50-1 f v
xadd s * f v
xlen s
xread streams s $
xtrim s maxlen 100
xack s g 4-1 9-1
xpending s g
xpending s g - + 99
xnack s g fail ids 2 4-1 9-1
xinfo consumers s g
xgroup create s i 15-1
xgroup setid s g 12-1
xgroup setid s g $
xgroup delconsumer s g a
xgroup destroy s g
xgroup createconsumer s g z
xcfgset s idmp-duration 9`

func TestCommandsOnColdBlocksAreThoseOnHotOnes(t *testing.T) {
	needsNone := false
	for line := range strings.Lines(strings.TrimSpace(coldCommands)) {
		line = strings.TrimSpace(line)
		if line == "-" {
			needsNone = true
			continue
		}
		for _, protocol := range []int{2, 3} {
			w := newTwins(t, protocol)
			w.history()
			w.do(2000, true, line)
			if needsNone && w.reruns > 0 {
				t.Errorf("%s read %d times", line, w.reruns)
			}
			if !needsNone && w.reruns == 0 {
				t.Errorf("%s read nothing", line)
			}
			w.compare(line)
			w.do(3000, true, "xreadgroup group g d claim 0 streams s r > >")
			w.compare("reading it all")
		}
	}
}

func TestAnyCommandsOnColdBlocksAreThoseOnHotOnes(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 10
	}
	total := 0
	for round := range rounds {
		random := rand.New(rand.NewPCG(uint64(round), 9))
		w := newTwins(t, 2+round%2)
		w.history()
		for i := range 150 {
			line := anyCommand(random, 41+i)
			if round%3 == 0 && strings.HasPrefix(line, "xadd") {
				line += strings.Repeat("v", 400*random.IntN(10)) // nodes of a few entries
			}
			if random.IntN(3) == 0 {
				w.shelf.put()
			}
			w.do(int64(1000+10*i), random.IntN(4) == 0, line)
			total += w.reruns
			if random.IntN(4) == 0 {
				w.compare(line)
			}
		}
		w.compare("everything")
	}
	if total < 20*rounds {
		t.Errorf("only %d times a block was wanted", total)
	}
}

// anyCommand is about streams whose newest entries are about n.
func anyCommand(random *rand.Rand, n int) string {
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	key, group, consumer := pick(dumped...), pick("g", "h"), pick("a", "b", "c")
	id := func() string { return fmt.Sprintf("%d-1", max(n-random.IntN(60), 1)) }
	ids := func() string {
		list := id()
		count := 1 + random.IntN(6)
		for range count - 1 {
			list += " " + id()
		}
		return list
	}
	counted := func(list string) string {
		return fmt.Sprintf("ids %d %s", len(strings.Fields(list)), list)
	}
	trim := func() string {
		how := pick("maxlen", "maxlen", "minid")
		by := fmt.Sprint(random.IntN(50))
		if how == "minid" {
			by = id()
		}
		if random.IntN(2) == 0 {
			return how + " ~ " + by + " " + pick("", "limit 3 ", "limit 0 ", "limit 20 ") + pick("", "delref ", "acked ")
		}
		return how + " " + by + " " + pick("", "delref ", "acked ")
	}
	limits := pick("", "count 3 ", "count 10 ", "count 2 maxcount 5 ", "maxsize 150 ", "count 4 ")
	keys := pick("s "+pick(">", "0", id()), "s r > >", "r s > 0", "s s > >", "s s 0 >", "s r s > > >")
	switch random.IntN(20) {
	case 0:
		return "xadd " + key + " " + trim() + fmt.Sprint(n) + "-* f v"
	case 1:
		return "xtrim " + key + " " + trim()
	case 2:
		return "xdel " + key + " " + ids()
	case 3:
		return "xdelex " + key + " " + pick("", "delref ", "acked ") + counted(ids())
	case 4:
		return "xackdel " + key + " " + group + " " + pick("", "delref ", "acked ") + counted(ids())
	case 5:
		return "xreadgroup group " + group + " " + consumer + " " + limits + pick("", "noack ") + "streams " + keys
	case 6:
		return "xreadgroup group " + group + " " + consumer + " " + limits + pick("claim 0 ", "claim 200 ") + "streams " + keys
	case 7:
		return "xclaim " + key + " " + group + " " + consumer + " " + pick("0", "100") + " " + ids() + pick("", " force", " justid", " force lastid "+id())
	case 8:
		return "xautoclaim " + key + " " + group + " " + consumer + " " + pick("0", "100") + " " + pick("0", id()) + pick("", " count 3", " justid")
	case 9:
		return "xnack " + key + " " + group + " fail " + counted(ids()) + pick("", " force")
	case 10:
		return pick("xrange "+key+" "+id()+" + count 4", "xrevrange "+key+" + "+id(), "xrange "+key+" - +", "xrevrange "+key+" "+id()+" - count 2")
	case 11:
		return "xread " + limits + "streams " + pick("s r "+id()+" 0", "r "+pick("+", "$"), "s s "+id()+" "+id())
	case 12:
		return pick("xinfo stream "+key, "xinfo groups "+key, "xinfo stream "+key+" full", "xlen "+key)
	case 13:
		return pick("xsetid "+key+" "+fmt.Sprint(n)+"-5", "xsetid "+key+" "+id(), "xgroup setid "+key+" "+group+" "+id())
	case 14:
		return "xack " + key + " " + group + " " + ids()
	default:
		return fmt.Sprintf("xadd %s %d-* f %d-", key, n, n)
	}
}

func TestWaitersOnColdBlocksReadAsThoseOnHotOnes(t *testing.T) {
	for _, line := range []string{
		"xread block 0 streams s r 40-1 40-1",
		"xreadgroup group w c block 0 streams s r > >",
		"xreadgroup group w c block 0 claim 100 streams s r > >",
	} {
		w := newTwins(t, 2)
		w.history()
		for _, key := range dumped {
			w.do(1000, false, "xgroup create "+key+" w $")
		}
		if got := w.do(1000, true, line); got != "waits" {
			t.Fatalf("%s: %q", line, got)
		}
		hot, cold := w.hot.Call.Wait.Again(), w.cold.Call.Wait.Again()
		for _, key := range dumped {
			for i := range 20 {
				w.do(1000, false, fmt.Sprintf("xadd %s %d-1 f v", key, 41+i))
			}
		}
		w.shelf.put()
		read := func(r *runner, again func(*command.Call) (bool, error)) error {
			r.Tx.Begin(0, 0)
			r.Call.Out.Reset()
			r.Call.Args, r.Call.Wait, r.Call.Changed = nil, nil, 1
			done, err := again(&r.Call)
			if err == nil && !done {
				t.Errorf("%s: it goes on waiting", line)
			}
			return err
		}
		reply, record := w.cold.finish(w.patiently(line, true, func() error { return read(w.cold, cold) }))
		wantReply, wantRecord := w.hot.finish(read(w.hot, hot))
		if reply != wantReply || record != wantRecord || w.reruns == 0 {
			t.Errorf("%s, after %d runs:\n got %q %q\nwant %q %q", line, w.reruns, reply, record, wantReply, wantRecord)
		}
		w.compare(line)
	}
}

func TestWhatCannotBeReadIsNamedAndNothingElseFails(t *testing.T) {
	needsNone := false
	for line := range strings.Lines(strings.TrimSpace(coldCommands)) {
		line = strings.TrimSpace(line)
		if line == "-" {
			needsNone = true
			continue
		}
		w := newTwins(t, 2)
		w.history()
		w.shelf.broken = errors.New("the checksum\r\nis wrong")
		args := words(strings.Fields(line)...)
		reply, record := w.cold.finish(w.cold.try(2000, args))
		if needsNone {
			if want, _ := w.hot.finish(w.hot.try(2000, args)); reply != want {
				t.Errorf("%s:\n got %q\nwant %q", line, reply, want)
			}
			continue
		}
		if strings.HasPrefix(line, "xadd ") { // a producer goes on, without the trim
			if got := string(w.cold.run(2000, words("xlen", "s")...)); strings.HasPrefix(reply, "-") || got != ":34\r\n" { // of 33
				t.Errorf("%s: %q, and then there are %s", line, reply, got)
			}
			continue
		}
		if !strings.HasPrefix(reply, "-DATALOSS the entries ") || strings.Count(reply, "\r\n") != 1 ||
			!strings.Contains(reply, " of stream '") || !strings.HasSuffix(reply, "' cannot be read: the checksum  is wrong\r\n") {
			t.Errorf("%s: %q", line, reply)
		}
		if len(record) > 0 || w.dump() != w.hot.dump() {
			t.Errorf("%s failed, and changed something", line)
		}
	}
}

func TestALostStreamIsEmptiedByTrimmingAtBlocks(t *testing.T) {
	w := newTwins(t, 2)
	w.history()
	w.shelf.broken = errors.New("gone")
	run := func(line string) string {
		reply, _ := w.cold.finish(w.cold.try(2000, words(strings.Fields(line)...)))
		return strings.TrimSpace(reply)
	}
	if got := run("xrange s - + count 1"); got != "-DATALOSS the entries 1-1 to 3-1 of stream 's' cannot be read: gone" {
		t.Error(got)
	}
	if got := run("xtrim s minid 4-1"); got != ":1" {
		t.Error(got)
	}
	if got := run("xtrim s minid 40-2"); got != ":32" {
		t.Error(got)
	}
	if got := run("xlen s"); got != ":0" {
		t.Error(got)
	}
}

func TestALostBlockKeepsNobodyFromWhatIsNew(t *testing.T) {
	w := newTwins(t, 2)
	w.history()
	for _, line := range []string{"xgroup create s w $", "xdel s 1-1 4-1", "xadd s 60-1 f v"} {
		w.do(1000, false, line)
	}
	w.shelf.put()
	w.shelf.broken = errors.New("gone")
	run := func(line string) string {
		reply, _ := w.cold.finish(w.cold.try(2000, words(strings.Fields(line)...)))
		return reply
	}
	if got := run("xinfo stream s"); !strings.HasPrefix(got, "-DATALOSS the entries 4-1 to 6-1 ") {
		t.Errorf("the first entry is known, and the test is none: %q", got)
	}
	if got := run("xreadgroup group w c streams s >"); !strings.Contains(got, "60-1") {
		t.Errorf("%q", got)
	}
	if got := run("xinfo groups s"); !strings.Contains(got, "-DATALOSS") {
		t.Errorf("the lag of g is in a lost block: %q", got)
	}
	run("xgroup destroy s g")
	run("xgroup destroy s h")
	if got := run("xinfo groups s"); !strings.Contains(got, "$4\r\n60-1\r\n$12\r\nentries-read\r\n$-1\r\n$3\r\nlag\r\n:0\r\n") {
		t.Errorf("%q", got)
	}
}

func TestWhoNeedsTooMuchAtOnceIsToldHowToNeedLess(t *testing.T) {
	w := newTwins(t, 2)
	w.history()
	w.shelf.broken = stream.ErrTooMuch
	reply, _ := w.cold.finish(w.cold.try(2000, words("xrange", "s", "-", "+")))
	if want := "-ERR too much of what is needed at once is not in memory: ask for less, with COUNT or LIMIT\r\n"; reply != want {
		t.Errorf("%q", reply)
	}
}

func TestNamesOfLostStreamsArePrintableAndShort(t *testing.T) {
	lost := &stream.LostError{First: stream.ID{MS: 1}, Last: stream.ID{MS: 5, Seq: 2}, Err: errors.New("why")}
	for _, c := range []struct{ key, want string }{
		{"plain", "plain"},
		{"a\r\nb\x00c\xffé'\"", `a\r\nb\x00c\xff\u00e9'\"`},
		{strings.Repeat("x", 200), strings.Repeat("x", 128) + "..."},
	} {
		got := command.WireText(command.Lost([]byte(c.key), fmt.Errorf("a reason: %w", lost)))
		if want := "DATALOSS the entries 1-0 to 5-2 of stream '" + c.want + "' cannot be read: why"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if got := command.WireText(lost); got != "DATALOSS the entries 1-0 to 5-2 of a stream cannot be read: why" {
		t.Error(got)
	}
}

func TestManyColdBlocksAreAskedForInOneRun(t *testing.T) {
	for _, line := range []string{
		"xdel s 1-1 10-1 19-1 28-1", "xdelex s ids 4 1-1 10-1 19-1 28-1", "xackdel s g ids 3 1-1 10-1 19-1",
		"xnack s g fail ids 3 1-1 25-1 28-1 force", "xclaim s g c 0 1-1 10-1 19-1", "xautoclaim s g c 0 0",
		"xinfo stream s full count 3", "xinfo groups s", "xread count 3 streams s r 0 0",
		"xreadgroup group g c count 3 streams s r > >", "xreadgroup group g c claim 100 streams s r > >",
		"xreadgroup group g a streams s r 0 0",
	} {
		w := newTwins(t, 2)
		w.history()
		if w.do(2000, true, line); w.reruns > 7 || w.reruns == 0 {
			t.Errorf("%s ran %d times in vain", line, w.reruns)
		}
	}
}

func TestClaimsAskForNoMoreBlocksThanTheyReturn(t *testing.T) {
	w := newTwins(t, 2)
	w.history()
	if err := w.cold.try(2000, words("xreadgroup", "group", "g", "c", "count", "2", "claim", "100", "streams", "s", ">")); !errors.Is(err, stream.ErrCold) {
		t.Fatal(err)
	}
	distinct := map[stream.Ref]bool{}
	for _, ref := range w.shelf.wanted {
		distinct[ref] = true
	}
	if len(distinct) > 2 {
		t.Errorf("two entries are in %d blocks", len(distinct))
	}
}

func BenchmarkCappedColdStream(b *testing.B) {
	for _, where := range []string{"hot", "cold"} {
		b.Run(where, func(b *testing.B) {
			s := &shelf{blocks: map[stream.Ref][]byte{}, atHand: map[stream.Ref]*stream.Body{}}
			r := newRunner(2)
			r.use(stream.Config{Source: s, Totals: &s.totals})
			r.fill("s", 100_000)
			if where == "cold" {
				s.put()
			}
			s.open = true
			args := words("xadd", "s", "maxlen", "~", "100000", "*", "field1", "value-00000000000001", "field2", "other-00000000000001", "field3", "third-00000000000001")
			b.ReportAllocs()
			for i := int64(0); b.Loop(); i++ {
				r.run(1800000000000+i/100, args...)
			}
		})
	}
}
