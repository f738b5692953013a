//go:build unix

package crash

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirmq/weir/broker"
	"github.com/weirmq/weir/internal/oracle"
	"github.com/weirmq/weir/log"
)

// shape is how a broker keeps what it knows, of which no client may notice anything.
type shape struct {
	sync          log.Sync
	blockEntries  int
	cache         int64
	segment       int64
	checkpointLog int64
	logSegment    int
}

// plain is a broker that keeps everything in memory, and makes no checkpoint by itself.
var plain = shape{log.SyncNo, 4096, 64 << 20, 64 << 20, 1 << 30, 4 << 20}

// narrow makes brokers that spill, make checkpoints and throw away what is old all the time.
func narrow(r *rand.Rand) shape {
	return shape{
		sync:          []log.Sync{log.SyncAlways, log.SyncEverySecond, log.SyncNo}[r.IntN(3)],
		blockEntries:  2 + r.IntN(12),
		cache:         []int64{0, 1 << 10, 4 << 10, 1 << 20}[r.IntN(4)],
		segment:       1 << (9 + r.IntN(6)),
		checkpointLog: 1 << (9 + r.IntN(6)),
		logSegment:    1 << (9 + r.IntN(6)),
	}
}

// clock is the wall clock of a broker.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time { return time.UnixMilli(c.ms.Load()) }

// node is a broker in this process, and a client of it.
type node struct {
	*broker.Broker
	clock  clock
	dir    string
	addr   string
	client *oracle.Conn
	log    *output
	ended  chan struct{} // closed when it has ended, also by itself
	stop   func() error
}

// output is what a broker has logged.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start starts a broker on a directory. Its operations on the disk are told to ask, unless that is nil.
func start(dir string, s shape, atMS int64, ask func(op, path string) error) (*node, error) {
	n := &node{dir: dir, log: &output{}}
	n.clock.ms.Store(atMS)
	o := broker.DefaultOptions()
	o.Bind, o.Port, o.Dir, o.DiskReserve = []string{"127.0.0.1"}, broker.AnyPort, dir, 0
	o.Sync, o.StreamBlockEntries, o.StreamCacheSize, o.StreamSegmentSize = s.sync, s.blockEntries, s.cache, s.segment
	o.CheckpointLogSize, o.LogSegmentSize = s.checkpointLog, s.logSegment
	o.Disk, o.Now, o.Logger = ask, n.clock.now, slog.New(slog.NewTextHandler(n.log, nil))
	b, openErr := broker.Open(context.Background(), o)
	if openErr != nil {
		return n, openErr
	}
	var err error // of Serve
	n.Broker = b
	ctx, cancel := context.WithCancel(context.Background())
	n.addr, n.ended = b.Addrs()[0].String(), make(chan struct{})
	go func() {
		err = b.Serve(ctx)
		close(n.ended)
	}()
	n.stop = sync.OnceValue(func() error {
		if n.client != nil {
			_ = n.client.Close()
		}
		cancel()
		<-n.ended
		return err
	})
	return n, n.dial()
}

func (n *node) dial() (err error) {
	if n.client != nil {
		_ = n.client.Close()
	}
	n.client, err = oracle.Dial(n.addr)
	return err
}

// send does the orders of one batch, and calls answered for each reply.
func (n *node) send(batch []order, answered func(i int, reply oracle.Reply)) error {
	n.clock.ms.Store(batch[0].atMS)
	var line []byte
	for _, o := range batch {
		line = oracle.AppendCommand(line, o.args...)
	}
	if _, err := n.client.Write(line); err != nil {
		return err
	}
	for i := range batch {
		reply, err := n.client.Receive()
		if err != nil {
			return err
		}
		if reply.Kind == 'c' {
			return fmt.Errorf("the connection was closed before %s was answered", oracle.FormatCommand(batch[i].args))
		}
		answered(i, reply)
	}
	return nil
}

// spilled waits until every full block is in a segment file.
func (n *node) spilled() error {
	for end := time.Now().Add(healing); ; time.Sleep(5 * time.Millisecond) {
		info, err := infoOf(n.client)
		if err != nil || info["spill_backlog_blocks"] == 0 {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d blocks are still not in a segment file", info["spill_backlog_blocks"])
		}
	}
}

// batches cuts orders into what is sent at once.
func batches(orders []order) (all [][]order) {
	for len(orders) > 0 {
		n := 1
		for n < len(orders) && !orders[n-1].end {
			n++
		}
		all, orders = append(all, orders[:n]), orders[n:]
	}
	return all
}

// story is a script with what a plain broker makes of it.
type story struct {
	seed    uint64
	orders  []order
	replies []string
	dumps   []string // before each order, and after the last
}

func tell(t *testing.T, seed uint64, n int) *story {
	t.Helper()
	s := &story{seed: seed, orders: newScript(seed).steps(n)}
	b, err := start(filepath.Join(fastDir(t), "plain"), plain, scriptBegins, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.stop() }()
	look := func() {
		text, err := dump(b.client)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		s.dumps = append(s.dumps, text)
	}
	look()
	for i := range s.orders {
		if err := b.send(s.orders[i:i+1], func(_ int, r oracle.Reply) { s.replies = append(s.replies, told(r)) }); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, b.log)
		}
		look()
	}
	return s
}

// difference says where a reply is not the story's, "" if it is.
func (s *story) difference(i int, reply oracle.Reply) string {
	if got := told(reply); got != s.replies[i] {
		return fmt.Sprintf("order %d, %s: %s", i, oracle.FormatCommand(s.orders[i].args), firstDifference(got, s.replies[i]))
	}
	return ""
}

// fastDir is a directory in memory, where there is one: what these tests ask of a disk they ask of disk (disk.go).
func fastDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "weir-crash-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_ = os.RemoveAll(dir)
		}
	})
	return dir
}
