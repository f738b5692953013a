package log

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wrecks are ways to damage a log: each file cut and each file flipped, at every step-th byte, and
// pieces that are missing.
func wrecks(t testing.TB, dir string, step int, fn func(what string, wreck func(dir string) error)) {
	t.Helper()
	for _, file := range segmentFiles(t, dir) {
		rel := strings.TrimPrefix(file, dir)
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for offset := 0; offset < len(whole); offset += step {
			fn(fmt.Sprintf("%s cut at %d", rel, offset), func(dir string) error { return os.Truncate(dir+rel, int64(offset)) })
			fn(fmt.Sprintf("%s flipped at %d", rel, offset), func(dir string) error {
				b := slices.Clone(whole)
				b[offset] ^= 0x20
				return os.WriteFile(dir+rel, b, 0o600)
			})
		}
		fn(rel+" missing", func(dir string) error { return os.Remove(dir + rel) })
	}
	for _, name := range generationDirs(t, dir) {
		rel := filepath.Join(logName, strings.Repeat("0", 16-len(name))+name)
		fn(rel+" missing", func(dir string) error { return os.RemoveAll(filepath.Join(dir, rel)) })
		fn(rel+" emptied", func(dir string) error {
			return os.RemoveAll(filepath.Join(dir, rel, segmentName(1)))
		})
	}
}

// contents returns how often each content of 8 bytes stands at the beginning of a frame in the
// files of log/ and quarantine/: what a Repair must not make fewer.
func contents(t testing.TB, dir string) (bytes int64, frames map[string]int) {
	t.Helper()
	frames = map[string]int{}
	for _, sub := range []string{logName, quarantineName} {
		if _, err := os.Stat(filepath.Join(dir, sub)); err != nil {
			continue
		}
		for _, file := range filesBelow(t, filepath.Join(dir, sub)) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			bytes += int64(len(b))
			for i := strings.Index(string(b), frameMagic); i >= 0 && i+headerBytes <= len(b); {
				frames[string(b[i:i+headerBytes])]++
				next := strings.Index(string(b[i+1:]), frameMagic)
				if next < 0 {
					break
				}
				i += 1 + next
			}
		}
	}
	return bytes, frames
}

// nothingLost asserts that all that was there before a Repair is there still.
func nothingLost(t testing.TB, what, dir string, bytes int64, frames map[string]int) {
	t.Helper()
	nowBytes, nowFrames := contents(t, dir)
	if nowBytes < bytes {
		t.Fatalf("%s: %d bytes were there, now %d", what, bytes, nowBytes)
	}
	for f, n := range frames {
		if nowFrames[f] < n {
			t.Fatalf("%s: frame %q has gone", what, f)
		}
	}
}

func TestRepairMakesEveryDamagedLogOpenAgain(t *testing.T) {
	killed, want := smallLog(t, true)
	clean, _ := cleanLog(t)
	for name, live := range map[string]string{"killed": killed, "clean": clean} {
		t.Run(name, func(t *testing.T) {
			repaired, sound := 0, 0
			wrecks(t, live, 13, func(what string, wreck func(string) error) {
				dir := live + "-trial"
				copyDir(t, live, dir)
				defer os.RemoveAll(dir)
				if err := wreck(dir); err != nil {
					t.Fatal(err)
				}
				probe := live + "-probe"
				copyDir(t, dir, probe)
				_, refusal := load(t, probe)
				_ = os.RemoveAll(probe)

				bytes, frames := contents(t, dir)
				before := snapshot(t, dir)
				r, err := Repair(dir, 0)
				if err != nil && strings.Contains(refusal.Error(), "begins after") && maps.Equal(before, snapshot(t, dir)) {
					damaged(t, what, err, "")
					return // what is missing there, no repair brings back
				}
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				nothingLost(t, what, dir, bytes, frames)
				if refusal == nil {
					sound++
					if r.Damage != nil || !maps.Equal(before, snapshot(t, dir)) {
						t.Fatalf("%s: a log that opens was repaired: %+v", what, r)
					}
					return
				}
				repaired++
				checkRepaired(t, what, dir, want, r)
			})
			t.Logf("%d repaired, %d left alone", repaired, sound)
			if repaired == 0 || sound == 0 && name == "killed" {
				t.Fatal("one of the two cases was not met")
			}
		})
	}
}

func checkRepaired(t *testing.T, what, dir string, want []string, r RepairReport) {
	t.Helper()
	if r.Damage == nil {
		t.Fatalf("%s: nothing was repaired", what)
	}
	var kept int64
	for _, name := range r.Kept {
		kept += sizeOf(filepath.Join(dir, name))
	}
	if kept != r.Bytes {
		t.Fatalf("%s: %d bytes kept, the report says %d", what, kept, r.Bytes)
	}
	got, err := load(t, dir)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	prefix(t, what, got, want)
	n := uint64(len(got))
	if r.Last.Count() != n || r.Last.Epoch() < 2 {
		t.Fatalf("%s: it ends at %s with %d records", what, r.Last, n)
	}
	if r.From != 0 && (r.From.Count() != n+1 || r.To.Count() <= n || r.To.Count() > 20) {
		t.Fatalf("%s: %d records are there, lost %s to %s", what, n, r.From, r.To)
	}
	if again, err := Repair(dir, 0); err != nil || again.Damage != nil {
		t.Fatalf("%s: repaired twice: %+v, %v", what, again, err)
	}
	if v, err := Verify(dir); err != nil || v.Records != n {
		t.Fatalf("%s: %+v, %v", what, v, err)
	}
}

// A checkpoint at from has what lies before: damage there is nobody's business, and when the log
// does not reach from any more, it begins there.
func TestRepairLeavesAloneWhatACheckpointCovers(t *testing.T) {
	live := filepath.Join(fastDir(t), "live")
	want := rotatedLog(t, open(t, Options{Dir: live, SegmentBytes: 400, faults: &faults{still: true}}), 4)
	from := makePosition(1, 25)
	untouched, cutBehind, anew := 0, 0, 0
	wrecks(t, live, 29, func(what string, wreck func(string) error) {
		dir := live + "-trial"
		copyDir(t, live, dir)
		defer os.RemoveAll(dir)
		if err := wreck(dir); err != nil {
			t.Fatal(err)
		}
		start := func(dir string) (got []string, err error) {
			l, err := Open(Options{Dir: dir, faults: &faults{still: true}})
			if err != nil {
				return nil, err
			}
			defer l.Close()
			err = l.Replay(from, func(_ Position, _ int64, r []byte) error {
				got = append(got, string(r))
				return nil
			})
			return got, err
		}
		_, refusal := start(dir)
		before := snapshot(t, dir)
		bytes, frames := contents(t, dir)
		r, err := Repair(dir, from)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		nothingLost(t, what, dir, bytes, frames)
		got, err := start(dir)
		if err != nil {
			t.Fatalf("%s: %v after the repair of %v", what, err, refusal)
		}
		prefix(t, what, got, want[25:])
		_, reached := before[filepath.Join(dir, logName, generationName(1), segmentName(1))]
		_, stays := snapshot(t, dir)[filepath.Join(dir, logName, generationName(1), segmentName(1))]
		switch {
		case refusal == nil:
			untouched++
			if r.Damage != nil || !maps.Equal(before, snapshot(t, dir)) {
				t.Fatalf("%s: %+v", what, r)
			}
		case reached && !stays:
			anew++
			if len(got) != 0 || r.Last.Count() != 25 || r.Last.Epoch() < 2 || len(generationDirs(t, dir)) != 1 {
				t.Fatalf("%s: %+v, %d records", what, r, len(got))
			}
		default:
			cutBehind++
			if r.Last.Count() != 25+uint64(len(got)) || r.From != 0 && r.From.Count() != r.Last.Count()+1 {
				t.Fatalf("%s: %+v, %d records", what, r, len(got))
			}
		}
	})
	t.Logf("%d left alone, %d cut behind the position, %d begun anew there", untouched, cutBehind, anew)
	if untouched == 0 || cutBehind == 0 || anew == 0 {
		t.Fatal("a case was not met")
	}
}

// An interrupted Repair has lost nothing, and the next one finishes its work.
func TestRepairMayBeInterruptedAnywhere(t *testing.T) {
	live, want := cleanLog(t)
	damage := func(t *testing.T) string {
		dir := filepath.Join(fastDir(t), "data")
		copyDir(t, live, dir)
		file, offset := findRecord(t, dir, want[4])
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b[offset] ^= 1
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	finish := func(what, dir string, bytes int64, frames map[string]int) {
		t.Helper()
		nothingLost(t, what, dir, bytes, frames)
		r, err := Repair(dir, 0)
		if err != nil {
			t.Fatalf("%s, again: %v", what, err)
		}
		nothingLost(t, what, dir, bytes, frames)
		got, err := load(t, dir)
		if err != nil || len(got) != 4 {
			t.Fatalf("%s: %d records, %v, %+v", what, len(got), err, r)
		}
		prefix(t, what, got, want)
	}
	t.Run("by a failing operation", func(t *testing.T) {
		for k := 1; ; k++ {
			dir := damage(t)
			bytes, frames := contents(t, dir)
			s := &saboteur{k: k, armed: true}
			_, err := repair(Options{Dir: dir, faults: s.faults()}, 0)
			hit := s.disarm()
			if (hit == "") != (err == nil) {
				t.Fatalf("operation %d, %s: %v", k, hit, err)
			}
			if hit == "" {
				break
			}
			finish(fmt.Sprintf("operation %d, %s", k, hit), dir, bytes, frames)
		}
	})
	t.Run("by a power cut", func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(*seedArg, 5))
		dir := damage(t)
		bytes, frames := contents(t, dir)
		m := newModel(dir)
		m.adopt(t)
		count := 0
		m.at = func(o op, path string) {
			for fate := range fates {
				clone := fmt.Sprintf("%s-%d", dir, count)
				count++
				m.crash(t, clone, fate, rnd)
				finish(fmt.Sprintf("%s %s, fate %d", o, path, fate), clone, bytes, frames)
				_ = os.RemoveAll(clone)
			}
		}
		if _, err := repair(Options{Dir: dir, faults: m.faults()}, 0); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d power cuts", count)
	})
}

func TestRepairNeedsTheDirectoryForItself(t *testing.T) {
	dir := fastDir(t)
	l := open(t, Options{Dir: dir})
	if _, err := Repair(dir, 0); err == nil || !strings.Contains(err.Error(), "in use by process") {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, versionName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Repair(dir, 0); err == nil {
		t.Fatal("repaired without the id that every CRC needs")
	}
}

// What Repair has cut keeps its positions for ever.
func TestRepairGivesNoPositionOutAgain(t *testing.T) {
	dir := fastDir(t)
	o := Options{Dir: dir, faults: &faults{still: true}}
	var last Position
	for range 4 { // four epochs, one record each
		l := open(t, o)
		last = l.Append([]byte("x"))
		commitNow(l, true)
		killed := fastDir(t) + "/data"
		copyDir(t, dir, killed)
		_ = l.Close()
		o.Dir, dir = killed, killed
	}
	first := segmentFiles(t, dir)[0]
	b, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(first, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Repair(dir, 0)
	if err != nil || r.From.Count() != 1 || r.To != last || r.Last <= last {
		t.Fatalf("%+v, %v; the last was %s", r, err, last)
	}
	l := open(t, o)
	if p := l.Append([]byte("y")); p <= last || p.Count() != 1 {
		t.Fatalf("%s after %s", p, last)
	}
}
