// Workers shares jobs among three processes by a consumer group, kills one of
// them with SIGKILL while it holds jobs, and shows that the others claim and do
// them. It prints a table of who did what, and fails unless nothing was lost and
// nothing was done twice without a claim.
//
//	go run ./examples/workers                         # with a broker of its own
//	go run ./examples/workers -addr 127.0.0.1:6379    # with one that runs already
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

type options struct {
	addr    string
	stream  string // of the jobs; results go to another one, with ":done" added
	jobs    int
	minIdle time.Duration // how long a job rests with its worker before others may claim it
	worker  string        // set in the processes that are workers
}

func (o options) results() string { return o.stream + ":done" }

const group = "workers"

var names = []string{"ann", "bob", "carol"}

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "", "address of a running broker (default: one of our own, on a temporary directory)")
	flag.StringVar(&o.stream, "stream", "jobs", "stream of the jobs; it must not exist")
	flag.IntVar(&o.jobs, "jobs", 300, "jobs to do, at least 10")
	flag.DurationVar(&o.minIdle, "min-idle", time.Second, "time after which a job may be claimed from its worker")
	flag.StringVar(&o.worker, "worker", "", "be the worker of this name, until the end of standard input (the program starts these itself)")
	flag.Parse()
	if o.jobs < 10 {
		fmt.Fprintln(os.Stderr, "workers: -jobs takes 10 or more")
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if o.worker != "" {
		err = work(ctx, o, os.Stdin)
	} else {
		err = run(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "workers:", err)
		os.Exit(1)
	}
}

func connect(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{Addr: addr, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}})
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	if o.addr == "" {
		broker, err := startBroker()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, broker.stop()) }()
		o.addr = broker.addr
	}
	client := connect(o.addr)
	defer func() { _ = client.Close() }()

	// MKSTREAM makes the stream too, so that the workers may come before the jobs.
	if err := client.XGroupCreateMkStream(ctx, o.stream, group, "0").Err(); err != nil {
		return fmt.Errorf("the stream %q has been used before (%w): delete it and its results (redis-cli DEL %s %s), or choose another with -stream", o.stream, err, o.stream, o.results())
	}
	workers, err := startWorkers(ctx, o)
	if err != nil {
		return err
	}
	defer workers.kill()

	long, err := produce(ctx, client, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "produced %d jobs, one of which takes long\n", o.jobs)
	victim, err := holder(ctx, client, o.stream, long)
	if err != nil {
		return err
	}
	if err := workers.killOne(victim); err != nil {
		return err
	}
	held, err := client.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: o.stream, Group: group, Start: "-", End: "+", Count: 100, Consumer: victim}).Result()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "killed %s, who had the long one and held %d jobs\n\n", victim, len(held))
	if err := allDone(ctx, client, o.stream); err != nil {
		return err
	}
	if err := workers.finish(); err != nil {
		return err
	}
	r, err := collect(ctx, client, o)
	if err != nil {
		return err
	}
	r.print(out, victim)
	return r.check(o.jobs, victim, long)
}

// produce appends the jobs, ten in each round trip, and returns the ID of the
// one that takes long.
func produce(ctx context.Context, client *redis.Client, o options) (long string, err error) {
	for n := 0; n < o.jobs; {
		pipe := client.Pipeline()
		for end := min(n+10, o.jobs); n < end; n++ {
			ms := 2
			if n == o.jobs/3 {
				ms = 500
			}
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: o.stream, Values: []any{"photo", fmt.Sprintf("%04d.jpg", n), "ms", strconv.Itoa(ms)}})
		}
		added, err := pipe.Exec(ctx)
		if err != nil {
			return "", fmt.Errorf("produce: %w", err)
		}
		if first := n - len(added); first <= o.jobs/3 && o.jobs/3 < n {
			long = added[o.jobs/3-first].(*redis.StringCmd).Val()
		}
	}
	return long, nil
}

// holder waits until somebody has been given a job, and says who.
func holder(ctx context.Context, client *redis.Client, stream, id string) (string, error) {
	for {
		pending, err := client.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: stream, Group: group, Start: id, End: id, Count: 1}).Result()
		if err != nil || len(pending) == 1 {
			return append(pending, redis.XPendingExt{})[0].Consumer, err
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return "", err
		}
	}
}

// allDone waits until every job was delivered and acknowledged.
func allDone(ctx context.Context, client *redis.Client, stream string) error {
	for {
		groups, err := client.XInfoGroups(ctx, stream).Result()
		if err != nil {
			return err
		}
		if groups[0].Pending == 0 && groups[0].Lag == 0 {
			return nil
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
