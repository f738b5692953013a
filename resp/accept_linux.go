package resp

import (
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// listen gives ln to the first loop, which accepts for all.
func (ls *loops) listen(s *Server, ln net.Listener) (listener, error) {
	all, err := ls.start(s)
	if err != nil {
		return nil, err
	}
	sc, ok := ln.(syscall.Conn)
	if u, isUnix := ln.(*unixListener); isUnix {
		sc, ok = u.Listener.(syscall.Conn)
	}
	if !ok {
		return nil, net.UnknownNetworkError(ln.Addr().Network())
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	e := &epollListener{ln: ln, loop: all[0], fd: -1}
	if a, isUnix := ln.Addr().(*net.UnixAddr); isUnix {
		e.path = a.Name
	}
	var dupErr error
	if err = raw.Control(func(fd uintptr) { e.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, dupErr
	}
	l := e.loop
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listens[int32(e.fd)] = e
	if err := l.ctl(unix.EPOLL_CTL_ADD, e.fd, unix.EPOLLIN, padListen); err != nil {
		delete(l.listens, int32(e.fd))
		unix.Close(e.fd)
		return nil, err
	}
	return e, nil
}

// epollListener is a listening socket. Go's listener made it and will remove it; the loop accepts through a descriptor of
// its own.
type epollListener struct {
	ln    net.Listener
	loop  *loop
	fd    int
	path  string    // of a unix socket
	until time.Time // when to accept again after a failure
}

func (e *epollListener) addr() net.Addr { return e.ln.Addr() }

// close leaves the loop's descriptor to the drain that follows.
func (e *epollListener) close() { e.ln.Close() }

// acceptBatch bounds the connections accepted from one listener in one turn.
const acceptBatch = 128

func (l *loop) accept(fd int32) {
	l.mu.Lock()
	e := l.listens[fd]
	l.mu.Unlock()
	if e == nil {
		return
	}
	for range acceptBatch {
		nfd, sa, err := unix.Accept4(int(fd), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			l.accepted(e, nfd, sa)
		case unix.EAGAIN:
			return
		case unix.EINTR, unix.ECONNABORTED:
		default:
			// No descriptors, mostly. The listener stays readable: look away for a while instead of spinning.
			l.srv.acceptFailed(err)
			e.until = l.now.Add(acceptBackOff)
			l.ctl(unix.EPOLL_CTL_MOD, e.fd, 0, padListen)
			l.pausing = append(l.pausing, e)
			return
		}
	}
}

func (l *loop) retryListeners() {
	k := 0
	for _, e := range l.pausing {
		if l.now.Before(e.until) {
			l.pausing[k] = e
			k++
			continue
		}
		if e.fd >= 0 {
			l.ctl(unix.EPOLL_CTL_MOD, e.fd, unix.EPOLLIN, padListen)
		}
	}
	l.pausing = l.pausing[:k]
}

// accepted gives a new connection to a loop, all in turn.
func (l *loop) accepted(e *epollListener, fd int, sa unix.Sockaddr) {
	all := *l.srv.loops.all.Load()
	if !l.srv.admit() {
		l.goodbye(fd, maxClientsText)
		return
	}
	to := all[l.next%len(all)]
	l.next++
	remote, local := e.path+":0", e.path+":0"
	if e.path == "" {
		remote, local = sockAddr(sa), e.ln.Addr().String()
		if sa, err := unix.Getsockname(fd); err == nil {
			local = sockAddr(sa)
		}
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		setKeepAlive(fd, time.Duration(l.srv.keepAlive.Load()))
	}
	c := l.srv.newConn(to, fd, remote, local, &to.spare)
	if to == l {
		l.open(c)
		return
	}
	c.tell(mailOpen)
}

func (l *loop) goodbye(fd int, text string) {
	unix.Write(fd, []byte(text))
	l.discard(fd)
	unix.Close(fd)
}

// open makes the connection this loop's.
func (l *loop) open(c *Conn) {
	c.p.Limits = *l.srv.limits.Load()
	if l.drained || l.stopping.Load() {
		unix.Close(c.fd)
		l.srv.stats.connected.Add(-1)
		return
	}
	if err := l.srv.handler.Open(c); err != nil {
		l.goodbye(c.fd, "-"+err.Error()+"\r\n")
		l.srv.stats.connected.Add(-1)
		return
	}
	for len(l.byfd) <= c.fd {
		l.byfd = append(l.byfd, nil)
	}
	l.byfd[c.fd] = c
	l.count++
	c.net.interest = unix.EPOLLIN | unix.EPOLLRDHUP
	if err := l.ctl(unix.EPOLL_CTL_ADD, c.fd, c.net.interest, generation(c)); err != nil {
		l.close(c)
		return
	}
	c.endTurn()
	l.flush(c)
}

func setKeepAlive(fd int, d time.Duration) {
	if d <= 0 {
		return
	}
	seconds := max(1, int(d/time.Second))
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, max(1, seconds/3))
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3)
}

func sockAddr(sa unix.Sockaddr) string {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)).String()
	}
	return "?:0"
}
