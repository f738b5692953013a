package resp

import (
	"bytes"
	"log/slog"
	"sync/atomic"
	"time"
)

// Conn is one client's connection. See the package comment for who may call what.
type Conn struct {
	// Session is the handler's own; Open sets it.
	Session any

	srv     *Server
	owner   owner
	id      uint64
	fd      int
	remote  string
	local   string
	created time.Time

	q queue

	mail  atomic.Uint32 // what others asked of the owner and it has not handled
	fate  atomic.Uint32 // fateKilled, fateClosing
	class atomic.Uint32
	why   atomic.Uint32 // a cause: why the server ends it; the first stays
	much  atomic.Int64  // bytes queued or buffered when why was set
	// stranger: a password is wanted and has never been shown. It mirrors what the owner knows, for Send.
	stranger atomic.Bool

	softSince  atomic.Int64 // unix ns since when the soft output limit is exceeded; 0: it is not
	lastActive atomic.Int64 // unix ns
	queryBytes atomic.Int64
	queryRoom  atomic.Int64
	netIn      atomic.Uint64
	netOut     atomic.Uint64
	commands   atomic.Uint64

	// Only the owner touches what follows; Serve runs on the owner.
	p        Parser
	w        Writer
	spare    *[]byte // the owner's buffer that writers borrow while they have something to write
	taken    int     // bytes consumed in this turn
	given    int     // bytes of replies sealed in this turn
	inTurn   bool
	paused   bool
	stalled  bool
	parked   bool
	eof      bool // the peer sends no more
	closed   bool
	known    bool // has been authenticated once
	ahead    int  // what of Server.ahead is this connection's
	draining bool // the server is stopping: what is covered leaves, then the connection goes
	// turnBegan is the number of Release calls before the turn began: a stalled connection waits for the next.
	turnBegan uint64
	net       netState
}

const (
	fateKilled  = 1 << iota // close now, whatever is queued
	fateClosing             // serve no more, close once the queue is empty
)

const (
	mailFlush = 1 << iota
	mailResume
	mailClose
	mailKill
	mailOpen
)

// owner is a loop or a goroutine pair.
type owner interface {
	wake(c *Conn) // c.mail has become non-zero
	unblock(c *Conn)
}

// tell leaves word for the owner. Words of one kind melt into one.
func (c *Conn) tell(what uint32) {
	if c.mail.Or(what) == 0 {
		c.owner.wake(c)
	}
}

// ID counts connections from 1 in the order in which they were accepted.
func (c *Conn) ID() uint64 { return c.id }

// RemoteAddr is "ip:port", "[ip]:port", or "path:0" for a unix socket.
func (c *Conn) RemoteAddr() string { return c.remote }

// LocalAddr is the address the client connected to, in the same form.
func (c *Conn) LocalAddr() string { return c.local }

// FD is the descriptor's number, for display only, or -1.
func (c *Conn) FD() int { return c.fd }

// Next returns the next complete command, or nil when there is none to be served in this turn: nothing complete has
// arrived, the connection is paused, parked, stalled or closing, or it has had its share of the turn. An error is a
// *ProtocolError: the handler says it and calls CloseAfterReply.
//
// "POST" and "Host:" end the connection in silence: a browser was made to talk to us.
func (c *Conn) Next() ([][]byte, error) {
	if c.paused || c.stalled || c.parked || c.closed || c.taken >= turnQuota || c.given+len(c.w.buf) >= turnReplies || c.fate.Load() != 0 {
		return nil, nil
	}
	before := c.p.pos
	args, err := c.p.Next()
	if err != nil {
		c.srv.stats.protocolErrors.Add(1)
		return nil, err
	}
	if args == nil {
		return nil, nil
	}
	if n := len(args[0]); (n == 4 || n == 5) && isHTTP(args[0]) {
		c.srv.stats.crossProtocol.Add(1)
		c.end(causeCrossProtocol, 0)
		return nil, nil
	}
	c.taken += c.p.pos - before
	c.commands.Add(1)
	if c.w.buf == nil {
		c.w.buf, *c.spare = *c.spare, nil
	}
	return args, nil
}

// Ahead appends the AheadWords words behind the name of each command that Next will return, as far as that is to be seen without
// parsing them: nearly always the first is a key. A command with fewer has nil there. It appends no more than fit into words,
// and may stop before that; whoever asks can only prepare for what comes.
func (c *Conn) Ahead(words [][]byte) [][]byte { return c.p.ahead(words) }

func isHTTP(name []byte) bool {
	return bytes.EqualFold(name, []byte("post")) || bytes.EqualFold(name, []byte("host:"))
}

// Unread makes the command that Next returned last come again. It is called before the next Next, at most once.
func (c *Conn) Unread() {
	c.p.Unread()
	c.commands.Add(^uint64(0))
}

// Writer is where the reply to the current command goes.
func (c *Conn) Writer() *Writer { return &c.w }

// Seal queues everything written since the last Seal. It leaves when Released() >= pos and everything before it has left.
func (c *Conn) Seal(pos uint64) {
	b := c.w.buf
	if len(b) == 0 {
		return
	}
	c.given += len(b)
	c.q.mu.Lock()
	size, adopted := c.q.appendLocked(b, pos)
	c.q.mu.Unlock()
	switch {
	case adopted || cap(b) > adoptSize:
		c.w.buf = nil
	case *c.spare == nil:
		*c.spare, c.w.buf = b[:0], nil
	default:
		c.w.buf = b[:0]
	}
	c.checkOutput(size)
}

// Send queues encoded bytes as Seal does, from any goroutine, and has the owner write them. It copies p.
func (c *Conn) Send(pos uint64, p []byte) {
	if len(p) >= adoptSize {
		p = bytes.Clone(p)
	}
	c.q.mu.Lock()
	size, _ := c.q.appendLocked(p, pos)
	c.q.mu.Unlock()
	if size == 0 {
		return
	}
	c.checkOutput(size)
	c.tell(mailFlush)
}

// Pause makes the current command the last that is served until Resume. The peer's end is still noticed, and ends the
// connection at once.
func (c *Conn) Pause() { c.paused = true }

// Park is Pause for a command that will be answered whatever the client does: one that half-closes gets its reply.
func (c *Conn) Park() { c.parked = true }

// Resume ends a Pause or a Park. With Unread before it, the same command is tried again then.
func (c *Conn) Resume() { c.tell(mailResume) }

// Stall is Pause until the first Release that comes after the turn began. With Unread before it, the same
// command is tried again then.
func (c *Conn) Stall() { c.stalled = true }

// CloseAfterReply serves no more commands and closes the connection once everything queued, held output included, has left.
func (c *Conn) CloseAfterReply() {
	c.fate.Or(fateClosing)
	c.tell(mailClose)
}

// Kill closes the connection as soon as its owner hears of it. Nothing that is queued leaves any more.
func (c *Conn) Kill() { c.kill() }

// kill says whether it is the first.
func (c *Conn) kill() bool {
	if c.fate.Or(fateKilled)&fateKilled != 0 {
		return false
	}
	c.q.stop()
	c.owner.unblock(c)
	c.tell(mailKill)
	return true
}

// SetAuthenticated lifts or imposes the limits for clients that have not shown a password. A new connection is
// authenticated; Open of a handler that wants a password says otherwise. The limit on unread output is lifted for good:
// a client that logs out after a long pipeline may still be reading its replies.
func (c *Conn) SetAuthenticated(yes bool) {
	c.p.Unauthenticated = !yes
	c.known = c.known || yes
	c.stranger.Store(!c.known)
}

// SetClass chooses the output limit. Connections of class PubSub have no idle timeout.
func (c *Conn) SetClass(class Class) { c.class.Store(uint32(class)) }

// Held says whether output waits for a position.
func (c *Conn) Held() bool {
	_, _, _, held := c.q.state(c.srv.Released())
	return held
}

// Info is what CLIENT LIST shows of a connection.
type Info struct {
	QueryBuffer     int // bytes received and not yet consumed
	QueryBufferFree int // unused memory behind them
	OutputBytes     int // bytes queued
	OutputChunks    int
	OutputMemory    int // memory that holds them
	TotalMemory     int // estimate of all memory the connection uses
	Held            bool
	Created         time.Time
	LastActive      time.Time
	NetIn, NetOut   uint64
	Commands        uint64
}

// Info is a snapshot.
func (c *Conn) Info() Info {
	i := Info{
		QueryBuffer:     int(c.queryBytes.Load()),
		QueryBufferFree: int(c.queryRoom.Load()),
		Created:         c.created,
		LastActive:      time.Unix(0, c.lastActive.Load()),
		NetIn:           c.netIn.Load(),
		NetOut:          c.netOut.Load(),
		Commands:        c.commands.Load(),
	}
	i.OutputBytes, i.OutputChunks, i.OutputMemory, i.Held = c.q.state(c.srv.Released())
	i.TotalMemory = connSize + i.QueryBuffer + i.QueryBufferFree + i.OutputMemory
	return i
}

// connSize stands for the Conn and what its owner keeps for it.
const connSize = 1 << 10

// checkOutput kills a client that does not read.
func (c *Conn) checkOutput(size int) {
	if size > strangerOutput && c.stranger.Load() {
		c.overflow(causeStranger, size)
		return
	}
	limits := c.srv.output.Load()
	l := &limits[min(c.class.Load(), uint32(classes-1))]
	if l.Hard > 0 && int64(size) > l.Hard {
		c.overflow(causeHardLimit, size)
		return
	}
	if l.Soft <= 0 || int64(size) <= l.Soft {
		if c.softSince.Load() != 0 {
			c.softSince.Store(0)
		}
		return
	}
	now := time.Now().UnixNano()
	since := c.softSince.Load()
	if since == 0 {
		c.softSince.Store(now)
	} else if now-since > int64(l.SoftFor) {
		c.overflow(causeSoftLimit, size)
	}
}

func (c *Conn) overflow(limit cause, size int) {
	if c.end(limit, size) {
		c.srv.stats.outputLimitKills.Add(1)
	}
}

// cause is why the server ended a connection by itself. The owner says so in the log when it closes the connection, for
// the limits are checked with the handler's lock held, and a log that nobody drains must not hold up everybody.
type cause uint32

const (
	causeHardLimit cause = 1 + iota
	causeSoftLimit
	causeStranger
	causeQueryBuffer
	causeCrossProtocol
	causeIdle
)

// end kills for a cause, and says whether it is the first.
func (c *Conn) end(why cause, size int) bool {
	if c.fate.Load()&fateKilled != 0 || !c.why.CompareAndSwap(0, uint32(why)) {
		return false
	}
	c.much.Store(int64(size))
	c.Kill()
	return true
}

// logEnd is called by the owner once the connection is closed.
func (c *Conn) logEnd() {
	const unread = "client closed: it does not read what it asked for"
	logger, who := c.srv.logger, slog.Group("", "client", c.remote, "id", c.id)
	switch size := c.much.Load(); cause(c.why.Load()) {
	case causeHardLimit:
		logger.Warn(unread, who, "limit", "hard", "queued", size)
	case causeSoftLimit:
		logger.Warn(unread, who, "limit", "soft", "queued", size)
	case causeStranger:
		logger.Warn(unread, who, "limit", "unauthenticated", "queued", size)
	case causeQueryBuffer:
		logger.Warn("client closed: its query buffer is full", who, "buffered", size)
	case causeCrossProtocol:
		c.srv.warnCrossProtocol(c)
	case causeIdle:
		logger.Debug("client closed: idle", who)
	}
}

// received accounts for n bytes and checks the query buffer limit.
func (c *Conn) received(n int, now time.Time) {
	c.netIn.Add(uint64(n))
	c.lastActive.Store(now.UnixNano())
	c.showQueryBuffer()
	if c.paused {
		c.countAhead()
	}
	if most := c.p.Limits.maxQueryBuffer(); c.p.memory() > most {
		if c.end(causeQueryBuffer, c.p.memory()) {
			c.srv.stats.queryLimitKills.Add(1)
		}
	}
}

func (c *Conn) showQueryBuffer() {
	c.queryBytes.Store(int64(c.p.Buffered()))
	c.queryRoom.Store(int64(c.p.room()))
}

// servable says whether a turn may include the connection.
func (c *Conn) servable() bool {
	return !c.paused && !c.stalled && !c.parked && !c.closed && !c.draining && c.fate.Load() == 0
}

// mayRead says whether the socket may be read. A connection that is not served is read ahead of a little. A blocked one is read
// on, as Redis does, for its end arrives behind the commands it sent; but never into the query buffer limit, which would
// kill it, and not beyond what all blocked ones may take together.
func (c *Conn) mayRead() bool {
	if c.draining || c.fate.Load() != 0 {
		return false
	}
	n := c.p.Buffered()
	if n < pausedReadSize || c.servable() {
		return true
	}
	return c.paused && n < blockedReadSize && c.p.memory()+2*bigReadSize < c.p.Limits.maxQueryBuffer() &&
		c.srv.ahead.Load() < blockedReadTotal
}

// countAhead keeps Server.ahead. The owner calls it when the connection is blocked, goes on, or ends.
func (c *Conn) countAhead() {
	n := 0
	if c.paused && !c.closed {
		n = max(0, c.p.Buffered()-pausedReadSize)
	}
	if n != c.ahead {
		c.srv.ahead.Add(int64(n - c.ahead))
		c.ahead = n
	}
}

// endTurn gives memory back. What the handler wrote and did not seal leaves at once.
func (c *Conn) endTurn() {
	c.Seal(0)
	if *c.spare == nil {
		*c.spare = c.w.buf // borrowed, and nothing was written
	}
	c.w.buf = nil
	c.p.settle()
	c.taken, c.given, c.inTurn = 0, 0, false
	c.showQueryBuffer()
	if c.paused || c.ahead > 0 {
		c.countAhead()
	}
}

// idleSince says whether the connection may be closed for silence, and since when it is silent.
func (c *Conn) idleSince() (time.Time, bool) {
	if c.paused || c.parked || Class(c.class.Load()) != Normal {
		return time.Time{}, false
	}
	return time.Unix(0, c.lastActive.Load()), true
}

// endStall ends a Stall when there was a Release since the turn began.
func (c *Conn) endStall() {
	if c.stalled && c.srv.releases.Load() != c.turnBegan {
		c.stalled = false
	}
}

// checkIdle kills a connection that has been silent too long, or has been above its soft output limit too long.
func (c *Conn) checkIdle(now time.Time, timeout time.Duration) {
	if since, may := c.idleSince(); may && timeout > 0 && now.Sub(since) > timeout {
		if c.end(causeIdle, 0) {
			c.srv.stats.timeouts.Add(1)
		}
		return
	}
	if c.softSince.Load() != 0 {
		size, _, _, _ := c.q.state(c.srv.Released())
		c.checkOutput(size)
	}
}
