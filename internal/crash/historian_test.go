package crash

import (
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// TestHistorySurvivesKill kills a server whose streams are mostly in segment files, while they are added to, trimmed, deleted
// from and read back, blocks are spilled, checkpoints made, and old logs and segment files removed; and while it starts.
// Nothing acknowledged is lost, nothing deleted comes back, nothing is there twice, and the counts are exact.
func TestHistorySurvivesKill(t *testing.T) {
	base := theSeed(t)
	for i, mode := range []string{"always", "everysec", "no"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(base, uint64(700+i)))
			n := historyTotals{}
			for n.rounds < *rounds {
				l := &historyLoad{dir: filepath.Join(t.TempDir(), "data"), args: append([]string{"--sync", mode}, cramped...)}
				for i := range 4 {
					l.historians = append(l.historians, newHistorian(i, r.Uint64()))
				}
				for range min(2*restartsPerDirectory, *rounds-n.rounds) {
					l.round(t, &n, r)
				}
				n.add(l)
			}
			t.Logf("%d rounds, %d deeds answered, %d on their way had happened, %d entries read back; longest history %d entries; slowest start %v; %v",
				n.rounds, n.done, n.late, n.read, n.longest, n.slowest, &n.moving)
			if n.done == 0 || n.read == 0 {
				t.Error("nothing was done or read: nothing is proved")
			}
			n.mustHaveMoved(t, n.rounds)
		})
	}
}

type historyTotals struct {
	totals
	done, late, read, longest int
}

func (n *historyTotals) add(l *historyLoad) {
	for _, h := range l.historians {
		n.done += h.done
		n.late += h.late
		n.read += h.read
	}
}

// historyLoad is a data directory and who works on it.
type historyLoad struct {
	dir        string
	args       []string
	historians []*historian
}

func (l *historyLoad) round(t *testing.T, n *historyTotals, r *rand.Rand) {
	t.Helper()
	n.rounds++
	weir := n.startWeir(t, l.dir, l.args...)
	m := startMover(&n.moving, weir.Addr, l.dir, r.Uint64())
	stop := make(chan struct{})
	ended := l.work(weir.Addr, stop)
	time.Sleep(time.Duration(5+r.IntN(796)) * time.Millisecond) // the moment of the kill is the test
	weir.Kill()
	m.end()
	close(stop)
	errs := <-ended
	killWhileStarting(t, r, l.dir, l.args)
	again := n.startWeir(t, l.dir, l.args...)
	defer again.Kill()
	errs = append(errs, l.settle(again.Addr))
	for _, h := range l.historians {
		n.longest = max(n.longest, len(h.known.live))
		if h.refusal.IsError() {
			t.Errorf("%s was refused with %s", h.key, h.refusal)
		}
	}
	for _, err := range errs {
		if err != nil {
			t.Fatalf("round %d: %v\nbefore the kill weir printed:\n%s\nafter it:\n%s", n.rounds, err, weir.Output(), again.Output())
		}
	}
}

// work lets everybody work until the server goes or stop closes.
func (l *historyLoad) work(addr string, stop <-chan struct{}) <-chan []error {
	errs := make([]error, len(l.historians))
	var wg sync.WaitGroup
	for i, h := range l.historians {
		wg.Go(func() { errs[i] = h.session(addr, stop) })
	}
	ended := make(chan []error, 1)
	go func() {
		wg.Wait()
		ended <- errs
	}()
	return ended
}

func (l *historyLoad) settle(addr string) error {
	c, err := oracle.Dial(addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for _, h := range l.historians {
		if err := h.settle(c); err != nil {
			return err
		}
	}
	return nil
}
