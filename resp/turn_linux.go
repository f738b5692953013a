package resp

import (
	"math"

	"golang.org/x/sys/unix"
)

// What a loop does with its connections in one turn: read, serve, write, close.

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
		l.srv.stats.reads.Add(1)
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

// turnsTogether is how many turns have one commit, at most: as long as connections have something. A commit may wait for a
// disk, and those who come meanwhile would wait for the next one.
const turnsTogether = 4

// turns runs one turn or a few, and commits.
func (l *loop) turns() {
	uncommitted := l.serve()
	if !uncommitted {
		return
	}
	for range turnsTogether - 1 {
		n := epollPoll(l.epfd, l.events[:])
		if n == 0 || l.srv.stopped.Load() || l.stopping.Load() {
			break // what events say they say again
		}
		for i := range l.events[:n] {
			l.event(&l.events[i])
		}
		l.serve()
	}
	l.srv.handler.Commit()
	l.flushReleased()
}

// serve runs the turn, and reports whether there is something to commit.
func (l *loop) serve() (uncommitted bool) {
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
		uncommitted = l.srv.handler.Serve(turn)
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
	return uncommitted
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
			l.srv.stats.writes.Add(1)
			if c.draining {
				c.net.moved = l.now
			}
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
	ending := c.draining || c.fate.Load()&fateClosing != 0 || c.eof && !c.inTurn && !c.stalled && !c.parked
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
	c.countAhead()
	if c.fate.Load()&fateClosing != 0 || c.draining {
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
	c.logEnd()
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
