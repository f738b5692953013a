// Package examples_test runs the examples in other languages against the weir
// binary, as their READMEs say.
package examples_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// debianPython is the interpreter that Debian's python3-redis belongs to; a
// python3 that comes first in PATH may be another one.
const debianPython = "/usr/bin/python3"

var examples = []struct {
	dir                string
	installed          []string // a command that fails where the client library is missing
	producer, consumer []string
}{
	{"python-streams", []string{debianPython, "-c", "import redis"},
		[]string{debianPython, "producer.py", "--count", "5", "--every", "0.02"}, []string{debianPython, "consumer.py", "--count", "5"}},
	{"node-redis-streams", []string{"node", "-e", "require.resolve('redis')"},
		[]string{"node", "producer.js", "5", "0.02"}, []string{"node", "consumer.js", "5"}},
	{"ioredis-streams", []string{"node", "-e", "require.resolve('ioredis')"},
		[]string{"node", "producer.js", "5", "0.02"}, []string{"node", "consumer.js", "5"}},
}

// TestConsumersPrintWhatProducersSent also runs each consumer a second time:
// what it prints then is history.
func TestConsumersPrintWhatProducersSent(t *testing.T) {
	binary, err := oracle.BuildWeir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, ex := range examples {
		t.Run(ex.dir, func(t *testing.T) {
			needClient(t, ex.dir, ex.installed)
			weir, err := oracle.StartWeir(binary, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer weir.Kill()

			live := start(t, weir.Addr, ex.dir, ex.consumer)
			sent := start(t, weir.Addr, ex.dir, ex.producer).output()
			want := strings.ReplaceAll(sent, "sent", "received")
			if got := live.output(); got != want {
				t.Errorf("the live consumer printed\n%swhere the producer printed\n%s", got, sent)
			}
			if got := start(t, weir.Addr, ex.dir, ex.consumer).output(); got != want {
				t.Errorf("the second consumer printed\n%swhere the producer printed\n%s", got, sent)
			}
			line := regexp.MustCompile(`^sent \d+-\d+ roof -?\d+\.\d\n`)
			if strings.Count(sent, "\n") != 5 || !line.MatchString(sent) {
				t.Errorf("the producer printed something other than 5 lines as in the README:\n%s", sent)
			}
		})
	}
}

// TestWorkersInNodeDoWhatAKilledOneHeld: the program kills a worker with SIGKILL
// and fails by itself unless nothing was lost or done twice without a claim. Its
// numbers differ from run to run; the sums do not.
func TestWorkersInNodeDoWhatAKilledOneHeld(t *testing.T) {
	const dir = "workers-node"
	needClient(t, dir, []string{"node", "-e", "require.resolve('redis')"})
	binary, err := oracle.BuildWeir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	weir, err := oracle.StartWeir(binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer weir.Kill()
	out := start(t, weir.Addr, dir, []string{"node", "main.js", "150"}).output()
	whole := regexp.MustCompile(`^produced 150 jobs, one of which takes long
killed (ann|bob|carol), who had the long one and held (\d+) jobs

worker   done  claimed  left pending
ann    ( *\d+){3}(  killed)?
bob    ( *\d+){3}(  killed)?
carol  ( *\d+){3}(  killed)?
all     +(\d+) +(\d+) +0
$`).FindStringSubmatch(out)
	if whole == nil {
		t.Fatalf("it prints something other than its README shows:\n%s", out)
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	held, done, claimed := number(whole[2]), number(whole[len(whole)-2]), number(whole[len(whole)-1])
	if held == 0 || done < 150 || claimed == 0 || strings.Count(out, "  killed\n") != 1 {
		t.Errorf("held %d, done %d, claimed %d in\n%s", held, done, claimed, out)
	}
}

// TestExamplesPrintWhatTheirReadmesShow is for programs that print the same every time. Those of Node fail by themselves, too,
// if something is not as it should be.
func TestExamplesPrintWhatTheirReadmesShow(t *testing.T) {
	binary, err := oracle.BuildWeir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, ex := range []struct {
		dir                string
		installed, program []string
	}{
		{"leaderboard", []string{debianPython, "-c", "import redis"}, []string{debianPython, "leaderboard.py"}},
		{"cache", []string{"node", "-e", "require.resolve('ioredis')"}, []string{"node", "main.js"}},
		{"rate-limit", []string{"node", "-e", "require.resolve('redis')"}, []string{"node", "main.js"}},
	} {
		t.Run(ex.dir, func(t *testing.T) {
			needClient(t, ex.dir, ex.installed)
			readme, err := os.ReadFile(filepath.Join(ex.dir, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			_, shown, _ := strings.Cut(string(readme), "```text\n")
			shown, _, _ = strings.Cut(shown, "```")
			weir, err := oracle.StartWeir(binary, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer weir.Kill()
			for range 2 { // a second run is a first one again
				if got := start(t, weir.Addr, ex.dir, ex.program).output(); got != shown {
					t.Errorf("it prints\n%swhere its README shows\n%s", got, shown)
				}
			}
		})
	}
}

// needClient skips where the client library of an example is missing, unless
// WEIR_REQUIRE_CLIENTS=1 says that it must be there.
func needClient(t *testing.T, dir string, installed []string) {
	t.Helper()
	check := exec.Command(installed[0], installed[1:]...)
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil {
		if os.Getenv("WEIR_REQUIRE_CLIENTS") != "" {
			t.Fatalf("%s: %v\n%s", check, err, out)
		}
		t.Skipf("the client library is not installed (see %s/README.md; WEIR_REQUIRE_CLIENTS=1 insists)", dir)
	}
}

// TestReadmesAreShortAndShowOutput holds for every example.
func TestReadmesAreShortAndShowOutput(t *testing.T) {
	dirs, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		dir := d.Name()
		if !d.IsDir() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, "README.md"))
		if err != nil {
			t.Error(err)
			continue
		}
		if n := strings.Count(string(text), "\n"); n > 30 {
			t.Errorf("%s/README.md has %d lines, more than 30", dir, n)
		}
		if !strings.Contains(string(text), "```text\n") {
			t.Errorf("%s/README.md shows no expected output", dir)
		}
	}
}

type program struct {
	t    *testing.T
	line string
	done chan struct{}
	out  []byte
	err  error
}

func start(t *testing.T, addr, dir string, line []string) *program {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "WEIR_HOST="+host, "WEIR_PORT="+port)
	p := &program{t: t, line: fmt.Sprint(line), done: make(chan struct{})}
	go func() {
		defer cancel()
		p.out, p.err = cmd.CombinedOutput()
		close(p.done)
	}()
	return p
}

// output waits for the end of the program.
func (p *program) output() string {
	p.t.Helper()
	<-p.done
	if p.err != nil {
		p.t.Fatalf("%s: %v\n%s", p.line, p.err, p.out)
	}
	return string(p.out)
}
