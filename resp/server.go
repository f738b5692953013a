package resp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Handler runs commands. The package comment says when each method is called.
type Handler interface {
	// Open sees a new connection first. A non-nil error's text is sent as "-<text>\r\n" and the connection closed,
	// without a Close.
	Open(c *Conn) error
	// Serve runs the complete commands that one turn of a loop found, and reports whether Commit has something to do.
	Serve(turn []*Conn) (uncommitted bool)
	// Commit sees to it that the positions of what was sealed will be released. It comes after one turn or a few, so that
	// what takes the same time for much as for little is done once for them.
	Commit()
	// Close sees the end of a connection that Open accepted, whatever the reason.
	Close(c *Conn)
}

// Server owns listeners, loops and connections.
type Server struct {
	handler Handler
	cfg     Config
	logger  *slog.Logger

	limits     atomic.Pointer[Limits]
	output     atomic.Pointer[OutputLimits]
	maxClients atomic.Int64
	timeout    atomic.Int64 // ns
	keepAlive  atomic.Int64 // ns

	released atomic.Uint64
	releases atomic.Uint64 // how many times Release was called, for stalled connections

	nextID       atomic.Uint64
	stats        counters
	warned       atomic.Int64 // unix ns of the last warning about a cross-protocol request
	acceptWarned atomic.Int64 // and about accept

	ahead    atomic.Int64  // bytes read ahead of blocked connections, beyond what anybody may send ahead
	stopped  atomic.Bool   // set under mu: nothing new is served
	cut      atomic.Int64  // connections that Shutdown closed with covered output unsent
	patience time.Duration // drainPatience; tests shorten it

	mu        sync.Mutex
	listeners []listener
	pipes     map[*pipe]struct{}
	greeting  map[net.Conn]struct{} // TLS handshakes under way; they count as clients
	wg        sync.WaitGroup        // loops, accepting goroutines, pipes

	holdMu  sync.Mutex
	holding map[*pipe]uint64 // pipes that wait for a position
	holds   atomic.Int64     // len(holding)

	loops loops

	ending sync.Once     // a Shutdown waits for everything to end,
	ended  chan struct{} // which closes this
}

type counters struct {
	connected, accepted, rejected     atomic.Int64
	netIn, netOut                     atomic.Uint64
	reads, writes                     atomic.Uint64
	queryLimitKills, outputLimitKills atomic.Uint64
	protocolErrors, crossProtocol     atomic.Uint64
	timeouts, acceptErrors            atomic.Uint64
}

// Stats are counted since NewServer, Connected excepted.
type Stats struct {
	Connected             int    // clients now, TLS handshakes included
	Accepted              int    // clients ever, rejected ones included
	Rejected              int    // for maxclients
	NetIn, NetOut         uint64 // bytes
	Reads, Writes         uint64 // system calls that moved them
	QueryBufferKills      uint64 // client-query-buffer-limit
	OutputBufferKills     uint64 // client-output-buffer-limit
	ProtocolErrors        uint64
	CrossProtocolRequests uint64 // POST and Host:
	Timeouts              uint64 // idle clients closed
	AcceptErrors          uint64 // accept failed, mostly for lack of descriptors
}

// NewServer returns a server that listens to nobody yet.
func NewServer(h Handler, cfg Config) (*Server, error) {
	if h == nil {
		return nil, errors.New("resp: no handler")
	}
	if cfg.Loops < 0 {
		return nil, errors.New("resp: a negative number of loops")
	}
	if cfg.Loops == 0 {
		cfg.Loops = 1
	}
	if cfg.MaxClients <= 0 {
		cfg.MaxClients = defaultMaxClients
	}
	s := &Server{handler: h, cfg: cfg, logger: cfg.Logger, pipes: map[*pipe]struct{}{}, greeting: map[net.Conn]struct{}{}, holding: map[*pipe]uint64{}, patience: drainPatience, ended: make(chan struct{})}
	if s.logger == nil {
		s.logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	s.SetLimits(cfg.Limits)
	s.output.Store(&cfg.Output)
	if most := s.SetMaxClients(cfg.MaxClients); most < cfg.MaxClients {
		s.logger.Warn("maxclients reduced to what the limit on open files leaves", "asked", cfg.MaxClients, "maxclients", most)
	}
	s.timeout.Store(int64(cfg.Timeout))
	s.keepAlive.Store(int64(cfg.KeepAlive))
	return s, nil
}

// Release raises the watermark and has everything that it now covers written. It may be called from any goroutine
// and does not wait.
func (s *Server) Release(pos uint64) {
	for {
		old := s.released.Load()
		if pos <= old || s.released.CompareAndSwap(old, pos) {
			break
		}
	}
	s.releases.Add(1)
	s.loops.release(pos)
	if s.holds.Load() > 0 {
		s.releasePipes(pos)
	}
}

// Released is the highest position released.
func (s *Server) Released() uint64 { return s.released.Load() }

// SetLimits changes what is accepted from the next read of each connection on.
func (s *Server) SetLimits(l Limits) { s.limits.Store(&l) }

// SetOutputLimits takes effect with the next reply of each connection.
func (s *Server) SetOutputLimits(l OutputLimits) { s.output.Store(&l) }

// SetMaxClients bounds the number of clients, and returns the bound: n, or what the descriptor limit leaves of it. It
// logs nothing: a handler calls it with its lock held.
func (s *Server) SetMaxClients(n int) int {
	n = max(1, min(n, maxDescriptors()-reservedDescriptors))
	s.maxClients.Store(int64(n))
	return n
}

// SetTimeout changes the idle timeout of all connections; 0 means never.
func (s *Server) SetTimeout(d time.Duration) {
	s.timeout.Store(int64(d))
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.pipes {
		p.poke()
	}
}

// SetKeepAlive changes the TCP keep-alive of connections to come.
func (s *Server) SetKeepAlive(d time.Duration) { s.keepAlive.Store(int64(d)) }

// Stats is a snapshot.
func (s *Server) Stats() Stats {
	c := &s.stats
	return Stats{
		Connected:             int(c.connected.Load()),
		Accepted:              int(c.accepted.Load()),
		Rejected:              int(c.rejected.Load()),
		NetIn:                 c.netIn.Load(),
		NetOut:                c.netOut.Load(),
		Reads:                 c.reads.Load(),
		Writes:                c.writes.Load(),
		QueryBufferKills:      c.queryLimitKills.Load(),
		OutputBufferKills:     c.outputLimitKills.Load(),
		ProtocolErrors:        c.protocolErrors.Load(),
		CrossProtocolRequests: c.crossProtocol.Load(),
		Timeouts:              c.timeouts.Load(),
		AcceptErrors:          c.acceptErrors.Load(),
	}
}

// admit counts a connection in, unless there are enough of them.
func (s *Server) admit() bool {
	s.stats.accepted.Add(1)
	if s.stats.connected.Add(1) > s.maxClients.Load() {
		s.stats.connected.Add(-1)
		s.stats.rejected.Add(1)
		return false
	}
	return true
}

// newConn returns a connection that has been admitted.
func (s *Server) newConn(o owner, fd int, remote, local string, spare *[]byte) *Conn {
	c := &Conn{srv: s, owner: o, id: s.nextID.Add(1), fd: fd, remote: remote, local: local, created: time.Now(), spare: spare}
	c.lastActive.Store(c.created.UnixNano())
	return c
}

const maxClientsText = "-ERR max number of clients reached\r\n"

// Shutdown stops listening, lets connections that are open have the replies that are covered, and closes them; commands
// that were not yet served are dropped. A client that reads nothing for two seconds, or not all before ctx ends, is cut:
// that is no failure, and is logged as one number. An error means that a handler has not returned; what it holds up is
// closed when it does.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopped.Store(true)
	listeners := s.listeners
	s.listeners = nil
	pipes := make([]*pipe, 0, len(s.pipes))
	for p := range s.pipes {
		pipes = append(pipes, p)
	}
	for nc := range s.greeting {
		nc.Close()
	}
	s.mu.Unlock()
	for _, l := range listeners {
		l.close()
	}
	for _, p := range pipes {
		p.drain()
	}
	s.loops.rouse()
	s.ending.Do(func() {
		go func() {
			s.wg.Wait()
			s.loops.sweep()
			close(s.ended)
		}()
	})
	var err error
	select {
	case <-s.ended:
	case <-ctx.Done():
		err = s.cutAll()
	}
	if n := s.cut.Load(); n > 0 {
		s.logger.Warn("connections cut: they did not read their replies before the end", "connections", n)
	}
	return err
}

// cutAll closes what is left, whatever it is still owed.
func (s *Server) cutAll() error {
	s.mu.Lock()
	for p := range s.pipes {
		if p.c.kill() {
			s.cut.Add(1)
		}
	}
	s.mu.Unlock()
	s.loops.stop()
	late := time.NewTimer(3 * s.patience)
	defer late.Stop()
	select {
	case <-s.ended:
		return nil
	case <-late.C:
		return errors.New("resp: a handler has not returned from Serve, Open or Close")
	}
}

// warnCrossProtocol says at most once a minute that somebody's browser is being misused.
func (s *Server) warnCrossProtocol(c *Conn) {
	now := time.Now().UnixNano()
	if last := s.warned.Load(); now-last > int64(time.Minute) && s.warned.CompareAndSwap(last, now) {
		s.logger.Warn("possible attack: a client sent POST or Host:, as a browser misled into talking to this port would; connection closed", "client", c.remote)
	}
}

// listener is what Listen has opened.
type listener interface {
	addr() net.Addr
	close()
}

// Addrs are the addresses listened to, in the order of the Listen calls.
func (s *Server) Addrs() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	addrs := make([]net.Addr, 0, len(s.listeners))
	for _, l := range s.listeners {
		addrs = append(addrs, l.addr())
	}
	return addrs
}
