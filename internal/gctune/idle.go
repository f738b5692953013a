package gctune

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// When is memory given back to the system: after a while in which next to nothing is allocated, if there is enough of it.
const (
	lookEvery  = time.Second
	quietLooks = 5        // in a row
	quietBytes = 64 << 10 // allocated between two looks, at most
	minSpare   = 4 << 20
	// spareShare: of a large heap it has to be a tenth. To collect it takes longer, too.
	spareShare = 10
)

// reading is what the runtime says of the heap, in bytes.
type reading struct {
	allocated uint64 // ever
	live      uint64 // found by the last collection
	objects   uint64 // live, or garbage not yet collected
	free      uint64 // pages without objects, not given back
}

// idler looks for the time to give memory back.
type idler struct {
	allocated uint64 // at the last look
	quiet     int    // looks in a row
}

// due reports whether it has come.
func (i *idler) due(now reading) bool {
	i.quiet++
	if now.allocated-i.allocated > quietBytes {
		i.quiet = 0
	}
	i.allocated = now.allocated
	if i.quiet < quietLooks {
		return false
	}
	i.quiet = 0
	spare := now.free + now.objects - min(now.live, now.objects)
	return spare >= max(minSpare, now.live/spareShare)
}

// run looks until stop is closed. The runtime itself would keep what it may need before the next collection, and would not begin
// one for two minutes.
func (i *idler) run(stop <-chan struct{}) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			if i.due(read()) {
				debug.FreeOSMemory() // stops the world no longer than any collection
			}
		}
	}
}

func read() reading {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	n := func(i int) uint64 { return samples[i].Value.Uint64() }
	return reading{allocated: n(0), live: n(1), objects: n(2), free: n(3)}
}
