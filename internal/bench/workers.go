package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"syscall"

	"github.com/weirmq/weir/internal/oracle"
)

// workers is what redis-benchmark cannot send: consumers of one group, a
// connection each, that read entries and acknowledge what they got, one request
// after the other, until so many pairs of a read and an XACK are done.
type workers struct {
	consumers, count int
}

const group = "workers"

// xaddFields is how many fields an entry of xadd has.
const xaddFields = 3

// prepare leaves the group as many entries as the run takes.
func (w workers) prepare(addr string, pairs int) error {
	fill := load{connections: 50, pipeline: 16, command: xadd}
	if _, err := fill.run(addr, pairs*w.count); err != nil {
		return err
	}
	c, err := oracle.Dial(addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_, err = c.MustDo("XGROUP", "CREATE", "bench", group, "0")
	return err
}

func (w workers) line(pairs int) string {
	return fmt.Sprintf("a stream of %d entries as in the rows of XADD; %d connections, each by turns `XREADGROUP GROUP %s worker-N COUNT %d STREAMS bench >` and one `XACK` of what it got; a request is such a pair, %d of them",
		pairs*w.count, w.consumers, group, w.count, pairs)
}

// worker is what one connection sends, made beforehand.
type worker struct {
	read, ack []byte // ack lacks the IDs
	acking    bool
	began     int64 // the pair, monotonic
}

func (w workers) run(addr string, pairs int) (sample, error) {
	g, err := gather(addr, w.consumers)
	if err != nil {
		return sample{}, err
	}
	defer g.close()
	all := make([]worker, w.consumers)
	for i := range all {
		all[i].read = oracle.AppendCommand(nil, "XREADGROUP", "GROUP", group, "worker-"+strconv.Itoa(i), "COUNT", strconv.Itoa(w.count), "STREAMS", "bench", ">")
		// As AppendCommand begins a command of so many IDs.
		all[i].ack = fmt.Appendf(nil, "*%d\r\n", 3+w.count)
		all[i].ack = append(all[i].ack, oracle.AppendCommand(nil, "XACK", "bench", group)[len("*3\r\n"):]...)
	}
	acknowledged := fmt.Appendf(nil, ":%d\r\n", w.count)
	took := make([]int64, 0, pairs)
	left := pairs // pairs to begin
	before := ownCPU()
	began := monotonic()
	for i, c := range g.conns {
		if left > 0 {
			left--
			all[i].began = began
			if err := c.send(all[i].read); err != nil {
				return sample{}, err
			}
		}
	}
	err = g.run(func(c *conn) error {
		me := &all[c.number]
		if !me.acking {
			c.out = append(c.out[:0], me.ack...)
			n, err := c.delivered(xaddFields, func(id, _ part) { c.out = append(c.out, c.buf[id.start:id.end]...) })
			if err != nil {
				return err
			}
			if n != w.count {
				return fmt.Errorf("a read got %d entries, not %d", n, w.count)
			}
			me.acking = true
			return c.send(c.out)
		}
		if string(c.buf[:c.pos]) != string(acknowledged) {
			return fmt.Errorf("XACK of %d replies %q", w.count, c.buf[:c.pos])
		}
		me.acking = false
		now := monotonic()
		if took = append(took, now-me.began); len(took) == pairs {
			return errEnough
		}
		if left == 0 {
			return nil
		}
		left--
		me.began = now
		return c.send(me.read)
	})
	elapsed := float64(monotonic()-began) / 1e9
	slices.Sort(took)
	return sample{perSecond: float64(pairs) / elapsed, p50: quantile(took, 0.5) / 1e6, p99: quantile(took, 0.99) / 1e6,
		clientCPU: (ownCPU() - before) / elapsed}, err
}

// quantile is one of ascending values, by the nearest rank.
func quantile(sorted []int64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[max(int(math.Ceil(q*float64(len(sorted)))), 1)-1])
}

// ownCPU is what this process has used so far, in seconds.
func ownCPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		fmt.Fprintln(os.Stderr, "bench: getrusage:", err)
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
