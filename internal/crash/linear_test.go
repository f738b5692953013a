package crash

import (
	"flag"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/weirmq/weir/internal/oracle"
)

var histories = flag.Int("histories", 200, "histories of concurrent clients to check; an eighth as many go across kill -9")

// checking is how long the checker may think about one history. A history that
// it has not decided by then proves nothing, and fails the test.
const checking = 30 * time.Second

var hashSeed = maphash.MakeSeed()

// The model is one stream: a history of several is linearizable if that of each
// is. An unknown outcome leaves both possibilities.
var groupModel = (&porcupine.NondeterministicModel{
	Partition: func(ops []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, o := range ops {
			key := o.Input.(op).key
			byKey[key] = append(byKey[key], o)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() []any { return []any{fresh} },
	Step: func(state, input, output any) []any {
		next, outcome := step(state.(places), input.(op))
		switch output.(string) {
		case outcome:
			return []any{next}
		case unknown:
			return []any{state, next}
		}
		return nil
	},
	Hash: func(state any) uint64 { return maphash.String(hashSeed, string(state.(places))) },
	DescribeOperation: func(input, output any) string {
		return fmt.Sprintf("%s -> %s", strings.Join(input.(op).args(), " "), output)
	},
	DescribeState: func(state any) string { b := board(state.(places)); return b.info() + ": " + b.pending() },
}).ToModel()

// verdict asks the checker.
func (h *history) verdict() porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(groupModel, h.operations(), checking)
}

func (h *history) operations() []porcupine.Operation {
	ops := make([]porcupine.Operation, len(h.events))
	for i, e := range h.events {
		ops[i] = porcupine.Operation{ClientId: e.client, Input: e.op, Output: e.outcome, Call: e.called.Nanoseconds(), Return: e.returned.Nanoseconds()}
	}
	return ops
}

// mustBeLinearizable fails with the history as text, and leaves a page that shows
// how far the checker came.
func (h *history) mustBeLinearizable(t *testing.T) {
	t.Helper()
	result, info := porcupine.CheckOperationsVerbose(groupModel, h.operations(), checking)
	if result == porcupine.Ok {
		return
	}
	page := ""
	if f, err := os.CreateTemp("", "history-*.html"); err == nil {
		if porcupine.Visualize(groupModel, info, f) == nil {
			page = f.Name()
		}
		_ = f.Close()
	}
	t.Fatalf("the history is %s (see %s):\n%s", map[porcupine.CheckResult]string{
		porcupine.Illegal: "not linearizable", porcupine.Unknown: "not decided in time",
	}[result], page, h)
}

// String is the history in the order of the calls.
func (h *history) String() string {
	list := slices.Clone(h.events)
	slices.SortFunc(list, func(a, b event) int { return int(a.called - b.called) })
	var out strings.Builder
	for _, e := range list {
		fmt.Fprintf(&out, "%9d-%-9d %d %s -> %s\n", e.called.Microseconds(), e.returned.Microseconds(), e.client, strings.Join(e.op.args(), " "), e.outcome)
	}
	return out.String()
}

// tally is what the histories of a test were made of.
type tally struct{ histories, ops, unknown, delivered, claimed int }

func (n *tally) add(h *history) {
	n.histories++
	n.ops += len(h.events)
	for _, e := range h.events {
		switch {
		case e.outcome == unknown:
			n.unknown++
		case e.op.kind == opRead && e.outcome != "":
			n.delivered++
		case (e.op.kind == opClaim || e.op.kind == opAutoClaim || e.op.kind == opReadClaim) && e.outcome != "" && e.outcome[0] != ',':
			n.claimed++
		}
	}
}

func (n *tally) report(t *testing.T) {
	t.Helper()
	t.Logf("%d histories, %d operations, %d of unknown outcome, %d deliveries, %d claims", n.histories, n.ops, n.unknown, n.delivered, n.claimed)
	if n.delivered < n.histories || n.claimed < n.histories {
		t.Error("hardly anything was delivered or claimed: nothing is proved")
	}
}

// concurrent makes one history on a server that lives.
func concurrent(t *testing.T, weir *oracle.Server, n int, seed uint64, older bool) *history {
	t.Helper()
	h := newHistory(fmt.Sprint("h", n, "-a"), fmt.Sprint("h", n, "-b"))
	h.older = older
	err := h.create(weir.Addr)
	if err == nil {
		err = h.session(weir.Addr, seed, 30, new(atomic.Int64))
	}
	if err == nil {
		err = h.look(weir.Addr)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, weir.Output())
	}
	for _, e := range h.events {
		if e.outcome == unknown {
			t.Fatalf("the server has closed the connection of client %d\n%s", e.client, weir.Output())
		}
	}
	return h
}

// TestGroupsAreLinearizable is T41b: eight clients on two streams.
func TestGroupsAreLinearizable(t *testing.T) {
	r := rand.New(rand.NewPCG(theSeed(t), 41))
	var n totals
	var all tally
	for _, mode := range []string{"always", "everysec"} {
		weir := n.startWeir(t, filepath.Join(t.TempDir(), "data"), "--sync", mode)
		for range (*histories + 1) / 2 {
			h := concurrent(t, weir, all.histories, r.Uint64(), false)
			h.mustBeLinearizable(t)
			all.add(h)
		}
		weir.Kill()
	}
	all.report(t)
}

// TestGroupsAreLinearizableAcrossKill: the same with a server that is killed in
// the middle, twice. What had no answer may have happened before the kill, as a
// whole, or never happens.
func TestGroupsAreLinearizableAcrossKill(t *testing.T) {
	r := rand.New(rand.NewPCG(theSeed(t), 42))
	var n totals
	var all tally
	for i := range max(3, *histories/8) {
		mode := []string{"always", "everysec", "no"}[i%3]
		dir := filepath.Join(t.TempDir(), "data")
		h := newHistory("a", "b")
		printed := ""
		for session := range 3 {
			weir := n.startWeir(t, dir, "--sync", mode)
			var err error
			if session == 0 {
				err = h.create(weir.Addr)
			}
			if err == nil && session < 2 {
				err = killDuring(weir, h, r)
			}
			if err == nil && session == 2 {
				if err = h.session(weir.Addr, r.Uint64(), 8, new(atomic.Int64)); err == nil {
					err = h.look(weir.Addr)
				}
			}
			weir.Kill()
			h.gone()
			printed += weir.Output()
			if err != nil {
				t.Fatalf("%s: %v\n%s", mode, err, printed)
			}
		}
		h.mustBeLinearizable(t)
		all.add(h)
	}
	all.report(t)
	if all.unknown == 0 {
		t.Error("no operation was on its way when the server was killed: nothing is proved")
	}
}

// killDuring kills the server once so many operations have been answered.
func killDuring(weir *oracle.Server, h *history, r *rand.Rand) error {
	var done atomic.Int64
	at, seed := int64(8+r.IntN(120)), r.Uint64()
	ended := make(chan error, 1)
	go func() { ended <- h.session(weir.Addr, seed, 40, &done) }()
	for {
		select {
		case err := <-ended:
			return err // every client has done its share before the kill came
		default:
		}
		if done.Load() >= at {
			weir.Kill()
			return <-ended
		}
		time.Sleep(50 * time.Microsecond)
	}
}

// TestTheModelOfGroupsIsWhatRedisDoes holds histories of a redis-server against
// the model: so it is not our own reading that Weir is held against. The lag is
// left out, which Redis does not always know.
func TestTheModelOfGroupsIsWhatRedisDoes(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("WEIR_REQUIRE_REDIS") != "" {
			t.Fatal(err)
		}
		t.Skip("redis-server is not installed; WEIR_REQUIRE_REDIS=1 insists")
	}
	redis, err := oracle.StartRedis(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer redis.Kill()
	r := rand.New(rand.NewPCG(theSeed(t), 43))
	var all tally
	for i := range *histories / 2 {
		h := concurrent(t, redis, i, r.Uint64(), true)
		h.events = slices.DeleteFunc(h.events, func(e event) bool { return e.op.kind == opInfo })
		h.mustBeLinearizable(t)
		all.add(h)
	}
	all.report(t)
}
