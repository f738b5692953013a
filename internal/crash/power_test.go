//go:build unix

package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/weirmq/weir/internal/oracle"
	"github.com/weirmq/weir/log"
)

var crashes = flag.Int("crashes", 0, "power cuts over log, segment files and checkpoints; 0: 12 times -rounds")

// cut is what a power cut has left, and what must be in it: the story up to some order from least to most.
type cut struct {
	dir         string
	least, most int
	what        string
}

// powerCuts makes cuts of one broker after the other and looks at them.
type powerCuts struct {
	t     *testing.T
	rand  *rand.Rand
	base  string
	story *story
	powerCounts
}

// powerCounts is what was tried.
type powerCounts struct {
	made, again                        int // cuts, and cuts of starts
	checkpoints, segments, checks      int // of these: with some; found sound by weir check
	replayed, refused, hurt, continued int // starts without checkpoints, and refused ones; with the newest damaged; stories ended
}

func (n *powerCounts) add(o *powerCounts) {
	n.made += o.made
	n.again += o.again
	n.replayed += o.replayed
	n.refused += o.refused
	n.checks += o.checks
	n.hurt += o.hurt
	n.continued += o.continued
	n.checkpoints += o.checkpoints
	n.segments += o.segments
}

// TestAPowerCutAtAnyMomentLosesNothingDurable is T3, T4, T5 and T46 for everything that a broker has on disk. The power is
// cut at random operations on the disk; of what was not synced, any part is left. What is left starts, also if the power is
// cut again and again meanwhile, and is what the story says: with all that was acknowledged, if the sync mode is always, and
// with what was durable in the others. It is the same when the log is replayed without checkpoints, if it has everything, and
// the story can go on to the same end.
func TestAPowerCutAtAnyMomentLosesNothingDurable(t *testing.T) {
	base, most := theSeed(t), many(*crashes, 12)
	const workers = 4 // most of the time they wait for a spiller
	all := make([]*powerCuts, workers)
	t.Run("workers", func(t *testing.T) {
		for i := range all {
			p := &powerCuts{}
			all[i] = p
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				p.t = t
				for n := uint64(i); p.made < most/workers; n += workers {
					p.rand = rand.New(rand.NewPCG(base+n, 3))
					p.story = tell(t, base+n, 60+p.rand.IntN(140))
					for range 3 {
						if p.made >= most/workers {
							break
						}
						p.base = fastDir(t)
						p.run(narrow(p.rand), 8)
						_ = os.RemoveAll(p.base)
					}
				}
			})
		}
	})
	var sum powerCounts
	for _, p := range all {
		sum.add(&p.powerCounts)
	}
	t.Logf("%d power cuts, %d more during starts; %d had checkpoints, %d segment files, %d were sound to weir check; %d were replayed without checkpoints, %d cannot be; %d started from an older checkpoint; %d went on",
		sum.made, sum.again, sum.checkpoints, sum.segments, sum.checks, sum.replayed, sum.refused, sum.hurt, sum.continued)
	if sum.again == 0 || sum.checkpoints == 0 || sum.segments == 0 || sum.checks == 0 || sum.replayed == 0 || sum.refused == 0 || sum.hurt == 0 || sum.continued == 0 {
		t.Error("something was never tried: nothing is proved")
	}
}

// many is how often something is done: as a flag has it, or so many times for each of -rounds.
func many(asked, perRound int) int {
	if asked > 0 {
		return asked
	}
	return max(1, perRound**rounds)
}

// TestAPowerCutAtEveryOperationOfAShortLife is the same for every operation on the disk, in each sync mode.
func TestAPowerCutAtEveryOperationOfAShortLife(t *testing.T) {
	seed := theSeed(t)
	for i, mode := range []log.Sync{log.SyncAlways, log.SyncEverySecond, log.SyncNo} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			p := &powerCuts{t: t, rand: rand.New(rand.NewPCG(seed, uint64(30+i))), base: fastDir(t), story: tell(t, seed, 80)}
			p.run(shape{sync: mode, blockEntries: 3, segment: 700, checkpointLog: 1 << 10, logSegment: 2000}, 1)
			t.Logf("%d power cuts, %d more during starts; %d had checkpoints, %d segment files", p.made, p.again, p.checkpoints, p.segments)
		})
	}
}

// run lets a broker live through the story, and end and start once in the middle, and looks at cuts at one in so many operations.
func (p *powerCuts) run(s shape, oneIn int) {
	p.t.Helper()
	what := fmt.Sprintf("seed %d, %+v", p.story.seed, s)
	live := filepath.Join(p.base, "live")
	d, err := watch(live)
	if err != nil {
		p.t.Fatal(err)
	}
	var cuts []cut
	var sent, acked atomic.Int64
	durable := 0 // orders that an fsync of the log has covered; guarded by the disk's lock
	moments := rand.New(rand.NewPCG(p.story.seed, p.rand.Uint64()))
	d.at = func(op, path string) error {
		if _, err := os.Stat(live); err == nil && moments.IntN(oneIn) == 0 {
			c := cut{dir: filepath.Join(p.base, fmt.Sprint("cut", len(cuts))), least: durable}
			if s.sync == log.SyncAlways {
				c.least = int(acked.Load())
			}
			rel, _ := filepath.Rel(live, path)
			if err := d.image(c.dir, moments); err != nil {
				p.t.Error(err)
			}
			c.most = int(sent.Load())
			c.what = fmt.Sprintf("%s; cut %d, before %s of %s, orders %d to %d", what, len(cuts), op, rel, c.least, c.most)
			cuts = append(cuts, c)
		}
		if op == "fsync" && d.below(path, "log") {
			durable = int(acked.Load())
		}
		return nil
	}
	all := batches(p.story.orders)
	restart := p.rand.IntN(len(all) + 1)
	b := p.start(live, s, scriptBegins, d, what)
	at := 0
	for i, batch := range all {
		if i == restart {
			if err := b.stop(); err != nil {
				p.t.Fatalf("%s: %v\n%s", what, err, b.log)
			}
			b = p.start(live, s, batch[0].atMS, d, what)
		}
		if p.rand.IntN(8) == 0 {
			if _, err := b.client.Do("BGSAVE"); err != nil {
				p.t.Fatalf("%s: %v\n%s", what, err, b.log)
			}
		}
		if p.rand.IntN(6) == 0 {
			if err := b.spilled(); err != nil {
				p.t.Fatalf("%s: %v\n%s", what, err, b.log)
			}
		}
		sent.Store(int64(at + len(batch)))
		p.order(b, at, batch, what, func() { acked.Add(1) })
		at += len(batch)
	}
	p.same(b, at, what)
	if err := b.stop(); err != nil {
		p.t.Fatalf("%s: %v\n%s", what, err, b.log)
	}
	for _, c := range cuts {
		p.made++
		p.look(c, 3)
	}
}

func (p *powerCuts) start(dir string, s shape, atMS int64, d *disk, what string) *node {
	p.t.Helper()
	var ask func(op, path string) error
	if d != nil {
		ask = d.before
	}
	b, err := start(dir, s, atMS, ask)
	if err != nil {
		p.t.Fatalf("%s: start: %v\n%s\n%s", what, err, b.log, listing(dir))
	}
	return b
}

// order sends a batch, whose first order is the i-th of the story, and holds the replies against it.
func (p *powerCuts) order(b *node, i int, batch []order, what string, answered func()) {
	p.t.Helper()
	err := b.send(batch, func(n int, reply oracle.Reply) {
		answered()
		if text := p.story.difference(i+n, reply); text != "" {
			p.t.Fatalf("%s: %s\n%s", what, text, b.log)
		}
	})
	if err != nil {
		p.t.Fatalf("%s: order %d: %v\n%s", what, i, err, b.log)
	}
}

// same makes sure that what a broker knows is the story before the i-th order.
func (p *powerCuts) same(b *node, i int, what string) {
	p.t.Helper()
	if got := p.dump(b, what); got != p.story.dumps[i] {
		p.t.Fatalf("%s: after %d orders %s\n%s", what, i, firstDifference(got, p.story.dumps[i]), b.log)
	}
}

func (p *powerCuts) dump(b *node, what string) string {
	p.t.Helper()
	text, err := dump(b.client)
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", what, err, b.log)
	}
	return text
}

// look starts what a cut has left, and cuts the power again while it starts, up to depth times in a row.
func (p *powerCuts) look(c cut, depth int) {
	p.t.Helper()
	p.count(c.dir)
	bare, hurt := "", ""
	if p.rand.IntN(3) == 0 {
		bare = p.another(c.dir, "-bare")
	}
	if checkpoints := files(c.dir, "checkpoints/*[0-9]"); len(checkpoints) > 1 && p.rand.IntN(3) == 0 {
		hurt = p.another(c.dir, "-hurt")
	}
	d, err := watch(c.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	var cuts []cut
	starting := true // guarded by the disk's lock
	moments := rand.New(rand.NewPCG(p.rand.Uint64(), 5))
	if depth > 1 {
		d.at = func(op, path string) error {
			if starting && moments.IntN(12) == 0 && len(cuts) < 3 {
				rel, _ := filepath.Rel(c.dir, path)
				next := cut{dir: fmt.Sprint(c.dir, "-", len(cuts)), what: fmt.Sprintf("%s; then before %s of %s", c.what, op, rel)}
				if err := d.image(next.dir, moments); err != nil {
					p.t.Error(err)
				}
				cuts = append(cuts, next)
			}
			return nil
		}
	}
	checked := p.rand.IntN(3) == 0
	if checked {
		p.sound(c.dir, c.what)
	}
	s := narrow(p.rand)
	b := p.start(c.dir, s, p.at(c.most), d, c.what)
	d.mu.Lock()
	starting = false
	d.mu.Unlock()
	found := p.find(b, c)
	if bare != "" {
		p.withoutCheckpoints(bare, s, found, c.what)
	}
	if hurt != "" {
		p.withNewestDamaged(hurt, s, found, c.what)
	}
	for _, next := range cuts {
		p.again++
		next.least, next.most = found, found
		p.look(next, depth-1)
	}
	if p.rand.IntN(4) == 0 {
		p.goOn(b, found, c.what+fmt.Sprintf("; going on from order %d with %+v", found, s))
	}
	if err := b.stop(); err != nil {
		p.t.Fatalf("%s: %v\n%s", c.what, err, b.log)
	}
	if checked {
		p.sound(c.dir, c.what+"; ended")
	}
	_ = os.RemoveAll(c.dir)
	_ = os.RemoveAll(c.dir + ".removed")
}

// at is what the clock says when orders up to the i-th were sent.
func (p *powerCuts) at(i int) int64 {
	if i == 0 {
		return scriptBegins
	}
	return p.story.orders[i-1].atMS
}

// find returns where in the story a broker is.
func (p *powerCuts) find(b *node, c cut) int {
	p.t.Helper()
	text := p.dump(b, c.what)
	for i := c.most; i >= c.least; i-- {
		if p.story.dumps[i] == text {
			return i
		}
	}
	for i, d := range p.story.dumps {
		if d == text {
			p.t.Fatalf("%s: it is the story after %d orders\n%s\n%s", c.what, i, b.log, listing(c.dir))
		}
	}
	p.t.Fatalf("%s: the story is not like that; after %d orders %s\n%s\n%s", c.what, c.most, firstDifference(text, p.story.dumps[c.most]), b.log, listing(c.dir))
	return 0
}
