package crash

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// TestGroupsSurviveKill kills the server in the middle of delivery. Eight clients
// with groups of their own know exactly what must be there: entries, groups,
// consumers, last-delivered IDs, and for each pending entry its owner, the number
// of its deliveries and the time of the last. Eight others share one group, which
// must obey the invariants of T42. A second kill, when nobody is at work, changes
// nothing at all.
func TestGroupsSurviveKill(t *testing.T) {
	base := theSeed(t)
	for i, mode := range []string{"always", "everysec", "no"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(base, uint64(300+i)))
			var n groupTotals
			for directory := 0; n.rounds < groupRounds(); directory++ {
				args := []string{"--sync", mode}
				if directory%2 == 0 {
					args = append(args, cramped...)
				}
				g := &groupLoad{dir: filepath.Join(t.TempDir(), "data"), args: args, workers: newWorkers(r.Uint64()), crew: newCrew(r.Uint64())}
				for range min(restartsPerDirectory, groupRounds()-n.rounds) {
					g.round(t, &n, r)
				}
				g.finish(t, &n)
			}
			n.report(t)
			n.mustHaveMoved(t, n.rounds)
		})
	}
}

// groupRounds are fewer than -rounds asks for where it asks for few: a push shall
// not wait long.
func groupRounds() int {
	if *rounds <= 10 {
		return (*rounds + 1) / 2
	}
	return *rounds
}

// groupLoad is a data directory, and who works on it.
type groupLoad struct {
	dir     string
	args    []string
	workers []*worker
	crew    *crew
	created bool
	before  []string // what was there at the last kill, after which nobody worked
}

type groupTotals struct {
	totals
	answered, unanswered, late, crewAnswered, delivered, pending int
}

func (n *groupTotals) report(t *testing.T) {
	t.Helper()
	t.Logf("%d rounds; own groups: %d operations answered, %d on their way, of which %d had happened; shared group: %d answered, %d entries delivered, %d of them pending after a kill; slowest start %v; %v",
		n.rounds, n.answered, n.unanswered, n.late, n.crewAnswered, n.delivered, n.pending, n.slowest, &n.moving)
	if n.answered == 0 || n.unanswered == 0 || n.delivered == 0 || n.pending == 0 {
		t.Error("nothing was delivered, or nothing was on its way: nothing is proved")
	}
}

// add counts what was done in a session, before it is checked.
func (n *groupTotals) add(g *groupLoad) {
	n.rounds++
	for _, w := range g.workers {
		n.answered += w.acked
		n.unanswered += len(w.sent)
	}
	for _, m := range g.crew.members {
		n.crewAnswered += m.answered
		m.answered = 0
	}
}

// refused is an error if anything was refused, as a server with a working disk
// never does.
func (g *groupLoad) refused() error {
	for _, w := range g.workers {
		if w.refused {
			return fmt.Errorf("%s was refused", w.key)
		}
	}
	for _, m := range g.crew.members {
		if m.refused {
			return fmt.Errorf("%s was refused", m.name)
		}
	}
	return nil
}

func (g *groupLoad) round(t *testing.T, n *groupTotals, r *rand.Rand) {
	t.Helper()
	weir := n.startWeir(t, g.dir, g.args...)
	defer weir.Kill()
	g.unchanged(t, weir)
	if !g.created {
		g.created = true
		if err := g.crew.create(weir.Addr); err != nil {
			t.Fatal(err)
		}
	}
	stop := make(chan struct{})
	m := startMover(&n.moving, weir.Addr, g.dir, r.Uint64())
	ended := g.work(weir.Addr, stop)
	time.Sleep(time.Duration(5+r.IntN(400)) * time.Millisecond) // the moment of the kill is the test
	weir.Kill()
	m.end()
	died := time.Now()
	close(stop)
	errs := <-ended
	killWhileStarting(t, r, g.dir, g.args)
	n.add(g)
	again := n.startWeir(t, g.dir, g.args...)
	defer again.Kill()
	errs = append(errs, g.refused(), g.check(again, died, true))
	for _, err := range errs {
		if err != nil {
			t.Fatalf("round %d: %v\nbefore the kill weir printed:\n%s\nafter it:\n%s", n.rounds, err, weir.Output(), again.Output())
		}
	}
	for _, m := range g.crew.members {
		n.pending += len(m.held)
	}
	g.before = g.everything(t, again)
}

// work lets everybody work until the server goes or stop closes.
func (g *groupLoad) work(addr string, stop <-chan struct{}) <-chan []error {
	var wg sync.WaitGroup
	errs := make([]error, len(g.workers)+len(g.crew.members))
	for i, w := range g.workers {
		wg.Go(func() { errs[i] = w.session(addr, stop) })
	}
	for i, m := range g.crew.members {
		wg.Go(func() { errs[len(g.workers)+i] = m.session(addr, stop) })
	}
	ended := make(chan []error, 1)
	go func() {
		wg.Wait()
		ended <- errs
	}()
	return ended
}

func (g *groupLoad) check(weir *oracle.Server, died time.Time, restarted bool) error {
	c, err := oracle.Dial(weir.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for _, w := range g.workers {
		if err := w.settle(c, died, restarted); err != nil {
			return err
		}
	}
	return g.crew.check(c)
}

// everything is all that the server says about all streams and groups.
func (g *groupLoad) everything(t *testing.T, weir *oracle.Server) []string {
	t.Helper()
	c, err := oracle.Dial(weir.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	keys := []string{crewStream}
	for _, w := range g.workers {
		keys = append(keys, w.key)
	}
	var all []string
	for _, key := range keys {
		rep, err := c.Do("XINFO", "STREAM", key, "FULL", "COUNT", "0")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rep.String())
	}
	return all
}

// unchanged: a start after a kill at rest shows what was there, to the last time.
func (g *groupLoad) unchanged(t *testing.T, weir *oracle.Server) {
	t.Helper()
	if g.before == nil {
		return
	}
	for i, now := range g.everything(t, weir) {
		if now != g.before[i] {
			t.Fatalf("a kill at rest has changed a stream: %s", firstDifference(now, g.before[i]))
		}
	}
}

// finish lets everybody work once more, now without a kill; then what a start makes
// of the log is what was in memory. Only when a consumer was last seen is not logged.
func (g *groupLoad) finish(t *testing.T, n *groupTotals) {
	t.Helper()
	weir := n.startWeir(t, g.dir, g.args...)
	defer weir.Kill()
	g.unchanged(t, weir)
	stop := make(chan struct{})
	errs := g.work(weir.Addr, stop)
	time.Sleep(50 * time.Millisecond)
	close(stop)
	if err := errors.Join(<-errs...); err != nil {
		t.Fatalf("%v\n%s", err, weir.Output())
	}
	c, err := oracle.Dial(weir.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := g.crew.drain(c); err != nil {
		t.Fatalf("%v\n%s", err, weir.Output())
	}
	if err := g.crew.check(c); err != nil {
		t.Fatalf("when all was done: %v", err)
	}
	for _, m := range g.crew.members {
		if len(m.held) > 0 {
			t.Errorf("when all was done, %s holds %v", m.name, m.held)
		}
	}
	n.delivered += len(g.crew.jobs)
	for _, w := range g.workers {
		n.late += w.late
	}
	live := g.everything(t, weir)
	weir.Kill()
	again := n.startWeir(t, g.dir, g.args...)
	defer again.Kill()
	for i, replayed := range g.everything(t, again) {
		if replayed, live := withoutSeen(replayed), withoutSeen(live[i]); replayed != live {
			t.Fatalf("a stream that was replayed is not what it was: %s", firstDifference(replayed, live))
		}
	}
}

// firstDifference shows where two texts part.
func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	from := max(0, i-12)
	return fmt.Sprintf("it says\n%s\nwhere there was\n%s",
		strings.Join(a[from:min(i+3, len(a))], "\n"), strings.Join(b[from:min(i+3, len(b))], "\n"))
}

var seenTime = regexp.MustCompile(`"seen-time"\n *:\d+`)

func withoutSeen(s string) string { return seenTime.ReplaceAllString(s, "") }
