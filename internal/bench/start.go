package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// The time from the start of the process to the first answer that is not
// LOADING.

const (
	cleanTarget = 3.0 // seconds
	killTarget  = 10.0
)

// tailShare: before a kill the log is filled up to so much of what would start a
// checkpoint. That is nearly the worst moment.
const tailShare = 0.9

func (h *history) starts(c *chapter) error {
	c.say("%s on the history of %d events. A start is the time from the start of the process to the first PING answered with something else than LOADING (asked every 2 ms). "+
		"After it all entries are counted (XLEN of each stream) and one at a random place is read. "+
		"Before a kill -9: SAVE, then more events until the log has grown by %.0f %% of checkpoint-log-size, and the kill without a pause.\n",
		h.line(h.sizes()...), h.count, 100*tailShare)
	c.table("start", "seconds", "log to replay", "events in it", "RSS at the first answer", "peak RSS")
	clean, err := h.startRounds(c, h.rounds, "after a clean stop", nil)
	if err != nil {
		return err
	}
	var tails []float64
	killed, err := h.startRounds(c, h.rounds, "after kill -9", &tails)
	if err != nil {
		return err
	}
	c.found(fmt.Sprintf("start to first answer, %d events, after a clean stop, s", h.count), fmt.Sprintf("< %.0f", cleanTarget), spread(clean, "%.2f"), median(clean) < cleanTarget)
	c.found(fmt.Sprintf("the same after kill -9, with %s of log to replay, s", size(median(tails))), fmt.Sprintf("< %.0f", killTarget), spread(killed, "%.2f"), median(killed) < killTarget)
	if mayDrop() {
		cold, err := h.startRounds(c, 0, "after a clean stop, page cache dropped", nil)
		if err != nil {
			return err
		}
		coldKilled, err := h.startRounds(c, 0, "after kill -9, page cache dropped", &tails)
		if err != nil {
			return err
		}
		c.noted("the same with the page cache dropped before, after a clean stop; after kill -9, s", fmt.Sprintf("%.2f; %.2f", cold[0], coldKilled[0]))
	} else {
		c.say("\nThe page cache cannot be dropped here: that takes root.\n")
	}
	return h.redisStarts(c)
}

// startRounds starts so often; 0 is once, with the page cache dropped before.
// With tails the server before it is killed, and the bytes of its log are added
// to them.
func (h *history) startRounds(c *chapter, rounds int, what string, tails *[]float64) (seconds []float64, err error) {
	for range max(rounds, 1) {
		var grown float64
		var events uint64
		if tails != nil {
			if grown, events, err = h.fillLogAndKill(); err != nil {
				return nil, err
			}
			*tails = append(*tails, grown)
		}
		if rounds == 0 {
			if err := dropPageCache(); err != nil {
				return nil, err
			}
		}
		began := time.Now()
		s, err := h.serve(h.sizes()...)
		if err != nil {
			return nil, err
		}
		took := time.Since(began).Seconds()
		defer s.Kill()
		resident, err := rss(s.Pid())
		if err != nil {
			return nil, err
		}
		if err := h.checkCount(s.Addr); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		if err := h.checkOne(s.Addr); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		peak, err := procField(fmt.Sprintf("/proc/%d/status", s.Pid()), "VmHWM:", 1024)
		if err != nil {
			return nil, err
		}
		if err := s.Stop(); err != nil {
			return nil, err
		}
		c.say("| %s | %.3f | %s | %d | %s | %s |\n", what, took, size(grown), events, size(resident), size(peak))
		seconds = append(seconds, took)
	}
	return seconds, nil
}

// fillLogAndKill leaves a log that a start has to replay.
func (h *history) fillLogAndKill() (grown float64, events uint64, err error) {
	s, err := h.serve(h.sizes()...)
	if err != nil {
		return 0, 0, err
	}
	defer s.Kill()
	if err := saved(s.Addr); err != nil {
		return 0, 0, err
	}
	generation, err := newestGeneration(h.dir) // SAVE has begun it
	if err != nil {
		return 0, 0, err
	}
	limit := float64(h.checkpointLogSize())
	const roughly = 240 // bytes of log of an event
	step := uint64(limit/roughly/50) + 1
	for grown < tailShare*limit && events < 60*step {
		f := fill{source: h.flights, streams: historyStreams, connections: historyStreams, first: h.count, n: step}
		if _, err := f.run(s.Addr, s.Pid()); err != nil {
			return 0, 0, err
		}
		h.count, events = h.count+step, events+step
		if grown, err = logSince(h.dir, generation); err != nil {
			return 0, 0, err
		}
	}
	return grown, events, nil
}

// checkOne reads an entry at a random place, by the ID that the server gave out
// for it.
func (h *history) checkOne(addr string) error {
	stream := rand.IntN(len(h.marks))
	id := h.marks[stream][rand.IntN(len(h.marks[stream]))].String()
	reply, err := ask(addr, "XRANGE", eventStream(stream), id, id)
	if err != nil {
		return err
	}
	if len(reply.Elems) != 1 || reply.Elems[0].Elems[0].Text != id || len(reply.Elems[0].Elems[1].Elems) != 2*h.flights.fields() {
		return fmt.Errorf("XRANGE of %s of %s replies %v", id, eventStream(stream), reply)
	}
	return nil
}

// redisStarts has redis-server load the same events, as far as memory allows.
func (h *history) redisStarts(c *chapter) error {
	n := min(max(h.events/10, 10_000), 5_000_000)
	dir := filepath.Join(h.work, "redis")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	aof, rdb := redisArgs("everysec"), []string{"--appendonly", "no"}
	s, err := oracle.StartRedis(dir, aof...)
	if err != nil {
		return err
	}
	defer s.Kill()
	f := fill{source: h.flights, streams: historyStreams, connections: historyStreams, n: n}
	if _, err := f.run(s.Addr, s.Pid()); err != nil {
		return err
	}
	resident, err := rss(s.Pid())
	if err != nil {
		return err
	}
	if err := saved(s.Addr); err != nil {
		return err
	}
	if err := s.Stop(); err != nil {
		return err
	}
	c.say("\nRedis with %d of these events, RSS %s after the load; started from its append-only file (`redis-server %s`) and from the RDB file (`redis-server %s`).\n",
		n, size(resident), quoteArgs(aof), quoteArgs(append([]string{"--save", ""}, rdb...)))
	c.table("start of Redis", "seconds, each round", "file")
	for _, from := range []struct {
		what, file string
		args       []string
	}{{"append-only file", "appendonlydir", aof}, {"RDB file", "dump.rdb", rdb}} {
		var seconds []float64
		for range min(h.rounds, 3) {
			began := time.Now()
			s, err := oracle.StartRedis(dir, from.args...)
			if err != nil {
				return err
			}
			seconds = append(seconds, time.Since(began).Seconds())
			reply, err := ask(s.Addr, "XLEN", eventStream(0))
			s.Kill()
			if err != nil || reply.Text == "0" {
				return fmt.Errorf("redis has loaded %v (%w)", reply, err)
			}
		}
		u, err := usageOf(filepath.Join(dir, from.file))
		if err != nil {
			return err
		}
		c.say("| %s | %s | %s |\n", from.what, joined(seconds, "%.2f"), size(u.total()))
		c.noted(fmt.Sprintf("Redis: start with %d of these events from its %s, s", n, from.what), spread(seconds, "%.2f"))
	}
	return nil
}

// saved has a server write its state, and waits for it.
func saved(addr string) error {
	c, err := oracle.Dial(addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.Send("SAVE"); err != nil {
		return err
	}
	reply, err := c.Wait()
	if err == nil && reply.Text != "OK" {
		err = fmt.Errorf("SAVE replies %s", strconv.Quote(reply.Text))
	}
	return err
}
