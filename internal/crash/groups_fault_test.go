//go:build linux

package crash

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// TestGroupsSurviveAFailedFsync: what a group has delivered, and the disk refused
// to keep, is taken back when the server reloads its state; what was answered is
// not. The server goes on by itself, and kill -9 later changes nothing.
func TestGroupsSurviveAFailedFsync(t *testing.T) {
	needStrace(t)
	seed := theSeed(t)
	for _, when := range []string{"30", "50+100"} {
		t.Run("when "+when, func(t *testing.T) {
			t.Parallel()
			g := &groupLoad{dir: filepath.Join(t.TempDir(), "data"), workers: newWorkers(seed), crew: newCrew(seed)}
			weir, err := oracle.StartWrapped(straced("fdatasync,fsync", "error=EIO:when="+when), weirBinary(t), g.dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { weir.Kill() }()
			if err := g.crew.create(weir.Addr); err != nil {
				t.Fatalf("%v\n%s", err, weir.Output())
			}
			var n groupTotals
			failures := 0
			for session := 0; session < 3 || failures == 0 && session < 30; session++ {
				before := strings.Count(weir.Output(), "reloading from disk")
				stop := make(chan struct{})
				ended := g.work(weir.Addr, stop)
				time.Sleep(500 * time.Millisecond) // of work, with a failure in it or not
				close(stop)
				errs := <-ended
				died := time.Now()
				n.add(g)
				within(t, underStrace, weir, "an ID", isWorking, "XADD", "probe", "*", "f", "v")
				failed := strings.Count(weir.Output(), "reloading from disk") > before
				if failed {
					failures++
				}
				for {
					err := g.check(weir, died, false)
					if err == nil || !strings.Contains(err.Error(), "LOADING") {
						errs = append(errs, err)
						break
					}
					within(t, underStrace, weir, "an ID", isWorking, "XADD", "probe", "*", "f", "v")
				}
				if err := errors.Join(errs...); err != nil {
					t.Fatalf("a fsync has failed: %v; %v\n%s", failed, err, weir.Output())
				}
			}
			if failures == 0 {
				t.Errorf("no fsync has failed: nothing is proved\n%s", weir.Output())
			}
			weir.Kill()
			printed := weir.Output()
			weir = n.startWeir(t, g.dir)
			if err := g.check(weir, time.Now(), false); err != nil {
				t.Fatalf("after kill -9: %v\nbefore, weir printed:\n%s\nthen:\n%s", err, printed, weir.Output())
			}
			t.Logf("%d failures; own groups: %d operations answered, %d on their way; shared group: %d answered", failures, n.answered, n.unanswered, n.crewAnswered)
		})
	}
}
