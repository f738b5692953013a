package fuzz

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

var (
	commands = flag.Int("commands", 20000, "commands to send")
	seed     = flag.Uint64("seed", 0, "seed of the first round; 0 takes the clock")
	without  = flag.String("without", "", "commands to leave out, separated by commas: those whose difference is known and not yet mended")
	against  = flag.String("against", "weir", "what to compare with redis: weir, redis, or host:port")
)

const perRound = 400

// judgeAndJudged starts the two servers.
func judgeAndJudged(t *testing.T) (redis *oracle.Server, addr string, weir *oracle.Server, start func() *oracle.Server) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("WEIR_REQUIRE_REDIS") == "1" {
			t.Fatal(err)
		}
		t.Skip("no redis-server here; set WEIR_REQUIRE_REDIS=1 to make that an error")
	}
	redis, err := oracle.StartRedis(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Kill)
	switch *against {
	case "weir":
		binary, err := oracle.BuildWeir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		start = func() *oracle.Server {
			s, err := oracle.StartWeir(binary, dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Kill)
			return s
		}
		weir = start()
		return redis, weir.Addr, weir, start
	case "redis":
		other, err := oracle.StartRedis(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(other.Kill)
		return redis, other.Addr, nil, nil
	}
	return redis, *against, nil, nil
}

// TestWeirAndRedisAgreeOnRandomCommands is the differential fuzzer. For hours:
// go test ./internal/oracle/fuzz -commands 100000000 -timeout 0
func TestWeirAndRedisAgreeOnRandomCommands(t *testing.T) {
	redis, addr, weir, start := judgeAndJudged(t)
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed=%d", *seed)
	var n Totals
	for round := uint64(0); int(round)*perRound < *commands; round++ {
		rd := Generate(*seed, round, perRound)
		rd.Ops = slices.DeleteFunc(rd.Ops, func(op Op) bool {
			return slices.Contains(strings.Split(*without, ","), strings.ToLower(op.Args[0]))
		})
		m, err := Run(redis.Addr, addr, rd, &n)
		if err != nil {
			t.Fatalf("seed=%d round=%d: %v", *seed, round, err)
		}
		if m != nil {
			t.Fatalf("seed=%d round=%d\n%s", *seed, round, explain(redis.Addr, addr, rd, m))
		}
	}
	t.Logf("%d commands compared, %d of them errors; %d clients blocked, %d woken", n.Commands, n.Errors, n.Blocked, n.Woken)
	if n.Commands == n.Errors || n.Commands > 10_000 && n.Woken == 0 {
		t.Error("too little was compared to prove anything")
	}
	if weir == nil {
		return
	}
	// What the last round left must survive kill -9.
	if text := weir.Crashed(); text != "" {
		t.Error(text)
	}
	before, err := Dump(addr)
	if err != nil {
		t.Fatal(err)
	}
	weir.Kill()
	after, err := Dump(start().Addr)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, after) {
		t.Errorf("kill -9 and restart changed the state\nbefore:\n%s\nafter:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

// explain shrinks a failing round and prints it.
func explain(a, b string, rd Round, m *Mismatch) string {
	small := Shrink(rd, m.At, 400, func(r Round) bool {
		got, err := Run(a, b, r, &Totals{})
		return err == nil && got != nil
	})
	if got, err := Run(a, b, small, &Totals{}); err == nil && got != nil {
		m = got
	}
	var out strings.Builder
	fmt.Fprintf(&out, "clients start in RESP%v, %d commands in one write\n", small.Protos, small.Pipeline)
	for _, op := range small.Ops {
		fmt.Fprintf(&out, "  %s\n", describe(op))
	}
	fmt.Fprintf(&out, "%s\n%s", m.What, oracle.Contrast(strings.Split(m.A, "\n"), strings.Split(m.B, "\n")))
	return out.String()
}

func TestTheSameSeedGivesTheSameRound(t *testing.T) {
	a, b := Generate(7, 3, 500), Generate(7, 3, 500)
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error("two rounds of one seed differ")
	}
	if fmt.Sprint(a) == fmt.Sprint(Generate(7, 4, 500)) {
		t.Error("two rounds are the same")
	}
}

func TestShrinkKeepsOnlyWhatMatters(t *testing.T) {
	var rd Round
	for i := range 100 {
		rd.Ops = append(rd.Ops, Op{0, []string{fmt.Sprint(i)}})
	}
	has := func(r Round, name string) bool {
		return slices.ContainsFunc(r.Ops, func(o Op) bool { return o.Args[0] == name })
	}
	small := Shrink(rd, 80, 1000, func(r Round) bool { return has(r, "17") && has(r, "63") })
	if len(small.Ops) != 2 {
		t.Errorf("%d commands are left, 2 are needed: %v", len(small.Ops), small.Ops)
	}
}
