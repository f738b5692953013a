package main

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// silence is how long nothing may arrive before a run is given up.
const silence = 20 * time.Second

// conn is one connection of a crowd, which has at most one request under way.
// Its socket blocks: a request is written whole, and is read from only when
// there is something.
type conn struct {
	reader
	number int
	fd     int
	out    []byte
	walk   *walk // of a connection whose replies are entries; else nil
}

// whole is next, or what stands in for it.
func (c *conn) whole() (bool, error) {
	if c.walk != nil {
		return c.walk.next(&c.reader)
	}
	return c.next()
}

// crowd is many connections of one goroutine, over epoll: neither a goroutine
// nor a wake-up between threads for each reply.
type crowd struct {
	epoll int
	conns []*conn
	byFD  map[int32]*conn
}

// errEnough ends a crowd's run.
var errEnough = errors.New("enough")

// monotonic is a clock that processes of one machine share, in nanoseconds.
func monotonic() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err) // it exists on every Linux
	}
	return t.Nano()
}

// gather opens n connections.
func gather(addr string, n int) (*crowd, error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	to := &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}
	g := &crowd{byFD: make(map[int32]*conn, n)}
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	for i := range n {
		c, err := g.connect(to, i)
		if err != nil {
			g.close()
			return nil, fmt.Errorf("connection %d of %d: %w", i+1, n, err)
		}
		// Not more at once than the server's queue of new connections holds.
		if i%128 != 127 {
			continue
		}
		if err := c.ping(); err != nil {
			g.close()
			return nil, fmt.Errorf("connection %d of %d: %w", i+1, n, err)
		}
	}
	return g, nil
}

func (g *crowd) connect(to unix.Sockaddr, number int) (*conn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	c := &conn{fd: fd, number: number}
	g.conns = append(g.conns, c)
	g.byFD[int32(fd)] = c
	if err := unix.Connect(fd, to); err != nil {
		return nil, err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return nil, err
	}
	return c, unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

func (g *crowd) close() {
	for _, c := range g.conns {
		_ = unix.Close(c.fd)
	}
	_ = unix.Close(g.epoll)
}

// send writes requests.
func (c *conn) send(b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(c.fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// receive reads what there is, and waits for it when there is nothing.
func (c *conn) receive() error {
	for {
		n, err := unix.Read(c.fd, c.room())
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n == 0:
			return errors.New("the server has closed the connection")
		default:
			c.buf = c.buf[:len(c.buf)+n]
			return nil
		}
	}
}

// exchange sends n requests at once and calls each for every reply, in order.
func (c *conn) exchange(requests []byte, n int, each func(i int) error) error {
	if err := c.send(requests); err != nil {
		return err
	}
	for i := range n {
		for {
			whole, err := c.whole()
			if err != nil {
				return err
			}
			if whole {
				break
			}
			if err := c.receive(); err != nil {
				return err
			}
		}
		if err := c.failure(); err != nil {
			return err
		}
		if each != nil {
			if err := each(i); err != nil {
				return err
			}
		}
		c.drop()
	}
	return nil
}

func (c *conn) ping() error { return c.exchange([]byte("PING\r\n"), 1, nil) }

// run calls replied for every reply that arrives, whose connection has then
// nothing under way, until it returns an error; errEnough is the good one.
func (g *crowd) run(replied func(c *conn) error) error {
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(g.epoll, events, int(silence.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("no reply for %v", silence)
		}
		for _, e := range events[:n] {
			err := g.byFD[e.Fd].readable(replied)
			if errors.Is(err, errEnough) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
}

func (c *conn) readable(replied func(c *conn) error) error {
	if err := c.receive(); err != nil {
		return err
	}
	whole, err := c.whole()
	if err != nil || !whole {
		return err
	}
	err = replied(c)
	c.drop()
	return err
}

// sleepUntil waits for a moment of monotonic, more exactly than timers of the
// runtime do, which are a millisecond apart on an idle processor.
func sleepUntil(moment int64) {
	t := unix.NsecToTimespec(moment)
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &t, nil) == unix.EINTR {
	}
}
