//go:build unix

package crash

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/datadir"
)

// What is tried with what a power cut has left, beside starting it.

// sound makes sure that weir check does not take what a power cut has left for damage.
func (p *powerCuts) sound(dir, what string) {
	p.t.Helper()
	if len(files(dir, "VERSION")) == 0 {
		return // the first start was cut: there is nothing yet
	}
	report, err := datadir.Check(dir)
	if err != nil {
		p.t.Fatalf("%s: check: %v\n%s", what, err, listing(dir))
	}
	p.checks++
	if !report.Sound() {
		p.t.Fatalf("%s: check: damage %v, start refused %q\n%s", what, report.Damage, report.Start.Refused, listing(dir))
	}
}

// another copies a directory.
func (p *powerCuts) another(dir, suffix string) string {
	p.t.Helper()
	if err := os.CopyFS(dir+suffix, os.DirFS(dir)); err != nil {
		p.t.Fatal(err)
	}
	return dir + suffix
}

// withNewestDamaged damages the newest of several checkpoints: the older one and a longer replay give the same (T13).
func (p *powerCuts) withNewestDamaged(dir string, s shape, found int, what string) {
	p.t.Helper()
	checkpoints := files(dir, "checkpoints/*[0-9]")
	newest := checkpoints[len(checkpoints)-1]
	what += fmt.Sprintf("; with %s damaged", filepath.Base(newest))
	flip(p.t, newest, p.rand.IntN(int(size(p.t, newest))))
	b := p.start(dir, s, p.at(found), nil, what)
	p.hurt++
	p.same(b, found, what)
	if text := b.log.String(); !strings.Contains(text, "level=WARN") || !strings.Contains(text, "checkpoints/"+filepath.Base(newest)) {
		p.t.Fatalf("%s: nobody was told\n%s", what, text)
	}
	if err := b.stop(); err != nil {
		p.t.Fatalf("%s: %v\n%s", what, err, b.log)
	}
	_ = os.RemoveAll(dir)
}

// flip changes a byte of a file.
func flip(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 0x21
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// withoutCheckpoints replays the whole log instead, which gives the same, or is refused because its beginning is gone.
func (p *powerCuts) withoutCheckpoints(dir string, s shape, found int, what string) {
	p.t.Helper()
	what += "; started without checkpoints"
	had := len(files(dir, "checkpoints/*[0-9]"))
	if err := os.RemoveAll(filepath.Join(dir, "checkpoints")); err != nil {
		p.t.Fatal(err)
	}
	b, err := start(dir, s, p.at(found), nil)
	switch {
	case err == nil:
		p.replayed++
		p.same(b, found, what)
		if err := b.stop(); err != nil {
			p.t.Fatalf("%s: %v\n%s", what, err, b.log)
		}
	case had > 1:
		p.refused++
	default: // nothing of the log may be removed before there are two
		p.t.Fatalf("%s: %v\n%s", what, err, b.log)
	}
	_ = os.RemoveAll(dir)
}

// goOn does the rest of the story.
func (p *powerCuts) goOn(b *node, i int, what string) {
	p.t.Helper()
	p.continued++
	for _, batch := range batches(p.story.orders[i:]) {
		if p.rand.IntN(10) == 0 {
			if err := b.spilled(); err != nil {
				p.t.Fatalf("%s: %v\n%s", what, err, b.log)
			}
		}
		p.order(b, i, batch, what, func() {})
		i += len(batch)
	}
	p.same(b, i, what)
}

func (p *powerCuts) count(dir string) {
	if len(files(dir, "checkpoints/*[0-9]")) > 0 {
		p.checkpoints++
	}
	if len(files(dir, "segments/*")) > 0 {
		p.segments++
	}
}

// files returns the paths of files in a data directory, in order.
func files(dir, pattern string) []string {
	names, _ := filepath.Glob(filepath.Join(dir, pattern))
	return names
}

// listing is what is in a directory, for the reader of a failure.
func listing(dir string) string {
	var b strings.Builder
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			if info, err := e.Info(); err == nil {
				fmt.Fprintln(&b, info.Size(), strings.TrimPrefix(path, dir))
			}
		}
		return nil
	})
	return b.String()
}
