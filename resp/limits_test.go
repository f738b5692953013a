package resp

import (
	"fmt"
	"io"
	"strings"
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
		c.expect("-ERR max number of clients reached")
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
