package resp

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// An event loop: one goroutine, one epoll descriptor, level-triggered.
//
//	wait     events, words from other goroutines (mail), a risen watermark
//	read     once from each ready connection, into the arena; the dead are closed before anybody is served
//	serve    one Handler.Serve for all that have a complete command
//	write    what is covered
//
// Everything about a connection belongs to its loop's goroutine; others leave word in the mailbox. A word costs an
// eventfd write only when the loop sleeps or is about to: while it is awake it looks into the mailbox and at the
// watermark before it sleeps. That protocol is in sleep and rouse; both sides store before they load.
//
// A descriptor is closed in one place (close), by its loop, which forgets it in the same breath. An event carries the
// generation of the connection it was asked for, so a stale event cannot reach a successor with the same number.
type loop struct {
	srv  *Server
	epfd int
	evfd int

	awake    atomic.Bool
	want     atomic.Uint64 // the lowest position that a sleeping loop waits for; nobody: MaxUint64; any: 0
	mu       sync.Mutex    // mail, listeners
	mail     []*Conn
	listens  map[int32]*epollListener
	draining atomic.Bool
	stopping atomic.Bool

	events  [256]unix.EpollEvent
	byfd    []*Conn
	count   int
	post    []*Conn // the mail being read
	turn    []*Conn // to be served in this turn
	again   []*Conn // to be served in the next turn: commands were left over, or a Resume
	more    []*Conn // have covered output left that the socket may take
	more2   []*Conn
	held    []*Conn // have output that waits for a position
	stalled []*Conn
	arena   []byte
	used    int
	spare   []byte
	pieces  [maxPieces][]byte
	iov     [maxPieces]unix.Iovec
	seen    uint64 // srv.releases when held was last flushed
	lowest  uint64 // lowest position in held
	now     time.Time
	ticked  time.Time
	pausing []*epollListener // listeners that wait for descriptors
	next    int              // which loop gets the next connection
	drained bool
}

const (
	arenaSize = 1 << 20
	maxPieces = 64
)

// netState is what a loop keeps in a connection.
type netState struct {
	interest uint32 // what epoll has been asked for
	hup      bool   // RDHUP was seen while not reading
	full     bool   // the socket takes no more for now
	held     bool   // listed in loop.held
	more     bool   // listed in loop.more
	stalled  bool   // listed in loop.stalled
	gone     bool   // nobody is left to read replies
	waitsFor uint64
}

func newLoop(s *Server) (*loop, error) {
	l := &loop{srv: s, listens: map[int32]*epollListener{}, lowest: math.MaxUint64, arena: make([]byte, arenaSize)}
	l.awake.Store(true)
	var err error
	if l.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if l.evfd, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		unix.Close(l.epfd)
		return nil, err
	}
	if err = l.ctl(unix.EPOLL_CTL_ADD, l.evfd, unix.EPOLLIN, padEvent); err != nil {
		unix.Close(l.evfd)
		unix.Close(l.epfd)
		return nil, err
	}
	return l, nil
}

// The pad of an epoll event says what its descriptor is: a connection's generation is above 0.
const (
	padEvent  = 0
	padListen = -1
)

func generation(c *Conn) int32 { return int32(c.id&0x3fffffff) + 1 }

func (l *loop) ctl(op, fd int, events uint32, pad int32) error {
	return unix.EpollCtl(l.epfd, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd), Pad: pad})
}

func (l *loop) run() {
	defer l.srv.wg.Done()
	for !l.ended() {
		n := l.wait()
		l.now = time.Now()
		for i := range l.events[:n] {
			l.event(&l.events[i])
		}
		l.readMail()
		l.flushReleased()
		l.serve()
		l.readMail()
		l.flushMore()
		l.tick()
	}
	l.end()
}

// wait returns events, or 0 when there is something else to do.
func (l *loop) wait() int {
	n := epollPoll(l.epfd, l.events[:])
	if n > 0 || len(l.again) > 0 || len(l.more) > 0 {
		return n
	}
	return l.sleep()
}

// sleep blocks until an event, a word in the mailbox, or a Release that somebody here waits for.
func (l *loop) sleep() int {
	want := l.lowest
	if len(l.stalled) > 0 {
		want = 0
	}
	l.want.Store(want)
	l.awake.Store(false)
	if l.hasMail() || l.srv.releases.Load() != l.seen && want <= l.srv.Released() || l.draining.Load() && !l.drained || l.stopping.Load() {
		l.awake.Store(true)
		return 0
	}
	timeout := time.Second
	if len(l.pausing) > 0 {
		timeout = acceptBackOff
	}
	n, err := unix.EpollWait(l.epfd, l.events[:], int(timeout/time.Millisecond))
	l.awake.Store(true)
	if err != nil {
		return 0 // EINTR
	}
	return n
}

// rouse makes a sleeping loop look around.
func (l *loop) rouse() {
	if !l.awake.Swap(true) {
		var one = [8]byte{1}
		unix.Write(l.evfd, one[:]) // fails only when the counter is full, and then the loop is awake
	}
}

func (l *loop) hasMail() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.mail) > 0
}

// wake is called when a connection has mail.
func (l *loop) wake(c *Conn) {
	l.mu.Lock()
	l.mail = append(l.mail, c)
	l.mu.Unlock()
	l.rouse()
}

func (l *loop) unblock(*Conn) {} // a loop never blocks on a connection

// readMail does what others asked for, in the order in which the connections were first written to.
func (l *loop) readMail() {
	l.mu.Lock()
	l.post, l.mail = l.mail, l.post[:0]
	l.mu.Unlock()
	for i, c := range l.post {
		l.post[i] = nil
		l.letter(c, c.mail.Swap(0))
	}
}

func (l *loop) letter(c *Conn, what uint32) {
	if what&mailOpen != 0 {
		l.open(c)
		return
	}
	if c.closed {
		return
	}
	if what&mailResume != 0 && c.paused {
		c.paused = false
		l.later(c)
	}
	l.flush(c)
}

// later has a connection served in the next turn when it has something complete.
func (l *loop) later(c *Conn) {
	if !c.inTurn && c.servable() && c.p.Ready() {
		c.inTurn = true
		l.again = append(l.again, c)
	}
}

// event handles one readiness report.
func (l *loop) event(ev *unix.EpollEvent) {
	switch ev.Pad {
	case padEvent:
		var b [8]byte
		unix.Read(l.evfd, b[:])
		return
	case padListen:
		l.accept(ev.Fd)
		return
	}
	c := l.byfd[ev.Fd]
	if c == nil || generation(c) != ev.Pad {
		return
	}
	const ended = unix.EPOLLHUP | unix.EPOLLERR
	reading := c.net.interest&unix.EPOLLIN != 0
	switch {
	case c.paused && ev.Events&(ended|unix.EPOLLRDHUP) != 0:
		l.close(c) // a blocked client that has gone gets nothing delivered any more
		return
	case !reading && ev.Events&ended != 0:
		l.gone(c)
		return
	case !reading && ev.Events&unix.EPOLLRDHUP != 0:
		c.net.hup = true
	}
	if ev.Events&unix.EPOLLOUT != 0 {
		c.net.full = false
		l.flush(c)
		if c.closed {
			return
		}
	}
	if reading && ev.Events&(unix.EPOLLIN|unix.EPOLLRDHUP|ended) != 0 {
		l.read(c)
		if c.closed {
			return
		}
	}
	l.arm(c)
}

// gone is called when the peer reads no more either: what it sent is served, what it was to be told is not.
func (l *loop) gone(c *Conn) {
	if !c.eof || !c.inTurn {
		l.close(c)
		return
	}
	c.net.gone = true
	l.ctl(unix.EPOLL_CTL_DEL, c.fd, 0, 0)
	c.net.interest = 0
}

// arm asks epoll for what the connection needs now.
func (l *loop) arm(c *Conn) {
	if c.closed || c.net.gone {
		return
	}
	var want uint32
	if !c.eof {
		if !c.net.hup {
			want |= unix.EPOLLRDHUP
		}
		if c.fate.Load() == 0 && !c.draining && (c.servable() || c.p.Buffered() < pausedReadSize) {
			want |= unix.EPOLLIN | unix.EPOLLRDHUP
			c.net.hup = false
		}
	}
	if c.net.full {
		want |= unix.EPOLLOUT
	}
	if want != c.net.interest {
		if l.ctl(unix.EPOLL_CTL_MOD, c.fd, want, generation(c)) != nil {
			l.close(c)
			return
		}
		c.net.interest = want
	}
}

// read reads once. A connection that still has something to be served is left alone.
func (l *loop) read(c *Conn) {
	if c.inTurn {
		return
	}
	c.p.Limits = *l.srv.limits.Load()
	pending := c.p.pending()
	var n int
	var err error
	if len(pending) <= smallBuffer && c.servable() {
		size := len(pending) + readSize
		if len(l.arena)-l.used < size {
			return // the arena is used up: in the next turn
		}
		window := l.arena[l.used : l.used+size : l.used+size]
		if n, err = sysRead(c.fd, window[len(pending):]); n > 0 {
			copy(window, pending)
			window = window[:len(pending)+n]
			c.p.borrow(window)
			l.used += (len(window) + 63) &^ 63
		}
	} else {
		size := readSize
		if m := c.p.missing(); m > size {
			size = min(m, bigReadSize)
		}
		if n, err = sysRead(c.fd, c.p.space(size)); n > 0 {
			c.p.advance(n)
		}
	}
	switch {
	case n > 0:
		l.srv.stats.netIn.Add(uint64(n))
		c.received(n, l.now)
		if c.fate.Load()&fateKilled != 0 {
			l.close(c)
			return
		}
		if c.servable() && c.p.Ready() {
			c.inTurn = true
			l.turn = append(l.turn, c)
		} else {
			c.p.settle()
		}
	case err == unix.EAGAIN:
		c.p.settle()
	case err != nil || c.paused:
		l.close(c)
	default:
		c.eof = true
		l.finish(c)
	}
}

// serve runs the turn.
func (l *loop) serve() {
	turn := append(l.turn, l.again...)
	clear(l.again)
	l.again = l.again[:0]
	k := 0
	releases := l.srv.releases.Load()
	for _, c := range turn {
		if c.servable() {
			c.turnBegan = releases
			turn[k] = c
			k++
		} else if !c.closed {
			c.endTurn()
			l.flush(c)
		}
	}
	clear(turn[k:])
	turn = turn[:k]
	if k > 0 {
		l.srv.handler.Serve(turn)
	}
	for i, c := range turn {
		turn[i] = nil
		c.endTurn()
		c.endStall()
		if c.stalled && !c.net.stalled {
			c.net.stalled = true
			l.stalled = append(l.stalled, c)
		}
		l.later(c)
		l.flush(c)
	}
	l.turn = turn[:0]
	l.used = 0
}

// flushReleased writes what the watermark has come to cover, and lets stalled connections try again.
func (l *loop) flushReleased() {
	releases := l.srv.releases.Load()
	if releases == l.seen {
		return
	}
	l.seen = releases
	released := l.srv.Released()
	if l.lowest <= released {
		held := l.held
		l.held, l.lowest = l.held[:0], math.MaxUint64
		for _, c := range held {
			c.net.held = false
			switch {
			case c.closed:
			case c.net.waitsFor <= released:
				l.flush(c) // lists it again when it must; never ahead of this walk
			default:
				l.hold(c)
			}
		}
		clear(held[len(l.held):])
	}
	stalled := l.stalled
	l.stalled = l.stalled[:0]
	for i, c := range stalled {
		stalled[i] = nil
		c.net.stalled, c.stalled = false, false
		if !c.closed {
			l.later(c)
			l.finish(c)
			l.arm(c)
		}
	}
}

func (l *loop) hold(c *Conn) {
	if !c.net.held {
		c.net.held = true
		l.held = append(l.held, c)
	}
	l.lowest = min(l.lowest, c.net.waitsFor)
}

// flushMore goes on with those that had more to write than one turn allows.
func (l *loop) flushMore() {
	l.more, l.more2 = l.more2[:0], l.more
	for i, c := range l.more2 {
		l.more2[i] = nil
		c.net.more = false
		l.flush(c)
	}
}

// flush writes once what may leave, then closes or arms the connection as its state asks.
func (l *loop) flush(c *Conn) {
	if c.closed {
		return
	}
	if c.fate.Load()&fateKilled != 0 || c.eof && c.paused {
		l.close(c)
		return
	}
	if c.net.full || c.net.gone {
		l.finish(c)
		l.arm(c)
		return
	}
	pieces, left, waitsFor, held := c.q.take(l.srv.Released(), writeSize, l.pieces[:0])
	if len(pieces) > 0 {
		n, err := l.write(c.fd, pieces)
		asked := 0
		for i := range pieces {
			asked += len(pieces[i])
			pieces[i] = nil
		}
		if err != nil && err != unix.EAGAIN {
			l.close(c)
			return
		}
		if n > 0 {
			c.netOut.Add(uint64(n))
			l.srv.stats.netOut.Add(uint64(n))
		}
		left, waitsFor, held = c.q.drop(n)
		if n < asked {
			c.net.full = true // epoll says when it is not
		} else if left > 0 && !c.net.more {
			c.net.more = true
			l.more = append(l.more, c)
		}
	}
	if held {
		c.net.waitsFor = waitsFor
		l.hold(c)
	}
	if left == 0 && !held || c.draining && left == 0 {
		l.finish(c)
	}
	l.arm(c)
}

// finish closes a connection that has nothing left to do.
func (l *loop) finish(c *Conn) {
	if c.closed {
		return
	}
	ending := c.draining || c.fate.Load()&fateClosing != 0 || c.eof && !c.inTurn && !c.stalled
	if !ending {
		return
	}
	if c.net.gone {
		l.close(c)
		return
	}
	left, _, held := c.q.drop(0)
	if left == 0 && (!held || c.draining) {
		l.close(c)
	}
}

// close is the only place where a descriptor of a connection is closed.
func (l *loop) close(c *Conn) {
	if c.closed {
		return
	}
	c.closed = true
	if c.fate.Load()&fateClosing != 0 {
		l.discard(c.fd)
	}
	l.byfd[c.fd] = nil
	l.count--
	c.q.close()
	unix.Close(c.fd)
	if !c.inTurn {
		c.p.settle()
	}
	l.srv.stats.connected.Add(-1)
	l.srv.handler.Close(c)
}

// discard reads what the client sent beyond its last command: unread bytes would turn the close into a reset, which may
// overtake the reply.
func (l *loop) discard(fd int) {
	unix.Shutdown(fd, unix.SHUT_WR)
	var b [4096]byte
	for range 64 {
		if n, err := sysRead(fd, b[:]); n <= 0 || err != nil {
			return
		}
	}
}

// tick looks once a second for idle connections, and for listeners that may try again.
func (l *loop) tick() {
	if len(l.pausing) > 0 {
		l.retryListeners()
	}
	if l.now.Sub(l.ticked) < time.Second {
		return
	}
	l.ticked = l.now
	timeout := time.Duration(l.srv.timeout.Load())
	for _, c := range l.byfd {
		if c != nil {
			c.checkIdle(l.now, timeout)
		}
	}
}
