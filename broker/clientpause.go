package broker

import (
	"slices"
	"time"

	"github.com/weirmq/weir/internal/command"
)

// clientPause is CLIENT PAUSE. Commands that come while it lasts are put back, and their sessions not served, until it ends;
// then they are admitted like new ones. Nothing expires actively meanwhile, so that with ALL or WRITE nothing changes
// at all. The state lock guards it.
type clientPause struct {
	until      time.Time // zero: there is none
	writesOnly bool
	waiting    []*session
	end        alarm
}

// active reports whether there is a pause at a moment.
func (p *clientPause) active(at time.Time) bool { return !p.until.IsZero() && at.Before(p.until) }

// holds reports whether a command that comes now has to wait.
func (p *clientPause) holds(spec *command.Spec, at time.Time) bool {
	return p.active(at) && (!p.writesOnly || spec.Flags&(command.Write|command.MayReplicate) != 0)
}

// holdForPause puts the command that came last back until the pause ends. A pause may be long: who leaves meanwhile is gone, as
// one that is blocked would be.
func (b *Broker) holdForPause(s *session) {
	s.conn.Unread()
	s.conn.Pause()
	s.held = true
	b.clientPause.waiting = append(b.clientPause.waiting, s)
}

// leavePause forgets a session that has ended.
func (b *Broker) leavePause(s *session) {
	if s.held {
		s.held = false
		b.clientPause.waiting = slices.DeleteFunc(b.clientPause.waiting, func(w *session) bool { return w == s })
	}
}

func (h connectionHost) Pause(ms int64, writesOnly bool) {
	p := &h.clientPause
	until := h.turn.Add(time.Duration(ms) * time.Millisecond)
	if p.active(h.turn) {
		p.writesOnly = p.writesOnly && writesOnly
		if until.Before(p.until) {
			until = p.until
		}
	} else {
		p.writesOnly = writesOnly
	}
	p.until = until
	h.setAlarm(&p.end, p, until)
}

func (h connectionHost) Unpause() { h.clientPause.ring(h.Broker) }

// ring ends the pause.
func (p *clientPause) ring(b *Broker) {
	p.until = time.Time{}
	b.clearAlarm(&p.end)
	for _, s := range p.waiting {
		s.held = false
		s.conn.Resume()
	}
	p.waiting = nil
}
