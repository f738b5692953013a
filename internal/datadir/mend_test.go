package datadir

import (
	"os"
	"strings"
	"testing"
)

// mended takes a segment that both checkpoints need, has it damaged, and repairs the directory.
func mended(t *testing.T, damage func(path string)) (b *builder, r *Report) {
	t.Helper()
	b = full(t)
	dir := b.close()
	damage(one(t, dir, "segments/*", 0))
	r, err := Check(dir)
	if err != nil || len(r.Damage) != 1 || r.Start.Refused == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	before := content(t, dir)
	if done, err := Repair(dir, true); err != nil || len(done) != 1 || !strings.Contains(done[0], "would write segments/") {
		t.Fatalf("%v, %v", done, err)
	}
	equal(t, "after a dry run", content(t, dir), before)
	if done, err := Repair(dir, false); err != nil || len(done) != 1 || !strings.Contains(done[0], "wrote segments/") {
		t.Fatalf("%v, %v", done, err)
	}
	if r, err = Check(dir); err != nil || r.Start.Refused != "" || r.Start.Checkpoint != 3 || r.Start.Keys != 2 || r.Start.Last != "1:410" {
		t.Fatalf("%+v, %v", r, err)
	}
	return b, r
}

// blocks counts the blocks that are lost.
func blocks(r *Report) (n int) {
	for _, d := range r.Damage {
		for _, a := range d.Affects {
			n += a.Blocks
		}
	}
	return n
}

func TestAMissingSegmentDoesNotKeepARepairedBrokerFromStarting(t *testing.T) {
	b, r := mended(t, func(path string) { _ = os.Remove(path) })
	if len(r.Damage) != 1 || len(r.Damage[0].Affects) != 2 || blocks(r) < 20 {
		t.Errorf("%+v", r.Damage)
	}
	if moved := glob(t, b.dir, "quarantine/*"); len(moved) > 0 {
		t.Errorf("in quarantine: %v", moved)
	}
}

func TestASegmentWithADamagedHeaderLosesNoBlock(t *testing.T) {
	b, r := mended(t, func(path string) { flip(t, path, 9) })
	if !r.Sound() {
		t.Errorf("%+v", r.Damage)
	}
	one(t, b.dir, "quarantine/segments-*", 0)
}

func TestASegmentThatIsCutShortKeepsItsBlocksBeforeTheCut(t *testing.T) {

	_, all := mended(t, func(path string) { _ = os.Remove(path) })
	whole := blocks(all)
	b, r := mended(t, func(path string) {
		if err := os.Truncate(path, 2000); err != nil {
			t.Fatal(err)
		}
	})
	if n := blocks(r); n == 0 || n >= whole {
		t.Errorf("%d blocks of %d are lost", n, whole)
	}
	one(t, b.dir, "quarantine/segments-*", 0)
}

func TestAnEmptySegmentIsWrittenAnew(t *testing.T) {
	mended(t, func(path string) {
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
	})
}
