package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/weirmq/weir/internal/oracle"
)

// Strings, lists, hashes, sets and sorted sets beside redis-server, as docs/benchmarks-values.md shows them: the list of
// tests that redis-benchmark runs by itself, memory, and how long others wait while garbage is collected.

// builtin is one of redis-benchmark's tests, with 50 connections and 100,000 keys.
type builtin struct {
	test     string
	pipeline int
	command  []string // instead of the test, which would do something else first
	before   []string // the test that fills what this one reads or empties
	// fill is how many requests of it: as many as are to be taken away if 0.
	fill int
}

const keyspace = "100000"

func (t builtin) args(port string, requests int) []string {
	args := []string{"-h", "127.0.0.1", "-p", port, "-c", "50", "-P", fmt.Sprint(t.pipeline), "-n", fmt.Sprint(requests), "-r", keyspace, "--csv"}
	if t.command != nil {
		return append(args, t.command...)
	}
	return append(args, "-t", t.test)
}

func (t builtin) prepare(addr string, requests int) error {
	for _, test := range t.before {
		n := t.fill
		if n == 0 {
			n = requests
		}
		if _, err := (builtin{test: test, pipeline: 16}).run(addr, n); err != nil {
			return err
		}
	}
	return nil
}

func (t builtin) run(addr string, requests int) (sample, error) {
	return runBenchmark(addr, func(port string) []string { return t.args(port, requests) })
}

func (t builtin) line(requests int) string {
	line := "`redis-benchmark " + strings.Join(t.args("PORT", requests), " ") + "`"
	if len(t.before) > 0 {
		line += ", after " + strings.Join(t.before, ", ")
	}
	return line
}

// The tests that redis-benchmark runs by itself, in its order.
func builtins() []builtin {
	lrange := func(n string, last string) builtin {
		return builtin{test: "lrange_" + n, command: []string{"LRANGE", "mylist", "0", last}, before: []string{"lpush"}, fill: 100_000}
	}
	return []builtin{
		{test: "ping_inline"}, {test: "ping_mbulk"}, {test: "set"}, {test: "get", before: []string{"set"}, fill: 300_000},
		{test: "incr"}, {test: "lpush"}, {test: "rpush"}, {test: "lpop", before: []string{"lpush"}}, {test: "rpop", before: []string{"rpush"}},
		{test: "sadd"}, {test: "hset"}, {test: "spop", before: []string{"sadd"}}, {test: "zadd"}, {test: "zpopmin", before: []string{"zadd"}},
		lrange("100", "99"), lrange("300", "299"), lrange("500", "449"), lrange("600", "599"), {test: "mset"},
	}
}

// What the rows of one pipeline are to reach together.
const (
	listThroughput, listGoal, listLowest = 0.95, 1.1, 0.85
	listCPU, listHighestCPU              = 1 / 1.1, 1.2
	alwaysThroughput                     = 1.5
)

// valueRows are the rows of the list with one pipeline.
func valueRows(pipeline int) []row {
	var list []row
	for _, t := range builtins() {
		t.pipeline = pipeline
		requests := 200_000
		if strings.HasPrefix(t.test, "lrange") {
			requests = 50_000
		} else if pipeline > 1 {
			requests = 1_000_000
		}
		list = append(list, row{name: fmt.Sprintf("%s p%d", t.test, pipeline), sync: "everysec", load: t, requests: requests})
	}
	return list
}

func alwaysRows() []row {
	var list []row
	for _, test := range []string{"set", "lpush", "hset", "zadd"} {
		list = append(list, row{name: test + " always p16", sync: "always", load: builtin{test: test, pipeline: 16}, requests: 500_000, throughput: alwaysThroughput})
	}
	return list
}

// valueReport is what runValues writes.
type valueReport struct {
	chapters []*chapter
	results  []result
}

func runValues(o options, out string) (err error) {
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
	var rep valueReport
	for _, part := range []struct {
		title string
		rows  []row
		sum   func(c *chapter, results []result)
	}{
		{"redis-benchmark's list, no pipeline, everysec", valueRows(1), sumThroughput},
		{"redis-benchmark's list, pipeline 16, everysec", valueRows(16), sumCPU},
		{"always, pipeline 16", alwaysRows(), sumAlways},
	} {
		c := &chapter{title: part.title}
		var results []result
		for _, r := range part.rows {
			if !o.rows.MatchString(r.name) {
				continue
			}
			res, err := measure(o, r, work)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			results = append(results, res)
			fmt.Fprint(os.Stderr, res.line())
		}
		if len(results) > 0 {
			part.sum(c, results)
			writeResults(&c.text, results)
			rep.chapters, rep.results = append(rep.chapters, c), append(rep.results, results...)
		}
	}
	for _, part := range []struct {
		name    string
		measure func(o options, work string, c *chapter) error
	}{{"memory", measureValueMemory}, {"garbage", measureGarbage}} {
		if !o.rows.MatchString(part.name) {
			continue
		}
		c := &chapter{title: part.name}
		if err := part.measure(o, work, c); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		rep.chapters = append(rep.chapters, c)
	}
	text := rep.write(o, describeMachine(work), versions(o.weir))
	if out != "" {
		err = os.WriteFile(out, []byte(text), 0o644)
	}
	_, werr := io.WriteString(os.Stdout, text)
	return errors.Join(err, werr)
}

// ratios are those of a figure over rows, ascending.
func ratios(results []result, figure func(sample) float64) []float64 {
	var list []float64
	for _, r := range results {
		list = append(list, r.ratio(figure))
	}
	slices.Sort(list)
	return list
}

func sumThroughput(c *chapter, results []result) {
	list := ratios(results, perSecond)
	c.found(c.title+": median of requests/s against Redis", fmt.Sprintf("≥ %.2fx (goal %.1fx)", listThroughput, listGoal),
		fmt.Sprintf("%.2fx", median(list)), median(list) >= listThroughput)
	c.found(c.title+": the lowest", fmt.Sprintf("≥ %.2fx", listLowest), fmt.Sprintf("%.2fx", list[0]), list[0] >= listLowest)
	c.noted(c.title+": median of server CPU per request against Redis", fmt.Sprintf("%.2fx", median(ratios(results, serverUS))))
}

func sumCPU(c *chapter, results []result) {
	list := ratios(results, serverUS)
	c.found(c.title+": median of server CPU per request against Redis", fmt.Sprintf("≤ %.2fx", listCPU),
		fmt.Sprintf("%.2fx", median(list)), median(list) <= listCPU)
	highest := list[len(list)-1]
	c.found(c.title+": the highest", fmt.Sprintf("≤ %.1fx", listHighestCPU), fmt.Sprintf("%.2fx", highest), highest <= listHighestCPU)
	c.noted(c.title+": median of requests/s against Redis", fmt.Sprintf("%.2fx", median(ratios(results, perSecond))))
}

func sumAlways(c *chapter, results []result) {
	for _, r := range results {
		got := r.ratio(perSecond)
		c.found(r.row.name+": requests/s against Redis", fmt.Sprintf("≥ %.1fx", alwaysThroughput), fmt.Sprintf("%.2fx", got), got >= alwaysThroughput)
	}
}

func (rep valueReport) write(o options, machine string, versions []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmarks of values in memory\n\nWritten by `make bench-values` (internal/bench); figures of one machine on one day, to be repeated on yours.\n\n"+
		"- %s\n- %s\n- redis-server %s\n- weir serve %s\n- %d rounds of each row, the servers taking turns, each on an empty data directory; medians, with the lowest and the highest round in parentheses\n\n",
		machine, strings.Join(versions, "\n- "), quoteArgs(redisArgs("MODE")), strings.Join(weirArgs(o, "MODE"), " "), o.rounds)
	b.WriteString(findings(rep.chapters))
	for _, c := range rep.chapters {
		fmt.Fprintf(&b, "\n## %s\n\n%s", strings.ToUpper(c.title[:1])+c.title[1:], c.text.String())
	}
	b.WriteString("\n## Rounds\n")
	for _, r := range rep.results {
		fmt.Fprintf(&b, "\n%s: %s\n\n| | rounds |\n|---|---|\n", r.row.name, r.row.load.line(r.requests))
		for _, kind := range []string{redis, weir} {
			fmt.Fprintf(&b, "| %s, requests/s; server µs per request | %s; %s |\n", kind, joined(r.of(kind, perSecond), "%.0f"), joined(r.of(kind, serverUS), "%.2f"))
		}
	}
	return b.String()
}
