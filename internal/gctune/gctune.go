// Package gctune keeps the garbage the process carries to a fixed headroom
// instead of a fixed ratio, and gives memory back to the system when nobody asks
// for any.
//
// Go's default lets the heap double between collections: right for a program
// with 10 MB, wasteful for a broker that holds 10 GB of events as a few large
// byte slices, which cost the collector next to nothing to mark. Start makes
// the heap grow by max(16 MB, 20 %) of what is live instead. GOMEMLIMIT stays
// in force above it. What is garbage or free when the process has been idle for
// some seconds is returned (idle.go).
package gctune

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
)

const (
	minHeadroom = 16 << 20
	minPercent  = 20
	// maxPercent: whatever is live, Go lets the heap reach 4 MB x percent / 100
	// before it collects. That must not exceed the headroom.
	maxPercent = minHeadroom / (4 << 20) * 100
)

// Percent is the GC percent at which a heap with so many live bytes grows by
// the headroom before it is collected again.
func Percent(live uint64) int {
	if live == 0 {
		return maxPercent
	}
	return int(min(max(minHeadroom*100/live, minPercent), maxPercent))
}

// Start adjusts the GC percent after every collection, and returns memory of an
// idle process, until stop is called, which restores what was before.
func Start() (stop func()) {
	g := &governor{current: Percent(0)}
	before := debug.SetGCPercent(g.current)
	g.rearm()
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { new(idler).run(end) })
	return func() {
		close(end)
		wg.Wait()
		g.stopped.Store(true)
		debug.SetGCPercent(before)
	}
}

// governor runs in finalizers: one goroutine, one after the other.
type governor struct {
	current int
	stopped atomic.Bool
}

// sentinel is garbage as soon as it is made, so its finalizer runs after the
// next collection. It needs a pointer to be an allocation of its own.
type sentinel struct{ _ *byte }

func (g *governor) rearm() {
	runtime.SetFinalizer(&sentinel{}, func(*sentinel) {
		if g.stopped.Load() {
			return
		}
		g.adjust()
		g.rearm()
	})
}

// adjust sets the percent that fits what the last collection found live.
// Setting it stops the world for some microseconds, so small changes are let go.
func (g *governor) adjust() {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	want := Percent(sample[0].Value.Uint64())
	if diff := want - g.current; diff*10 > g.current || -diff*10 > g.current {
		g.current = want
		debug.SetGCPercent(want)
	}
}
