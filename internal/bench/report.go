package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// result is one row with every round of both servers.
type result struct {
	row      row
	requests int
	samples  map[string][]sample // by server
}

type report struct {
	options  options
	machine  string
	versions []string
	results  []result
	long     *longStream
	pending  *pending
	wakes    []*wake
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return 0
	}
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// of picks a figure of every round of a server.
func (r result) of(kind string, figure func(sample) float64) []float64 {
	var list []float64
	for _, s := range r.samples[kind] {
		list = append(list, figure(s))
	}
	return list
}

func perSecond(s sample) float64 { return s.perSecond }
func serverUS(s sample) float64  { return s.serverCPU * 1e6 }
func clientCPU(s sample) float64 { return s.clientCPU }
func p99(s sample) float64       { return s.p99 }

// ratio is Weir's median over Redis's.
func (r result) ratio(figure func(sample) float64) float64 {
	return median(r.of(weir, figure)) / median(r.of(redis, figure))
}

// reached says in a word how a figure compares with its target.
func reached(ok bool) string {
	if ok {
		return "reached"
	}
	return "**missed**"
}

func (r result) targets() string {
	var parts []string
	if r.row.throughput > 0 {
		text := fmt.Sprintf("throughput ≥ %.2fx: %s", r.row.throughput, reached(r.ratio(perSecond) >= r.row.throughput))
		if r.row.goal > 0 {
			text += fmt.Sprintf(" (goal %.1fx: %s)", r.row.goal, reached(r.ratio(perSecond) >= r.row.goal))
		}
		parts = append(parts, text)
	}
	if r.row.cpu > 0 {
		parts = append(parts, fmt.Sprintf("CPU ≤ %.2fx: %s", r.row.cpu, reached(r.ratio(serverUS) <= r.row.cpu)))
	}
	return strings.Join(parts, "; ")
}

// line is the row in short, for the terminal.
func (r result) line() string {
	return fmt.Sprintf("%-18s redis %8.0f/s %6.2f us  weir %8.0f/s %6.2f us  throughput %.2fx  cpu %.2fx  client %.0f%%/%.0f%%  %s\n", r.row.name,
		median(r.of(redis, perSecond)), median(r.of(redis, serverUS)), median(r.of(weir, perSecond)), median(r.of(weir, serverUS)),
		r.ratio(perSecond), r.ratio(serverUS), 100*median(r.of(redis, clientCPU)), 100*median(r.of(weir, clientCPU)), r.targets())
}

// spread is a median with the lowest and the highest round.
func spread(values []float64, format string) string {
	f := func(v float64) string { return fmt.Sprintf(format, v) }
	return fmt.Sprintf("%s (%s to %s)", f(median(values)), f(slices.Min(values)), f(slices.Max(values)))
}

func (rep report) write(w io.Writer) error {
	var b strings.Builder
	o := rep.options
	fmt.Fprintf(&b, `# Benchmarks

Written by `+"`make bench`"+` (internal/bench); figures of one machine on one day, to be repeated on yours.

- %s
- %s
- redis-server %s
- weir serve %s
- %d rounds of each row, the servers taking turns, each on an empty data directory; medians, with the lowest and the
  highest round in parentheses. Both servers have the same sync mode. The client, redis-benchmark or for consumer groups
  one of our own over epoll, runs on the same machine.
- Server CPU is user and system time per request of all threads of the server. Where the client uses more than 80 %% of
  a core, it is what limits the throughput, and the server CPU is the figure that counts.

`, rep.machine, strings.Join(rep.versions, "\n- "), quoteArgs(redisArgs("MODE")), strings.Join(weirArgs(o, "MODE"), " "), o.rounds)

	if len(rep.results) > 0 {
		writeResults(&b, rep.results)
	}
	if rep.long != nil {
		rep.long.write(&b)
	}
	if rep.pending != nil {
		rep.pending.write(&b)
	}
	for _, w := range rep.wakes {
		w.write(&b)
	}
	for _, r := range rep.results {
		r.rounds(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeResults writes a table of rows.
func writeResults(b *strings.Builder, results []result) {
	b.WriteString("| workload | Redis, requests/s | Weir, requests/s | ratio | Redis, µs of CPU | Weir, µs of CPU | ratio | client, % of a core (Redis, Weir) | target |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		fmt.Fprintf(b, "| %s | %s | %s | **%.2f** | %s | %s | **%.2f** | %.0f, %.0f | %s |\n", r.row.name,
			spread(r.of(redis, perSecond), "%.0f"), spread(r.of(weir, perSecond), "%.0f"), r.ratio(perSecond),
			spread(r.of(redis, serverUS), "%.2f"), spread(r.of(weir, serverUS), "%.2f"), r.ratio(serverUS),
			100*median(r.of(redis, clientCPU)), 100*median(r.of(weir, clientCPU)), r.targets())
	}
}

func (l *longStream) write(b *strings.Builder) {
	n := float64(l.entries)
	perEntry := func(values []float64) float64 { return values[0] / n }
	rssRatio := perEntry(l.rss[weir]) / perEntry(l.rss[redis])
	fmt.Fprintf(b, "\n## One stream of %d entries\n\n%s, sync everysec; then restarts.\n\n", l.entries, load{50, 16, xadd, 0}.line(l.entries))
	fmt.Fprintf(b, "| | Redis | Weir | ratio | target |\n|---|---|---|---|---|\n")
	fmt.Fprintf(b, "| RSS per entry after the load, bytes | %.0f | %.0f | **%.2f** | ≤ %.1fx: %s |\n",
		perEntry(l.rss[redis]), perEntry(l.rss[weir]), rssRatio, rssTarget, reached(rssRatio <= rssTarget))
	fmt.Fprintf(b, "| used_memory per entry after the load, bytes | %.0f | %.0f | %.2f | |\n",
		perEntry(l.used[redis]), perEntry(l.used[weir]), perEntry(l.used[weir])/perEntry(l.used[redis]))
	fmt.Fprintf(b, "| RSS per entry after a restart, bytes | %.0f | %.0f | %.2f | |\n",
		median(l.rss[redis][1:])/n, median(l.rss[weir][1:])/n, median(l.rss[weir][1:])/median(l.rss[redis][1:]))
	fmt.Fprintf(b, "| start to first reply, s | %s | %s | %.2f | |\n",
		spread(l.restart[redis], "%.2f"), spread(l.restart[weir], "%.2f"), median(l.restart[weir])/median(l.restart[redis]))
	for _, kind := range []string{redis, weir} {
		fmt.Fprintf(b, "\nRestarts of %s, s: %s\n", kind, joined(l.restart[kind], "%.2f"))
	}
}

// rounds lists a row's rounds.
func (r result) rounds(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\nsync %s; %s\n\n| | rounds |\n|---|---|\n", r.row.name, r.row.sync, r.row.load.line(r.requests))
	for _, kind := range []string{redis, weir} {
		fmt.Fprintf(b, "| %s, requests/s | %s |\n", kind, joined(r.of(kind, perSecond), "%.0f"))
		fmt.Fprintf(b, "| %s, p99 ms | %s |\n", kind, joined(r.of(kind, p99), "%.2f"))
		fmt.Fprintf(b, "| %s, server µs per request | %s |\n", kind, joined(r.of(kind, serverUS), "%.2f"))
		fmt.Fprintf(b, "| %s, client share of a core | %s |\n", kind, joined(r.of(kind, clientCPU), "%.2f"))
	}
}

func joined(values []float64, format string) string {
	var parts []string
	for _, v := range values {
		parts = append(parts, fmt.Sprintf(format, v))
	}
	return strings.Join(parts, ", ")
}

func quoteArgs(args []string) string {
	quoted := slices.Clone(args)
	for i, a := range quoted {
		if a == "" {
			quoted[i] = `""`
		}
	}
	return strings.Join(quoted, " ")
}
