// Bench measures Weir beside redis-server, as docs/benchmarks.md shows it.
//
//	make bench                                             # everything; some 20 minutes on two cores
//	go run ./internal/bench -rows 'xadd.*p16' -rounds 3    # some of it
//	go run ./internal/bench -rows 'group|pending|wake'     # consumer groups and blocked clients
//	go run ./internal/bench -scale 0.1 -entries 200000     # a quick look
//	make bench-history                                     # a history larger than memory: history.go
//	make bench-values                                      # strings, lists, hashes, sets, sorted sets: values.go
//	go run ./internal/bench -history -events 1000000 -rounds 1 -rows 'append|replay'
//
// Both servers run side by side on the same disk with the same sync mode, and
// take turns: in every round each serves the row once, on a data directory of
// its own, the order changing from round to round. The report has the medians,
// the spread and every round, with the exact command lines.
//
// Where redis-benchmark cannot send what is to be measured, or would itself be
// what is measured, the client is our own: one goroutine over epoll that takes
// replies apart without copying them (client_linux.go, reply.go).
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/weirmq/weir/internal/oracle"
)

type options struct {
	rows    *regexp.Regexp
	rounds  int
	scale   float64
	entries int
	dir     string
	weir    string
	args    string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "blocked" {
		exit(blocked(os.Args[2:], os.Stdout))
	}
	var o options
	rows := flag.String("rows", ".", "regular expression of the rows to measure")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of each row")
	flag.Float64Var(&o.scale, "scale", 1, "multiply the number of requests by this")
	flag.IntVar(&o.entries, "entries", 5_000_000, "entries of the stream whose memory and replay are measured; 0 leaves these rows out")
	flag.StringVar(&o.dir, "dir", "", "where the servers keep their data (default: the directory for temporary files)")
	flag.StringVar(&o.weir, "weir", "", "weir binary (default: build one); redis-server compares Redis with itself")
	flag.StringVar(&o.args, "args", "", "further flags of weir serve, separated by spaces")
	history := flag.Bool("history", false, "measure what a history larger than memory costs: docs/benchmarks-history.md")
	values := flag.Bool("values", false, "measure strings, lists, hashes, sets and sorted sets: docs/benchmarks-values.md")
	events := flag.Uint64("events", 50_000_000, "events of that history")
	baseline := flag.String("baseline", "", "weir binary without segment files to compare with there (default: build one of an earlier commit)")
	out := flag.String("out", "", "file to write the report to as well")
	flag.Parse()

	var err error
	switch o.rows, err = regexp.Compile(*rows); {
	case err != nil:
	case *values:
		err = runValues(o, *out)
	case *history:
		err = runHistory(o, *events, *baseline, *out)
	default:
		err = run(o, *out)
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(o options, out string) (err error) {
	work, err := os.MkdirTemp(o.dir, "weir-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if o.weir == "" {
		if o.weir, err = oracle.BuildWeir(work); err != nil {
			return err
		}
	}

	rep := report{options: o, machine: describeMachine(work), versions: versions(o.weir)}
	for _, r := range rows {
		if !o.rows.MatchString(r.name) {
			continue
		}
		res, err := measure(o, r, work)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		rep.results = append(rep.results, res)
		fmt.Fprint(os.Stderr, res.line())
	}
	if o.entries > 0 && o.rows.MatchString("memory and replay") {
		if rep.long, err = measureLongStream(o, work); err != nil {
			return fmt.Errorf("memory and replay: %w", err)
		}
	}

	if o.rows.MatchString("pending") {
		if rep.pending, err = measurePending(o, work); err != nil {
			return fmt.Errorf("pending: %w", err)
		}
	}
	for _, w := range wakes(o.scale) {
		if !o.rows.MatchString(w.name) {
			continue
		}
		if err := w.measure(o, work); err != nil {
			return err
		}
		rep.wakes = append(rep.wakes, w)
	}

	var w io.Writer = os.Stdout
	if out != "" {
		f, err := os.Create(out)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		w = io.MultiWriter(os.Stdout, f)
	}
	return rep.write(w)
}

// measure runs the rounds of one row.
func measure(o options, r row, work string) (result, error) {
	res := result{row: r, requests: max(int(float64(r.requests)*o.scale), 1000), samples: map[string][]sample{}}
	for round := range o.rounds {
		for _, k := range turn(round) {
			dir := filepath.Join(work, "data")
			s, err := serveRow(o, r, res.requests, k, dir)
			if err != nil {
				return res, fmt.Errorf("round %d, %s: %w", round+1, k, err)
			}
			res.samples[k] = append(res.samples[k], s)
			if err := os.RemoveAll(dir); err != nil {
				return res, err
			}
		}
	}
	return res, nil
}

// serveRow starts a server, fills it as the row asks, and runs the row's load.
func serveRow(o options, r row, requests int, kind, dir string) (sample, error) {
	s, err := startServer(o, kind, dir, r.sync)
	if err != nil {
		return sample{}, err
	}
	defer s.Kill()
	if err := r.load.prepare(s.Addr, requests); err != nil {
		return sample{}, err
	}
	before, err := cpuTime(s.Pid())
	if err != nil {
		return sample{}, err
	}
	got, err := r.load.run(s.Addr, requests)
	if err != nil {
		return sample{}, fmt.Errorf("%w\n%s", err, s.Output())
	}
	after, err := cpuTime(s.Pid())
	got.serverCPU = (after - before) / float64(requests)
	return got, err
}

// turn is the order of the servers in a round.
func turn(round int) []string {
	order := []string{redis, weir}
	if round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}
