package broker

import (
	"slices"
	"strings"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/command/connection"
	"github.com/weirmq/weir/resp"
)

// connectionHost is what the connection commands need of the broker (connection.Host). The state lock is held.
type connectionHost struct{ *Broker }

func (h connectionHost) PasswordRequired() bool { return h.settings.requirePass != "" }

// Authenticate knows one user, default.
func (h connectionHost) Authenticate(user, password []byte) (string, bool) {
	if string(user) != "default" {
		return "", false
	}
	if h.settings.requirePass == "" {
		return "default", true
	}
	if !h.settings.authentic(password) {
		h.stats.authFailures++
		return "", false
	}
	return "default", true
}

func (h connectionHost) HasUser(name []byte) bool { return string(name) == "default" }

func (h connectionHost) Client(s *command.Session) connection.Client {
	return h.describe(h.sessions[s.ID])
}

func (h connectionHost) Clients() []connection.Client {
	list := make([]connection.Client, 0, len(h.sessions))
	for _, s := range h.sessions {
		if !s.killed {
			list = append(list, h.describe(s))
		}
	}
	slices.SortFunc(list, func(a, b connection.Client) int { return int(a.ID - b.ID) })
	return list
}

// describe gathers what CLIENT LIST shows of a session.
func (b *Broker) describe(s *session) connection.Client {
	info := s.conn.Info()
	c := connection.Client{
		ID: s.ID, Addr: s.Addr, Laddr: s.Laddr, FD: s.conn.FD(), Name: s.Name,
		AgeSeconds:  int64(b.turn.Sub(info.Created).Seconds()),
		IdleSeconds: max(int64(b.turn.Sub(info.LastActive).Seconds()), 0),
		DB:          s.DB, Multi: -1,
		QueryBuf: int64(info.QueryBuffer), QueryBufFree: int64(info.QueryBufferFree),
		OutBuf: int64(info.OutputBytes), OutList: int64(info.OutputChunks), OutMem: int64(info.OutputMemory),
		TotalMem: int64(info.TotalMemory), Events: "r", Cmd: "NULL", User: s.User, Redir: -1,
		Resp: s.conn.Writer().Protocol(), LibName: s.LibName, LibVer: s.LibVer,
	}
	if info.OutputBytes > 0 {
		c.Events = "rw"
	}
	if s.last != nil {
		c.Cmd = s.last.FullName
	}
	var flags strings.Builder
	for _, flag := range []struct {
		letter byte
		on     bool
	}{
		{'b', s.waiter != nil || s.held}, {'c', s.closing}, {'U', strings.HasSuffix(s.Laddr, ":0")}, {'e', s.NoEvict}, {'T', s.NoTouch},
	} {
		if flag.on {
			flags.WriteByte(flag.letter)
		}
	}
	if c.Flags = flags.String(); c.Flags == "" {
		c.Flags = "N"
	}
	return c
}

func (h connectionHost) Kill(id int64) bool {
	s := h.sessions[id]
	if s == nil || s.killed {
		return false
	}
	s.killed = true
	h.forget(s.waiter)
	s.conn.Kill()
	return true
}

// errUnblocked is what a client gets whose wait was ended by CLIENT UNBLOCK ... ERROR.
const errUnblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK"

func (h connectionHost) Unblock(id int64, withError bool) bool {
	s := h.sessions[id]
	if s == nil || s.waiter == nil {
		return false
	}
	w := s.waiter
	h.forget(w)
	h.answer(w, w.dependency, func(out *resp.Writer) {
		if withError {
			h.refuse(w.spec, out, errUnblocked)
		} else {
			w.timeout(out)
		}
	})
	return true
}

func (h connectionHost) CloseAfterReply(s *command.Session) {
	target := h.sessions[s.ID]
	target.closing = true
	target.conn.CloseAfterReply()
}

func (h connectionHost) SetReplies(s *command.Session, mode connection.ReplyMode) {
	target := h.sessions[s.ID]
	switch {
	case mode == connection.ReplySkip && !target.silent:
		target.skipping = 2
	case mode != connection.ReplySkip:
		target.silent, target.skipping = mode == connection.ReplyOff, 0
	}
}

func (h connectionHost) Reset(s *command.Session) {
	target := h.sessions[s.ID]
	target.silent = false
	h.resetIdentity(target)
	target.conn.SetClass(resp.Normal)
}
