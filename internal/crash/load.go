package crash

import (
	"sync"

	"github.com/weirmq/weir/internal/oracle"
)

// load is the writers and the reader of one session of the server.
type load struct {
	stop    chan struct{}
	wg      sync.WaitGroup // the reader
	writers sync.WaitGroup
	mu      sync.Mutex
	errs    []error
	seen    []string // IDs of the shared stream that the reader was shown
}

func startLoad(addr string, writers []*writer) *load {
	l := &load{stop: make(chan struct{})}
	for _, w := range writers {
		l.writers.Go(func() { l.failed(w.session(addr, l.stop)) })
	}
	// The reader stops only when the server goes: it is blocked most of the time.
	if c, err := oracle.Dial(addr); err == nil {
		l.wg.Go(func() { l.read(c) })
		go func() {
			<-l.stop
			_ = c.Close()
		}()
	}
	return l
}

func (l *load) failed(err error) {
	if err != nil {
		l.mu.Lock()
		l.errs = append(l.errs, err)
		l.mu.Unlock()
	}
}

// read follows the shared stream: what it is shown must never be taken back.
func (l *load) read(c *oracle.Conn) {
	defer func() { _ = c.Close() }()
	last := "$"
	for {
		if err := c.Send("XREAD", "BLOCK", "0", "STREAMS", shared, last); err != nil {
			return
		}
		rep, err := c.Wait()
		if err != nil || rep.Kind != '*' || rep.Null {
			return
		}
		for _, e := range rep.Elems[0].Elems[1].Elems {
			last = e.Elems[0].Text
			l.seen = append(l.seen, last)
		}
	}
}

// written is closed when every writer has ended by itself: the server has
// refused it, or has closed its connection.
func (l *load) written() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		l.writers.Wait()
		close(done)
	}()
	return done
}

// end stops the load and waits for it. The server may be gone already.
func (l *load) end() []error {
	close(l.stop)
	l.writers.Wait()
	l.wg.Wait()
	return l.errs
}
