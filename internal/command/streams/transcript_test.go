package streams_test

import (
	"bufio"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/command/streams"
	"github.com/weirmq/weir/internal/oracle"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
)

// TestTranscriptsOfStreams replays what was recorded from a real redis-server, and what is newer than that, against the
// family on its own: a keyspace behind a socket, no log, no broker.
func TestTranscriptsOfStreams(t *testing.T) {
	var paths []string
	for _, folder := range []string{"redis", "weir"} {
		found, err := filepath.Glob(filepath.Join("..", "..", "oracle", "testdata", folder, "x*.txt"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no transcripts in %s: %v", folder, err)
		}
		paths = append(paths, found...)
	}
	for _, path := range paths {
		tr, err := oracle.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, proto := range tr.Protos {
			t.Run(fmt.Sprintf("%s/%d", filepath.Base(path), proto), func(t *testing.T) {
				differences, err := oracle.Run(serve(t), tr, proto)
				if err != nil {
					t.Error(err)
				}
				for _, d := range differences {
					t.Error(d)
				}
			})
		}
	}
}

// server is as much of a broker as the transcripts of streams need.
type server struct {
	mu       sync.Mutex
	table    *command.Table
	keyspace *state.Keyspace
	tx       *state.Tx
	sessions []*session
	waiters  []*session // in order of arrival
}

type session struct {
	command.Session
	conn  net.Conn
	proto int
	again func(*command.Call) (bool, error)
	wait  *command.Wait
	// queued is what came while the session was blocked.
	queued []command.Args
}

// serve starts a server and returns its address.
func serve(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := state.NewKeyspace(stream.Config{})
	s := &server{table: command.NewTable(streams.Specs()), keyspace: k, tx: state.NewTx(k)}
	var loops sync.WaitGroup
	loops.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c := &session{conn: conn, proto: 2}
			s.mu.Lock()
			s.sessions = append(s.sessions, c)
			c.ID = int64(len(s.sessions))
			s.mu.Unlock()
			loops.Go(func() { s.loop(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		for _, c := range s.sessions {
			_ = c.conn.Close()
		}
		s.mu.Unlock()
		loops.Wait()
	})
	return l.Addr().String()
}

func (s *server) loop(c *session) {
	in := bufio.NewReader(c.conn)
	for {
		request, err := oracle.ReadReply(in)
		s.mu.Lock()
		if err != nil {
			s.forget(c)
			s.sessions = slices.DeleteFunc(s.sessions, func(o *session) bool { return o == c })
			_ = c.conn.Close()
			s.mu.Unlock()
			return
		}
		var args command.Args
		for _, e := range request.Elems {
			args = append(args, []byte(e.Text))
		}
		c.queued = append(c.queued, args)
		s.runQueued(c)
		s.mu.Unlock()
	}
}

func (s *server) runQueued(c *session) {
	for c.wait == nil && len(c.queued) > 0 {
		args := c.queued[0]
		c.queued = c.queued[1:]
		s.run(c, args)
	}
}

func (s *server) run(c *session, args command.Args) {
	out := resp.NewWriter(c.proto)
	call := command.Call{Args: args, Out: out, Tx: s.tx, Session: &c.Session, NowMS: time.Now().UnixMilli()}
	s.tx.Begin(c.DB)
	if spec := s.table.Lookup(args[0]); spec != nil {
		s.runSpec(spec, &call)
	} else {
		s.runOther(c, &call)
	}
	changed := len(s.tx.Ready()) > 0
	if call.Wait != nil {
		s.park(c, call.Wait)
	}
	_, _ = c.conn.Write(out.Bytes())
	if changed {
		s.wake(call.NowMS)
	}
}

func (s *server) runSpec(spec *command.Spec, call *command.Call) {
	args := call.Args
	if spec.Run == nil && len(args) > 1 {
		if sub := spec.Lookup(args[1]); sub != nil {
			spec = sub
		} else {
			call.Out.Error(string(command.UnknownSubcommand(spec, args[1])))
			return
		}
	}
	if spec.Run == nil || spec.Arity > 0 && len(args) != spec.Arity || len(args) < -spec.Arity {
		call.Out.Error(string(command.WrongArity(spec)))
		return
	}
	mark := call.Out.Mark()
	if err := spec.Run(call); err != nil {
		call.Out.Truncate(mark)
		call.Out.Error(command.WireText(err))
	}
}

func (s *server) park(c *session, w *command.Wait) {
	c.wait, c.again = w, w.Again()
	s.waiters = append(s.waiters, c)
	if w.TimeoutMS > 0 {
		time.AfterFunc(time.Duration(w.TimeoutMS)*time.Millisecond, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if c.wait == w {
				s.answer(c, w.Timeout)
			}
		})
	}
}

func (s *server) forget(c *session) {
	c.wait = nil
	s.waiters = slices.DeleteFunc(s.waiters, func(o *session) bool { return o == c })
}

func (s *server) answer(c *session, write func(*resp.Writer)) {
	s.forget(c)
	out := resp.NewWriter(c.proto)
	write(out)
	_, _ = c.conn.Write(out.Bytes())
	s.runQueued(c)
}

func (s *server) wake(nowMS int64) {
	for _, c := range slices.Clone(s.waiters) {
		out := resp.NewWriter(c.proto)
		s.tx.Begin(c.DB)
		done, err := c.again(&command.Call{Changed: -1, Out: out, Tx: s.tx, Session: &c.Session, NowMS: nowMS})
		if err != nil {
			out.Reset()
			out.Error(command.WireText(err))
		}
		if done || err != nil {
			s.answer(c, func(w *resp.Writer) { w.Raw(out.Bytes()) })
		}
	}
}

// runOther answers what the transcripts send beside commands on streams.
func (s *server) runOther(c *session, call *command.Call) {
	args, out := call.Args, call.Out
	switch name := strings.ToUpper(string(args[0])); name {
	case "PING":
		if len(args) > 1 {
			out.Bulk(args[1])
		} else {
			out.SimpleString("PONG")
		}
	case "HELLO":
		c.proto = int(args[1][0] - '0')
		out.SetProtocol(c.proto)
		out.Map(0)
	case "CLIENT":
		s.runClient(c, call)
	case "INFO":
		out.BulkString(fmt.Sprintf("blocked_clients:%d\r\n", len(s.waiters)))
	case "SELECT":
		c.DB, _ = strconv.Atoi(string(args[1]))
		out.OK()
	case "DEL", "UNLINK", "EXISTS":
		n := int64(0)
		for _, key := range args[1:] {
			if name != "EXISTS" && s.tx.Delete(key) || name == "EXISTS" && s.tx.Lookup(key) != nil {
				n++
			}
		}
		out.Int(n)
	case "TYPE":
		out.SimpleString("stream")
	case "FLUSHALL":
		s.tx.Flush(state.AllDatabases)
		out.OK()
	case "FLUSHDB":
		s.tx.Flush(c.DB)
		out.OK()
	default:
		out.Error("ERR the test's server does not know " + name)
	}
}

func (s *server) runClient(c *session, call *command.Call) {
	switch strings.ToUpper(string(call.Args[1])) {
	case "ID":
		call.Out.Int(c.ID)
	case "LIST":
		var list strings.Builder
		for _, o := range s.sessions {
			fmt.Fprintf(&list, "id=%d addr=%s fd=1\n", o.ID, o.conn.RemoteAddr())
		}
		call.Out.BulkString(list.String())
	default:
		call.Out.Error("ERR the test's server does not know CLIENT " + string(call.Args[1]))
	}
}
