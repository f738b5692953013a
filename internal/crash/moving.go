package crash

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// cramped is settings under which a broker moves history all the time: blocks go to segment files, these are completed and
// removed, checkpoints are made, and what they make superfluous of the log goes.
var cramped = []string{
	"--stream-block-entries", "20", "--stream-cache-size", "64kb",
	"--stream-segment-size", "64kb", "--checkpoint-log-size", "64kb",
}

// moving is what shows that history was really moved.
type moving struct {
	checkpoints, spilled, cold int64
	logs, segments             int // of starts: those whose log had lost its beginning; segment files that were removed
}

func (m *moving) String() string {
	return fmt.Sprintf("%d checkpoints, %d blocks spilled, %d read again, %d sessions with a log without its beginning, %d segment files removed",
		m.checkpoints, m.spilled, m.cold, m.logs, m.segments)
}

// mustHaveMoved fails a test that proves nothing. In a few rounds, which may all be short, it may be that nothing was moved, or became
// superfluous: segment files do so some three times in 30 rounds.
func (m *moving) mustHaveMoved(t testing.TB, rounds int) {
	t.Helper()
	if rounds >= 10 && (m.checkpoints == 0 || m.spilled == 0 || m.cold == 0) || rounds >= 20 && m.logs == 0 || rounds >= 100 && m.segments == 0 {
		t.Errorf("history was not moved: nothing is proved: %v", m)
	}
}

// mover is a client that asks for checkpoints at random moments, and looks at what the broker has done.
type mover struct {
	sum  *moving
	stop chan struct{}
	done sync.WaitGroup
}

// startMover starts one. The broker may go at any moment.
func startMover(sum *moving, addr, dir string, seed uint64) *mover {
	m := &mover{sum: sum, stop: make(chan struct{})}
	m.done.Go(func() { m.run(addr, dir, rand.New(rand.NewPCG(seed, 99))) })
	return m
}

func (m *mover) run(addr, dir string, r *rand.Rand) {
	c, err := oracle.Dial(addr)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	info, segments, removed := map[string]int64{}, map[string]bool{}, 0
	defer func() {
		m.sum.checkpoints += info["rdb_saves"]
		m.sum.spilled += info["spilled_blocks"]
		m.sum.cold += info["cold_blocks_read"]
		m.sum.segments += removed
		if info["log_position_first"] > 1 {
			m.sum.logs++
		}
	}()
	for {
		select {
		case <-m.stop:
			return
		case <-time.After(time.Duration(r.IntN(80)) * time.Millisecond):
		}
		if rep, err := c.Do("BGSAVE"); err != nil || rep.Kind == 'c' {
			return
		}
		now, err := infoOf(c)
		if err != nil {
			return
		}
		info = now
		there := map[string]bool{}
		entries, _ := os.ReadDir(filepath.Join(dir, "segments"))
		for _, e := range entries {
			there[e.Name()] = true
		}
		for name := range segments {
			if !there[name] {
				removed++
			}
		}
		segments = maps.Clone(there)
	}
}

// end stops it and waits.
func (m *mover) end() {
	close(m.stop)
	m.done.Wait()
}

// infoOf returns the fields of INFO that are integers.
func infoOf(c *oracle.Conn) (map[string]int64, error) {
	reply, err := c.MustDo("INFO", "everything")
	if err != nil {
		return nil, err
	}
	fields := map[string]int64{}
	for line := range strings.Lines(reply.Text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				fields[name] = n
			}
		}
	}
	return fields, nil
}
