package broker

import (
	"container/heap"
	"time"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

// A waiter is a blocked client: a session whose command found nothing and waits for one of its keys to change.
//
// No goroutine is parked with it. It stands in the queue of each of its keys, in order of arrival, and in the heap of
// deadlines. Whoever takes it off (a change, the deadline, a disconnect, CLIENT UNBLOCK) does so through forget, under
// the state lock, and only if it is still there: so a waiter is answered at most once.
type waiter struct {
	session    *session
	keys       []waitKey
	again      func(*command.Call) (done bool, err error)
	timeout    func(*resp.Writer)
	dependency uint64    // of the reply that says there was nothing
	deadline   time.Time // zero: waits for ever
	heapIndex  int       // in waiters.deadlines; -1 while not there
	gone       bool
}

type waitKey struct {
	db  int
	key string
}

// waiters is all blocked clients. The state lock guards it.
type waiters struct {
	queues    map[waitKey]*waitQueue
	deadlines deadlineHeap
	count     int
	timer     *time.Timer // runs expire at the earliest deadline
	timerAt   time.Time
}

// waitQueue is the waiters of one key in order of arrival. Those that left are skipped, and swept out when they are half.
type waitQueue struct {
	list    []*waiter
	gone    int
	serving bool // the list is being walked: no sweeping
}

// park makes session a waiter.
func (b *Broker) park(s *session, w *command.Wait) {
	wt := &waiter{session: s, again: w.Again(), timeout: w.Timeout, dependency: b.tx.Dependency(), heapIndex: -1}
	for _, key := range w.Keys {
		k := waitKey{s.DB, string(key)}
		q := b.waiters.queues[k]
		if q == nil {
			q = new(waitQueue)
			b.waiters.queues[k] = q
		}
		if n := len(q.list); n > 0 && q.list[n-1] == wt {
			continue // the key is named twice
		}
		q.list = append(q.list, wt)
		wt.keys = append(wt.keys, k)
	}
	if w.TimeoutMS > 0 {
		wt.deadline = time.Now().Add(time.Duration(w.TimeoutMS) * time.Millisecond)
		heap.Push(&b.waiters.deadlines, wt)
		b.armTimer()
	}
	b.waiters.count++
	s.waiter = wt
	s.conn.Pause()
}

// forget takes a waiter off every list, and reports whether it was still on them.
func (b *Broker) forget(w *waiter) bool {
	if w == nil || w.gone {
		return false
	}
	w.gone = true
	w.session.waiter = nil
	b.waiters.count--
	if w.heapIndex >= 0 {
		heap.Remove(&b.waiters.deadlines, w.heapIndex)
	}
	for _, k := range w.keys {
		q := b.waiters.queues[k]
		q.gone++
		switch {
		case q.gone == len(q.list):
			delete(b.waiters.queues, k)
		case q.gone*2 > len(q.list) && !q.serving:
			q.sweep()
		}
	}
	return true
}

func (q *waitQueue) sweep() {
	kept := q.list[:0]
	for _, w := range q.list {
		if !w.gone {
			kept = append(kept, w)
		}
	}
	clear(q.list[len(kept):])
	q.list, q.gone = kept, 0
}

// answer sends a waiter's reply, which may leave when position is released, and lets its session go on.
func (b *Broker) answer(w *waiter, position uint64, write func(*resp.Writer)) {
	out := b.replyWriter(w.session)
	write(out)
	b.deliver(w.session, position, out)
}

// deliver sends what is in the scratch writer to a session that was blocked, and lets it go on.
func (b *Broker) deliver(s *session, position uint64, out *resp.Writer) {
	s.mute(out, 0)
	s.conn.Send(position, out.Bytes())
	s.conn.Resume()
}

// replyWriter returns the shared scratch writer, empty, in the session's protocol.
func (b *Broker) replyWriter(s *session) *resp.Writer {
	b.scratch.Reset()
	b.scratch.SetProtocol(s.conn.Writer().Protocol())
	return b.scratch
}

// serveWaiters lets the waiters of changed keys read again, in order of arrival, until no key is left that changed. What
// they change in turn is served too.
func (b *Broker) serveWaiters() {
	for i := 0; i < len(b.ready); i++ {
		q := b.waiters.queues[b.ready[i]]
		if q == nil {
			continue
		}
		q.serving = true
		for _, w := range q.list {
			if !w.gone {
				b.readAgain(w)
			}
		}
		q.serving = false
	}
	b.ready = b.ready[:0]
}

// readAgain runs a waiter's reader once more. A reader that panics costs its own client the connection, not the writer's.
func (b *Broker) readAgain(w *waiter) {
	defer func() {
		if p := recover(); p != nil {
			b.containPanic(p, w.session)
			b.forget(w)
			w.session.conn.Kill()
		}
	}()
	out := b.replyWriter(w.session)
	call := command.Call{Out: out, Tx: b.tx, Session: &w.session.Session, NowMS: b.nowMS}
	b.tx.Begin(w.session.DB)
	done, err := w.again(&call)
	if err != nil {
		out.Reset()
		b.writeError(out, command.WireText(err))
		done = true
	}
	b.commitRecord()
	if done && b.forget(w) {
		b.deliver(w.session, b.tx.Dependency(), out)
	}
}

// noteGrowth remembers the keys to which the current unit of work added entries and somebody waits for.
func (b *Broker) noteGrowth() {
	if b.waiters.count == 0 {
		return
	}
	for _, ref := range b.tx.Ready() {
		if n := len(b.ready); n > 0 && b.ready[n-1].db == ref.DB && b.ready[n-1].key == string(ref.Key) {
			continue
		}
		if b.waiters.queues[waitKey{ref.DB, string(ref.Key)}] != nil {
			b.ready = append(b.ready, waitKey{ref.DB, string(ref.Key)})
		}
	}
}

// armTimer sets the timer to the earliest deadline.
func (b *Broker) armTimer() {
	if len(b.waiters.deadlines) == 0 || b.closed {
		return
	}
	at := b.waiters.deadlines[0].deadline
	switch {
	case b.waiters.timer == nil:
		b.waiters.timer = time.AfterFunc(time.Until(at), b.expireWaiters)
	case !at.Equal(b.waiters.timerAt):
		b.waiters.timer.Reset(time.Until(at))
	}
	b.waiters.timerAt = at
}

// expireWaiters answers the waiters whose deadline has come.
func (b *Broker) expireWaiters() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	for len(b.waiters.deadlines) > 0 && !b.waiters.deadlines[0].deadline.After(now) {
		w := b.waiters.deadlines[0]
		b.forget(w)
		b.answer(w, w.dependency, w.timeout)
	}
	b.waiters.timerAt = time.Time{}
	b.armTimer()
}

// deadlineHeap orders waiters by deadline, for container/heap.
type deadlineHeap []*waiter

func (h deadlineHeap) Len() int           { return len(h) }
func (h deadlineHeap) Less(i, j int) bool { return h[i].deadline.Before(h[j].deadline) }
func (h deadlineHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapIndex, h[j].heapIndex = i, j
}
func (h *deadlineHeap) Push(x any) {
	w := x.(*waiter)
	w.heapIndex = len(*h)
	*h = append(*h, w)
}
func (h *deadlineHeap) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	w.heapIndex = -1
	return w
}
