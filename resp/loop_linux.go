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
//	serve    one Handler.Serve for all that have a complete command; these two again while others have something; Handler.Commit
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
	looked  time.Time // when cutIdle did
}

const (
	arenaSize = 1 << 20
	drainTick = 50 * time.Millisecond // how often a draining loop looks who makes no progress
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
	moved    time.Time // while draining: when the socket last took something
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
		l.turns()
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
	if l.hasMail() || l.srv.releases.Load() != l.seen && want <= l.srv.Released() || l.srv.stopped.Load() && !l.drained || l.stopping.Load() {
		l.awake.Store(true)
		return 0
	}
	timeout := time.Second
	if len(l.pausing) > 0 {
		timeout = acceptBackOff
	}
	if l.drained {
		timeout = drainTick
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
	if what&mailResume != 0 && (c.paused || c.parked) {
		c.paused, c.parked = false, false
		c.countAhead()
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
		if c.mayRead() {
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

// tick looks once a second for idle connections, and for listeners that may try again.
func (l *loop) tick() {
	if len(l.pausing) > 0 {
		l.retryListeners()
	}
	if l.drained {
		l.cutIdle()
	}
	if l.now.Sub(l.ticked) < time.Second {
		return
	}
	l.ticked = l.now
	timeout := time.Duration(l.srv.timeout.Load())
	for _, c := range l.byfd {
		if c != nil {
			c.checkIdle(l.now, timeout)
			if c.paused {
				l.arm(c) // others may have made room for what it sends ahead
			}
		}
	}
}
