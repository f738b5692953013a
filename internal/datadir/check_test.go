package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/weirmq/weir/internal/vfs"
)

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
	if _, err := Backup(t.Context(), b.dir, filepath.Join(t.TempDir(), "copy")); !errors.Is(err, ErrLocked) {
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
	b.must(b.log.Close())
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

// full makes a directory with everything in it: blocks in several segments, two checkpoints, and a log that goes on behind
// them.
func full(t *testing.T) *builder {
	t.Helper()
	b := build(t)
	b.add(60, "orders", "flights")
	b.checkpoint()
	b.add(60, "orders", "flights")
	b.checkpoint()
	b.add(60, "orders", "flights")
	b.checkpoint()
	b.add(25, "orders", "flights")
	b.spill()
	return b
}

func TestCheckpointsAndSegmentsAreCheckedWithTheLog(t *testing.T) {
	b := full(t)
	dir := b.close()
	before := content(t, dir)
	r, err := Check(dir)
	if err != nil || !r.Sound() || len(r.Notes) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if len(r.Checkpoints) != 2 || r.Checkpoints[0].Number != 3 || r.Checkpoints[1].Number != 2 {
		t.Fatalf("%+v", r.Checkpoints)
	}
	if c := r.Checkpoints[0]; c.Keys != 2 || c.Position != "1:360" || c.Segments < 2 || c.UnixMS != 1 || c.Unusable != "" {
		t.Errorf("%+v", c)
	}
	if s := r.Start; s.Checkpoint != 3 || s.Records != 50 || s.Last != "1:410" || s.Keys != 2 {
		t.Errorf("%+v", s)
	}
	var blocks int
	var live int64
	for _, s := range r.Segments {
		blocks += s.Blocks
		live += s.LiveBytes
	}
	if len(r.Segments) != 2 || blocks != 2*(205/blockEntries) || live == 0 {
		t.Errorf("%d blocks, %d bytes live: %+v", blocks, live, r.Segments)
	}
	equal(t, "after Check", content(t, dir), before)
}

// A start falls back to the older checkpoint, and Repair moves the damaged one away.
func TestADamagedCheckpointIsMovedAwayIfTheOtherOneSuffices(t *testing.T) {
	for _, at := range []int64{10, 70, 200, -10} { // header, state, trailer
		b := full(t)
		dir := b.close()
		damaged := one(t, dir, "checkpoints/*", 1)
		flip(t, damaged, at)
		r, err := Check(dir)
		if err != nil || r.Sound() || len(r.Damage) != 1 || filepath.Join(dir, r.Damage[0].File) != damaged || r.Start.Refused != "" || r.Start.Checkpoint != 2 || r.Start.Last != "1:410" {
			t.Fatalf("%+v, %v", r, err)
		}
		before := content(t, dir)
		if done, err := Repair(dir, true); err != nil || len(done) != 1 || !strings.Contains(done[0], "would move") {
			t.Errorf("%v, %v", done, err)
		}
		equal(t, "after a dry run", content(t, dir), before)
		if done, err := Repair(dir, false); err != nil || len(done) != 1 || !strings.Contains(done[0], "nothing is lost") {
			t.Fatalf("%v, %v", done, err)
		}
		if r, err = Check(dir); err != nil || !r.Sound() || r.Start.Checkpoint != 2 || r.Start.Last != "1:410" {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

func TestWithoutAGoodCheckpointNothingIsRepaired(t *testing.T) {
	b := full(t)
	dir := b.close()
	flip(t, one(t, dir, "checkpoints/*", 0), 100)
	flip(t, one(t, dir, "checkpoints/*", 1), 100)
	r, err := Check(dir)
	if err != nil || len(r.Damage) != 2 || !strings.Contains(r.Start.Refused, "there is no checkpoint to load") {
		t.Fatalf("%+v, %v", r, err)
	}
	before := content(t, dir)
	if done, err := Repair(dir, false); err == nil || len(done) > 0 || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("%v, %v", done, err)
	}
	equal(t, "after Repair", content(t, dir), before)
}

func TestADamagedCheckpointIsMovedAwayIfTheWholeLogSuffices(t *testing.T) {
	b := build(t)
	b.add(60, "orders")
	b.checkpoint()
	b.add(10, "orders")
	dir := b.close()
	flip(t, one(t, dir, "checkpoints/*", 0), 100)
	r, err := Check(dir)
	if err != nil || len(r.Damage) != 1 || r.Start.Refused != "" || r.Start.Checkpoint != 0 || r.Start.Records != 70 {
		t.Fatalf("%+v, %v", r, err)
	}
	if done, err := Repair(dir, false); err != nil || len(done) != 1 {
		t.Fatalf("%v, %v", done, err)
	}
	if r, err = Check(dir); err != nil || !r.Sound() || r.Start.Records != 70 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Damage of the log behind the newest checkpoint is cut; before it, where no start looks, it is reported and stays.
func TestTheLogIsCutBehindTheCheckpointThatIsUsed(t *testing.T) {
	b := full(t)
	dir := b.close()
	old := one(t, dir, "log/*/*", 0)
	flip(t, old, 1000)
	r, err := Check(dir)
	if err != nil || len(r.Damage) != 1 || r.Start.Refused != "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if done, err := Repair(dir, false); err != nil || len(done) != 1 || !strings.Contains(done[0], "moved checkpoints/00000000000000000002 ") {
		t.Fatalf("%v, %v", done, err) // the older one needs that part
	}
	current := one(t, dir, "log/*/*", len(glob(t, dir, "log/*/*"))-1)
	flip(t, current, 500)
	r, err = Check(dir)
	if err != nil || len(r.Damage) != 2 || r.Start.Refused == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if done, err := Repair(dir, false); err != nil || len(done) != 1 || !strings.Contains(done[0], "are lost") {
		t.Fatalf("%v, %v", done, err)
	}
	r, err = Check(dir)
	if err != nil || len(r.Damage) != 1 || r.Start.Refused != "" || r.Start.Checkpoint != 3 || r.Start.Records >= 50 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// A log that has lost more than its tail cannot reach the checkpoint: it begins anew behind it.
func TestALogThatIsGoneBeginsAnewBehindTheCheckpoint(t *testing.T) {
	b := full(t)
	dir := b.close()
	for _, name := range glob(t, dir, "log/*/*") {
		flip(t, name, 30)
	}
	r, err := Check(dir)
	if err != nil || r.Sound() || r.Start.Refused == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if done, err := Repair(dir, false); err != nil || len(done) != 2 {
		t.Fatalf("%v, %v", done, err)
	}
	r, err = Check(dir)
	if err != nil || !r.Sound() || r.Start.Checkpoint != 3 || r.Start.Records != 0 || r.Start.Keys != 2 || !strings.HasSuffix(r.Start.Last, ":360") {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestADamagedBlockIsNamedWithItsStream(t *testing.T) {
	b := full(t)
	dir := b.close()
	flip(t, one(t, dir, "segments/*", 0), 200)
	r, err := Check(dir)
	if err != nil || len(r.Damage) != 1 || r.Start.Refused != "" || len(r.Damage[0].Affects) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if a := r.Damage[0].Affects[0]; a.DB != 0 || a.Key != "orders" && a.Key != "flights" || a.Blocks != 1 || a.First == "" || a.Last == "" {
		t.Errorf("%+v", a)
	}
	before := content(t, dir)
	if done, err := Repair(dir, false); err != nil || len(done) > 0 {
		t.Errorf("%v, %v", done, err)
	}
	equal(t, "after Repair", content(t, dir), before)
}

func TestAMissingSegmentIsNamedWithItsStreams(t *testing.T) {
	b := full(t)
	dir := b.close()
	missing := one(t, dir, "segments/*", 0)
	b.must(os.Remove(missing))
	r, err := Check(dir)
	if err != nil || len(r.Damage) != 1 || filepath.Join(dir, r.Damage[0].File) != missing || len(r.Damage[0].Affects) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if a := r.Damage[0].Affects[0]; a.Blocks < 10 || a.First == "" || a.Last == "" {
		t.Errorf("%+v", a)
	}
	if r.Start.Refused == "" || r.Checkpoints[0].Unusable == "" {
		t.Errorf("%+v", r)
	}
}

func TestDamageThatNothingNeedsIsANote(t *testing.T) {
	b := full(t)
	dir := b.close()
	segments := glob(t, dir, "segments/*")
	flip(t, segments[len(segments)-1], 1000) // spilled after the last checkpoint: the log has it
	r, err := Check(dir)
	if err != nil || !r.Sound() || len(r.Notes) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestSwappedSegmentsAreNamed(t *testing.T) {
	b := full(t)
	dir := b.close()
	x, y := one(t, dir, "segments/*", 0), one(t, dir, "segments/*", 1)
	b.must(os.Rename(x, x+".tmp"))
	b.must(os.Rename(y, x))
	b.must(os.Rename(x+".tmp", y))
	r, err := Check(dir)
	if err != nil || len(r.Damage) != 2 || filepath.Join(dir, r.Damage[0].File) != x || filepath.Join(dir, r.Damage[1].File) != y {
		t.Fatalf("%+v, %v", r, err)
	}
}

// What the disk cannot read is damage of that file, and the rest is checked.
func TestAFileThatCannotBeReadIsDamaged(t *testing.T) {
	b := full(t)
	dir := b.close()
	for _, name := range []string{"checkpoints/00000000000000000003", "segments/00000000000000000001"} {
		for k := 1; ; k += 1 + k/4 {
			c, err := open(dir)
			b.must(err)
			reads := 0
			c.fs = vfs.Asked{OS: vfs.OS{Root: dir}, Ask: func(op, path string) error {
				if op == "read" && path == filepath.Join(dir, name) {
					if reads++; reads == k {
						return syscall.EIO
					}
				}
				return nil
			}}
			err = c.check()
			c.close()
			r := c.report
			if err != nil || len(r.Checkpoints) != 2 || len(r.Segments) != 2 {
				t.Fatalf("read %d of %s: %+v, %v", k, name, r, err)
			}
			if reads < k {
				if !r.Sound() {
					t.Errorf("%+v", r)
				}
				break
			}
			if k == 1 && r.Sound() {
				continue // it was read again
			}
			if len(r.Damage) != 1 || r.Damage[0].File != name || !strings.Contains(r.Damage[0].Reason, "cannot read") {
				t.Fatalf("read %d of %s: %+v", k, name, r)
			}
		}
	}
}

func TestADirectoryThatHasLostItsVersionIsLeftAlone(t *testing.T) {
	b := full(t)
	dir := b.close()
	b.must(os.Remove(filepath.Join(dir, "VERSION")))
	before := content(t, dir)
	if r, err := Check(dir); err == nil || errors.Is(err, ErrNoData) || !strings.Contains(err.Error(), "VERSION is missing") {
		t.Errorf("%+v, %v", r, err)
	}
	if done, err := Repair(dir, false); err == nil {
		t.Errorf("%v", done)
	}
	equal(t, "after", content(t, dir), before)
}

// A checkpoint is made when the log is durable so far: a log that ends before it has lost something, and nobody may go on as
// if it had not. What the checkpoint has is kept.
func TestACheckpointBeyondTheLogRefusesToStart(t *testing.T) {
	b := full(t)
	dir := b.close()
	generations := glob(t, dir, "log/*")
	b.must(os.RemoveAll(generations[len(generations)-1]))
	b.must(os.Remove(filepath.Join(dir, "CLEAN")))
	segments := glob(t, dir, "log/*/*")
	last := segments[len(segments)-1]
	info, err := os.Stat(last)
	b.must(err)
	b.must(os.Truncate(last, info.Size()/2))
	r, err := Check(dir)
	if err != nil || r.Sound() || !strings.Contains(r.Start.Refused, "records that were durable are missing") {
		t.Fatalf("%+v, %v", r, err)
	}
	if done, err := Repair(dir, false); err != nil || len(done) != 2 {
		t.Fatalf("%v, %v", done, err)
	}
	r, err = Check(dir)
	if err != nil || !r.Sound() || r.Start.Checkpoint != 3 || !strings.HasSuffix(r.Start.Last, ":360") {
		t.Fatalf("%+v, %v", r, err)
	}
}
