package resp

import (
	"errors"
	"io"
	"net"
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
	p := &pipe{srv: s, nc: nc, poked: make(chan struct{}, 1), more: make(chan struct{}, 1), read: make(chan struct{})}
	c := s.newConn(p, -1, redisAddr(nc.RemoteAddr()), redisAddr(nc.LocalAddr()), &p.spare)
	s.mu.Lock()
	if s.stopped {
		if c != nil {
			s.stats.connected.Add(-1)
		}
		s.mu.Unlock()
		nc.Close()
		return
	}
	p.c = c
	if c != nil {
		s.pipes[p] = struct{}{}
	}
	s.wg.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.wg.Done()
		if c == nil {
			refuse(nc, maxClientsText)
			return
		}
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
	if c.fate.Load() == fateClosing {
		p.discard()
	}
	p.nc.Close()
	select {
	case p.more <- struct{}{}:
	default:
	}
	<-p.read
	p.turn.Lock()
	c.closed = true
	c.q.close()
	p.srv.handler.Close(c)
	p.turn.Unlock()
	c.logEnd()
	p.forget()
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
		// A client that is not being served may send ahead as much as a half-received command may be long.
		full := !c.servable() && c.p.memory() > c.p.Limits.maxQueryBuffer()/2
		ended := c.eof || c.fate.Load() != 0
		p.turn.Unlock()
		p.poke()
		if ended {
			return
		}
		if full {
			<-p.more
		}
	}
}

// serveLocked runs turns of this one connection until nothing complete is left.
func (p *pipe) serveLocked() {
	c := p.c
	for c.servable() && c.p.Ready() {
		c.turnBegan = p.srv.releases.Load()
		p.one[0] = c
		p.srv.handler.Serve(p.one[:])
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
		out, _, waitsFor, held := c.q.take(p.srv.Released(), writeSize, pieces[:0])
		if len(out) > 0 {
			buffers := net.Buffers(out)
			n, err := buffers.WriteTo(p.nc)
			c.netOut.Add(uint64(n))
			p.srv.stats.netOut.Add(uint64(n))
			p.srv.stats.writes.Add(1)
			c.q.drop(int(n))
			if err != nil {
				return
			}
			continue
		}
		p.turn.Lock()
		stalled, eof, draining := c.stalled, c.eof, c.draining
		ready := c.servable() && c.p.Ready()
		p.turn.Unlock()
		if stalled {
			waitsFor = 0
		}
		if !held && !stalled && !ready && (eof || c.fate.Load()&fateClosing != 0) || draining {
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

// handleMail does what others asked for and says whether the connection is to be closed.
func (p *pipe) handleMail() (end bool) {
	c := p.c
	mail := c.mail.Swap(0)
	p.turn.Lock()
	defer p.turn.Unlock()
	if mail&mailResume != 0 {
		c.paused = false
	}
	if mail&mailDrain != 0 {
		c.draining = true
	}
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
