package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// fill appends events, over a few connections, each with streams of its own in
// turn and many XADDs sent at once.
type fill struct {
	source      source
	streams     int
	connections int
	first, n    uint64 // events
}

// Of every load of events.
const (
	fillPipeline = 100
	markEvery    = 97 // of the IDs that a stream gave out, such a one is kept
)

// filled is what a fill shows.
type filled struct {
	raw       int64 // bytes of names and values
	perSecond float64
	clientCPU float64
	tenths    []tenth
	marks     [][]entryID // of each stream
}

// tenth is how about a tenth of a fill went.
type tenth struct {
	until     uint64 // events from the beginning of the fill
	perSecond float64
	rss       float64 // the highest of it, bytes
}

func (f fill) line() string {
	return fmt.Sprintf("%d events (%s), %d streams, %d connections, %d times `XADD events:N * ...` sent at once on each", f.n, f.source, f.streams, f.connections, fillPipeline)
}

func eventStream(i int) string { return "events:" + strconv.Itoa(i) }

// run fills and looks at the memory of the process meanwhile.
func (f fill) run(addr string, pid int) (filled, error) {
	g, err := gather(addr, f.connections)
	if err != nil {
		return filled{}, err
	}
	defer g.close()
	out := filled{marks: make([][]entryID, f.streams)}
	var done atomic.Uint64
	var raw atomic.Int64
	failed := make([]error, f.connections)
	cpu, began := ownCPU(), time.Now()
	w := f.watch(pid, &done)
	var all sync.WaitGroup
	for k, c := range g.conns {
		all.Go(func() {
			bytes, err := f.connection(c, k, out.marks, &done)
			raw.Add(bytes)
			failed[k] = err
		})
	}
	all.Wait()
	took := time.Since(began).Seconds()
	out.tenths = w.stop()
	out.raw, out.perSecond, out.clientCPU = raw.Load(), float64(f.n)/took, (ownCPU()-cpu)/took
	return out, errors.Join(failed...)
}

// connection sends every event whose number has the remainder k.
func (f fill) connection(c *conn, k int, marks [][]entryID, done *atomic.Uint64) (raw int64, err error) {
	streams := f.streams / f.connections // of this connection: k, k+connections, ...
	var sent [fillPipeline]int           // streams
	turn := 0
	for at, end := f.first+uint64(k), f.first+f.n; at < end; {
		c.out = c.out[:0]
		batch := 0
		for ; batch < fillPipeline && at < end; at += uint64(f.connections) {
			stream := k + turn%streams*f.connections
			turn++
			sent[batch] = stream
			batch++
			var n int
			c.out, n = appendXADD(c.out, stream, f.source, at)
			raw += int64(n)
		}
		if err := c.exchange(c.out, batch, func(i int) error {
			if mix(at+uint64(i))%markEvery != 0 {
				return nil
			}
			id, err := parseID(c.text(c.parts[0]))
			marks[sent[i]] = append(marks[sent[i]], id)
			return err
		}); err != nil {
			return raw, err
		}
		done.Add(uint64(batch))
	}
	return raw, nil
}

// appendXADD appends the command that adds the i-th event, and says how many bytes
// of names and values that is.
func appendXADD(b []byte, stream int, events source, i uint64) ([]byte, int) {
	b = strconv.AppendInt(append(b, '*'), int64(3+2*events.fields()), 10)
	b = appendBulk(append(b, "\r\n$4\r\nXADD\r\n"...), eventStream(stream))
	return events.event(append(b, "$1\r\n*\r\n"...), i)
}

// watcher looks at a process while it is filled.
type watcher struct {
	end    chan struct{}
	ended  chan struct{}
	tenths []tenth
}

const lookEvery = 50 * time.Millisecond

func (f fill) watch(pid int, done *atomic.Uint64) *watcher {
	w := &watcher{end: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		last, since := uint64(0), time.Now()
		highest := 0.0
		note := func() {
			now := done.Load()
			w.tenths = append(w.tenths, tenth{now, float64(now-last) / time.Since(since).Seconds(), highest})
			last, since, highest = now, time.Now(), 0
		}
		for {
			resident, err := rss(pid)
			if err == nil {
				highest = max(highest, resident)
			}
			select {
			case <-w.end:
				note()
				return
			case <-tick.C:
			}
			if n := len(w.tenths); n < 9 && done.Load() >= f.n*uint64(n+1)/10 {
				note()
			}
		}
	}()
	return w
}

func (w *watcher) stop() []tenth {
	close(w.end)
	<-w.ended
	return slices.Clone(w.tenths)
}
