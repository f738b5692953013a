package crash

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// TestValuesInMemorySurviveKill is T1 over all types that are not streams: kill -9 at a random moment, in every sync mode, on
// servers that make checkpoints all the time and on others that make none.
func TestValuesInMemorySurviveKill(t *testing.T) {
	base := theSeed(t)
	for _, mode := range []string{"always", "everysec", "no"} {
		t.Run(mode, func(t *testing.T) {
			r := rand.New(rand.NewPCG(base, uint64(40+len(mode))))
			var n totals
			sent, acked := 0, 0
			for directory := 0; n.rounds < *rounds; directory++ {
				dir := filepath.Join(t.TempDir(), "data")
				args := []string{"--sync", mode}
				if directory%2 == 0 {
					args = append(args, "--save", "1 1", "--checkpoint-log-size", "1mb")
				}
				var keepers []*keeper
				for i := range 4 {
					keepers = append(keepers, newKeeper(i, r.Uint64()))
				}
				for range min(restartsPerDirectory, *rounds-n.rounds) {
					n.rounds++
					weir := n.startWeir(t, dir, args...)
					errs := keepUntilKilled(weir, keepers, time.Duration(5+r.IntN(796))*time.Millisecond)
					killWhileStarting(t, r, dir, args)
					again := n.startWeir(t, dir, args...)
					for _, k := range keepers {
						sent, acked = sent+len(k.sent), acked+k.acked
						if err := k.settle(again.Addr); err != nil {
							errs = append(errs, err)
						}
					}
					again.Kill()
					if len(errs) > 0 {
						t.Fatalf("round %d: %v\nbefore the kill weir printed:\n%s\nafter it:\n%s", n.rounds, errs, weir.Output(), again.Output())
					}
				}
			}
			t.Logf("%d rounds, %d commands sent, %d acknowledged, slowest start %v", n.rounds, sent, acked, n.slowest)
			if acked == 0 {
				t.Error("nothing was acknowledged: nothing is proved")
			}
		})
	}
}

// keepUntilKilled lets keepers work for a while, kills the server, and returns what they found wrong.
func keepUntilKilled(weir *oracle.Server, keepers []*keeper, after time.Duration) []error {
	var all sync.WaitGroup
	failed := make([]error, len(keepers))
	stop := make(chan struct{})
	for i, k := range keepers {
		all.Go(func() { failed[i] = k.session(weir.Addr, stop) })
	}
	time.Sleep(after) // the moment of the kill is the test
	weir.Kill()
	close(stop)
	all.Wait()
	var errs []error
	for _, err := range failed {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// TestWhatExpiredWhileTheServerWasDownNeverComesBack: neither from the log nor from a checkpoint, and what has not
// expired is there, with the time that it had.
func TestWhatExpiredWhileTheServerWasDownNeverComesBack(t *testing.T) {
	for _, saved := range []bool{false, true} {
		t.Run(fmt.Sprintf("checkpoint %t", saved), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			var n totals
			weir := n.startWeir(t, dir)
			c, err := oracle.Dial(weir.Addr)
			if err != nil {
				t.Fatal(err)
			}
			must := func(args ...string) oracle.Reply {
				t.Helper()
				rep, err := c.MustDo(args...)
				if err != nil {
					t.Fatal(err)
				}
				return rep
			}
			soon, late := time.Now().Add(time.Second).UnixMilli(), time.Now().Add(time.Hour).UnixMilli()
			for i := range 50 {
				name := strconv.Itoa(i)
				must("SET", "soon"+name, "v", "PXAT", strconv.FormatInt(soon, 10))
				must("RPUSH", "list"+name, "v")
				must("PEXPIREAT", "list"+name, strconv.FormatInt(soon, 10))
				must("SET", "late"+name, "v", "PXAT", strconv.FormatInt(late, 10))
			}
			if saved {
				must("SAVE")
			}
			weir.Kill()
			time.Sleep(time.Until(time.UnixMilli(soon + 2)))
			again := n.startWeir(t, dir)
			if c, err = oracle.Dial(again.Addr); err != nil {
				t.Fatal(err)
			}
			for i := range 50 {
				name := strconv.Itoa(i)
				if rep := must("EXISTS", "soon"+name, "list"+name); rep.Text != "0" {
					t.Fatalf("key %d is back", i)
				}
				if rep := must("PEXPIRETIME", "late"+name); rep.Text != strconv.FormatInt(late, 10) {
					t.Fatalf("late%d expires at %s, want %d", i, rep.Text, late)
				}
			}
			again.Kill()
		})
	}
}
