package resp

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAClientThatDoesNotReadIsKilledAtTheHardLimit(t *testing.T) {
	limit := func(c *Config) { c.Output[Normal].Hard = 1 << 20 }
	overAll(t, limit, func(t *testing.T, r *rig) {
		c := r.dial()
		go io.WriteString(c, strings.Repeat("BULK 100000\r\n", 400)) // more than the socket's buffers take
		eventually(t, "killed", func() bool { return r.closed() == 1 })
		if n := r.srv.Stats().OutputBufferKills; n != 1 {
			t.Error(n, " counted")
		}
	})
}

// Without a password nobody may make the server remember much (CVE-2025-21605).
func TestAClientWithoutThePasswordThatDoesNotReadIsKilled(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		r.h.mu.Lock()
		r.h.password = true
		r.h.mu.Unlock()
		c := r.dial()
		c.send("PING\r\n")
		c.expect("-NOAUTH Authentication required.")
		conn := r.conn(1)
		most := atomic.Int64{}
		go func() {
			chunk := strings.Repeat("PING\r\n", 200)
			for { // more than the socket's buffers take
				if _, err := io.WriteString(c, chunk); err != nil {
					return
				}
				most.Store(max(most.Load(), int64(conn.Info().OutputBytes)))
			}
		}()
		eventually(t, "killed", func() bool { return r.closed() == 1 })
		if n := r.srv.Stats().OutputBufferKills; n != 1 {
			t.Error(n, " counted")
		}
		// What one read asks for is answered before the limit ends it.
		if n := most.Load(); n > strangerOutput+readSize*8 {
			t.Error(n, " bytes were queued")
		}
	})
}

func TestTheLimitForStrangersIsLiftedForGood(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		r.h.mu.Lock()
		r.h.password = true
		r.h.mu.Unlock()
		c := r.dial()
		// The replies are held: a client that has logged out is still owed what it asked for before.
		c.send("AUTH\r\nAPPEND\r\nBULK 100000\r\nLOGOUT\r\nPING\r\n")
		eventually(t, "served", func() bool { return r.executed() == 5 })
		r.h.releaseAll()
		c.expect("+OK", ":1", strings.Repeat("x", 100_000), "+OK", "-NOAUTH Authentication required.")
	})
}

// The state lock is held while replies are sealed. A log that nobody drains must not stop who waits for that lock.
func TestNothingIsLoggedUnderTheHandlersLock(t *testing.T) {
	lines := &lockWatcher{Handler: slog.DiscardHandler, seen: make(chan bool, 16)}
	change := func(c *Config) {
		c.Output[Normal].Hard = 10_000
		c.Logger = slog.New(lines)
	}
	overAll(t, change, func(t *testing.T, r *rig) {
		lines.h.Store(r.h)
		for _, sin := range []string{"BULK 20000\r\n", "POST /\r\n"} {
			c := r.dial()
			c.send(sin)
			if !<-lines.seen { // the test looks at nothing that needs the lock meanwhile
				t.Errorf("%q was logged with the lock held", sin)
			}
			c.expectEnd()
		}
		lines.h.Store(nil)
	})
}

// lockWatcher says for each message of the log whether the fake broker's lock was free.
type lockWatcher struct {
	slog.Handler
	h    atomic.Pointer[fake]
	seen chan bool
}

func (w *lockWatcher) Enabled(context.Context, slog.Level) bool { return true }

func (w *lockWatcher) Handle(context.Context, slog.Record) error {
	if h := w.h.Load(); h != nil {
		free := h.mu.TryLock()
		if free {
			h.mu.Unlock()
		}
		w.seen <- free
	}
	return nil
}

func TestHeldBytesCountAgainstTheOutputLimit(t *testing.T) {
	limit := func(c *Config) { c.Output[Normal].Hard = 10_000 }
	overAll(t, limit, func(t *testing.T, r *rig) {
		c, d := r.dial(), r.dial()
		c.send("APPEND\r\nBULK 9000\r\n")
		eventually(t, "served", func() bool { return r.executed() == 2 })
		c.send("BULK 1000\r\n")
		eventually(t, "killed", func() bool { return r.closed() == 1 })
		c.expectEnd()
		d.send("PING\r\n")
		d.expect("+PONG")
		if n := r.srv.Stats().OutputBufferKills; n != 1 {
			t.Error(n, " counted")
		}
	})
}

func TestTheQueryBufferIsBounded(t *testing.T) {
	limit := func(c *Config) { c.Limits.MaxQueryBuffer = 100_000 }
	overAll(t, limit, func(t *testing.T, r *rig) {
		c, d := r.dial(), r.dial()
		go io.WriteString(c, "*1\r\n$200000\r\n"+strings.Repeat("x", 150_000))
		eventually(t, "killed", func() bool { return r.closed() == 1 })
		go io.WriteString(d, "*100000\r\n"+strings.Repeat("$0\r\n\r\n", 10_000)) // few bytes, many arguments
		eventually(t, "killed", func() bool { return r.closed() == 2 })
		if n := r.srv.Stats().QueryBufferKills; n != 2 {
			t.Error(n, " counted")
		}
	})
}

func TestOneClientTooManyIsToldSo(t *testing.T) {
	two := func(c *Config) { c.MaxClients = 2 }
	overAll(t, two, func(t *testing.T, r *rig) {
		for _, c := range []*client{r.dial(), r.dial()} {
			c.send("PING\r\n")
			c.expect("+PONG")
		}
		c := r.dial()
		if r.network != "tls" { // nobody shakes hands with one too many
			c.expect("-ERR max number of clients reached")
		}
		c.expectEnd()
		r.clients[0].Close()
		eventually(t, "a place is free", func() bool { return r.closed() == 1 })
		d := r.dial()
		d.send("PING\r\n")
		d.expect("+PONG")
		if s := r.srv.Stats(); s.Rejected != 1 || s.Accepted != 4 || s.Connected != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestARefusedConnectionIsToldWhy(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		r.h.mu.Lock()
		r.h.refuse = fmt.Errorf("DENIED not from there")
		r.h.mu.Unlock()
		c := r.dial()
		c.expect("-DENIED not from there")
		c.expectEnd()
		if r.closed() != 0 {
			t.Error("Close was called for a connection that Open refused")
		}
	})
}

func TestAnIdleClientIsClosedAndABlockedOrSubscribedOneIsNot(t *testing.T) {
	overAll(t, nil, func(t *testing.T, r *rig) {
		idle, blocked, subscribed := r.dial(), r.dial(), r.dial()
		for _, c := range []*client{idle, blocked, subscribed} {
			c.send("PING\r\n")
			c.expect("+PONG")
		}
		r.conn(3).SetClass(PubSub)
		blocked.send("BLOCK\r\n")
		eventually(t, "blocked", func() bool { return r.executed() == 4 })
		for id := uint64(1); id <= 3; id++ {
			r.conn(id).lastActive.Store(time.Now().Add(-time.Hour).UnixNano())
		}
		r.srv.SetTimeout(time.Minute)
		idle.expectEnd()
		eventually(t, "one closed", func() bool { return r.closed() == 1 })
		if n := r.srv.Stats().Timeouts; n != 1 {
			t.Error(n, " timeouts")
		}
		subscribed.send("PING\r\n")
		subscribed.expect("+PONG")
	})
}
