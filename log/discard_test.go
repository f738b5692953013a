package log

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rotatedLog fills a log with generations of ten records each.
func rotatedLog(t testing.TB, l *Log, generations int) (want []string) {
	t.Helper()
	want = numbered(10 * generations)
	for i, r := range want {
		l.Append([]byte(r))
		commitNow(l, true)
		if i%10 == 9 && i < len(want)-1 {
			if err := l.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return want
}

// generationDirs names what is in log/.
func generationDirs(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, logName))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, strings.TrimLeft(e.Name(), "0"))
	}
	return names
}

func TestDiscardRemovesTheGenerationsThatEndBeforeAPosition(t *testing.T) {
	dir := fastDir(t)
	o := Options{Dir: dir, SegmentBytes: 400}
	l := open(t, o)
	want := rotatedLog(t, l, 5)
	if first := l.First(); first != 0 {
		t.Fatalf("a whole log begins with %s", first)
	}
	gone := 0
	for upTo := range len(want) + 1 {
		n, err := l.Discard(makePosition(1, uint64(upTo)))
		gone += n
		if expect := min(upTo/10, 4); err != nil || gone != expect {
			t.Fatalf("up to %d: %d generations gone, want %d: %v", upTo, gone, expect, err)
		}
		if names := generationDirs(t, dir); len(names) != 5-gone || names[0] != fmt.Sprint(gone+1) {
			t.Fatalf("up to %d: %v", upTo, names)
		}
		first := Position(0)
		if gone > 0 {
			first = makePosition(1, uint64(10*gone+1))
		}
		l.commitMu.Lock()
		reserved := max(l.tail.file.reserved-l.tail.file.size, 0)
		l.commitMu.Unlock()
		if s := l.Stats(); l.First() != first || s.Generations != 5-gone || s.LogBytes+reserved != sizeOf(filepath.Join(dir, logName)) {
			t.Fatalf("up to %d: first %s, want %s, %+v", upTo, l.First(), first, s)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openReadOnly(t, o)
	if first := l.First(); first != makePosition(1, 41) {
		t.Fatalf("opened again it begins with %s", first)
	}
	for from := range want {
		var d *DamageError
		err := l.Replay(makePosition(1, uint64(from)), func(Position, int64, []byte) error { return nil })
		switch {
		case from >= 40 && err != nil:
			t.Fatalf("from %d: %v", from, err)
		case from < 40 && (!errors.As(err, &d) || !strings.Contains(d.Reason, "begins after this position, with 1:41")):
			t.Fatalf("from %d: %v", from, err)
		}
	}
	equal(t, records(t, l, makePosition(1, 40)), want[40:])
	if _, err := l.Discard(makePosition(1, 50)); err != ErrReadOnly {
		t.Fatal(err)
	}
	if err := l.Begin(); err != nil {
		t.Fatal(err)
	}
	if n, err := l.Discard(l.Last()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got := records(t, l, l.Last()); len(got) != 0 {
		t.Fatal(got)
	}
	var d *DamageError
	if err := l.Replay(makePosition(1, 40), nil); !errors.As(err, &d) || !strings.Contains(d.Reason, "1:51") {
		t.Fatal(err)
	}
}

// Which generations go is decided by their first positions alone.
func TestDiscardableKnowsEpochsAndDamagedHeads(t *testing.T) {
	gens := func(firsts ...Position) (all []generation) {
		for _, f := range firsts {
			all = append(all, generation{first: f})
		}
		return all
	}
	p := makePosition
	for _, c := range []struct {
		name string
		gens []generation
		upTo Position
		want int
	}{
		{"the current one stays", gens(p(1, 1)), p(1, 100), 0},
		{"one record too few", gens(p(1, 1), p(1, 11)), p(1, 9), 0},
		{"exactly all records", gens(p(1, 1), p(1, 11)), p(1, 10), 1},
		{"the last record is of the epoch before", gens(p(1, 1), p(2, 11)), p(1, 10), 1},
		{"a void position covers nothing behind it", gens(p(1, 1), p(2, 11), p(3, 21)), p(1, 25), 1},
		{"without records a generation goes with those before", gens(p(1, 1), p(2, 11), p(3, 11), p(3, 21)), p(1, 10), 2},
		{"and stays with them", gens(p(1, 1), p(2, 11), p(3, 11), p(3, 21)), p(1, 9), 0},
		{"a damaged head: the next one decides", gens(p(1, 1), 0, p(1, 21)), p(1, 19), 0},
		{"and may let both go", gens(p(1, 1), 0, p(1, 21)), p(1, 20), 2},
		{"damage in the current one", gens(p(1, 1), p(1, 11), 0), p(1, 90), 1},
		{"an unknown epoch counts as the next one's", gens(0, p(2, 11)), p(1, 10), 0},
	} {
		if n := discardable(c.gens, c.upTo); n != c.want {
			t.Errorf("%s: %d, want %d", c.name, n, c.want)
		}
	}
}

func TestCommitsGoOnWhileFilesAreRemoved(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	fault := func(op, path string) error {
		if op == "remove" && strings.Contains(path, discardedSuffix) && strings.HasSuffix(path, segmentName(1)) {
			close(entered)
			<-leave
		}
		return nil
	}
	l := open(t, Options{Dir: fastDir(t), Disk: fault})
	rotatedLog(t, l, 2)
	done := make(chan error)
	go func() {
		_, err := l.Discard(l.Last())
		done <- err
	}()
	<-entered
	for range 10 {
		l.Append([]byte("beside"))
		mustCommit(t, l)
	}
	if err := l.Rotate(); err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.Generations != 2 || len(l.Files()) != 3 || l.First() != makePosition(1, 11) {
		t.Fatalf("%+v %v", s, l.Files())
	}
	close(leave)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestRotateWithoutRecordsDoesNothing(t *testing.T) {
	dir := fastDir(t)
	l := open(t, Options{Dir: dir})
	for range 3 {
		for range 3 {
			if err := l.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
		l.Append([]byte("x"))
		mustCommit(t, l)
	}
	if names := generationDirs(t, dir); len(names) != 3 {
		t.Fatal(names)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, Options{Dir: dir})
	for range 3 {
		if err := l.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	if names := generationDirs(t, dir); len(names) != 4 {
		t.Fatal(names)
	}
}

// startAndDiscard is what a start with a checkpoint does, from a directory of
// format 1 with a torn tail, through another Discard.
func startAndDiscard(t testing.TB, l *Log) error {
	t.Helper()
	want := numbered(300)
	equal(t, records(t, l, makePosition(1, 150)), want[150:])
	if err := l.Begin(); err != nil {
		return err
	}
	for i := range 2 {
		l.Append(fmt.Appendf(nil, "record %d", 300+i))
		commitNow(l, true)
		if err := l.Rotate(); err != nil {
			return err
		}
	}
	_, err := l.Discard(makePosition(2, 301))
	return err
}

func oldTornLog(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(fastDir(t), "data")
	copyDir(t, filepath.Join("testdata", "format-1", "torn"), dir)
	return dir
}

// Power cuts at every operation of a start, of raising the format and of Discard, and
// again at every operation of the start after it.
func TestAStartAndADiscardSurvivePowerCutsAtEveryOperation(t *testing.T) {
	rnd := rand.New(rand.NewPCG(*seedArg, 4))
	dir := oldTornLog(t)
	m := newModel(dir)
	m.adopt(t)
	ops, crashes := map[op]int{}, 0
	var l *Log
	cutHere := func(m *model, o op, path string, check func(clone, what string)) {
		for fate := range fates {
			clone := fmt.Sprintf("%s-%d", m.root, crashes)
			crashes++
			m.crash(t, clone, fate, rnd)
			check(clone, fmt.Sprintf("%s %s, fate %d", o, strings.TrimPrefix(path, dir), fate))
			_ = os.RemoveAll(clone)
		}
	}
	m.at = func(o op, path string) {
		ops[o]++
		durable := 0
		if l != nil {
			durable = int(l.Durable().Count())
		}
		cutHere(m, o, path, func(clone, what string) {
			again := newModel(clone)
			again.adopt(t)
			if o == opRemove || o == opRename { // a second cut, where it matters
				again.at = func(o op, path string) {
					again.at, again.root = nil, clone
					cutHere(again, o, path, func(clone, second string) { afterCut(t, clone, what+", then "+second, durable, nil) })
				}
			}
			afterCut(t, clone, what, durable, again)
		})
	}
	l, err := Open(Options{Dir: dir, SegmentBytes: 1500, faults: m.faults()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := startAndDiscard(t, l); err != nil {
		t.Fatal(err)
	}
	m.at = nil
	if names := generationDirs(t, dir); !slices.Equal(names, []string{"4", "5"}) {
		t.Fatal(names)
	}
	for _, o := range []op{opCreate, opWrite, opFsync, opDirsync, opRename, opRemove, opTruncate} {
		if ops[o] == 0 {
			t.Errorf("%s was never reached", o)
		}
	}
	t.Logf("%d power cuts at %v", crashes, ops)
}

// afterCut starts from what a power cut has left.
func afterCut(t *testing.T, dir, what string, durable int, m *model) {
	t.Helper()
	o := Options{Dir: dir, SegmentBytes: 1500}
	if m != nil {
		o.faults = m.faults()
	}
	if _, err := Verify(dir); err != nil { // also what no replay needs
		t.Fatalf("%s: %v", what, err)
	}
	l, err := Open(o)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer l.Close()
	from := makePosition(1, 150)
	if first := l.First(); first.Count() > 151 {
		from = makePosition(2, 301) // the Discard had begun
	}
	got := records(t, l, from)
	count := int(from.Count()) + len(got)
	if count < max(durable, 300) || count > 302 {
		t.Fatalf("%s: %d records, %d were durable", what, count, durable)
	}
	equal(t, got, numbered(302)[from.Count():count])
	if err := l.Begin(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for _, name := range generationDirs(t, dir) {
		if strings.HasSuffix(name, discardedSuffix) {
			t.Fatalf("%s: %s is still there", what, name)
		}
	}
	l.Append([]byte("after"))
	if commitNow(l, true); l.Durable() != l.Last() {
		t.Fatalf("%s: the log does not go on", what)
	}
	if v, err := readVersion(dir); err != nil || v.format != formatVersion {
		t.Fatalf("%s: %+v %v", what, v, err)
	}
}

// T16 for the same script: the k-th operation fails, then all is well again.
func TestAnyOperationOfAStartOrADiscardMayFail(t *testing.T) {
	for _, sticky := range []bool{false, true} {
		hits := map[op]int{}
		for k := 1; ; k++ {
			dir := oldTornLog(t)
			before := snapshot(t, dir)
			s := &saboteur{k: k, sticky: sticky, armed: true, spoil: halfFrame}
			f := s.faults()
			f.still = true
			l := openReadOnly(t, Options{Dir: dir, SegmentBytes: 1500, faults: f})
			err := startAndDiscard(t, l)
			hit := s.disarm()
			if hit == "" {
				break
			}
			hits[hit]++
			what := fmt.Sprintf("sticky %v, operation %d, %s", sticky, k, hit)
			if err == nil && l.First() != 0 { // only leftovers may be left without an error
				t.Fatalf("%s: the failure was swallowed", what)
			}
			if v, _ := readVersion(dir); v.format == 1 {
				// Nothing is written before the format is raised.
				for path, content := range snapshot(t, dir) {
					if !strings.HasSuffix(path, ".new") && content != before[path] {
						t.Fatalf("%s: %s has changed", what, path)
					}
				}
			}
			if l.Err() != nil {
				if err := l.Reopen(); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			}
			if err := l.Begin(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			l.Append([]byte("after"))
			commitNow(l, true)
			if err := l.Rotate(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if _, err := l.Discard(l.Durable()); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if names := generationDirs(t, dir); len(names) != 1 || strings.HasSuffix(names[0], discardedSuffix) || l.Stats().Generations != 1 {
				t.Fatalf("%s: %v", what, names)
			}
			if s := l.Stats(); s.LogBytes != sizeOf(filepath.Join(dir, logName)) {
				t.Fatalf("%s: %d bytes, the files have %d", what, s.LogBytes, sizeOf(filepath.Join(dir, logName)))
			}
			if err := l.Close(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if r, err := Verify(dir); err != nil || len(r.Generations) != 1 || !r.Clean {
				t.Fatalf("%s: %+v %v", what, r, err)
			}
		}
		t.Logf("sticky %v: failed %v", sticky, hits)
		for _, o := range []op{opMkdir, opCreate, opOpen, opWrite, opFsync, opDirsync, opRename, opRemove, opTruncate} {
			if hits[o] == 0 {
				t.Errorf("%s was never reached", o)
			}
		}
	}
}

// kill -9 at every operation, then a start that a power cut ends at every operation:
// what the first process has done is not yet durable when the second one goes on.
func TestAStartAfterAKillSurvivesPowerCuts(t *testing.T) {
	rnd := rand.New(rand.NewPCG(*seedArg, 6))
	cuts := 0
	for k := 1; ; k++ {
		dir := oldTornLog(t)
		m := newModel(dir)
		m.adopt(t)
		s := &saboteur{k: k, sticky: true, armed: true}
		f, dead := m.faults(), s.faults().before
		watch := f.before
		f.before = func(o op, path string) error {
			if err := dead(o, path); err != nil {
				return err
			}
			return watch(o, path)
		}
		l := openReadOnly(t, Options{Dir: dir, SegmentBytes: 1500, faults: f})
		err := startAndDiscard(t, l)
		durable := int(l.Durable().Count())
		_ = l.Close()
		if s.disarm() == "" {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		m.at = func(o op, path string) {
			clone, fate := fmt.Sprintf("%s-%d", dir, cuts), rnd.IntN(fates)
			cuts++
			m.crash(t, clone, fate, rnd)
			afterCut(t, clone, fmt.Sprintf("killed at operation %d, then %s %s, fate %d", k, o, path, fate), durable, nil)
			_ = os.RemoveAll(clone)
		}
		l = openReadOnly(t, Options{Dir: dir, SegmentBytes: 1500, faults: m.faults()})
		if err := l.Begin(); err != nil {
			t.Fatal(err)
		}
		m.at = nil
		_ = l.Close()
	}
	t.Logf("%d power cuts", cuts)
}
