package broker

import (
	"container/heap"
	"time"
)

// alarm is a moment at which somebody is to be woken. The state lock guards it.
//
// Moments are those of the monotonic clock: a wait of ten seconds is one of ten seconds, whatever somebody does to the wall
// clock. What a reader calls a time, though, is the wall clock's (waitClass.retryMS), and followClock sets those alarms
// anew when it has jumped.
type alarm struct {
	at    time.Time
	index int // in alarms.heap
	of    sleeper
	set   bool
}

// sleeper is who has an alarm: a waiter, for its deadline, or a class of waiters, for its next look.
type sleeper interface{ ring(*Broker) }

// alarms is all that are set, and the one timer for them.
type alarms struct {
	heap    alarmHeap
	timer   *time.Timer // runs ringAlarms at the earliest
	timerAt time.Time   // zero: it is not running
	skewMS  int64       // how far the wall clock was ahead of the monotonic one when it was last looked at
}

// setAlarm sets or moves an alarm.
func (b *Broker) setAlarm(a *alarm, of sleeper, at time.Time) {
	a.at, a.of = at, of
	if a.set {
		heap.Fix(&b.alarms.heap, a.index)
	} else {
		a.set = true
		heap.Push(&b.alarms.heap, a)
	}
	b.armTimer()
}

// clearAlarm takes an alarm off, if it is set.
func (b *Broker) clearAlarm(a *alarm) {
	if a.set {
		a.set = false
		heap.Remove(&b.alarms.heap, a.index)
	}
}

// armTimer sets the timer to the earliest alarm. One that is early is left: it finds nothing to do and is set again.
func (b *Broker) armTimer() {
	t := &b.alarms
	if len(t.heap) == 0 || b.closed {
		return
	}
	at := t.heap[0].at
	switch {
	case !t.timerAt.IsZero() && !at.Before(t.timerAt):
		return
	case t.timer == nil:
		t.timer = time.AfterFunc(time.Until(at), b.ringAlarms)
	default:
		t.timer.Reset(time.Until(at))
	}
	t.timerAt = at
}

// mostRings bounds for how many alarms the state lock is held at a time.
const mostRings = 256

// ringAlarms wakes those whose time has come.
func (b *Broker) ringAlarms() {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.beginTurn()
	for n := 0; n < mostRings && len(b.alarms.heap) > 0 && !b.alarms.heap[0].at.After(b.turn); n++ {
		a := b.alarms.heap[0]
		b.clearAlarm(a)
		a.of.ring(b)
	}
	b.alarms.timerAt = time.Time{}
	b.armTimer()
	b.endTurn()
}

// wallAlarm returns the moment at which the wall clock will say ms, if nobody touches it: in a millisecond at the
// earliest, in a century at the latest.
func (b *Broker) wallAlarm(ms int64) time.Time {
	const century = 1 << 42
	at := b.turn.Add(time.Duration(min(max(ms-b.turnMS, 0), century)) * time.Millisecond)
	if soonest := b.turn.Add(b.spent + time.Millisecond); at.Before(soonest) {
		return soonest
	}
	return at
}

// followClock sets the alarms that are meant by the wall clock anew, if it has been changed. Serve calls it once a second.
func (b *Broker) followClock() {
	const tolerance = 20 // ms
	b.mu.Lock()
	defer b.mu.Unlock()
	b.beginTurn()
	skew := b.skewMS()
	if d := skew - b.alarms.skewMS; -tolerance <= d && d <= tolerance {
		return
	}
	b.alarms.skewMS = skew
	for _, a := range b.alarms.heap {
		if c, ok := a.of.(*waitClass); ok {
			a.at = b.wallAlarm(c.retryMS)
		}
	}
	heap.Init(&b.alarms.heap)
	b.armTimer()
}

// skewMS is how far the wall clock is ahead of the monotonic one, as of the beginning of the turn.
func (b *Broker) skewMS() int64 { return b.turnMS - b.turn.Sub(b.started).Milliseconds() }

// alarmHeap orders alarms by time, for container/heap.
type alarmHeap []*alarm

func (h alarmHeap) Len() int           { return len(h) }
func (h alarmHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h alarmHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *alarmHeap) Push(x any) {
	a := x.(*alarm)
	a.index = len(*h)
	*h = append(*h, a)
}
func (h *alarmHeap) Pop() any {
	old := *h
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return a
}
