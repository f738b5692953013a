package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// memoryTarget is times what Redis takes, at most.
const memoryTarget = 1.2

// valueCase is one kind of data: n commands that make it.
type valueCase struct {
	name    string
	n       int
	command func(b []byte, i int) []byte
}

func valueCases(n int) []valueCase {
	num := strconv.Itoa
	hundred := strings.Repeat("x", 100)
	return []valueCase{
		{"%d strings of 100 bytes", n, func(b []byte, i int) []byte {
			return oracle.AppendCommand(b, "SET", fmt.Sprintf("key:%012d", i), hundred)
		}},
		{"a hash of %d fields", n, func(b []byte, i int) []byte {
			return oracle.AppendCommand(b, "HSET", "hash", fmt.Sprintf("field:%012d", i), "value:"+num(i))
		}},
		{"a set of %d members", n, func(b []byte, i int) []byte {
			return oracle.AppendCommand(b, "SADD", "set", fmt.Sprintf("member:%012d", i))
		}},
		{"a sorted set of %d members", n, func(b []byte, i int) []byte {
			return oracle.AppendCommand(b, "ZADD", "zset", num(int(mix(uint64(i))%1e9)), fmt.Sprintf("member:%012d", i))
		}},
		{"a list of %d elements", n, func(b []byte, i int) []byte {
			return oracle.AppendCommand(b, "RPUSH", "list", fmt.Sprintf("element:%012d", i))
		}},
		{"%d hashes of 5 fields", n, func(b []byte, i int) []byte {
			return oracle.AppendCommand(b, "HSET", fmt.Sprintf("hash:%012d", i), "name", "user "+num(i), "age", num(i%90), "city", "Rotterdam", "score", num(i*7919%100000), "active", "1")
		}},
	}
}

// otherCases are values of other sizes and numbers, which have no target.
func otherCases(n int) []valueCase {
	num := strconv.Itoa
	thousand := strings.Repeat("x", 1000)
	// some is n commands, each of which makes a collection of so many elements.
	some := func(name string, n int, command, key string, elements int, element func(args []string, i int) []string) valueCase {
		return valueCase{name, n, func(b []byte, i int) []byte {
			args := []string{command, fmt.Sprintf("%s:%012d", key, i)}
			for j := range elements {
				args = element(args, i*elements+j)
			}
			return oracle.AppendCommand(b, args...)
		}}
	}
	member := func(i int) string { return fmt.Sprintf("member:%013d", i) }
	return []valueCase{
		{"%d strings of 1000 bytes", n / 10, func(b []byte, i int) []byte {
			return oracle.AppendCommand(b, "SET", fmt.Sprintf("key:%012d", i), thousand)
		}},
		{"%d strings that are numbers", n, func(b []byte, i int) []byte {
			return oracle.AppendCommand(b, "SET", fmt.Sprintf("key:%012d", i), num(i*7919))
		}},
		some("%d hashes of 20 fields", n/10, "HSET", "hash", 20, func(args []string, i int) []string {
			return append(args, "field"+num(i%20), member(i))
		}),
		some("%d lists of 50 elements", n/10, "RPUSH", "list", 50, func(args []string, i int) []string { return append(args, member(i)) }),
		some("%d lists of 500 elements", n/100, "RPUSH", "list", 500, func(args []string, i int) []string { return append(args, member(i)) }),
		some("%d sets of 20 members", n/10, "SADD", "set", 20, func(args []string, i int) []string { return append(args, member(i)) }),
		some("%d sorted sets of 20 elements", n/10, "ZADD", "zset", 20, func(args []string, i int) []string {
			return append(args, num(i*37%1_000_003), member(i))
		}),
		some("%d sorted sets of 5 elements of 100 bytes", n/10, "ZADD", "zset", 5, func(args []string, i int) []string {
			return append(args, num(i*37%1_000_003), member(i)+thousand[:80])
		}),
	}
}

// measureValueMemory loads each case into both servers and compares what they grow by.
func measureValueMemory(o options, work string, c *chapter) error {
	n := max(int(1_000_000*min(o.scale, 1)), 1000)
	c.say("What RSS and used_memory grow by, from a server that has had one in ten of them and is empty again: after MEMORY PURGE, which is what both come to by themselves when there is nothing to do; and RSS as the last reply arrives. sync everysec.\n")
	c.table("", "Redis, RSS, MB", "Weir, RSS, MB", "ratio", "Redis, used_memory, MB", "Weir, used_memory, MB", "ratio", "Redis, RSS at once, MB", "Weir, RSS at once, MB", "ratio")
	cases := valueCases(n)
	withTarget := len(cases)
	for i, v := range append(cases, otherCases(n)...) {
		name := fmt.Sprintf(v.name, v.n)
		grown := map[string]*footprint{}
		for _, kind := range turn(0) {
			f, err := v.measure(o, kind, filepath.Join(work, "data"))
			if err != nil {
				return fmt.Errorf("%s, %s: %w", name, kind, err)
			}
			grown[kind] = f
		}
		r, w := grown[redis], grown[weir]
		c.say("| %s | %.1f | %.1f | **%.2f** | %.1f | %.1f | %.2f | %.1f | %.1f | %.2f |\n", name, r.rss/1e6, w.rss/1e6, w.rss/r.rss,
			r.used/1e6, w.used/1e6, w.used/r.used, r.atOnce/1e6, w.atOnce/1e6, w.atOnce/r.atOnce)
		if what, ratio := "memory of "+name+", RSS against Redis", fmt.Sprintf("%.2fx", w.rss/r.rss); i < withTarget {
			c.found(what, fmt.Sprintf("≤ %.1fx", memoryTarget), ratio, w.rss <= memoryTarget*r.rss)
		} else {
			c.noted(what, ratio)
		}
		fmt.Fprintf(os.Stderr, "%s: RSS %.1f against %.1f MB, %.2fx; used %.1f against %.1f; at once %.1f against %.1f, %.2fx\n", name,
			w.rss/1e6, r.rss/1e6, w.rss/r.rss, w.used/1e6, r.used/1e6, w.atOnce/1e6, r.atOnce/1e6, w.atOnce/r.atOnce)
	}
	return nil
}

func (v valueCase) measure(o options, kind, dir string) (*footprint, error) {
	server, err := startServer(o, kind, dir, "everysec")
	if err != nil {
		return nil, err
	}
	defer func() {
		server.Kill()
		_ = os.RemoveAll(dir)
	}()
	s := session{server: server}
	// What a server takes once, for buffers and the like, is not what values take.
	if err := sendAll(server.Addr, v.n/10, v.command); err != nil {
		return nil, err
	}
	if err := s.do("FLUSHALL"); err != nil {
		return nil, err
	}
	f := &footprint{name: v.name}
	return f, s.grow(f, func() error { return sendAll(server.Addr, v.n, v.command) })
}

// sendAll sends n commands, a hundred at a time.
func sendAll(addr string, n int, command func(b []byte, i int) []byte) error {
	g, err := gather(addr, 1)
	if err != nil {
		return err
	}
	defer g.close()
	c := g.conns[0]
	for at := 0; at < n; {
		c.out = c.out[:0]
		batch := min(fillPipeline, n-at)
		for i := range batch {
			c.out = command(c.out, at+i)
		}
		if err := c.exchange(c.out, batch, nil); err != nil {
			return err
		}
		at += batch
	}
	return nil
}

// How long others wait while garbage is collected.
const (
	garbageTarget = 5                // ms, of p99.9
	garbageFor    = 20 * time.Second // and on, until Weir has collected
	garbageMost   = 2 * time.Minute
	garbageCycles = 2               // collections
	afterLoad     = 3 * time.Second // for the disk to take what was written
)

// measureGarbage has both servers hold a gigabyte of live values, half of them strings and half hashes, and sends PINGs
// while they are overwritten.
func measureGarbage(o options, work string, c *chapter) error {
	n := max(int(3_000_000*min(o.scale, 1)), 10_000)
	value := strings.Repeat("v", 150)
	load := func(b []byte, i int) []byte {
		if i%2 == 0 {
			return oracle.AppendCommand(b, "SET", fmt.Sprintf("key:%012d", i), value, "EX", "100000")
		}
		return oracle.AppendCommand(b, "HSET", fmt.Sprintf("key:%012d", i), "name", value, "age", strconv.Itoa(i), "city", value)
	}
	c.say("%d keys, half of them strings of 150 bytes that expire, half hashes of 3 fields; PING %d times a second as in benchmarks-history.md, for %v, and on until there have been %d collections, %v at most; beside it %d of the keys are written again every %v. It begins %v after the last key was loaded. sync everysec; `weir serve %s`.\n",
		n, pingRate, garbageFor, garbageCycles, garbageMost, writeBatch, writeEvery, afterLoad, strings.Join(noOtherCheckpoint, " "))
	c.table("server", "used_memory", "p50, ms", "p99.9, ms", "longest, ms", "client late, p99.9, ms", "PINGs", "collections")
	for _, kind := range turn(0) {
		if err := garbageOf(o, filepath.Join(work, "data"), kind, n, load, c); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

func garbageOf(o options, dir, kind string, n int, load func(b []byte, i int) []byte, c *chapter) error {
	var further []string
	if kind == weir {
		further = noOtherCheckpoint // they have a row of their own
	}
	s, err := startServer(o, kind, dir, "everysec", further...)
	if err != nil {
		return err
	}
	defer func() {
		s.Kill()
		_ = os.RemoveAll(dir)
	}()
	if err := sendAll(s.Addr, n, load); err != nil {
		return err
	}
	time.Sleep(afterLoad)
	used, err := usedMemory(s.Addr)
	if err != nil {
		return err
	}
	collected := func() (float64, error) { return garbageCycles, nil }
	if kind == weir {
		before, err := info(s.Addr, "memory", "gc_cycles")
		if err != nil {
			return err
		}
		collected = func() (float64, error) {
			now, err := info(s.Addr, "memory", "gc_cycles")
			return now - before, err
		}
	}
	scaled := func(d time.Duration) time.Duration { return time.Duration(float64(d) * min(o.scale, 1)) }
	begin := time.Now()
	p, err := pingsWhileOverwriting(s.Addr, n, load, func() (bool, error) {
		took := time.Since(begin)
		cycles, err := collected()
		return took >= scaled(garbageFor) && cycles >= garbageCycles || took >= scaled(garbageMost), err
	})
	if err != nil {
		return err
	}
	collections := ""
	if kind == weir {
		cycles, err := collected()
		if err != nil {
			return err
		}
		collections = fmt.Sprintf("%.0f", cycles)
	}
	p999 := quantile(p.took, 0.999) / 1e6
	c.say("| %s | %s | %.2f | %.2f | %.2f | %.2f | %d | %s |\n", kind, size(used), quantile(p.took, 0.5)/1e6, p999, quantile(p.took, 1)/1e6, quantile(p.late, 0.999)/1e6, len(p.took), collections)
	what := fmt.Sprintf("p99.9 of PING at %d/s beside %s of live values that are overwritten, %s", pingRate, size(used), kind)
	if kind == weir {
		c.found(what, fmt.Sprintf("< %d ms", garbageTarget), fmt.Sprintf("%.2f ms", p999), p999 < garbageTarget)
	} else {
		c.noted(what, fmt.Sprintf("%.2f ms", p999))
	}
	return nil
}

// pingsWhileOverwriting goes on until enough, which it asks every second, says so.
func pingsWhileOverwriting(addr string, n int, load func(b []byte, i int) []byte, enough func() (bool, error)) (pinged, error) {
	var p pinged
	end := make(chan struct{})
	failed := make(chan error, 2)
	go func() { failed <- p.send(addr, end) }()
	go func() {
		i := uint64(0)
		failed <- batchesBeside(addr, end, func(b []byte) []byte {
			i++
			return load(b, int(mix(i)%uint64(n)))
		})
	}()
	var err error
	for done := false; !done && err == nil; {
		time.Sleep(time.Second)
		done, err = enough()
	}
	close(end)
	err = errors.Join(err, <-failed, <-failed)
	p.sort()
	return p, err
}
