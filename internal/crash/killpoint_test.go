//go:build linux

package crash

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// needStrace is needFaults for the tests that inject faults into system calls.
func needStrace(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		needFaults(t, err)
	}
	if out, err := exec.Command("strace", "-qq", "-o", "/dev/null", "true").CombinedOutput(); err != nil {
		needFaults(t, fmt.Errorf("strace does not work here: %w: %s", err, out))
	}
}

// straced is the command line that does something to the system calls of weir
// and leaves weir itself the process that we started.
func straced(calls, inject string) []string {
	return []string{"strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + calls, "-e", "inject=" + calls + ":" + inject}
}

// TestEveryKillPointOfASmallRunRecovers is T7: the server is killed at its k-th
// call of a kind, for every k, in a run that starts, takes a few entries and
// ends by SIGTERM. So it dies while the first files are made, between two files,
// between write and fsync, and while it closes. strace counts per thread, which
// makes k a place, not always the same one.
func TestEveryKillPointOfASmallRunRecovers(t *testing.T) {
	needStrace(t)
	for _, calls := range []string{"fsync,fdatasync", "mkdirat", "renameat,renameat2,unlinkat", "openat", "write,pwrite64", "ftruncate,flock"} {
		t.Run(calls, func(t *testing.T) {
			t.Parallel()
			killed, spared := 0, 0
			for k := 1; k <= 12+*rounds && spared < 3; k++ {
				dir, writers := filepath.Join(t.TempDir(), "data"), newWriters(uint64(k))[:2]
				spared++      // no thread may make so many calls; some more are tried, for threads differ
				for range 2 { // on an empty directory, and on what the kill has left
					if runUntilKilled(t, calls, k, dir, writers, 20*time.Millisecond) {
						killed, spared = killed+1, 0
					}
					recovers(t, calls, k, dir, writers)
				}
			}
			t.Logf("killed %d times", killed)
			if killed == 0 {
				t.Error("nothing was killed: nothing is proved")
			}
		})
	}
}

// TestEveryKillPointOfMovingHistoryRecovers is the same for a longer run of a cramped server, beside a client that asks for
// checkpoints: it dies while it spills, makes a checkpoint, or removes what is old, and on what it has left again.
func TestEveryKillPointOfMovingHistoryRecovers(t *testing.T) {
	needStrace(t)
	for _, calls := range []string{"fsync,fdatasync", "renameat,renameat2,unlinkat", "openat", "write,pwrite64"} {
		t.Run(calls, func(t *testing.T) {
			t.Parallel()
			killed := 0
			dir, writers := filepath.Join(t.TempDir(), "data"), newWriters(theSeed(t))[:2]
			for k := 3; k <= 100+20**rounds; k += 1 + k/4 {
				if runUntilKilled(t, calls, k, dir, writers, 250*time.Millisecond, cramped...) {
					killed++
				}
				recovers(t, calls, k, dir, writers, cramped...)
			}
			t.Logf("killed %d times", killed)
			if killed == 0 {
				t.Error("nothing was killed: nothing is proved")
			}
		})
	}
}

// recovers starts the server on what a kill has left.
func recovers(t *testing.T, calls string, k int, dir string, writers []*writer, args ...string) {
	t.Helper()
	var n totals
	weir := n.startWeir(t, dir, args...)
	defer weir.Kill()
	if err := check(weir.Addr, writers, nil); err != nil {
		t.Fatalf("killed at call %d of %s: %v\n%s", k, calls, err, weir.Output())
	}
}

// runUntilKilled makes one run, as long as asked for, and says whether strace has killed it.
func runUntilKilled(t *testing.T, calls string, k int, dir string, writers []*writer, long time.Duration, args ...string) bool {
	t.Helper()
	wasKilled := func(s *oracle.Server) bool {
		exit, ok := s.Err().(*exec.ExitError)
		return ok && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	}
	weir, err := oracle.StartWrapped(straced(calls, fmt.Sprintf("signal=SIGKILL:when=%d", k)), weirBinary(t), dir, args...)
	if err != nil {
		if !strings.Contains(err.Error(), "signal: killed") {
			t.Fatalf("call %d: %v", k, err)
		}
		return true
	}
	m := startMover(&moving{}, weir.Addr, dir, uint64(k))
	l := startLoad(weir.Addr, writers)
	select {
	case <-l.written():
	case <-time.After(long):
	}
	errs := l.end()
	m.end()
	err = weir.Stop()
	if len(errs) > 0 || err != nil && !wasKilled(weir) {
		t.Fatalf("call %d: %v, %v\n%s", k, errs, err, weir.Output())
	}
	return err != nil
}

// TestASecondProcessIsRefused is T22.
func TestASecondProcessIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var n totals
	first := n.startWeir(t, dir)
	defer first.Kill()
	began := time.Now()
	second, err := oracle.StartWeir(weirBinary(t), dir)
	if err == nil {
		second.Kill()
		t.Fatal("two servers on one directory")
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the refusal took %v", took)
	}
	if !strings.Contains(err.Error(), fmt.Sprint(first.Pid())) {
		t.Errorf("the refusal does not name process %d: %v", first.Pid(), err)
	}
	if c, err := oracle.Dial(first.Addr); err != nil {
		t.Error(err)
	} else if _, err := c.MustDo("XADD", "s", "*", "f", "v"); err != nil {
		t.Errorf("the first server after the second was refused: %v", err)
	}
}
