//go:build linux

package crash

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirmq/weir/internal/oracle"
)

// emptying is how long a disk that was full of history may take to be of use again after history was deleted: two checkpoints,
// for the older one of two needs the segment files, each of them no sooner than a second after the last.
const emptying = 10 * time.Second

// TestADiskFullOfHistoryIsEmptiedByDeleting is T18 with history: a small disk is filled with streams, nearly all of which is in
// segment files, until they may not grow any more; then trimming or deleting gives the space back, without a restart, and
// they grow again. So often as -rounds has it, now and then with kill -9 and a start while the disk is full.
func TestADiskFullOfHistoryIsEmptiedByDeleting(t *testing.T) {
	seed := theSeed(t)
	for _, sync := range []string{"always", "everysec"} {
		t.Run(sync, func(t *testing.T) {
			t.Parallel()
			h := &hoard{t: t, disk: smallDisk(t, "48m"), rand: rand.New(rand.NewPCG(seed, 18)), last: map[string]uint64{}, first: map[string]uint64{}}
			h.dir = filepath.Join(h.disk, "data")
			h.args = []string{"--sync", sync, "--stream-segment-size", "2mb", "--checkpoint-log-size", "2mb", "--stream-cache-size", "1mb"}
			h.weir = h.startWeir(t, h.dir, h.args...)
			defer func() { h.weir.Kill() }()
			for cycle := range max(1, *rounds/10) {
				h.fill()
				h.check("full")
				if cycle%2 == 0 {
					h.weir.Kill()
					h.weir = h.startWeir(t, h.dir, h.args...)
					h.check("killed while full, and started")
				}
				h.empty(cycle)
			}
			t.Logf("filled %d times; %d entries of 1 KB added in all, at most %d at once; growing again after %v at most; slowest start %v",
				h.fills, h.added, h.most, h.slowestHeal.Round(time.Millisecond), h.slowest.Round(time.Millisecond))
		})
	}
}

// hoard is a disk with streams whose entries are numbered without a gap.
type hoard struct {
	totals
	t           *testing.T
	disk, dir   string
	args        []string
	weir        *oracle.Server
	rand        *rand.Rand
	first, last map[string]uint64 // last 0: there is none

	fills, added int
	most         uint64
	slowestHeal  time.Duration
}

// hoardBatch is how many entries are sent at once, while the disk is far from full. Then it is one, lest what follows a refused one
// is not refused.
const hoardBatch = 64

var hoardKeys = []string{"a", "b", "c"}

// content is that of an entry, which nothing can compress.
func content(key string, n uint64) string {
	r := rand.New(rand.NewPCG(n, uint64(key[0])))
	b := make([]byte, 1000)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

func (h *hoard) fatal(format string, args ...any) {
	h.t.Helper()
	h.t.Fatalf("%s\n%d KB are free\n%s\n%s", fmt.Sprintf(format, args...), h.space()>>10, listing(h.dir), h.weir.Output())
}

func (h *hoard) dial() *oracle.Conn {
	h.t.Helper()
	c, err := oracle.Dial(h.weir.Addr)
	if err != nil {
		h.fatal("%v", err)
	}
	return c
}

// fill adds until it is refused, and still is some time later: what was dead when the disk was full goes first. It goes on when
// the server has broken the connection because the disk has failed.
func (h *hoard) fill() {
	h.t.Helper()
	h.fills++
	refusals := time.Time{} // since when every batch was refused
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		before := h.added
		c := h.dial()
		refused := h.add(c)
		_ = c.Close()
		switch {
		case !refused:
			h.check("after the connection was broken")
			refusals = time.Time{}
		case refusals.IsZero() || h.added > before:
			refusals = time.Now()
		case time.Since(refusals) > 4*time.Second:
			total := uint64(0)
			for _, key := range hoardKeys {
				if h.last[key] > 0 {
					total += h.last[key] - h.first[key] + 1
				}
			}
			h.most = max(h.most, total)
			if total < 25_000 {
				h.fatal("the disk is full of %d entries", total)
			}
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	h.fatal("the disk never filled up")
}

// add adds to a stream after the other, in batches, and no faster than a broker can notice that looks at the disk once a second:
// 10 MB/s, and 1 MB/s in the end. It returns true when one is refused, and false when there is no answer.
func (h *hoard) add(c *oracle.Conn) (refused bool) {
	h.t.Helper()
	for {
		key := hoardKeys[h.rand.IntN(len(hoardKeys))]
		batch, pace := hoardBatch, time.Duration(10<<20)
		if h.space() < 6<<20 {
			batch, pace = 1, 1<<20
		}
		var b []byte
		for i := range uint64(batch) {
			n := h.last[key] + 1 + i
			b = oracle.AppendCommand(b, "XADD", key, id(n), "v", content(key, n))
		}
		if _, err := c.Write(b); err != nil {
			return false
		}
		for range batch {
			reply, err := c.Receive()
			switch {
			case err != nil || reply.Kind == 'c':
				return false
			case refusal(reply):
				return !strings.HasPrefix(reply.Text, "LOADING")
			case reply.Text != id(h.last[key]+1):
				h.fatal("XADD %s %s was answered by %s", key, id(h.last[key]+1), reply)
			}
			h.grown(key, 1)
		}
		time.Sleep(time.Duration(batch) * 1000 * time.Second / pace)
	}
}

// space is what is free of the disk.
func (h *hoard) space() int64 {
	var fs unix.Statfs_t
	if err := unix.Statfs(h.disk, &fs); err != nil {
		h.t.Fatal(err)
	}
	return int64(fs.Bavail) * fs.Bsize
}

func (h *hoard) grown(key string, n uint64) {
	if h.last[key] == 0 {
		h.first[key] = 1
	}
	h.last[key] += n
	h.added += int(n)
}

// check compares the streams with what is known. What was on its way when the connection broke may be there.
func (h *hoard) check(when string) {
	h.t.Helper()
	eventually(h.t, h.weir, "an answer", isWorking, "XLEN", "a")
	c := h.dial()
	defer func() { _ = c.Close() }()
	for _, key := range hoardKeys {
		reply, err := c.Do("XINFO", "STREAM", key)
		if err != nil {
			h.fatal("%s: %v", when, err)
		}
		if reply.IsError() {
			if h.last[key] > 0 {
				h.fatal("%s: %s: %s, and it had %d to %d", when, key, reply, h.first[key], h.last[key])
			}
			continue
		}
		m := fields(reply)
		var last uint64
		if _, err := fmt.Sscanf(m["last-generated-id"].Text, "%d-1", &last); err != nil || last < h.last[key] || last > h.last[key]+hoardBatch {
			h.fatal("%s: %s: its last entry is %s, and %d was acknowledged", when, key, m["last-generated-id"], h.last[key])
		}
		h.grown(key, last-h.last[key])
		if length := strconv.FormatUint(last-h.first[key]+1, 10); m["length"].Text != length {
			h.fatal("%s: %s: its length is %s, not %s: %d to %d", when, key, m["length"], length, h.first[key], last)
		}
		if first := m["first-entry"].Elems; len(first) == 0 || first[0].Text != id(h.first[key]) {
			h.fatal("%s: %s: its first entry is %s, not %d", when, key, m["first-entry"], h.first[key])
		}
		for range 20 {
			n := h.first[key] + h.rand.Uint64N(last-h.first[key]+1)
			h.read(c, key, n, min(last, n+9), when)
		}
	}
}

func (h *hoard) read(c *oracle.Conn, key string, from, to uint64, when string) {
	h.t.Helper()
	reply, err := c.Do("XRANGE", key, id(from), id(to))
	if err != nil || uint64(len(reply.Elems)) != to-from+1 {
		h.fatal("%s: %s from %d to %d: %.200s, %v", when, key, from, to, reply, err)
	}
	for i, e := range reply.Elems {
		n := from + uint64(i)
		if e.Elems[0].Text != id(n) || e.Elems[1].Elems[1].Text != content(key, n) {
			h.fatal("%s: %s: entry %d is %.200s", when, key, n, e)
		}
	}
}

// empty trims all streams to little, or deletes them, and waits until they may grow again.
func (h *hoard) empty(cycle int) {
	h.t.Helper()
	for i, key := range hoardKeys {
		if h.last[key] == 0 {
			continue
		}
		args := []string{"XTRIM", key, "MAXLEN", "100"}
		drop := (cycle+i)%3 == 0
		if drop {
			args = []string{"DEL", key}
		}
		eventually(h.t, h.weir, "a number", func(r oracle.Reply) bool { return r.Kind == ':' }, args...)
		if drop {
			h.first[key], h.last[key] = 0, 0
		} else {
			h.first[key] = max(h.first[key], h.last[key]-min(h.last[key], 100)+1)
		}
	}
	begun := time.Now()
	within(h.t, emptying, h.weir, "that something may grow", isWorking, "XADD", "probe", "*", "f", "v")
	h.slowestHeal = max(h.slowestHeal, time.Since(begun))
	h.check("emptied")
}
