//go:build unix

package crash

import (
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/datadir"
	"github.com/weirmq/weir/internal/oracle"
)

// aged is a data directory with two checkpoints, segment files, and a log that has lost its beginning; and its story.
type aged struct {
	powerCuts
	dir   string
	shape shape
}

// ageing makes one, from the first story after the seed that leads to three segment files. The broker is killed in the end.
func ageing(t *testing.T) *aged {
	t.Helper()
	seed := theSeed(t)
	for {
		if a := age(t, seed); len(files(a.dir, "segments/*")) > 2 {
			return a
		}
		seed++
	}
}

func age(t *testing.T, seed uint64) *aged {
	t.Helper()
	base := fastDir(t)
	a := &aged{powerCuts: powerCuts{t: t, base: base, story: tell(t, seed, 300)}, dir: filepath.Join(base, "aged"),
		shape: shape{blockEntries: 4, cache: 0, segment: 1000, checkpointLog: 1 << 20, logSegment: 4096}}
	live := filepath.Join(base, "live")
	b := a.start(live, a.shape, scriptBegins, nil, "ageing")
	at := 0
	every := len(a.story.orders) / 6
	save := every
	for _, batch := range batches(a.story.orders) {
		a.order(b, at, batch, "ageing", func() {})
		if at < save && at+len(batch) >= save && save < 6*every { // so that something remains for the log
			save += every
			if err := b.spilled(); err != nil {
				t.Fatal(err)
			}
			if _, err := b.client.MustDo("SAVE"); err != nil {
				t.Fatalf("%v\n%s", err, b.log)
			}
		}
		at += len(batch)
	}
	if err := b.spilled(); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(a.dir, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	return a
}

// copyOf is a copy of the directory to do harm to.
func (a *aged) copyOf(i int) string {
	a.t.Helper()
	dir := filepath.Join(a.base, fmt.Sprint("copy", i))
	if err := os.CopyFS(dir, os.DirFS(a.dir)); err != nil {
		a.t.Fatal(err)
	}
	return dir
}

func (a *aged) newest(dir string) string {
	a.t.Helper()
	checkpoints := files(dir, "checkpoints/*")
	if len(checkpoints) != 2 {
		a.t.Fatalf("there are %d checkpoints\n%s", len(checkpoints), listing(dir))
	}
	return checkpoints[1]
}

// TestADamagedNewestCheckpointCostsOnlyTime is T13 for the whole broker: whatever is wrong with the newest checkpoint, the
// older one and a longer replay give the same state, somebody is told which file it is, and nothing of it is thrown away.
// The broker works as before and makes the next one.
func TestADamagedNewestCheckpointCostsOnlyTime(t *testing.T) {
	a := ageing(t)
	length := int(size(t, a.newest(a.dir)))
	type harm struct {
		what string
		do   func(file string) error
	}
	harms := []harm{
		{"missing", os.Remove},
		{"empty", func(file string) error { return os.Truncate(file, 0) }},
		{"the older one under its name", func(file string) error {
			older, err := os.ReadFile(files(filepath.Dir(filepath.Dir(file)), "checkpoints/*")[0])
			if err != nil {
				return err
			}
			return os.WriteFile(file, older, 0o600)
		}},
	}
	// Every byte of header and trailer, and some of everything between.
	for at := 0; at < length; at++ {
		if at < 80 || at > length-80 || at%(1+length/(20+*rounds)) == 0 {
			harms = append(harms, harm{fmt.Sprint("byte ", at, " flipped"), func(file string) error { flip(t, file, at); return nil }})
		}
		if at%(1+length/15) == 0 {
			harms = append(harms, harm{fmt.Sprint("cut at ", at), func(file string) error { return os.Truncate(file, int64(at)) }})
		}
	}
	for i, h := range harms {
		dir := a.copyOf(i)
		file := a.newest(dir)
		what := filepath.Base(file) + ": " + h.what
		if err := h.do(file); err != nil {
			t.Fatal(err)
		}
		damaged, _ := os.ReadFile(file) // nothing, if it is missing
		b := a.start(dir, a.shape, a.at(len(a.story.orders)), nil, what)
		a.same(b, len(a.story.orders), what)
		if h.what != "missing" {
			if text := b.log.String(); !strings.Contains(text, "level=WARN") || !strings.Contains(text, "checkpoints/"+filepath.Base(file)) {
				t.Fatalf("%s: nobody was told\n%s", what, text)
			}
			kept := files(dir, "quarantine/*checkpoint*")
			if len(kept) != 1 {
				t.Fatalf("%s: kept are %v\n%s", what, kept, listing(dir))
			}
			if b, err := os.ReadFile(kept[0]); err != nil || string(b) != string(damaged) {
				t.Fatalf("%s: what was kept of it is something else", what)
			}
		}
		for range 2 {
			if _, err := b.client.MustDo("SAVE"); err != nil {
				t.Fatalf("%s: %v\n%s", what, err, b.log)
			}
		}
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		b = a.start(dir, a.shape, a.at(len(a.story.orders)), nil, what+"; started again")
		a.same(b, len(a.story.orders), what+"; started again")
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		_ = os.RemoveAll(dir)
	}
	t.Logf("%d kinds of damage to %d bytes", len(harms), length)
}

// TestWithoutAGoodCheckpointTheStartIsRefused when the log has lost its beginning: by name, and nothing on disk is changed.
func TestWithoutAGoodCheckpointTheStartIsRefused(t *testing.T) {
	a := ageing(t)
	for i, harm := range []func(file string) error{
		os.Remove,
		func(file string) error { flip(t, file, 200); return nil },
		func(file string) error { return os.Truncate(file, 100) },
	} {
		dir := a.copyOf(i)
		checkpoints := files(dir, "checkpoints/*")
		for _, file := range checkpoints {
			if err := harm(file); err != nil {
				t.Fatal(err)
			}
		}
		before := fingerprint(t, dir)
		err := a.refused(dir)
		if i > 0 && !strings.Contains(err.Error(), filepath.Base(checkpoints[1])) {
			t.Errorf("harm %d: the refusal does not name the newest checkpoint: %v", i, err)
		}
		if after := fingerprint(t, dir); after != before {
			t.Errorf("harm %d: the refusal has changed the directory:\n%s\nwas\n%s", i, after, before)
		}
	}
}

// refused starts a broker that must not start.
func (a *aged) refused(dir string) error {
	a.t.Helper()
	b, err := start(dir, a.shape, a.at(len(a.story.orders)), nil)
	if err == nil {
		_ = b.stop()
		a.t.Fatalf("it has started\n%s", b.log)
	}
	return err
}

// fingerprint is the names and contents of the files in a directory, but for LOCK.
func fingerprint(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, pattern := range []string{"[A-KM-Z]*", "*/*", "*/*/*"} {
		for _, file := range files(dir, pattern) {
			if content, err := os.ReadFile(file); err == nil {
				fmt.Fprintf(&b, "%s %d %08x\n", strings.TrimPrefix(file, dir), len(content), crc32.ChecksumIEEE(content))
			}
		}
	}
	return b.String()
}

// TestAWrongSegmentFileIsNeverSilent: a segment file that is missing, cut, under another name, or in another's place is found
// at the start. Either the older checkpoint does without it, and the state is the same, or the start is refused with its name.
func TestAWrongSegmentFileIsNeverSilent(t *testing.T) {
	a := ageing(t)
	segments := len(files(a.dir, "segments/*"))
	refused, fellBack, unneeded, n := 0, 0, 0, 0
	for i := range segments {
		for what, harm := range map[string]func(file, other string) error{
			"missing": func(file, _ string) error { return os.Remove(file) },
			"empty":   func(file, _ string) error { return os.Truncate(file, 0) },
			"renamed": func(file, _ string) error { return os.Rename(file, filepath.Dir(file)+"/00000000000000009999") },
			"in another's place": func(file, other string) error {
				return os.Rename(other, file)
			},
			"swapped": func(file, other string) error {
				aside := file + ".aside"
				return firstError(os.Rename(file, aside), os.Rename(other, file), os.Rename(aside, other))
			},
			"half of it": func(file, _ string) error {
				return os.Truncate(file, size(t, file)/2)
			},
		} {
			n++
			dir := a.copyOf(n)
			here := files(dir, "segments/*")
			file, other := here[i], here[(i+1)%segments]
			what = fmt.Sprintf("%s: %s", filepath.Base(file), what)
			if err := harm(file, other); err != nil {
				t.Fatal(err)
			}
			before := fingerprint(t, dir)
			report, checkErr := datadir.Check(dir)
			if checkErr != nil {
				t.Fatalf("%s: check: %v, %+v", what, checkErr, report)
			}
			b, err := start(dir, a.shape, a.at(len(a.story.orders)), nil)
			if err != nil {
				refused++
				if report.Start.Refused == "" {
					t.Errorf("%s: weir check says that a start would succeed, and it does not: %v", what, err)
				}
				if text := err.Error(); !strings.Contains(text, filepath.Base(file)) && !strings.Contains(text, filepath.Base(other)) {
					t.Errorf("%s: the refusal does not name it: %v", what, err)
				}
				if after := fingerprint(t, dir); after != before {
					t.Errorf("%s: the refusal has changed the directory:\n%s\nwas\n%s", what, after, before)
				}
				continue
			}
			a.same(b, len(a.story.orders), what)
			if strings.Contains(b.log.String(), "level=WARN") {
				fellBack++
			} else {
				unneeded++
			}
			if err := b.stop(); err != nil {
				t.Fatal(err)
			}
			_ = os.RemoveAll(dir)
		}
	}
	t.Logf("%d segment files, %d kinds of harm: %d starts refused, %d from the older checkpoint, %d did not need the file", segments, n, refused, fellBack, unneeded)
	if refused == 0 || fellBack+unneeded == 0 {
		t.Error("something was never tried: nothing is proved")
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestADamagedBlockSpoilsOnlyWhatNeedsIt is T10 and T12 for the whole broker: a flipped bit anywhere in a segment file makes
// reads that need the block answer -DATALOSS, or nothing at all happens; never other bytes, and all other streams are served.
func TestADamagedBlockSpoilsOnlyWhatNeedsIt(t *testing.T) {
	a := ageing(t)
	lost, harmless, refused := 0, 0, 0
	for i, file := range files(a.dir, "segments/*") {
		length := int(size(t, file))
		for at := i; at < length; at += 1 + length/(4+*rounds/2) {
			what := fmt.Sprintf("%s: byte %d of %d flipped", filepath.Base(file), at, length)
			dir := a.copyOf(i*1_000_000 + at)
			flip(t, files(dir, "segments/*")[i], at)
			b, err := start(dir, a.shape, a.at(len(a.story.orders)), nil)
			if err != nil { // in the header
				refused++
				if !strings.Contains(err.Error(), filepath.Base(file)) {
					t.Errorf("%s: the refusal does not name it: %v", what, err)
				}
				continue
			}
			if a.lossOf(b, what) {
				lost++
			} else {
				harmless++
			}
			if err := b.stop(); err != nil {
				t.Fatal(err)
			}
			_ = os.RemoveAll(dir)
		}
	}
	t.Logf("%d flips made -DATALOSS, %d were in what nobody needs, %d were found at the start", lost, harmless, refused)
	if lost == 0 {
		t.Error("nothing was lost: nothing is proved")
	}
}

// lossOf reads every stream in small steps: each step gives what the story has, or says that it is lost.
func (a *aged) lossOf(b *node, what string) (lost bool) {
	a.t.Helper()
	whole := a.start(a.copyOf(-1), a.shape, a.at(len(a.story.orders)), nil, what)
	defer func() {
		_ = whole.stop()
		_ = os.RemoveAll(filepath.Join(a.base, "copy-1"))
	}()
	for k := range newScript(0).keys {
		key := newScript(0).keys[k].name
		for from := "-"; ; {
			args := []string{"XRANGE", key, from, "+", "COUNT", "3"}
			want, err := whole.client.MustDo(args...)
			if err != nil {
				a.t.Fatal(err)
			}
			got, err := b.client.Do(args...)
			if err != nil {
				a.t.Fatalf("%s: %v\n%s", what, err, b.log)
			}
			switch {
			case got.IsError() && strings.HasPrefix(got.Text, "DATALOSS") && strings.Contains(got.Text, key):
				lost = true
			case told(got) != told(want):
				a.t.Fatalf("%s: %s: %s\n%s", what, oracle.FormatCommand(args), firstDifference(told(got), told(want)), b.log)
			}
			if len(want.Elems) == 0 {
				break
			}
			from = "(" + want.Elems[len(want.Elems)-1].Elems[0].Text
		}
	}
	return lost
}
