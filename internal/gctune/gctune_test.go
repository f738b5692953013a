package gctune

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

func TestPercentLeavesTheHeadroomWhateverIsLive(t *testing.T) {
	const mb = 1 << 20
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 400}, {1, 400}, {1 * mb, 400}, {4 * mb, 400}, {8 * mb, 200}, {16 * mb, 100}, {32 * mb, 50},
		{80 * mb, 20}, {1 << 30, 20}, {1 << 40, 20},
	} {
		if got := Percent(c.live); got != c.want {
			t.Errorf("Percent(%d) = %d, want %d", c.live, got, c.want)
		}
	}
	// In general: the heap grows by no more than max(16 MB, 20 %), and by no
	// less than half of that once the minimum of 4 MB is passed.
	for live := uint64(4 * mb); live < 1<<40; live += live/7 + 1 {
		growth := live * uint64(Percent(live)) / 100
		headroom := max(16*mb, live/5)
		if growth > headroom || growth < headroom/2 {
			t.Errorf("with %d live the heap grows by %d, not about %d", live, growth, headroom)
		}
	}
}

func TestTheGovernorFollowsTheLiveHeapAndStops(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	stop := Start()
	live := make([][]byte, 200)
	for i := range live {
		live[i] = make([]byte, 1<<20)
	}
	// Finalizers run on a goroutine of their own: collect until it has been there.
	current := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	for metrics.Read(current); current[0].Value.Uint64() > uint64(Percent(150<<20)); metrics.Read(current) {
		runtime.GC()
		runtime.Gosched()
	}
	runtime.KeepAlive(live)
	stop()
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("stop left the percent at %d", got)
	}
}
