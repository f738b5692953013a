package resp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"
)

// Listen accepts connections at addr. The network is "tcp", "tls" (which needs Config.TLS) or "unix". It may be
// called several times.
func (s *Server) Listen(network, addr string) error {
	var ln net.Listener
	var err error
	switch network {
	case "tcp", "tcp4", "tcp6":
		ln, err = net.Listen(network, addr)
	case "tls":
		if s.cfg.TLS == nil {
			return errors.New("resp: no TLS configuration")
		}
		ln, err = net.Listen("tcp", addr)
	case "unix":
		ln, err = listenUnix(addr, s.cfg.UnixMode)
	default:
		return fmt.Errorf("resp: unknown network %q: tcp, tls and unix are known", network)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped.Load() {
		ln.Close()
		return net.ErrClosed
	}
	if network != "tls" && !s.cfg.Goroutines && haveLoops {
		l, err := s.loops.listen(s, ln)
		if err != nil {
			ln.Close()
			return err
		}
		s.listeners = append(s.listeners, l)
		return nil
	}
	a := &accepting{srv: s, ln: ln, done: make(chan struct{})}
	if network == "tls" {
		a.tls = s.cfg.TLS
	}
	s.listeners = append(s.listeners, a)
	s.wg.Add(1)
	go a.run()
	return nil
}

// listenUnix opens a unix socket. A socket that nobody answers on is a leftover and is replaced; anything else at the path
// is left alone.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&fs.ModeSocket == 0 {
			return nil, fmt.Errorf("resp: %s exists and is not a socket", path)
		}
		if nc, err := net.DialTimeout("unix", path, time.Second); err == nil {
			nc.Close()
			return nil, fmt.Errorf("resp: %s: another server answers there", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	u := &unixListener{Listener: ln, path: path}
	if u.made, err = os.Lstat(path); err == nil && mode != 0 {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		u.Close()
		return nil, err
	}
	return u, nil
}

// unixListener removes on Close the socket it made, and nothing that has come in its place.
type unixListener struct {
	net.Listener
	path string
	made os.FileInfo
}

func (u *unixListener) Close() error {
	if now, err := os.Lstat(u.path); err == nil && u.made != nil && os.SameFile(u.made, now) {
		os.Remove(u.path)
	}
	return u.Listener.Close()
}

// accepting hands connections to goroutine pairs.
type accepting struct {
	srv  *Server
	ln   net.Listener
	tls  *tls.Config
	done chan struct{}
}

func (a *accepting) addr() net.Addr { return a.ln.Addr() }

func (a *accepting) close() {
	close(a.done)
	a.ln.Close()
}

func (a *accepting) run() {
	defer a.srv.wg.Done()
	for {
		nc, err := a.ln.Accept()
		if err != nil {
			select {
			case <-a.done:
				return
			default:
			}
			a.srv.acceptFailed(err)
			select {
			case <-a.done:
				return
			case <-time.After(acceptBackOff):
			}
			continue
		}
		if tc, ok := nc.(*net.TCPConn); ok {
			d := time.Duration(a.srv.keepAlive.Load())
			tc.SetKeepAliveConfig(net.KeepAliveConfig{Enable: d > 0, Idle: d, Interval: max(time.Second, d/3), Count: 3})
		}
		if a.tls == nil {
			a.srv.ServeConn(nc)
			continue
		}
		if !a.srv.admit() || !a.srv.greet(nc) {
			nc.Close() // nothing that is not TLS could be understood
			continue
		}
		go a.handshake(nc)
	}
}

func (a *accepting) handshake(nc net.Conn) {
	defer a.srv.wg.Done()
	tc := tls.Server(nc, a.tls)
	nc.SetDeadline(time.Now().Add(handshakeTimeout))
	err := tc.Handshake()
	a.srv.mu.Lock()
	delete(a.srv.greeting, nc)
	a.srv.mu.Unlock()
	if err != nil {
		a.srv.stats.connected.Add(-1)
		a.srv.logger.Debug("TLS handshake failed", "client", nc.RemoteAddr(), "error", err)
		nc.Close()
		return
	}
	nc.SetDeadline(time.Time{})
	a.srv.serveConn(tc)
}

// greet registers a handshake, which Shutdown ends by closing nc.
func (s *Server) greet(nc net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped.Load() {
		s.stats.connected.Add(-1)
		return false
	}
	s.greeting[nc] = struct{}{}
	s.wg.Add(1)
	return true
}

// acceptFailed counts and, at most once a second, says that a connection could not be accepted.
func (s *Server) acceptFailed(err error) {
	s.stats.acceptErrors.Add(1)
	now := time.Now().UnixNano()
	if last := s.acceptWarned.Load(); now-last > int64(time.Second) && s.acceptWarned.CompareAndSwap(last, now) {
		s.logger.Error("accept failed", "error", err)
	}
}

// redisAddr is an address as CLIENT LIST shows it.
func redisAddr(a net.Addr) string {
	if a == nil {
		return ""
	}
	if a.Network() == "unix" {
		return a.String() + ":0"
	}
	return strings.TrimPrefix(a.String(), "::ffff:")
}
