package resp

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// fake is a broker in small: a counter for a log, one lock for the state, waiters for blocked clients.
//
//	PING, ECHO x      answered at once
//	APPEND            takes the next position; the answer is the position, held until it is released
//	LAST              answers the last position, held until that is released (a read of what was appended)
//	BLOCK             parks the client until WAKE
//	WAKE x            answers all parked clients with x, at the position of the last APPEND
//	PARK              answers the bytes of the last FETCHED; is parked until there was one
//	FETCHED x         lets all who are parked try again
//	STALL n           answers n once n appends have been released; stalls until then
//	BULK n            answers with n bytes
//	GATE              holds everybody up until the test opens the gate
//	AUTH, LOGOUT, QUIT
type fake struct {
	srv      *Server
	password bool
	refuse   error

	mu       sync.Mutex
	last     uint64
	waiters  []*Conn
	parked   []*Conn
	fetched  []byte
	open     map[*Conn]bool
	opened   int
	closed   int
	turns    int
	commits  int
	faults   []string // what must never happen
	executed int
	// uncommitted turns: none are left once all connections have ended
	uncommitted int
	widest      int // most bytes one connection consumed in one turn
	fattest     int // most bytes of replies one connection got in one turn
	onClose     func(c *Conn)
	gate        chan struct{} // GATE waits until it is closed
	atGate      chan struct{} // GATE says here that it has come
}

type fakeSession struct{ blocked bool }

func newFake(cfg Config) *fake {
	h := &fake{open: map[*Conn]bool{}, gate: make(chan struct{}), atGate: make(chan struct{})}
	srv, err := NewServer(h, cfg)
	if err != nil {
		panic(err)
	}
	h.srv = srv
	return h
}

func (h *fake) fault(format string, args ...any) {
	h.faults = append(h.faults, fmt.Sprintf(format, args...))
}

func (h *fake) Open(c *Conn) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse != nil {
		return h.refuse
	}
	c.Session = &fakeSession{}
	c.SetAuthenticated(!h.password)
	h.open[c] = true
	h.opened++
	return nil
}

func (h *fake) Close(c *Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open[c] {
		h.fault("Close of %d, which is not open", c.ID())
	}
	delete(h.open, c)
	h.closed++
	for i, w := range h.waiters {
		if w == c {
			h.waiters = append(h.waiters[:i], h.waiters[i+1:]...)
			break
		}
	}
	if h.onClose != nil {
		h.onClose(c)
	}
}

func (h *fake) Commit() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.commits++
	h.uncommitted = 0
}

func (h *fake) Serve(turn []*Conn) (uncommitted bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.turns++
	h.uncommitted++
	seen := map[*Conn]bool{}
	for _, c := range turn {
		if !h.open[c] {
			h.fault("Serve of %d, which is not open", c.ID())
			continue
		}
		if seen[c] {
			h.fault("connection %d twice in one turn", c.ID())
		}
		seen[c] = true
		if c.Session.(*fakeSession).blocked {
			h.fault("Serve of %d, which is blocked", c.ID())
		}
		for {
			args, err := c.Next()
			if err != nil {
				c.Writer().Error("ERR " + err.Error())
				c.Seal(0)
				c.CloseAfterReply()
				break
			}
			if args == nil {
				break
			}
			h.command(c, args)
			h.widest = max(h.widest, c.taken)
			h.fattest = max(h.fattest, c.given)
		}
	}
	return true
}

func (h *fake) command(c *Conn, args [][]byte) {
	w, pos := c.Writer(), uint64(0)
	is := func(name string) bool { return bytes.EqualFold(args[0], []byte(name)) }
	h.executed++
	switch {
	case is("auth"):
		c.SetAuthenticated(true)
		w.OK()
	case is("logout"):
		c.SetAuthenticated(false)
		w.OK()
	case h.password && c.p.Unauthenticated:
		w.Error("NOAUTH Authentication required.")
	case is("ping") && len(args) == 1:
		w.SimpleString("PONG")
	case (is("ping") || is("echo")) && len(args) == 2:
		w.Bulk(args[1])
	case is("echo") || is("ping"):
		w.Error("ERR wrong number of arguments for '" + strings.ToLower(string(args[0])) + "' command")
	case is("count"):
		w.Int(int64(len(args)))
	case is("append"):
		h.last++
		pos = h.last
		w.Int(int64(pos))
	case is("last"):
		pos = h.last
		w.Int(int64(pos))
	case is("bulk"):
		n, _ := strconv.Atoi(string(args[1]))
		w.Bulk(bytes.Repeat([]byte("x"), n))
	case is("gate"):
		h.atGate <- struct{}{}
		<-h.gate
		w.OK()
	case is("block"):
		c.Session.(*fakeSession).blocked = true
		h.waiters = append(h.waiters, c)
		c.Pause()
	case is("wake"):
		n := h.wake(args[1])
		pos = h.last
		w.Int(int64(n))
	case is("park"):
		if h.fetched == nil {
			h.parked = append(h.parked, c)
			c.Unread()
			c.Park()
			h.executed--
			return
		}
		w.Bulk(h.fetched)
	case is("fetched"):
		h.fetched = bytes.Clone(args[1])
		for _, parked := range h.parked {
			parked.Resume()
		}
		h.parked = nil
		w.OK()
	case is("stall"):
		n, _ := strconv.ParseUint(string(args[1]), 10, 64)
		if h.srv.Released() < n {
			c.Unread()
			c.Stall()
			h.executed--
			return
		}
		w.Int(int64(n))
	case is("quit"):
		w.OK()
		c.Seal(0)
		c.CloseAfterReply()
		return
	default:
		w.Error("ERR unknown command '" + string(args[0]) + "'")
	}
	c.Seal(pos)
}

// wake answers everybody that is parked. The lock is held.
func (h *fake) wake(with []byte) int {
	w := NewWriter(2)
	w.Bulk(with)
	n := len(h.waiters)
	for _, c := range h.waiters {
		c.Session.(*fakeSession).blocked = false
		c.Send(h.last, w.Bytes())
		c.Resume()
	}
	h.waiters = nil
	return n
}

// releaseAll makes everything appended so far durable.
func (h *fake) releaseAll() {
	h.mu.Lock()
	pos := h.last
	h.mu.Unlock()
	h.srv.Release(pos)
}

func (h *fake) check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.faults) > 0 {
		return errors.New(h.faults[0])
	}
	if h.opened != h.closed+len(h.open) {
		return fmt.Errorf("%d opened, %d closed, %d open", h.opened, h.closed, len(h.open))
	}
	return nil
}
