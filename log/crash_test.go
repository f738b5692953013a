package log

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

var (
	crashes = flag.Int("crashes", 1500, "how many power cuts to simulate")
	seedArg = flag.Uint64("seed", 1, "seed of the random tests")
)

// T3, T4, T5: whatever a power cut leaves of unsynced bytes and directory
// entries, at any operation, the log opens and holds what was durable and
// not discarded, and a prefix of what was appended. Then the same happens to that start.
func TestAppendSurvivesPowerCutAtEveryOperation(t *testing.T) {
	rnd := rand.New(rand.NewPCG(*seedArg, 3))
	t.Logf("seed=%d", *seedArg)
	for count := 0; count < *crashes; {
		for _, s := range []Sync{SyncAlways, SyncEverySecond, SyncNo} {
			count += crashRound(t, s, rnd)
		}
	}
}

// crashRound runs one script and crashes it at a third of its operations.
func crashRound(t *testing.T, s Sync, rnd *rand.Rand) (count int) {
	base := fastDir(t)
	root := filepath.Join(base, "live")
	m := newModel(root)
	var l *Log
	var appended []string
	var from Position // what is before may have been discarded
	m.at = func(o op, path string) {
		if _, err := os.Stat(root); err != nil || rnd.IntN(3) != 0 {
			return
		}
		durable := 0
		if l != nil {
			durable = int(l.Durable().Count())
		}
		clone := filepath.Join(base, fmt.Sprintf("crash-%d", count))
		count++
		fate := rnd.IntN(fates)
		m.crash(t, clone, fate, rnd)
		what := fmt.Sprintf("crash %d: %s %s, fate %d, sync %s", count, o, path, fate, s)
		checkCrashed(t, clone, what, from, durable, appended, rnd, 2)
		_ = os.RemoveAll(clone)
	}
	o := Options{Dir: root, Sync: s, SegmentBytes: 400 << rnd.IntN(6), faults: m.faults()}
	for range 2 {
		var err error
		if l, err = Open(o); err != nil {
			t.Fatal(err)
		}
		equal(t, records(t, l, from), appended[from.Count():])
		if err = l.Begin(); err != nil {
			t.Fatal(err)
		}
		for range 12 {
			for range 1 + rnd.IntN(4) {
				r := fmt.Sprintf("record %d %0*d", len(appended), rnd.IntN(200), 0)
				appended = append(appended, r)
				l.Append([]byte(r))
			}
			switch rnd.IntN(8) {
			case 0:
				commitNow(l, true)
			case 1:
				if err := l.Rotate(); err != nil {
					t.Fatal(err)
				}
			case 2:
				l.backgroundFsync()
				l.carrySynced(l.tail.chain.seq)
			case 3:
				from = makePosition(1, from.Count()+rnd.Uint64N(l.Durable().Count()-from.Count()+1))
				if _, err := l.Discard(from); err != nil {
					t.Fatal(err)
				}
			default:
				commitNow(l, false)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return count
}

// checkCrashed opens what a crash has left, checks it, and crashes it again
// during the start.
func checkCrashed(t *testing.T, dir, what string, from Position, durable int, appended []string, rnd *rand.Rand, depth int) {
	t.Helper()
	m := newModel(dir)
	m.adopt(t) // what the first crash left is what the second one starts with
	if depth > 1 {
		m.at = func(o op, path string) {
			if rnd.IntN(12) != 0 {
				return
			}
			clone := fmt.Sprintf("%s-%d", dir, depth)
			fate := rnd.IntN(fates)
			m.crash(t, clone, fate, rnd)
			checkCrashed(t, clone, fmt.Sprintf("%s, then %s %s, fate %d", what, o, path, fate), from, durable, appended, rnd, depth-1)
			_ = os.RemoveAll(clone)
		}
	}
	l, err := Open(Options{Dir: dir, faults: m.faults()})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer l.Close()
	got := records(t, l, from)
	count := int(from.Count()) + len(got)
	if count < durable || count > len(appended) {
		t.Fatalf("%s: %d records, %d were durable, %d appended", what, count, durable, len(appended))
	}
	equal(t, got, appended[from.Count():count])
	if err := l.Begin(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !l.Writable() || l.Last().Count() != uint64(count) {
		t.Fatalf("%s: writable %v, last %s", what, l.Writable(), l.Last())
	}
	m.at = nil
	l.Append([]byte("after"))
	if commitNow(l, true); l.Durable() != l.Last() {
		t.Fatalf("%s: the log does not go on", what)
	}
}
