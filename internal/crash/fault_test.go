//go:build linux

package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirmq/weir/internal/oracle"
)

// needFaults skips where faults cannot be injected, unless WEIR_REQUIRE_FAULTS=1
// says that they must be.
func needFaults(t *testing.T, able error) {
	t.Helper()
	if able == nil {
		return
	}
	if os.Getenv("WEIR_REQUIRE_FAULTS") == "1" {
		t.Fatal(able)
	}
	t.Skipf("%v; set WEIR_REQUIRE_FAULTS=1 to make that an error", able)
}

// smallDisk mounts a disk in memory.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		needFaults(t, fmt.Errorf("mounting a small disk needs root: %w", err))
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// occupy writes a file that leaves only so much of the disk free.
func occupy(t *testing.T, disk string, leave int64) (free func()) {
	t.Helper()
	var fs unix.Statfs_t
	if err := unix.Statfs(disk, &fs); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(disk, "ballast")
	if err := os.WriteFile(file, make([]byte, int64(fs.Bavail)*fs.Bsize-leave), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually repeats a command until the reply is as wished, for as long as healing.
func eventually(t *testing.T, weir *oracle.Server, wish string, ok func(oracle.Reply) bool, args ...string) {
	t.Helper()
	within(t, healing, weir, wish, ok, args...)
}

// underStrace is healing where strace makes calls fail: it counts per thread, and
// so the probes, one a second, may fail on one thread after the other.
const underStrace = 5 * healing

func within(t *testing.T, limit time.Duration, weir *oracle.Server, wish string, ok func(oracle.Reply) bool, args ...string) {
	t.Helper()
	var last oracle.Reply
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var c *oracle.Conn
		if c, err = oracle.Dial(weir.Addr); err != nil {
			break
		}
		last, err = c.Do(args...)
		_ = c.Close()
		if err == nil && ok(last) {
			return
		}
	}
	t.Fatalf("%s: wanted %s within %v, got %s, %v\nweir printed:\n%s", oracle.FormatCommand(args), wish, limit, last, err, weir.Output())
}

func isMisconf(r oracle.Reply) bool { return r.IsError() && strings.HasPrefix(r.Text, "MISCONF ") }
func isWorking(r oracle.Reply) bool { return !r.IsError() && r.Kind != 'c' }

func contains(text string) func(oracle.Reply) bool {
	return func(r oracle.Reply) bool { return strings.Contains(r.Text, text) }
}

// TestALowDiskRefusesWhatGrowsAndHeals is the first half of T18: inside the
// reserve, commands that add data are refused before they run, everything else
// works, and free space is enough to go on.
func TestALowDiskRefusesWhatGrowsAndHeals(t *testing.T) {
	disk := smallDisk(t, "64m")
	var n totals
	weir := n.startWeir(t, filepath.Join(disk, "data"))
	defer weir.Kill()
	c, err := oracle.Dial(weir.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for i := 1; i <= 10; i++ {
		if _, err := c.MustDo("XADD", "s", fmt.Sprintf("%d-1", i), "f", "v"); err != nil {
			t.Fatal(err)
		}
	}
	free := occupy(t, disk, 2<<20)
	eventually(t, weir, "MISCONF", isMisconf, "XADD", "s", "11-1", "f", "v")
	if !strings.Contains(weir.Output(), "disk nearly full") {
		t.Errorf("no warning that the disk is nearly full:\n%s", weir.Output())
	}
	for _, allowed := range [][]string{
		{"XLEN", "s"}, {"XRANGE", "s", "-", "+"}, {"XREAD", "STREAMS", "s", "0"}, {"PING"}, {"INFO"},
		{"XDEL", "s", "1-1"}, {"XTRIM", "s", "MAXLEN", "5"}, {"DEL", "nosuch"},
	} {
		if rep, err := c.Do(allowed...); err != nil || !isWorking(rep) {
			t.Errorf("%v on a nearly full disk: %s, %v", allowed, rep, err)
		}
	}
	free()
	eventually(t, weir, "an ID", isWorking, "XADD", "s", "12-1", "f", "v")
	if rep, err := c.Do("XLEN", "s"); err != nil || rep.Text != "6" {
		t.Errorf("XLEN is %s, %v; five were left and one was added", rep, err)
	}
}

// TestAFullDiskLosesNothingAndHeals is the other half of T18: without a reserve
// the disk really fills up under load. What was acknowledged is there while the
// disk is full, after kill -9 and a start on the full disk, and after space has
// returned, when writes are accepted again by themselves. A failed write costs
// nothing acknowledged in any sync mode.
func TestAFullDiskLosesNothingAndHeals(t *testing.T) {
	seed := theSeed(t)
	for _, mode := range []string{"always", "everysec", "no"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			fillAndHeal(t, mode, seed)
		})
	}
}

func fillAndHeal(t *testing.T, mode string, seed uint64) {
	disk := smallDisk(t, "24m")
	dir := filepath.Join(disk, "data")
	free := occupy(t, disk, 6<<20)
	writers := newWriters(seed)
	var n totals
	weir := n.startWeir(t, dir, "--sync", mode, "--disk-reserve", "0")
	defer func() { weir.Kill() }()
	fill(t, &n, weir, writers)
	weir.Kill()
	printed := weir.Output()
	weir = n.startWeir(t, dir, "--sync", mode, "--disk-reserve", "0")
	if err := check(weir.Addr, writers, nil); err != nil {
		t.Fatalf("started on the full disk: %v\nbefore, weir printed:\n%s\nthen:\n%s", err, printed, weir.Output())
	}
	free()
	eventually(t, weir, "an ID", isWorking, "XADD", "probe", "*", "f", "v")
	eventually(t, weir, "aof_last_write_status:ok", contains("aof_last_write_status:ok"), "INFO", "persistence")
	l := startLoad(weir.Addr, writers)
	time.Sleep(200 * time.Millisecond)
	errs := l.end()
	n.add(writers, l)
	if err := check(weir.Addr, writers, l.seen); err != nil || len(errs) > 0 {
		t.Fatalf("after space has returned: %v, %v\n%s", errs, err, weir.Output())
	}
	n.report(t)
}

// checkLive is check on a server that may still be reloading its state.
func checkLive(t *testing.T, weir *oracle.Server, writers []*writer, seen []string) error {
	t.Helper()
	for {
		eventually(t, weir, "an answer", isWorking, "XLEN", shared)
		err := check(weir.Addr, writers, seen)
		if err == nil || !strings.Contains(err.Error(), "LOADING") {
			return err
		}
	}
}

// fill runs the load until every writer is refused and INFO says why, checking
// whenever the server has closed connections instead. It is the log that has
// failed, or, as long as that has reserved space, the spilling of blocks.
func fill(t *testing.T, n *totals, weir *oracle.Server, writers []*writer) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		l := startLoad(weir.Addr, writers)
		<-l.written()
		errs := l.end()
		n.add(writers, l)
		refused := 0
		for _, w := range writers {
			if isMisconf(w.refusal) {
				refused++
			} else if w.refusal.IsError() && !strings.HasPrefix(w.refusal.Text, "LOADING") {
				t.Fatalf("writer %d was refused with %s", w.index, w.refusal)
			}
		}
		err := checkLive(t, weir, writers, l.seen)
		if err != nil || len(errs) > 0 {
			t.Fatalf("on the full disk: %v, %v\n%s", errs, err, weir.Output())
		}
		if refused == len(writers) && isFull(t, weir) {
			if failed, reloaded := strings.Count(weir.Output(), "nothing more will be acknowledged"), strings.Count(weir.Output(), "reloading from disk"); reloaded > failed {
				t.Errorf("the log has failed %d times, and the state was reloaded %d times", failed, reloaded)
			}
			return
		}
	}
	t.Fatalf("the disk never filled up\n%s", weir.Output())
}

func isFull(t *testing.T, weir *oracle.Server) bool {
	t.Helper()
	var info oracle.Reply
	eventually(t, weir, "INFO", func(r oracle.Reply) bool { info = r; return isWorking(r) }, "INFO", "persistence")
	return strings.Contains(info.Text, "aof_last_write_status:err") || !strings.Contains(info.Text, "spill_error:\r\n")
}

// TestAFailedFsyncIsNeverAcknowledged is T17 on the real binary: strace makes
// fdatasync fail with EIO, and what was not synced is cut, never acknowledged.
// The server goes on by itself, and kill -9 later changes nothing.
func TestAFailedFsyncIsNeverAcknowledged(t *testing.T) {
	needStrace(t)
	seed := theSeed(t)
	for _, when := range []string{"20", "60+200", "150..152"} {
		t.Run("when "+when, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			writers := newWriters(seed)
			weir, err := oracle.StartWrapped(straced("fdatasync,fsync", "error=EIO:when="+when), weirBinary(t), dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { weir.Kill() }()
			var n totals
			failures := 0
			for session := 0; session < 4 || failures == 0 && session < 30; session++ {
				l := startLoad(weir.Addr, writers)
				select {
				case <-l.written():
					failures++
				case <-time.After(700 * time.Millisecond):
				}
				errs := l.end()
				n.add(writers, l)
				within(t, underStrace, weir, "an ID", isWorking, "XADD", "probe", "*", "f", "v")
				if err := checkLive(t, weir, writers, l.seen); err != nil || len(errs) > 0 {
					t.Fatalf("after a failed fsync: %v, %v\n%s", errs, err, weir.Output())
				}
			}
			if failures == 0 {
				t.Errorf("no fsync has failed: nothing is proved\n%s", weir.Output())
			}
			weir.Kill()
			printed := weir.Output()
			if text := weir.Crashed(); text != "" {
				t.Error(text)
			}
			weir = n.startWeir(t, dir)
			if err := check(weir.Addr, writers, nil); err != nil {
				t.Fatalf("after kill -9: %v\nbefore, weir printed:\n%s\nthen:\n%s", err, printed, weir.Output())
			}
			n.report(t)
		})
	}
}
