package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

var (
	rounds = flag.Int("rounds", 10, "kills for each sync mode")
	seed   = flag.Uint64("seed", 0, "seed of the run; 0 takes the clock")
)

// healing is how long a disk that works again may go unnoticed.
const healing = 5 * time.Second

// restartsPerDirectory bounds what one check has to read.
const restartsPerDirectory = 5

var buildDir string

var binary = sync.OnceValues(func() (string, error) { return oracle.BuildWeir(buildDir) })

func TestMain(m *testing.M) {
	var err error
	if buildDir, err = os.MkdirTemp("", "crash"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(buildDir)
	os.Exit(code)
}

func weirBinary(t *testing.T) string {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

func theSeed(t *testing.T) uint64 {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed=%d", *seed)
	return *seed
}

func newWriters(seed uint64) []*writer {
	var ws []*writer
	for i := range 8 {
		ws = append(ws, newWriter(i, seed))
	}
	return ws
}

// totals is what a test prints in the end, so that a run that proved nothing shows.
type totals struct {
	rounds, sent, acked, seen int
	slowest                   time.Duration
	moving
}

func (n *totals) add(ws []*writer, l *load) {
	n.rounds++
	n.seen += len(l.seen)
	for _, w := range ws {
		n.sent += len(w.sent)
		n.acked += w.acked
	}
}

func (n *totals) report(t *testing.T) {
	t.Helper()
	t.Logf("%d rounds, %d commands sent, %d acknowledged, %d entries shown to a reader, slowest start %v; %v",
		n.rounds, n.sent, n.acked, n.seen, n.slowest, &n.moving)
	if n.acked == 0 || n.seen == 0 {
		t.Error("nothing was acknowledged or shown: nothing is proved")
	}
}

// startWeir starts the server and notes how long it took.
func (n *totals) startWeir(t *testing.T, dir string, args ...string) *oracle.Server {
	t.Helper()
	bin, began := weirBinary(t), time.Now()
	s, err := oracle.StartWeir(bin, dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	n.slowest = max(n.slowest, time.Since(began))
	t.Cleanup(func() {
		if text := s.Crashed(); text != "" {
			t.Error(text)
		}
	})
	return s
}

// TestAcknowledgedWritesSurviveKill is T1: kill -9 at a random moment, restart,
// four laws, in every sync mode. Every fourth time the server is killed again
// while it starts, up to three times in a row (T5). Every other directory is of a
// server that is cramped.
func TestAcknowledgedWritesSurviveKill(t *testing.T) {
	base := theSeed(t)
	for _, mode := range []string{"always", "everysec", "no"} {
		t.Run(mode, func(t *testing.T) {
			r := rand.New(rand.NewPCG(base, uint64(len(mode))))
			var n totals
			for directory := 0; n.rounds < *rounds; directory++ {
				dir := filepath.Join(t.TempDir(), "data")
				args := []string{"--sync", mode}
				if directory%2 == 1 {
					args = append(args, cramped...)
				}
				writers := newWriters(r.Uint64())
				for range min(restartsPerDirectory, *rounds-n.rounds) {
					killAndCheck(t, &n, r, dir, args, writers)
				}
			}
			n.report(t)
			n.mustHaveMoved(t, n.rounds)
		})
	}
}

func killAndCheck(t *testing.T, n *totals, r *rand.Rand, dir string, args []string, writers []*writer) {
	t.Helper()
	weir := n.startWeir(t, dir, args...)
	m := startMover(&n.moving, weir.Addr, dir, r.Uint64())
	l := startLoad(weir.Addr, writers)
	time.Sleep(time.Duration(5+r.IntN(796)) * time.Millisecond) // the moment of the kill is the test
	weir.Kill()
	m.end()
	errs := l.end()
	n.add(writers, l)
	killWhileStarting(t, r, dir, args)
	again := n.startWeir(t, dir, args...)
	defer again.Kill()
	if err := check(again.Addr, writers, l.seen); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		t.Fatalf("round %d: %v\nbefore the kill weir printed:\n%s\nafter it:\n%s", n.rounds, errs, weir.Output(), again.Output())
	}
}

// killWhileStarting kills some starts, one in four and up to three in a row.
func killWhileStarting(t *testing.T, r *rand.Rand, dir string, args []string) {
	t.Helper()
	for range max(0, r.IntN(12)-8) {
		s, err := oracle.StartWithoutWaiting(weirBinary(t), dir, args...)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.IntN(60_000)) * time.Microsecond)
		s.Kill()
	}
}

// TestSIGTERMUnderLoadEndsCleanly: exit status 0, everything acknowledged is
// there, and the next start repairs nothing.
func TestSIGTERMUnderLoadEndsCleanly(t *testing.T) {
	r := rand.New(rand.NewPCG(theSeed(t), 15))
	var n totals
	for i := range max(4, *rounds/5) {
		mode := []string{"always", "everysec", "no"}[r.IntN(3)]
		args := []string{"--sync", mode}
		if i%2 == 1 {
			args = append(args, cramped...)
		}
		dir := filepath.Join(t.TempDir(), "data")
		writers := newWriters(r.Uint64())
		weir := n.startWeir(t, dir, args...)
		m := startMover(&n.moving, weir.Addr, dir, r.Uint64())
		l := startLoad(weir.Addr, writers)
		time.Sleep(time.Duration(50+r.IntN(300)) * time.Millisecond)
		err := weir.Stop()
		m.end()
		errs := l.end()
		n.add(writers, l)
		if err != nil {
			t.Fatalf("SIGTERM: %v\n%s", err, weir.Output())
		}
		again := n.startWeir(t, dir, args...)
		if err := check(again.Addr, writers, l.seen); err != nil {
			errs = append(errs, err)
		}
		again.Kill()
		if cut := quarantined(t, dir); len(cut) > 0 {
			errs = append(errs, fmt.Errorf("the start after a clean end cut %v", cut))
		}
		if len(errs) > 0 {
			t.Fatalf("%s: %v\nweir printed:\n%s\nthen:\n%s", mode, errs, weir.Output(), again.Output())
		}
	}
	n.report(t)
}

// quarantined lists the files that recovery has put aside.
func quarantined(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "quarantine", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}
