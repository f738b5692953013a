package broker

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/resp"
)

// A waiter is a blocked client: a session whose command found nothing and waits for one of its keys to change.
//
// No goroutine is parked with it. It stands in the queue of each of its keys, in order of arrival, and has an alarm for
// its deadline. Whoever takes it off (a change, the deadline, a disconnect, CLIENT UNBLOCK) does so through forget,
// under the state lock, and only if it is still there: so a waiter is answered at most once.
//
// When a key has changed, its waiters read again, in order, each by the function that its command ran first: there is no
// second way to read. Of ten thousand consumers of one group, though, an entry is for one: what says that the others need
// not look is their class. When one of a class has found nothing at a key, the others of that class are passed over
// until the key changes again. A class also has the time at which one of them looks again although nothing has changed.
type waiter struct {
	session    *session
	spec       *command.Spec // of the command that waits
	keys       []waitKey
	class      string
	again      func(*command.Call) (done bool, err error)
	timeout    func(*resp.Writer)
	dependency uint64 // of the reply that says there was nothing
	arrived    uint64 // rises from waiter to waiter
	deadline   alarm
	fetch      *fetch // not nil: its reader has met cold blocks
	gone       bool
}

type waitKey struct {
	db  int
	key string
}

// waiters is all blocked clients. The state lock guards it.
type waiters struct {
	queues  map[waitKey]*waitQueue
	count   int
	timed   int // those with a deadline
	arrived uint64
}

// waitQueue is the waiters of one key in order of arrival. Those that left are skipped, and swept out when they are half.
type waitQueue struct {
	list    []place
	gone    int
	classes []*waitClass // of those that are not gone
	serving bool         // the list is being walked: no sweeping
}

// place is a waiter's place in a queue.
type place struct {
	waiter *waiter
	class  *waitClass
	index  int // of the key in Wait.Keys; anyKey if it was named more than once
}

// longestWaitMS is as good as for ever, and a duration.
const longestWaitMS = 1 << 42

// anyKey is the index of a key that is not known (command.Call.Changed).
const anyKey = -1

// waitClass is the waiters of one class in one queue.
type waitClass struct {
	name    string
	key     waitKey
	members int
	looked  bool  // in this walk one of them has found nothing
	retryMS int64 // when one of them looks again, by the wall clock; 0: not before the key changes
	retry   alarm
}

// spent reports whether who is of the class need not look in this walk.
func (c *waitClass) spent() bool { return c.looked && c.name != "" }

// park makes session a waiter.
func (b *Broker) park(s *session, spec *command.Spec, w *command.Wait) {
	b.waiters.arrived++
	wt := &waiter{
		session: s, spec: spec, class: w.Class, again: w.Again(), timeout: w.Timeout,
		dependency: b.tx.Dependency(), arrived: b.waiters.arrived,
	}
	for i, key := range w.Keys {
		k := waitKey{s.DB, string(key)}
		q := b.waiters.queues[k]
		if q == nil {
			q = new(waitQueue)
			b.waiters.queues[k] = q
		}
		if n := len(q.list); n > 0 && q.list[n-1].waiter == wt {
			q.list[n-1].index = anyKey
			continue
		}
		class := q.enter(k, w.Class)
		q.list = append(q.list, place{wt, class, i})
		wt.keys = append(wt.keys, k)
		b.lookAgainAt(class, w.RetryMS)
	}
	if w.TimeoutMS > 0 {
		b.waiters.timed++
		timeout := time.Duration(min(w.TimeoutMS, longestWaitMS)) * time.Millisecond
		b.setAlarm(&wt.deadline, wt, time.Now().Add(timeout))
	}
	b.waiters.count++
	s.waiter = wt
	s.conn.Pause()
}

// enter adds a member to a class of the queue of key k.
func (q *waitQueue) enter(k waitKey, name string) *waitClass {
	class := q.class(name)
	if class == nil {
		class = &waitClass{name: name, key: k}
		q.classes = append(q.classes, class)
	}
	class.members++
	return class
}

func (q *waitQueue) class(name string) *waitClass {
	for _, c := range q.classes {
		if c.name == name {
			return c
		}
	}
	return nil
}

// forget takes a waiter off every list, and reports whether it was still on them.
func (b *Broker) forget(w *waiter) bool {
	if w == nil || w.gone {
		return false
	}
	w.gone = true
	w.session.waiter = nil
	b.history.letGo(&w.fetch)
	b.waiters.count--
	if w.deadline.of != nil {
		b.waiters.timed--
		b.clearAlarm(&w.deadline)
	}
	for _, k := range w.keys {
		q := b.waiters.queues[k]
		q.gone++
		if class := q.class(w.class); class.members > 1 {
			class.members--
		} else {
			class.members = 0
			b.clearAlarm(&class.retry)
			q.classes = slices.DeleteFunc(q.classes, func(c *waitClass) bool { return c == class })
		}
		if q.gone == len(q.list) {
			delete(b.waiters.queues, k)
		} else {
			q.sweep()
		}
	}
	return true
}

// sweep takes out those that left: at once at the head, where who is served stands, elsewhere when they are half.
func (q *waitQueue) sweep() {
	if q.serving {
		return
	}
	for len(q.list) > 0 && q.list[0].waiter.gone {
		q.list[0] = place{}
		q.list = q.list[1:]
		q.gone--
	}
	if q.gone*2 > len(q.list) {
		q.list = slices.DeleteFunc(q.list, func(p place) bool { return p.waiter.gone })
		q.gone = 0
	}
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

// ring answers a waiter whose deadline has come.
func (w *waiter) ring(b *Broker) {
	if b.forget(w) {
		b.answer(w, w.dependency, w.timeout)
	}
}

// ring lets a class look again whose time has come. While nothing may be written it does not: everybody looks afterwards.
func (c *waitClass) ring(b *Broker) {
	c.retryMS = 0
	if b.loading || b.readOnly {
		return
	}
	b.serve(c.key, c)
	b.serveWaiters()
}

// noteReady remembers what the current unit of work has changed that somebody waits for.
func (b *Broker) noteReady() {
	if b.waiters.count == 0 {
		return
	}
	if db, ok := b.tx.Flushed(); ok {
		b.flushed = append(b.flushed, db)
	}
	b.flushed = append(b.flushed, b.tx.Swapped()...)
	for _, ref := range b.tx.Ready() {
		if n := len(b.ready); n > 0 && b.ready[n-1].db == ref.DB && b.ready[n-1].key == string(ref.Key) {
			continue
		}
		if b.waiters.queues[waitKey{ref.DB, string(ref.Key)}] != nil {
			b.ready = append(b.ready, waitKey{ref.DB, string(ref.Key)})
		}
	}
}

// serveWaiters lets the waiters of changed keys read again, in order of arrival, until no key is left that changed. What
// they change in turn is served too.
func (b *Broker) serveWaiters() {
	for _, db := range b.flushed {
		b.serveDatabase(db)
	}
	b.flushed = b.flushed[:0]
	for i := 0; i < len(b.ready); i++ {
		b.serve(b.ready[i], nil)
	}
	b.ready = b.ready[:0]
}

// serve lets the waiters of a key read again, or those of one of its classes.
func (b *Broker) serve(k waitKey, only *waitClass) {
	q := b.waiters.queues[k]
	if q == nil {
		return
	}
	q.serving = true
	left := len(q.classes) // that may still find something
	if only != nil {
		left = 1
	}
	for i := 0; i < len(q.list) && left > 0; i++ {
		p := q.list[i]
		if only != nil && p.class != only || p.class.spent() || p.waiter.gone {
			continue
		}
		if done, retryMS := b.readAgain(p.waiter, p.index); !done {
			if !p.class.looked {
				p.class.looked, p.class.retryMS = true, 0
			}
			b.lookAgainAt(p.class, retryMS)
		}
		if p.class.spent() || p.class.members == 0 {
			left--
		}
	}
	q.serving = false
	for _, class := range q.classes {
		if class.looked && class.retryMS == 0 {
			b.clearAlarm(&class.retry)
		}
		class.looked = false
	}
	q.sweep()
}

// lookAgainAt makes a class look again at a time of the wall clock, unless it will do so earlier; 0 is never.
func (b *Broker) lookAgainAt(c *waitClass, ms int64) {
	if ms != 0 && (c.retryMS == 0 || ms < c.retryMS) {
		c.retryMS = ms
		b.setAlarm(&c.retry, c, b.wallAlarm(ms))
	}
}

// serveDatabase lets all waiters of a database read again, in order of arrival; state.AllDatabases is all there are.
func (b *Broker) serveDatabase(db int) {
	var all []*waiter
	for _, s := range b.sessions {
		if s.waiter != nil && (db == state.AllDatabases || s.DB == db) {
			all = append(all, s.waiter)
		}
	}
	slices.SortFunc(all, func(a, b *waiter) int { return cmp.Compare(a.arrived, b.arrived) })
	for _, w := range all {
		if !w.gone {
			b.lookAgain(w)
		}
	}
}

// lookAgain lets a waiter read again at all of its keys.
func (b *Broker) lookAgain(w *waiter) {
	if done, retryMS := b.readAgain(w, anyKey); !done && retryMS != 0 {
		for _, k := range w.keys {
			b.lookAgainAt(b.waiters.queues[k].class(w.class), retryMS)
		}
	}
}

// readAgain runs a waiter's reader once more, because its key of that index has changed, or with anyKey any of them. If
// it leaves the waiter waiting, it also says until when at the latest; 0 is for ever. A reader that panics costs its
// own client the connection, not the writer's.
func (b *Broker) readAgain(w *waiter, changed int) (done bool, retryMS int64) {
	defer func() {
		if p := recover(); p != nil {
			b.containPanic(p, w.session)
			b.forget(w)
			w.session.conn.Kill()
			done = true
		}
	}()
	if w.fetch != nil && w.fetch.awaits {
		return false, 0 // it looks again when its blocks are there
	}
	out := b.replyWriter(w.session)
	call := command.Call{Out: out, Tx: b.tx, Session: &w.session.Session, NowMS: b.nowMS, MaxReply: command.MaxReply,
		Random: rand.Uint64N, Changed: changed}
	b.tx.Begin(w.session.DB, b.nowMS)
	b.tx.Quietly(w.session.NoTouch)
	b.history.begin(w.fetch)
	done, err := w.again(&call)
	if err != nil && b.cold(err) {
		w.fetch = b.await(func(f *fetch) { b.lookWithBlocks(w, f) })
		return false, 0
	}
	b.history.end()
	w.fetch = nil
	if err != nil {
		out.Reset()
		b.refuse(w.spec, out, command.WireText(err))
		done = true
	}
	b.commitRecord()
	if done && b.forget(w) {
		b.deliver(w.session, b.tx.Dependency(), out)
	}
	return done, call.RetryMS
}
