package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/log"
	"github.com/weirmq/weir/stream"
)

// builder makes a data directory as a broker does.
type builder struct {
	t    *testing.T
	dir  string
	log  *log.Log
	keys *state.Keyspace
	tx   *state.Tx
	next uint64 // ID of the next entry
}

func build(t *testing.T) *builder {
	t.Helper()
	b := &builder{t: t, dir: filepath.Join(t.TempDir(), "data"), next: 1}
	b.must(os.Mkdir(b.dir, 0o700))
	b.open()
	b.keys = state.NewKeyspace(streams())
	b.tx = state.NewTx(b.keys)
	return b
}

func (b *builder) open() {
	var err error
	b.log, err = log.Open(log.Options{Dir: b.dir, SegmentBytes: 4 << 10})
	b.must(err)
	b.must(b.log.Begin())
}

func (b *builder) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// add appends n entries to each of some streams.
func (b *builder) add(n int, keys ...string) {
	for range n {
		for _, key := range keys {
			b.tx.Begin(0)
			b.tx.StreamAppend([]byte(key), stream.ID{MS: b.next, Seq: 1}, [][]byte{[]byte("field"), fmt.Appendf(nil, "value %d", b.next)})
			b.tx.Committed(uint64(b.log.Append(b.tx.Record())))
			b.next++
		}
		b.must(b.log.Sync(b.t.Context())) // a frame for each
	}
}

func (b *builder) close() string {
	b.must(b.log.Close())
	return b.dir
}

// content returns all files of a directory but its lock.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "LOCK" {
			return err
		}
		b, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir+"/")] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func equal(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name, b := range want {
		if got[name] != b {
			t.Errorf("%s: %s has %d bytes, or others, not %d", what, name, len(got[name]), len(b))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: there is %s, too", what, name)
		}
	}
}

// flip changes a bit of a file.
func flip(t *testing.T, path string, at int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += int64(len(b))
	}
	b[at] ^= 0x10
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// one returns the file that a pattern below a directory is for.
func one(t *testing.T, dir, pattern string, nth int) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil || len(names) <= nth {
		t.Fatalf("%s: %v, %v", pattern, names, err)
	}
	slices.Sort(names)
	return names[nth]
}

func TestASoundDirectoryIsCheckedAndLeftAlone(t *testing.T) {
	b := build(t)
	b.add(100, "orders", "flights")
	dir := b.close()
	before := content(t, dir)
	r, err := Check(dir)
	if err != nil || !r.Sound() || len(r.Notes) > 0 || !r.Log.Clean || r.Log.Records != 200 || r.Start.Keys != 2 || r.Start.Records != 200 || r.Start.Last != "1:200" {
		t.Errorf("%+v, %v", r, err)
	}
	equal(t, "after Check", content(t, dir), before)
	for _, dryRun := range []bool{true, false} {
		if done, err := Repair(dir, dryRun); err != nil || len(done) > 0 {
			t.Errorf("Repair: %v, %v", done, err)
		}
		equal(t, "after Repair", content(t, dir), before)
	}
}

func TestADirectoryInUseIsRefused(t *testing.T) {
	b := build(t)
	b.add(1, "orders")
	_, err := Check(b.dir)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("Check: %v", err)
	}
	if _, err := Repair(b.dir, false); !errors.Is(err, ErrLocked) {
		t.Errorf("Repair: %v", err)
	}
	if _, err := Backup(b.dir, filepath.Join(t.TempDir(), "copy")); !errors.Is(err, ErrLocked) {
		t.Errorf("Backup: %v", err)
	}
	b.close()
}

func TestWhatIsNoDataDirectoryIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Join(dir, "none")} {
		if _, err := Check(d); !errors.Is(err, ErrNoData) {
			t.Errorf("Check: %v", err)
		}
		if _, err := Repair(d, false); !errors.Is(err, ErrNoData) {
			t.Errorf("Repair: %v", err)
		}
	}
	equal(t, "after", content(t, dir), nil)
}

func TestATornTailIsNoDamage(t *testing.T) {
	b := build(t)
	b.add(100, "orders")
	dir := b.close()
	b.must(os.Remove(filepath.Join(dir, "CLEAN")))
	last := one(t, dir, "log/*/*", 2)
	f, err := os.OpenFile(last, os.O_APPEND|os.O_WRONLY, 0)
	b.must(err)
	_, err = f.WriteString("half a frame")
	b.must(err)
	b.must(f.Close())
	r, err := Check(dir)
	if err != nil || !r.Sound() || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "the next start cuts it") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestADamagedLogIsCut(t *testing.T) {
	b := build(t)
	b.add(200, "orders")
	dir := b.close()
	damaged := one(t, dir, "log/*/*", 1)
	flip(t, damaged, 1000)
	r, err := Check(dir)
	if err != nil || r.Sound() || r.Start.Refused == "" || len(r.Damage) != 1 || filepath.Join(dir, r.Damage[0].File) != damaged || r.Damage[0].Offset > 1000 {
		t.Fatalf("%+v, %v", r, err)
	}
	before := content(t, dir)
	done, err := Repair(dir, true)
	if err != nil || len(done) != 1 || !strings.Contains(done[0], "would cut") {
		t.Errorf("%v, %v", done, err)
	}
	equal(t, "after a dry run", content(t, dir), before)
	if done, err = Repair(dir, false); err != nil || len(done) != 1 || !strings.Contains(done[0], "are lost") {
		t.Fatalf("%v, %v", done, err)
	}
	r, err = Check(dir)
	if err != nil || !r.Sound() || r.Start.Keys != 1 || r.Start.Records == 0 || r.Start.Records >= 200 {
		t.Fatalf("%+v, %v", r, err)
	}
	b.open() // as a broker does
	b.add(1, "orders")
	b.close()
}

func TestADamagedVersionIsNotRepaired(t *testing.T) {
	b := build(t)
	b.add(1, "orders")
	dir := b.close()
	flip(t, filepath.Join(dir, "VERSION"), 20)
	r, err := Check(dir)
	if err != nil || r.Sound() || len(r.Damage) != 1 || r.Damage[0].File != "VERSION" {
		t.Fatalf("%+v, %v", r, err)
	}
	before := content(t, dir)
	if done, err := Repair(dir, false); err == nil || len(done) > 0 {
		t.Errorf("%v, %v", done, err)
	}
	equal(t, "after Repair", content(t, dir), before)
}
