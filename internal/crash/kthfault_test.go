//go:build linux

package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
	"github.com/weirmq/weir/log"
)

var faults = flag.Int("faults", 0, "lives of a broker in which the disk fails once; 0: 5 times -rounds")

// TestAnyOperationOnTheDiskMayFail is T16 for the whole broker: the k-th operation on the disk fails, or several from it on, in
// a life that spills, makes checkpoints and starts twice. Every command is answered, or its connection is closed and it was done
// or not; nothing that was answered is lost; and the broker heals by itself: in the end it takes writes, spills and makes
// checkpoints, and both a kill and a clean end leave what is expected.
func TestAnyOperationOnTheDiskMayFail(t *testing.T) {
	base, lives := theSeed(t), many(*faults, 5)
	r := rand.New(rand.NewPCG(base, 16))
	unharmed := &life{seed: base}
	if err := unharmed.live(fastDir(t)); err != nil {
		t.Fatal(err)
	}
	t.Logf("a life has %d operations", unharmed.ops)
	var mu sync.Mutex
	hits := map[string]int{}
	missed := 0
	var wg sync.WaitGroup
	free := make(chan struct{}, 12) // they wait most of the time
	for i := range lives {
		l := &life{
			seed: base + uint64(i%4), k: 1 + i*unharmed.ops/lives + r.IntN(1+unharmed.ops/lives),
			length: []int{1, 5}[r.IntN(2)], errno: []syscall.Errno{syscall.EIO, syscall.ENOSPC}[r.IntN(2)],
		}
		dir := fastDir(t)
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			err := l.live(dir)
			if err == nil {
				_ = os.RemoveAll(dir)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("seed %d, operation %d (%s) and %d more fail with %v: %v", l.seed, l.k, l.hit, l.length-1, l.errno, err)
			}
			if l.gaveUp != "" {
				t.Logf("seed %d, operation %d (%s) and %d more fail with %v: it has ended with %s", l.seed, l.k, l.hit, l.length-1, l.errno, l.gaveUp)
			}
			if l.hit == "" {
				missed++
			} else {
				op, _, _ := strings.Cut(l.hit, " of")
				hits[op+" in "+strings.SplitN(l.hit[len(op)+4:], "/", 2)[0]]++
			}
		})
	}
	wg.Wait()
	t.Logf("failed were %v; %d lives were too short", hits, missed)
	if len(hits) < 6 {
		t.Error("hardly anything has failed: nothing is proved")
	}
}

// life is a broker that has a bad moment, beside one that has none and does what the first one did.
type life struct {
	seed      uint64
	k, length int // operations from the k-th on fail; 0: none
	errno     syscall.Errno

	mu       sync.Mutex
	ops      int
	failed   int
	hit      string
	disarmed bool
	gaveUp   string // why it has ended by itself

	dir       string
	broker    *node
	reference *node
}

func (l *life) ask(op, path string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ops++
	if l.disarmed || l.k == 0 || l.ops < l.k || l.failed == l.length {
		return nil
	}
	if l.errno == syscall.ENOSPC && slices.Contains([]string{"open", "read", "list", "size", "remove"}, op) {
		return nil // no disk says so
	}
	if l.failed++; l.failed == 1 {
		rel, _ := filepath.Rel(l.dir, path)
		l.hit = op + " of " + rel
	}
	return l.errno
}

// wasHit reports whether an operation has failed.
func (l *life) wasHit() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hit != ""
}

var lifeShape = shape{sync: log.SyncAlways, blockEntries: 4, cache: 500, segment: 2000, checkpointLog: 1 << 20, logSegment: 3000}

func (l *life) live(base string) (err error) {
	l.dir = filepath.Join(base, "data")
	if l.reference, err = start(filepath.Join(base, "reference"), plain, scriptBegins, nil); err != nil {
		return err
	}
	defer func() { _ = l.reference.stop() }()
	orders := newScript(l.seed).steps(120)
	if err := l.start(scriptBegins); err != nil {
		return err
	}
	defer func() {
		if l.broker != nil {
			if err != nil {
				err = fmt.Errorf("%w\n%s\n%s", err, l.broker.log, listing(l.dir))
			}
			_ = l.broker.stop()
		}
	}()
	for i, o := range orders {
		switch i % 40 {
		case 19:
			if err := l.save(false); err != nil {
				return err
			}
		case 30:
			if err := l.broker.spilled(); err != nil && !l.wasHit() {
				return err
			}
		}
		if i == 70 {
			if err := l.broker.stop(); err != nil && !l.wasHit() {
				return err
			}
			if err := l.start(o.atMS); err != nil {
				return err
			}
		}
		if err := l.do(o); err != nil {
			return fmt.Errorf("order %d: %w", i, err)
		}
	}
	l.mu.Lock()
	l.disarmed = true
	l.mu.Unlock()
	return l.end()
}

// start starts the broker, again and again while the disk fails.
func (l *life) start(atMS int64) (err error) {
	for range 2 + l.length {
		if l.broker, err = start(l.dir, lifeShape, atMS, l.ask); err == nil {
			return nil
		}
	}
	n := l.broker
	l.broker = nil
	return fmt.Errorf("start: %w\n%s", err, n.log)
}

// refusedFor says that a reply is that of a broker whose disk fails, which has done nothing.
func refusedFor(reply oracle.Reply) bool {
	return reply.IsError() && (refusal(reply) || strings.HasPrefix(reply.Text, "DATALOSS "))
}

// do does an order until it is done, or refused for a reason of its own.
func (l *life) do(o order) error {
	for end := time.Now().Add(2 * healing); ; time.Sleep(20 * time.Millisecond) {
		var reply oracle.Reply
		err := l.broker.send([]order{o}, func(_ int, r oracle.Reply) { reply = r })
		switch {
		case err != nil: // it was done or not
			done, err := l.wasDone(o)
			if done || err != nil {
				return err
			}
		case !refusedFor(reply):
			return l.follow(o, told(reply))
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s: not done for %v: %s, %v", oracle.FormatCommand(o.args), 2*healing, reply, err)
		}
	}
}

// follow has the reference do what was done, which must be answered alike.
func (l *life) follow(o order, want string) (err error) {
	sendErr := l.reference.send([]order{o}, func(_ int, r oracle.Reply) {
		if got := told(r); want != "" && got != want {
			err = fmt.Errorf("%s: %s", oracle.FormatCommand(o.args), firstDifference(want, got))
		}
	})
	return firstError(sendErr, err)
}

// wasDone finds out what has become of an order that was not answered.
func (l *life) wasDone(o order) (done bool, err error) {
	if err := l.again(); err != nil {
		return false, err
	}
	if l.same() == nil {
		return false, nil
	}
	if err := l.follow(o, ""); err != nil {
		return false, err
	}
	if err := l.same(); err != nil {
		return false, fmt.Errorf("%s was neither done nor not: %w", oracle.FormatCommand(o.args), err)
	}
	return true, nil
}

// again connects again, and waits until the state has been loaded.
func (l *life) again() error {
	for end := time.Now().Add(2 * healing); ; time.Sleep(5 * time.Millisecond) {
		select {
		case <-l.broker.ended: // it could not read its state again
			l.gaveUp = fmt.Sprint(l.broker.stop())
			return l.start(l.broker.clock.ms.Load())
		default:
		}
		err := l.broker.dial()
		if err == nil {
			_, err = dump(l.broker.client)
		}
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// same makes sure that both brokers know the same.
func (l *life) same() error {
	want, err := dump(l.reference.client)
	if err != nil {
		return err
	}
	got, err := dump(l.broker.client)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("the state is not what was answered: %s", firstDifference(got, want))
	}
	return nil
}

// save makes a checkpoint, which must succeed eventually or may fail.
func (l *life) save(must bool) error {
	for end := time.Now().Add(2 * healing); ; time.Sleep(20 * time.Millisecond) {
		reply, err := l.broker.client.Do("SAVE")
		if err == nil && reply.Text == "OK" {
			return nil
		}
		if err != nil || reply.Kind == 'c' {
			if err := l.again(); err != nil {
				return err
			}
		}
		if !l.wasHit() {
			return fmt.Errorf("SAVE: %s, %v", reply, err)
		}
		if !must {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("SAVE: %s, %v, for %v", reply, err, 2*healing)
		}
	}
}

// end is what a broker must still be able to do.
func (l *life) end() error {
	last := order{args: []string{"XADD", "last", "1-1", "f", "v"}, atMS: l.broker.clock.ms.Load()}
	if err := l.do(last); err != nil {
		return err
	}
	if err := l.broker.spilled(); err != nil {
		return err
	}
	if err := firstError(l.save(true), l.save(true), l.same()); err != nil {
		return err
	}
	killed := l.dir + "-killed"
	if err := os.CopyFS(killed, os.DirFS(l.dir)); err != nil {
		return err
	}
	if err := l.broker.stop(); err != nil {
		return fmt.Errorf("the clean end: %w", err)
	}
	for _, dir := range []string{killed, l.dir} {
		n, err := start(dir, lifeShape, last.atMS, nil)
		if err != nil {
			return fmt.Errorf("started on %s: %w", dir, err)
		}
		l.broker = n
		if err := l.same(); err != nil {
			return fmt.Errorf("started on %s: %w", dir, err)
		}
		if err := n.stop(); err != nil {
			return err
		}
	}
	return nil
}
