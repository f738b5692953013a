package fuzz

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

var (
	commands = flag.Int("commands", 12000, "commands to send")
	seed     = flag.Uint64("seed", 1, "seed of the first round, by default the same each time, so that a test that begins to fail has found a change; 0 takes the clock")
	without  = flag.String("without", "", "commands to leave out, separated by commas: those whose difference is known and not yet mended")
	against  = flag.String("against", "weir", "what to compare with redis: weir, redis, or host:port")
	only     = flag.String("family", "", "keys, hashes, lists, sets, strings, zsets or mixed: what all rounds are about; otherwise one in three, in turn, is about one of these, and the others about streams")
	settings = flag.String("settings", "both", "of weir: usual, small (blocks leave the memory at once), or both by turns")
)

const (
	perRound         = 400
	roundsPerRestart = 10 // weir is killed and started again after so many
)

// judge starts the redis-server that is always right.
func judge(t *testing.T) *oracle.Server {
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
	return redis
}

// judged is the server that is compared with it.
type judged struct {
	addr   string
	server *oracle.Server // nil unless it is a weir of our own
	binary string
	dir    string
	starts int
	cold   int // commands that had to wait for blocks, before the last start
}

func startJudged(t *testing.T) *judged {
	t.Helper()
	switch *against {
	case "weir":
		binary, err := oracle.BuildWeir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		j := &judged{binary: binary, dir: t.TempDir()}
		j.start(t)
		t.Cleanup(func() { j.server.Kill() })
		return j
	case "redis":
		other, err := oracle.StartRedis(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(other.Kill)
		return &judged{addr: other.Addr}
	}
	return &judged{addr: *against}
}

func (j *judged) start(t *testing.T) {
	t.Helper()
	var args []string
	j.starts++
	if j.small() {
		args = oracle.Small
	}
	s, err := oracle.StartWeir(j.binary, j.dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	j.server, j.addr = s, s.Addr
}

// small reports whether it is a weir whose blocks leave the memory at once.
func (j *judged) small() bool {
	return *against == "weir" && (*settings == "small" || *settings == "both" && j.starts%2 == 1)
}

// countCold adds up how many commands had to wait for blocks.
func (j *judged) countCold(t *testing.T) {
	t.Helper()
	c, err := oracle.Dial(j.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	info, err := c.MustDo("INFO", "persistence")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(info.Text, "\r\ncold_commands:")
	number, _, _ := strings.Cut(after, "\r\n")
	n, err := strconv.Atoi(number)
	if !found || err != nil {
		t.Fatalf("INFO persistence does not say how many commands waited for blocks: %s", info)
	}
	j.cold += n
}

// restart ends a weir of our own with kill -9. Its state must be the same after.
func (j *judged) restart(t *testing.T) {
	t.Helper()
	if j.server == nil {
		return
	}
	before, err := Dump(j.addr)
	if err != nil {
		t.Fatal(err)
	}
	j.countCold(t)
	j.server.Kill()
	if text := j.server.Crashed(); text != "" {
		t.Error(text)
	}
	j.start(t)
	after, err := Dump(j.addr)
	if err != nil {
		t.Fatal(err)
	}
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] {
			t.Fatalf("kill -9 and restart changed the state\n%s", oracle.Contrast(strings.Split(before[i], "\n"), strings.Split(after[i], "\n")))
		}
	}
	if len(before) != len(after) {
		t.Fatalf("kill -9 and restart changed the state: %d lines, then %d", len(before), len(after))
	}
}

// generated makes a round about streams or about a family.
func generated(round uint64) Round {
	switch {
	case *only != "":
		return GenerateFamily(*only, *seed, round, perRound)
	case round%3 == 2:
		kinds := uint64(len(families) + 1)
		if at := round / 3 % kinds; at < kinds-1 {
			return GenerateFamily(families[at].name, *seed, round, perRound)
		}
		return GenerateFamily("mixed", *seed, round, perRound)
	default:
		return Generate(*seed, round, perRound)
	}
}

// TestWeirAndRedisAgreeOnRandomCommands is the differential fuzzer. For hours:
// go test ./internal/oracle/fuzz -seed 0 -commands 100000000 -timeout 0
func TestWeirAndRedisAgreeOnRandomCommands(t *testing.T) {
	redis, weir := judge(t), startJudged(t)
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed=%d", *seed)
	var n Totals
	for round := uint64(0); int(round)*perRound < *commands; round++ {
		rd := generated(round)
		rd.Ops = slices.DeleteFunc(rd.Ops, func(op Op) bool {
			return slices.Contains(strings.Split(*without, ","), strings.ToLower(op.Args[0]))
		})
		rd.Settle = weir.small()
		m, err := Run(redis.Addr, weir.addr, rd, &n)
		if err != nil {
			t.Fatalf("seed=%d round=%d: %v", *seed, round, err)
		}
		if m != nil {
			t.Fatalf("seed=%d round=%d\n%s", *seed, round, explain(redis.Addr, weir.addr, rd, m))
		}
		if *against != "redis" {
			if err := CheckLag(weir.addr); err != nil {
				t.Fatalf("seed=%d round=%d: %v", *seed, round, err)
			}
		}
		if round%roundsPerRestart == 0 {
			weir.restart(t)
		}
	}
	t.Logf("%d commands compared, %d of them errors; %d clients blocked, %d woken; replies that say something: %v",
		n.Commands, n.Errors, n.Blocked, n.Woken, n.Useful)
	if n.Commands == n.Errors || n.Commands > 10_000 && n.Woken == 0 && *only == "" {
		t.Error("too little was compared to prove anything")
	}
	weir.restart(t)
	if weir.server != nil {
		t.Logf("%d commands waited for blocks", weir.cold)
		if *settings != "usual" && *only == "" && weir.cold == 0 {
			t.Error("no block was read from a file")
		}
	}
}

// TestGroupsWithNewerCommandsComeBackAfterAKill plays rounds that no judge knows:
// counters agree with each other, lag is exact, and a restart changes nothing.
func TestGroupsWithNewerCommandsComeBackAfterAKill(t *testing.T) {
	if *against != "weir" {
		return // it is about a weir that can be killed
	}
	weir := startJudged(t)
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed=%d", *seed)
	answered := 0
	for round := uint64(0); int(round)*perRound < *commands/4; round++ {
		n, err := RunAlone(weir.addr, Newer(*seed, round, perRound))
		if err == nil {
			err = CheckLag(weir.addr)
		}
		if err == nil {
			err = CheckPending(weir.addr)
		}
		if err != nil {
			t.Fatalf("seed=%d round=%d: %v\n%s", *seed, round, err, weir.server.Crashed())
		}
		weir.restart(t)
		answered += n
	}
	t.Logf("%d commands were done", answered)
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
