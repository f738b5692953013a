package broker

import "time"

// turns is work in the background that needs the state lock again and again: it does so much at a time that nobody waits
// for long, and lets others in between.
type turns struct {
	size     int           // of what is done under one hold of the lock; it follows how long that takes
	most     int           // of size
	alone    bool          // nobody else is there to let in
	held     time.Duration // the last hold
	longest  time.Duration // hold
	released time.Time
}

const (
	shortHold = 100 * time.Microsecond // below which the next may be longer
	longHold  = 200 * time.Microsecond // above which it must be shorter
	leastRest = 50 * time.Microsecond
)

// hold calls f with the size under the state lock.
func (b *Broker) hold(t *turns, f func(size int)) {
	if !t.released.IsZero() && !t.alone {
		// For as long as it was held the lock is left to others, or they would hardly get it in between.
		time.Sleep(max(leastRest, t.held-time.Since(t.released)))
	}
	b.mu.Lock()
	begun := time.Now()
	f(t.size)
	t.held = time.Since(begun)
	b.mu.Unlock()
	t.released = time.Now()
	t.longest = max(t.longest, t.held)
	switch {
	case t.held < shortHold:
		t.size = min(2*t.size, t.most)
	case t.held > longHold:
		t.size = max(t.size/2, 1)
	}
}
