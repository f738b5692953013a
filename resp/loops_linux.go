package resp

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const haveLoops = true

// loops are started by the first Listen that needs them: a server that only serves net.Conns (a test inside a synctest
// bubble, say) has none.
type loops struct {
	mu  sync.Mutex
	all atomic.Pointer[[]*loop]
}

// each calls f for every loop that runs.
func (ls *loops) each(f func(*loop)) {
	if all := ls.all.Load(); all != nil {
		for _, l := range *all {
			f(l)
		}
	}
}

func (ls *loops) release(pos uint64) {
	if all := ls.all.Load(); all != nil {
		for _, l := range *all {
			if l.want.Load() <= pos {
				l.rouse()
			}
		}
	}
}

// rouse has loops notice that the server has stopped.
func (ls *loops) rouse() { ls.each((*loop).rouse) }

func (ls *loops) stop() {
	ls.each(func(l *loop) { l.stopping.Store(true); l.rouse() })
}

func (ls *loops) start(s *Server) ([]*loop, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if all := ls.all.Load(); all != nil {
		return *all, nil
	}
	var all []*loop
	for range s.cfg.Loops {
		l, err := newLoop(s)
		if err != nil {
			for _, l := range all {
				unix.Close(l.evfd)
				unix.Close(l.epfd)
			}
			return nil, err
		}
		all = append(all, l)
	}
	ls.all.Store(&all)
	s.wg.Add(len(all))
	for _, l := range all {
		go l.run()
	}
	return all, nil
}

// ended begins a drain when it is asked for, and says when the loop has nothing left to run for.
func (l *loop) ended() bool {
	if l.stopping.Load() {
		return true
	}
	if l.srv.stopped.Load() && !l.drained {
		l.drained = true
		l.now = time.Now()
		l.dropListeners()
		for _, c := range l.byfd {
			if c != nil {
				c.draining, c.net.moved = true, l.now
				l.flush(c)
			}
		}
	}
	return l.drained && l.count == 0
}

// cutIdle closes connections that have read nothing of what they are owed for too long.
func (l *loop) cutIdle() {
	if l.now.Sub(l.looked) < drainTick {
		return
	}
	l.looked = l.now
	for _, c := range l.byfd {
		if c != nil && l.now.Sub(c.net.moved) >= l.srv.patience {
			l.srv.cut.Add(1)
			l.close(c)
		}
	}
}

func (l *loop) dropListeners() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for fd, e := range l.listens {
		delete(l.listens, fd)
		unix.Close(e.fd)
		e.fd = -1
	}
}

// sweep closes connections that were on their way to a loop that had ended.
func (ls *loops) sweep() {
	ls.each(func(l *loop) { l.readMail() })
}

// end closes what is left.
func (l *loop) end() {
	l.drained = true
	l.dropListeners()
	for _, c := range l.byfd {
		if c != nil {
			l.srv.cut.Add(1)
			l.close(c)
		}
	}
	l.readMail()
	// Others may still rouse this loop: the eventfd's number must not become somebody else's. awake stays true, so
	// nobody writes to it any more.
	l.awake.Store(true)
	unix.Close(l.evfd)
	unix.Close(l.epfd)
}
