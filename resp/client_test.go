package resp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// transports are the ways in which a connection may be served; every test of behaviour runs over all of them.
var transports = []struct {
	name    string
	network string
	cfg     Config
}{
	{"one loop", "tcp", Config{Loops: 1}},
	{"four loops", "tcp", Config{Loops: 4}},
	{"unix socket", "unix", Config{Loops: 2}},
	{"goroutines", "tcp", Config{Goroutines: true}},
	{"TLS", "tls", Config{}},
}

// overAll runs test on each transport with a server of its own, and looks for faults and leaks afterwards.
func overAll(t *testing.T, change func(*Config), test func(t *testing.T, r *rig)) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			before := descriptors()
			cfg := tr.cfg
			if change != nil {
				change(&cfg)
			}
			if tr.network == "tls" {
				cfg.TLS = serverTLS(t)
			}
			r := newRig(t, cfg, tr.network)
			test(t, r)
			r.stop()
			if after := descriptors(); after > before {
				t.Errorf("%d descriptors before, %d after", before, after)
			}
		})
	}
}

// rig is a server with its fake broker, and the clients that a test has dialled.
type rig struct {
	t       *testing.T
	h       *fake
	srv     *Server
	network string
	clients []*client
	stopped bool
}

func newRig(t *testing.T, cfg Config, network string) *rig {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = t.TempDir() + "/s"
	}
	return newRigAt(t, cfg, network, addr)
}

func newRigAt(t *testing.T, cfg Config, network, addr string) *rig {
	t.Helper()
	h := newFake(cfg)
	if err := h.srv.Listen(network, addr); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, h: h, srv: h.srv, network: network}
	t.Cleanup(r.stop)
	return r
}

func (r *rig) stop() {
	if r.stopped {
		return
	}
	r.stopped = true
	for _, c := range r.clients {
		c.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.srv.Shutdown(ctx); err != nil {
		r.t.Error("Shutdown: ", err)
	}
	r.h.mu.Lock()
	if r.h.uncommitted > 0 {
		r.t.Errorf("the last %d turns were not committed", r.h.uncommitted)
	}
	r.h.mu.Unlock()
	if err := r.h.check(); err != nil {
		r.t.Error(err)
	}
	if n := len(r.h.open); n > 0 {
		r.t.Error(n, " connections were never closed")
	}
	if n := r.srv.Stats().Connected; n != 0 {
		r.t.Error("Connected is ", n, " after Shutdown")
	}
}

func (r *rig) addr() net.Addr { return r.srv.Addrs()[0] }

type client struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (r *rig) dial() *client {
	r.t.Helper()
	nc, err := net.Dial(r.addr().Network(), r.addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	if r.network == "tls" {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	nc.SetDeadline(time.Now().Add(60 * time.Second))
	c := &client{nc, r.t, bufio.NewReader(nc)}
	r.clients = append(r.clients, c)
	return c
}

// conn is the server's side of the n-th connection that is open, by ID.
func (r *rig) conn(id uint64) *Conn {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	for c := range r.h.open {
		if c.ID() == id {
			return c
		}
	}
	r.t.Fatalf("no connection %d", id)
	return nil
}

// eventually waits for what other goroutines bring about.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if yes() {
			return
		}
	}
	t.Fatal("it never happened: ", what)
}

func (r *rig) executed() int {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	return r.h.executed
}

func (r *rig) closed() int {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	return r.h.closed
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

// reply reads one reply: a line, or the content of a bulk.
func (c *client) reply() (string, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return line, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" || line[0] != '$' || line == "$-1" {
		return line, nil
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil {
		return "", fmt.Errorf("not a reply: %q", line)
	}
	b := make([]byte, n+2)
	_, err = io.ReadFull(c.r, b)
	return string(b[:n]), err
}

func (c *client) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		got, err := c.reply()
		if err != nil || got != w {
			c.t.Fatalf("got %.200q, %v; want %.200q", got, err, w)
		}
	}
}

// expectEnd wants the server to have closed without a word more.
func (c *client) expectEnd() {
	c.t.Helper()
	got, err := c.reply()
	if err == nil || got != "" || errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("got %.200q, %v; want the end", got, err)
	}
}

func (c *client) closeWrite() {
	c.t.Helper()
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
}

// reset closes so that the server's side gets an error instead of an end, where the network knows the difference.
func (c *client) reset() {
	nc := c.Conn
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	if tc, ok := nc.(*net.TCPConn); ok {
		tc.SetLinger(0)
	}
	nc.Close()
}

func testLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// descriptors is how many this process has open, where that can be seen.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
