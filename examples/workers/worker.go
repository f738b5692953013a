package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// work is what each worker process does until its standard input ends: take new
// jobs; when there are none, take over jobs that have rested with somebody else
// for too long.
func work(ctx context.Context, o options, stdin io.Reader) error {
	client := connect(o.addr)
	defer func() { _ = client.Close() }()
	ctx, finish := context.WithCancel(ctx)
	defer finish()
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		finish()
	}()
	for ctx.Err() == nil {
		read, err := client.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: group, Consumer: o.worker, Streams: []string{o.stream, ">"}, Count: 10, Block: 50 * time.Millisecond,
		}).Result()
		var jobs []redis.XMessage
		claimed := errors.Is(err, redis.Nil) // nothing new
		if claimed {
			jobs, _, err = client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
				Stream: o.stream, Group: group, Consumer: o.worker, MinIdle: o.minIdle, Start: "0", Count: 3,
			}).Result()
		} else if err == nil {
			jobs = read[0].Messages
		}
		if err == nil {
			err = do(ctx, client, o, jobs, claimed)
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", o.worker, err)
		}
	}
	return nil
}

// do does the jobs. Each is acknowledged only after its result is on disk: a
// worker that dies in between leaves the job pending, and it is done again.
func do(ctx context.Context, client *redis.Client, o options, jobs []redis.XMessage, claimed bool) error {
	for _, job := range jobs {
		ms, err := strconv.Atoi(fmt.Sprint(job.Values["ms"]))
		if err != nil {
			return fmt.Errorf("entry %s is not a job: %v", job.ID, job.Values)
		}
		if err := pause(ctx, time.Duration(ms)*time.Millisecond); err != nil { // the work
			return err
		}
		result := []any{"job", job.ID, "worker", o.worker, "claimed", strconv.FormatBool(claimed)}
		if err := client.XAdd(ctx, &redis.XAddArgs{Stream: o.results(), Values: result}).Err(); err != nil {
			return err
		}
		if err := client.XAck(ctx, o.stream, group, job.ID).Err(); err != nil {
			return err
		}
	}
	return nil
}
