package broker

import (
	"net/netip"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

// session is one connection's state: what the client said about itself, and what the broker is doing for it. The state
// lock guards it.
type session struct {
	command.Session
	conn    *resp.Conn
	waiter  *waiter       // not nil: blocked
	fetch   *fetch        // not nil: its command waits for cold blocks, or is to run again
	last    *command.Spec // the command it ran last
	held    bool          // its command waits for the end of CLIENT PAUSE
	backup  bool          // it has begun a backup, and what that needs is kept
	closing bool          // told to close after its replies: nothing that it sent after is served
	killed  bool          // told to close at once: for others it is gone

	silent   bool // CLIENT REPLY OFF
	skipping int  // CLIENT REPLY SKIP: replies, this one included, still to be left out
}

// mute drops a reply that the client has asked not to get.
func (s *session) mute(out *resp.Writer, mark int) {
	if s.silent || s.skipping > 0 {
		out.Truncate(mark)
		s.skipping = max(s.skipping-1, 0)
	}
}

// handler is the broker as resp sees it (resp.Handler).
type handler struct{ *Broker }

// Open admits a new connection.
func (b handler) Open(c *resp.Conn) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.settings.protectedMode && b.settings.requirePass == "" && !isLoopback(c.RemoteAddr()) {
		return errProtected
	}
	s := &session{conn: c}
	s.ID = int64(c.ID())
	s.Addr, s.Laddr = c.RemoteAddr(), c.LocalAddr()
	b.resetIdentity(s)
	c.Session = s
	b.sessions[s.ID] = s
	return nil
}

// isLoopback reports whether a peer is on this machine: its address is a loopback one, or a unix socket's path.
func isLoopback(remote string) bool {
	addr, err := netip.ParseAddrPort(remote)
	return err != nil || addr.Addr().Unmap().IsLoopback()
}

// resetIdentity makes a session what it is before its first command. Without a password everybody is the default user.
func (b *Broker) resetIdentity(s *session) {
	s.DB, s.Name = 0, ""
	s.NoTouch = false
	s.User = "default"
	s.Authenticated = b.settings.requirePass == ""
	s.conn.SetAuthenticated(s.Authenticated)
}

// Close forgets a connection. From here on no delivery finds it.
func (b handler) Close(c *resp.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := c.Session.(*session); ok {
		b.forget(s.waiter)
		b.leavePause(s)
		b.history.letGo(&s.fetch)
		b.endBackup(s)
		delete(b.sessions, s.ID)
	}
}
