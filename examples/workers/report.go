package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/redis/go-redis/v9"
)

// report is what the broker says in the end: the results, and what is pending.
type report struct {
	jobs    []string // IDs
	results []result
	pending map[string]int64 // by worker
}

type result struct {
	job, worker string
	claimed     bool
}

func collect(ctx context.Context, client *redis.Client, o options) (*report, error) {
	r := &report{pending: map[string]int64{}}
	jobs, err := client.XRange(ctx, o.stream, "-", "+").Result()
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		r.jobs = append(r.jobs, j.ID)
	}
	results, err := client.XRange(ctx, o.results(), "-", "+").Result()
	if err != nil {
		return nil, err
	}
	for _, e := range results {
		r.results = append(r.results, result{fmt.Sprint(e.Values["job"]), fmt.Sprint(e.Values["worker"]), e.Values["claimed"] == "true"})
	}
	consumers, err := client.XInfoConsumers(ctx, o.stream, group).Result()
	if err != nil {
		return nil, err
	}
	for _, c := range consumers {
		r.pending[c.Name] = c.Pending
	}
	return r, nil
}

func (r *report) print(out io.Writer, victim string) {
	fmt.Fprintln(out, "worker   done  claimed  left pending")
	row := func(name string, mine func(result) bool, pending int64, note string) {
		done, claimed := 0, 0
		for _, d := range r.results {
			if mine(d) {
				done++
				if d.claimed {
					claimed++
				}
			}
		}
		fmt.Fprintf(out, "%-6s %6d %8d %13d%s\n", name, done, claimed, pending, note)
	}
	var left int64
	for _, name := range names {
		note := ""
		if name == victim {
			note = "  killed"
		}
		row(name, func(d result) bool { return d.worker == name }, r.pending[name], note)
		left += r.pending[name]
	}
	row("all", func(result) bool { return true }, left, "")
}

// check holds the report against what the example promises.
func (r *report) check(jobs int, victim, long string) error {
	var errs []error
	failed := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(r.jobs) != jobs {
		failed("%d jobs were produced, and %d are in the stream", jobs, len(r.jobs))
	}
	done, first := map[string]int{}, map[string]int{} // how often, and how often without a claim
	taken := false                                    // the long job, by somebody else
	for _, d := range r.results {
		done[d.job]++
		if !d.claimed {
			first[d.job]++
		} else if d.job == long && d.worker != victim {
			taken = true
		}
	}
	for _, id := range r.jobs {
		if done[id] == 0 {
			failed("job %s was lost", id)
		}
		if first[id] > 1 {
			failed("job %s was done %d times without a claim", id, first[id])
		}
		delete(done, id)
	}
	for id := range done {
		failed("job %s was done and never produced", id)
	}
	if !taken {
		failed("%s had job %s when it was killed, and nobody claimed it", victim, long)
	}
	for name, n := range r.pending {
		if n != 0 {
			failed("%s has %d jobs left pending", name, n)
		}
	}
	return errors.Join(errs...)
}
