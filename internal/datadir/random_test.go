package datadir

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// harm is a way in which a file can be other than it was written. It reports what it did, nothing if it changed nothing.
type harm func(rng *rand.Rand, files map[string]string, name string) string

var harms = []harm{
	func(rng *rand.Rand, files map[string]string, name string) string {
		b := []byte(files[name])
		bit := rng.IntN(8 * len(b))
		b[bit/8] ^= 1 << (bit % 8)
		files[name] = string(b)
		return fmt.Sprintf("bit %d flipped", bit)
	},
	func(rng *rand.Rand, files map[string]string, name string) string {
		b := []byte(files[name])
		at := rng.IntN(len(b))
		clear(b[at:min(len(b), at+512)])
		if string(b) == files[name] {
			return ""
		}
		files[name] = string(b)
		return fmt.Sprintf("zeros from %d on", at)
	},
	func(rng *rand.Rand, files map[string]string, name string) string {
		n := rng.IntN(len(files[name]))
		files[name] = files[name][:n]
		return fmt.Sprintf("cut at %d", n)
	},
	func(_ *rand.Rand, files map[string]string, name string) string {
		delete(files, name)
		return "removed"
	},
	func(rng *rand.Rand, files map[string]string, name string) string {
		others := slices.DeleteFunc(slices.Sorted(maps.Keys(files)), func(n string) bool {
			return n == name || path.Dir(n) != path.Dir(name) || path.Dir(n) == "."
		})
		if len(others) == 0 {
			return ""
		}
		other := others[rng.IntN(len(others))]
		files[name], files[other] = files[other], files[name]
		return "swapped with " + other
	},
}

// write makes a directory of files.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever is wrong with whatever file, Check finds it, and after a Repair that does not refuse the broker starts: with
// everything, if the damage would not have kept it from that.
func TestNoDamageAnywhereIsPassedOver(t *testing.T) {
	sound := content(t, full(t).close())
	names := slices.Sorted(maps.Keys(sound))
	rng := rand.New(rand.NewPCG(7, 8))
	repaired, refused := 0, 0
	for i := range 300 {
		files, name := maps.Clone(sound), names[i%len(names)]
		did := harms[i/len(names)%len(harms)](rng, files, name)
		if did == "" {
			continue
		}
		what := name + " " + did
		dir := filepath.Join(t.TempDir(), "data")
		write(t, dir, files)
		r, err := Check(dir)
		if name == "VERSION" && err != nil {
			continue // without it nothing can be said
		}
		needless := name == "CLEAN" || path.Dir(name) == "checkpoints" && did == "removed" // the other one suffices
		if err != nil || r.Sound() && len(r.Notes) == 0 && !needless {
			t.Fatalf("%s: %+v, %v", what, r, err)
		}
		wasRefused := r.Start.Refused != ""
		if _, err := Repair(dir, false); err != nil {
			refused++
			if bothCheckpoints := path.Dir(name) == "checkpoints" && strings.HasPrefix(did, "swapped"); name != "VERSION" && !bothCheckpoints {
				t.Fatalf("%s: %v", what, err)
			}
			continue
		}
		if r, err = Check(dir); err != nil || r.Start.Refused != "" || r.Start.Keys != 2 || !wasRefused && r.Start.Last != "1:410" {
			t.Fatalf("%s: after Repair: %+v, %v", what, r, err)
		}
		repaired++
	}
	if repaired < 150 || refused == 0 {
		t.Errorf("%d repaired, %d refused", repaired, refused)
	}
}
