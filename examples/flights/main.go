// Flights puts a quarter of US airline flights on a stream, with the flight's
// own time as the ID of each entry. A consumer follows them live while they are
// produced; then history is replayed from a moment in it. Both print how late
// flights from each airport were.
//
//	go run ./examples/flights                         # with a broker of its own
//	go run ./examples/flights -addr 127.0.0.1:6379    # with one that runs already
//	go run ./examples/flights -from "2001-03-15 12:00"
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

type options struct {
	addr, stream string
	from         time.Time
	top          int
}

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "", "address of a running broker (default: one of our own, on a temporary directory)")
	flag.StringVar(&o.stream, "stream", "flights", "stream to write to; it must not exist")
	from := flag.String("from", "2001-03-01 00:00", "moment from which history is replayed")
	flag.IntVar(&o.top, "top", 5, "airports to print")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if o.from, err = time.Parse("2006-01-02 15:04", *from); err != nil {
		fmt.Fprintf(os.Stderr, "flights: -from takes a moment such as %q\n", "2001-03-15 12:00")
		os.Exit(2)
	}
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "flights:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	flights, err := loadFlights()
	if err != nil {
		return err
	}
	if o.addr == "" {
		broker, err := startBroker()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, broker.stop()) }()
		o.addr = broker.addr
	}
	client := redis.NewClient(&redis.Options{Addr: o.addr, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}})
	defer func() { _ = client.Close() }()

	if n, err := client.XLen(ctx, o.stream).Result(); err != nil {
		return err
	} else if n > 0 {
		return fmt.Errorf("the stream %q has %d entries already, and history cannot be written behind them: delete it (redis-cli DEL %s) or choose another with -stream", o.stream, n, o.stream)
	}

	// The consumer is at work before the first flight is produced.
	type result struct {
		seen delays
		err  error
	}
	live := make(chan result, 1)
	consuming, giveUp := context.WithCancel(ctx)
	defer giveUp()
	go func() {
		seen, err := follow(consuming, client, o.stream, len(flights))
		live <- result{seen, err}
	}()
	if err := produce(ctx, client, o.stream, flights); err != nil {
		return err
	}
	first, last := flights[0].departed, flights[len(flights)-1].departed
	fmt.Fprintf(out, "produced %d flights, %s to %s\n", len(flights), first.Format("2006-01-02 15:04"), last.Format("2006-01-02 15:04"))
	followed := <-live
	if followed.err != nil {
		return followed.err
	}
	report(out, fmt.Sprintf("followed live: %d flights", followed.seen.flights), followed.seen, o.top)

	replayed, err := replay(ctx, client, o.stream, o.from)
	if err != nil {
		return err
	}
	report(out, fmt.Sprintf("replayed from %s: %d flights", o.from.Format("2006-01-02 15:04"), replayed.flights), replayed, o.top)
	return nil
}

// produce appends the flights in their order, a few hundred in each round trip.
// When Exec returns they are on disk.
func produce(ctx context.Context, client *redis.Client, stream string, flights []flight) error {
	const batch = 500
	for len(flights) > 0 {
		n := min(batch, len(flights))
		pipe := client.Pipeline()
		for _, f := range flights[:n] {
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: stream, ID: f.id(), Values: f.fields()})
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("produce: %w", err)
		}
		flights = flights[n:]
	}
	return nil
}

// follow reads the stream from its beginning, waiting for more, until it has
// seen as many flights as there are.
func follow(ctx context.Context, client *redis.Client, stream string, flights int) (delays, error) {
	var seen delays
	for last := "0"; seen.flights < flights; {
		read, err := client.XRead(ctx, &redis.XReadArgs{Streams: []string{stream, last}, Count: 100, Block: time.Second}).Result()
		if errors.Is(err, redis.Nil) {
			continue // nothing new within the second
		}
		if err != nil {
			return seen, fmt.Errorf("follow: %w", err)
		}
		for _, entry := range read[0].Messages {
			if err := seen.add(entry.ID, entry.Values); err != nil {
				return seen, err
			}
			last = entry.ID
		}
	}
	return seen, nil
}

// replay reads everything since a moment again, a page at a time.
func replay(ctx context.Context, client *redis.Client, stream string, from time.Time) (delays, error) {
	var seen delays
	for next := startOf(from); ; {
		page, err := client.XRangeN(ctx, stream, next, "+", 1000).Result()
		if err != nil {
			return seen, fmt.Errorf("replay: %w", err)
		}
		if len(page) == 0 {
			return seen, nil
		}
		for _, entry := range page {
			if err := seen.add(entry.ID, entry.Values); err != nil {
				return seen, err
			}
			next = "(" + entry.ID // what follows it
		}
	}
}

func report(out io.Writer, title string, d delays, top int) {
	fmt.Fprintln(out, title)
	for _, a := range d.worst(top, 50) {
		fmt.Fprintf(out, "  %-4s %5d flights, %5.1f minutes late on average\n", a.code, a.flights, a.mean())
	}
}
