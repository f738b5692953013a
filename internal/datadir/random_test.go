package datadir

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Whatever bit of whatever file is wrong, Check finds it, and after a Repair that does not refuse the broker starts: with
// everything that is not cut.
func TestNoDamageAnywhereIsPassedOver(t *testing.T) {
	b := full(t)
	sound := content(t, b.close())
	names := slices.Sorted(maps.Keys(sound))
	rng := rand.New(rand.NewPCG(7, 8))
	repaired, refused := 0, 0
	for i := range 200 {
		name := names[i%len(names)]
		at := rng.IntN(len(sound[name]))
		what := fmt.Sprintf("%s at %d", name, at)
		dir := filepath.Join(t.TempDir(), "data")
		for n, b := range sound {
			path := filepath.Join(dir, n)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			damaged := []byte(b)
			if n == name {
				damaged[at] ^= 1 << rng.IntN(8)
			}
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r, err := Check(dir)
		if err != nil || r.Sound() && len(r.Notes) == 0 && name != "CLEAN" {
			t.Fatalf("%s: %+v, %v", what, r, err)
		}
		wasRefused := r.Start.Refused != ""
		if _, err := Repair(dir, false); err != nil {
			refused++
			if name != "VERSION" {
				t.Fatalf("%s: %v", what, err)
			}
			continue
		}
		if r, err = Check(dir); err != nil || r.Start.Refused != "" || r.Start.Keys != 2 || !wasRefused && r.Start.Last[1:] != ":410" {
			t.Fatalf("%s: after Repair: %+v, %v", what, r, err)
		}
		repaired++
	}
	if repaired < 100 || refused == 0 {
		t.Errorf("%d repaired, %d refused", repaired, refused)
	}
}
