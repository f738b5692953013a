package resp

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipe serves one connection with two goroutines, over any net.Conn.
//
// The reading one reads, parses and serves; the writing one writes what is covered, serves after a Resume or a Release
// (the reading one is then inside Read), and ends the connection. Both hold turn while they touch what a loop's
// goroutine would own; neither holds it across Read or Write.
type pipe struct {
	srv   *Server
	c     *Conn
	nc    net.Conn
	turn  sync.Mutex
	spare []byte
	one   [1]*Conn
	poked chan struct{} // something for the writing goroutine
	more  chan struct{} // the reading goroutine may read again
	read  chan struct{} // closed when it has ended
}

// ServeConn serves nc until either side ends it. It returns at once.
func (s *Server) ServeConn(nc net.Conn) {
	if s.admit() {
		s.serveConn(nc)
		return
	}
	if s.begin() {
		go func() {
			defer s.wg.Done()
			refuse(nc, maxClientsText)
		}()
		return
	}
	nc.Close()
}

// begin registers a goroutine for which Shutdown waits, unless that has begun.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped.Load() {
		return false
	}
	s.wg.Add(1)
	return true
}

// serveConn serves a connection that has been admitted.
func (s *Server) serveConn(nc net.Conn) {
	p := &pipe{srv: s, nc: nc, poked: make(chan struct{}, 1), more: make(chan struct{}, 1), read: make(chan struct{})}
	p.c = s.newConn(p, -1, redisAddr(nc.RemoteAddr()), redisAddr(nc.LocalAddr()), &p.spare)
	s.mu.Lock()
	if s.stopped.Load() {
		s.mu.Unlock()
		s.stats.connected.Add(-1)
		nc.Close()
		return
	}
	s.pipes[p] = struct{}{}
	s.wg.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.wg.Done()
		p.serve()
	}()
}

// refuse sends a last line to somebody who is not served.
func refuse(nc net.Conn, text string) {
	nc.SetDeadline(time.Now().Add(time.Second))
	io.WriteString(nc, text)
	nc.Close()
}

func (p *pipe) wake(*Conn) { p.poke() }

func (p *pipe) poke() {
	select {
	case p.poked <- struct{}{}:
	default:
	}
}

// drain has the pipe end: what is covered leaves, unless the client reads nothing for too long. The writing goroutine may be
// inside a Write; from the next on it sets the deadline itself.
func (p *pipe) drain() {
	p.nc.SetWriteDeadline(time.Now().Add(p.srv.patience))
	if p.c.fate.Load()&fateKilled != 0 {
		p.unblock(p.c) // it would have been undone
	}
	p.poke()
}

// unblock ends a Read or Write that is under way, without waiting for it.
func (p *pipe) unblock(*Conn) { p.nc.SetDeadline(time.Unix(1, 0)) }

func (p *pipe) serve() {
	c := p.c
	p.turn.Lock()
	err := p.srv.handler.Open(c)
	c.endTurn()
	p.turn.Unlock()
	if err != nil {
		p.forget()
		refuse(p.nc, "-"+err.Error()+"\r\n")
		return
	}
	go p.reading()
	p.writing()
	p.hangUp()
	select {
	case p.more <- struct{}{}:
	default:
	}
	<-p.read
	p.turn.Lock()
	c.closed = true
	c.countAhead()
	c.q.close()
	p.srv.handler.Close(c)
	p.turn.Unlock()
	c.logEnd()
	p.forget()
}

// hangUp closes the socket. TLS has last words, for which it would wait five seconds when the socket is full.
func (p *pipe) hangUp() {
	killed := p.c.fate.Load()&fateKilled != 0
	if tc, ok := p.nc.(*tls.Conn); ok {
		if killed {
			tc.NetConn().Close()
		} else {
			defer time.AfterFunc(farewellTime, func() { tc.NetConn().Close() }).Stop()
		}
	}
	if !killed && (p.c.fate.Load() == fateClosing || p.srv.stopped.Load()) {
		p.discard()
	}
	p.nc.Close()
}

// discard reads for a moment what the client sent beyond its last command: unread bytes would turn the close into a
// reset, which may overtake the reply.
func (p *pipe) discard() {
	half, ok := p.nc.(interface{ CloseWrite() error })
	if !ok {
		return
	}
	half.CloseWrite()
	p.nc.SetReadDeadline(time.Now().Add(lingerTime))
	select {
	case p.more <- struct{}{}:
	default:
	}
	<-p.read
	io.CopyN(io.Discard, p.nc, 256<<10)
}

func (p *pipe) forget() {
	p.srv.hold(p, 0, false)
	p.srv.mu.Lock()
	delete(p.srv.pipes, p)
	p.srv.mu.Unlock()
	p.srv.stats.connected.Add(-1)
}

func (p *pipe) reading() {
	defer close(p.read)
	defer p.poke()
	c := p.c
	buf := make([]byte, readSize)
	for {
		n, err := p.nc.Read(buf)
		p.turn.Lock()
		if n > 0 {
			p.srv.stats.netIn.Add(uint64(n))
			p.srv.stats.reads.Add(1)
			c.p.Limits = *p.srv.limits.Load()
			c.p.Feed(buf[:n])
			c.received(n, time.Now())
		}
		if err != nil {
			c.eof = true
			if !errors.Is(err, io.EOF) {
				c.Kill()
			}
		}
		p.serveLocked()
		full := !c.mayRead()
		ended := c.eof || c.fate.Load() != 0 || p.srv.stopped.Load()
		p.turn.Unlock()
		p.poke()
		if ended {
			return
		}
		for full && !p.mayReadOn() {
		}
	}
}

// mayReadOn waits until somebody says so, or for a while: others may have made room for what a blocked client sends
// ahead.
func (p *pipe) mayReadOn() bool {
	again := time.NewTimer(time.Second)
	defer again.Stop()
	select {
	case <-p.more:
		return true
	case <-again.C:
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	return p.c.mayRead()
}

// serveLocked runs turns of this one connection until nothing complete is left.
func (p *pipe) serveLocked() {
	c := p.c
	for c.servable() && !p.srv.stopped.Load() && c.p.Ready() {
		c.turnBegan = p.srv.releases.Load()
		p.one[0] = c
		if p.srv.handler.Serve(p.one[:]) {
			p.srv.handler.Commit()
		}
		c.endTurn()
		c.endStall()
		p.poke()
	}
	c.endTurn()
	if c.eof && c.paused {
		c.Kill()
	}
}

// writing returns when the connection is to be closed.
func (p *pipe) writing() {
	c := p.c
	var timer *time.Timer
	defer func() {
		if timer != nil {
			timer.Stop()
		}
	}()
	var pieces [16][]byte
	for {
		if p.handleMail() {
			return
		}
		releases := p.srv.releases.Load()
		// The state is read before the queue: what is served in between is then found in the queue, and an end that comes in
		// between is seen in the next round.
		p.turn.Lock()
		stalled, draining := c.stalled || c.parked, c.draining
		ending := c.eof || c.fate.Load()&fateClosing != 0
		ready := c.servable() && c.p.Ready()
		p.turn.Unlock()
		out, _, waitsFor, held := c.q.take(p.srv.Released(), writeSize, pieces[:0])
		if len(out) > 0 {
			n, err := p.write(out)
			c.netOut.Add(uint64(n))
			p.srv.stats.netOut.Add(uint64(n))
			p.srv.stats.writes.Add(1)
			c.q.drop(int(n))
			if err != nil && !(n > 0 && errors.Is(err, os.ErrDeadlineExceeded)) {
				p.failed(err)
				return
			}
			continue
		}
		if stalled {
			waitsFor = 0
		}
		if !held && !stalled && !ready && ending || draining {
			if c.mail.Load() != 0 {
				continue
			}
			return
		}
		p.srv.hold(p, waitsFor, held || stalled)
		if p.srv.releases.Load() != releases {
			continue
		}
		timer = p.wait(timer)
	}
}

// write writes pieces, in one system call where that is possible. While the server drains, each write that makes no progress
// ends after the patience for it; a TLS connection shows its progress only between writes, so they are small.
func (p *pipe) write(pieces [][]byte) (n int64, err error) {
	draining := p.srv.stopped.Load()
	if _, tls := p.nc.(*tls.Conn); !tls {
		if draining && !p.allow() {
			return 0, os.ErrDeadlineExceeded
		}
		buffers := net.Buffers(pieces)
		return buffers.WriteTo(p.nc)
	}
	for _, b := range pieces {
		for len(b) > 0 {
			if p.srv.stopped.Load() && !p.allow() {
				return n, os.ErrDeadlineExceeded
			}
			k, err := p.nc.Write(b[:min(len(b), readSize)])
			n += int64(k)
			if err != nil {
				return n, err
			}
			b = b[k:]
		}
	}
	return n, nil
}

// allow gives the next write its time. A Kill, which ends all writing, may have come before that.
func (p *pipe) allow() bool {
	p.nc.SetWriteDeadline(time.Now().Add(p.srv.patience))
	return p.c.fate.Load()&fateKilled == 0
}

// failed ends the connection after a write that did. One that ran out of time was cut by a Shutdown.
func (p *pipe) failed(err error) {
	if p.c.kill() && errors.Is(err, os.ErrDeadlineExceeded) {
		p.srv.cut.Add(1)
	}
}

// handleMail does what others asked for and says whether the connection is to be closed.
func (p *pipe) handleMail() (end bool) {
	c := p.c
	mail := c.mail.Swap(0)
	p.turn.Lock()
	defer p.turn.Unlock()
	if mail&mailResume != 0 {
		c.paused, c.parked = false, false
		c.countAhead()
	}
	c.draining = p.srv.stopped.Load()
	c.endStall()
	if c.fate.Load()&fateKilled != 0 {
		return true
	}
	if !c.draining {
		p.serveLocked()
	}
	if c.servable() {
		select {
		case p.more <- struct{}{}:
		default:
		}
	}
	return c.fate.Load()&fateKilled != 0
}

// wait sleeps until somebody pokes, or it is time to look at the idle and the soft output limit.
func (p *pipe) wait(timer *time.Timer) *time.Timer {
	c := p.c
	timeout := time.Duration(p.srv.timeout.Load())
	var tick <-chan time.Time
	if timeout > 0 || c.softSince.Load() != 0 {
		if timer == nil {
			timer = time.NewTimer(time.Second)
		} else {
			timer.Reset(time.Second)
		}
		tick = timer.C
	}
	select {
	case <-p.poked:
	case now := <-tick:
		p.turn.Lock()
		c.checkIdle(now, timeout)
		p.turn.Unlock()
	}
	return timer
}

// hold registers a pipe to be poked by the Release of pos (any Release for 0), or takes it off the list.
func (s *Server) hold(p *pipe, pos uint64, yes bool) {
	s.holdMu.Lock()
	defer s.holdMu.Unlock()
	if yes {
		s.holding[p] = pos
	} else {
		delete(s.holding, p)
	}
	s.holds.Store(int64(len(s.holding)))
}

func (s *Server) releasePipes(pos uint64) {
	s.holdMu.Lock()
	defer s.holdMu.Unlock()
	for p, at := range s.holding {
		if at <= pos {
			delete(s.holding, p)
			p.poke()
		}
	}
	s.holds.Store(int64(len(s.holding)))
}
