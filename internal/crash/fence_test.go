//go:build unix

package crash

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weirmq/weir/internal/oracle"
)

// gate holds up one operation on the disk.
type gate struct {
	armed   atomic.Bool
	op, in  string // which: the first of this kind on a file in this directory, but for so many
	pass    int
	reached chan struct{}
	release chan struct{}
	once    sync.Once
	opening sync.Once
}

// open lets the operation go on, and all others pass.
func (g *gate) open() {
	g.armed.Store(false)
	g.opening.Do(func() { close(g.release) })
}

func newGate(op, in string, pass int) *gate {
	return &gate{op: op, in: in, pass: pass, reached: make(chan struct{}), release: make(chan struct{})}
}

func (g *gate) ask(op, path string) error {
	if !g.armed.Load() || op != g.op || filepath.Base(filepath.Dir(path)) != g.in {
		return nil
	}
	if g.pass > 0 {
		g.pass--
		return nil
	}
	g.once.Do(func() {
		close(g.reached)
		<-g.release
	})
	return nil
}

// tiny blocks and segment files, and no cache that could hide a file that is gone.
var tinyShape = shape{blockEntries: 2, segment: 512, checkpointLog: 1 << 20, logSegment: 1 << 20}

// growing is a stream that is checked whole.
type growing struct {
	t    *testing.T
	node *node
	n    int
}

func (g *growing) add(n int) {
	g.t.Helper()
	for range n {
		g.n++
		g.do("XADD", "s", fmt.Sprint(g.n, "-1"), "f", strings.Repeat("x", g.n%100))
	}
}

func (g *growing) do(args ...string) {
	g.t.Helper()
	if _, err := g.node.client.MustDo(args...); err != nil {
		g.t.Fatalf("%v\n%s", err, g.node.log)
	}
}

func (g *growing) spilled() {
	g.t.Helper()
	if err := g.node.spilled(); err != nil {
		g.t.Fatalf("%v\n%s", err, g.node.log)
	}
}

func (g *growing) check(when string) {
	g.t.Helper()
	reply, err := g.node.client.MustDo("XRANGE", "s", "-", "+")
	if err != nil || len(reply.Elems) != g.n {
		g.t.Fatalf("%s: %d of %d entries, %v\n%s\n%s", when, len(reply.Elems), g.n, err, g.node.log, listing(g.node.dir))
	}
}

// restart ends the broker and starts it again.
func (g *growing) restart(shape shape) {
	g.t.Helper()
	if err := g.node.stop(); err != nil {
		g.t.Fatalf("%v\n%s", err, g.node.log)
	}
	b, err := start(g.node.dir, shape, scriptBegins, nil)
	if err != nil {
		g.t.Fatalf("%v\n%s", err, b.log)
	}
	g.node = b
}

// TestASegmentFileOfBlocksYoungerThanTheCheckpointStays: a checkpoint names only files that had the blocks when it began. Files
// that were begun and completed while it was made have no name in it, and are needed.
func TestASegmentFileOfBlocksYoungerThanTheCheckpointStays(t *testing.T) {
	gate := newGate("fsync", "checkpoints", 0)
	b, err := start(filepath.Join(fastDir(t), "data"), tinyShape, scriptBegins, gate.ask)
	if err != nil {
		t.Fatal(err)
	}
	g := &growing{t: t, node: b}
	defer func() {
		gate.open()
		_ = g.node.stop()
	}()
	g.add(20)
	g.spilled()
	g.do("SAVE")
	gate.armed.Store(true)
	g.do("BGSAVE")
	<-gate.reached
	for range 3 {
		g.add(20)
		g.spilled()
	}
	gate.open()
	g.do("XLEN", "s")
	if err := g.saved(); err != nil {
		t.Fatal(err)
	}
	g.check("after the checkpoint")
	g.restart(tinyShape)
	g.check("started again")
	g.do("SAVE")
	g.do("SAVE")
	g.check("after more checkpoints")
}

// saved waits until no checkpoint is being made, and what is old has been removed: the next one begins only then.
func (g *growing) saved() error {
	for {
		reply, err := g.node.client.Do("SAVE")
		if err != nil || !reply.IsError() {
			return err
		}
		if !strings.Contains(reply.Text, "in progress") {
			return fmt.Errorf("SAVE: %s", reply)
		}
	}
}

// TestASegmentFileThatIsBeingWrittenDuringACheckpointStays: blocks that are durable, and do not refer to their files yet when a
// checkpoint begins, in files that are complete: the checkpoint has no name for them.
func TestASegmentFileThatIsBeingWrittenDuringACheckpointStays(t *testing.T) {
	gate := newGate("fsync", "segments", 2)
	b, err := start(filepath.Join(fastDir(t), "data"), tinyShape, scriptBegins, gate.ask)
	if err != nil {
		t.Fatal(err)
	}
	g := &growing{t: t, node: b}
	defer func() {
		gate.open()
		_ = g.node.stop()
	}()
	g.add(4)
	g.spilled()
	g.do("SAVE")
	gate.armed.Store(true)
	g.add(100) // many files, of which the third is waiting for the disk
	<-gate.reached
	other, err := oracle.Dial(b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	for range 2 {
		if _, err := other.MustDo("SAVE"); err != nil {
			t.Fatalf("%v\n%s", err, b.log)
		}
	}
	gate.open()
	g.spilled()
	g.check("after the checkpoint")
	g.do("SAVE")
	g.do("SAVE")
	g.check("after more checkpoints")
	g.restart(tinyShape)
	g.check("started again")
}
