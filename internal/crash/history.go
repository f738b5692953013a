package crash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// unknown is the outcome of an operation whose reply never came: it has happened
// before the server died, or it never will.
const unknown = "unknown"

// event is an operation of a history with its outcome. Times are since the
// history began; returned is when the outcome was known, or when the server that
// might have done it was known to be gone.
type event struct {
	client           int
	op               op
	outcome          string
	called, returned time.Duration
	open             bool // nobody answered, and the server may still be there
}

// history is what concurrent clients did to a few streams and what they saw.
type history struct {
	began  time.Time
	keys   []string
	issued []atomic.Uint32 // the highest ID used with each key
	older  bool            // the server is Redis 7.0, and does not know what is newer

	mu     sync.Mutex
	events []event
}

const clients = 8 // of them, i and i+4 are one consumer

func newHistory(keys ...string) *history {
	return &history{began: time.Now(), keys: keys, issued: make([]atomic.Uint32, len(keys))}
}

// create makes the groups.
func (h *history) create(addr string) error {
	c, err := oracle.Dial(addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for _, key := range h.keys {
		if _, err := c.MustDo("XGROUP", "CREATE", key, "g", "0", "MKSTREAM"); err != nil {
			return err
		}
	}
	return nil
}

// session lets all clients work at once: each does its share of operations, or
// works until the server goes. The number of answered operations is counted in
// done, so that somebody can choose a moment.
func (h *history) session(addr string, seed uint64, ops int, done *atomic.Int64) error {
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			c, err := oracle.Dial(addr)
			if err != nil {
				return // gone before this client came
			}
			defer func() { _ = c.Close() }()
			for range ops {
				var known bool
				if known, errs[i] = h.do(c, i, h.next(r, i)); !known || errs[i] != nil {
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// do is one operation, from its call to its entry in the history.
func (h *history) do(c *oracle.Conn, client int, o op) (known bool, err error) {
	called := time.Since(h.began)
	rep, err := c.Do(o.args()...)
	known = !wentAway(rep, err)
	e := event{client, o, unknown, called, time.Since(h.began), !known}
	if known {
		if e.outcome, err = o.outcome(rep); err != nil {
			return true, fmt.Errorf("%s: %w", oracle.FormatCommand(o.args()), err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
	return known, nil
}

// gone says that the server has ended: what it has not done by now never happens.
func (h *history) gone() {
	now := time.Since(h.began)
	for i := range h.events {
		if e := &h.events[i]; e.open {
			e.returned, e.open = now, false
		}
	}
}

// look reads everything at the end, when nobody else is at work.
func (h *history) look(addr string) error {
	c, err := oracle.Dial(addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	for _, key := range h.keys {
		for _, kind := range []opKind{opPending, opInfo} {
			if _, err := h.do(c, 0, op{kind: kind, key: key}); err != nil {
				return err
			}
		}
	}
	return nil
}

// next rolls an operation: mostly what workers do, on IDs that probably exist.
func (h *history) next(r *rand.Rand, client int) op {
	k := r.IntN(len(h.keys))
	o := op{key: h.keys[k], consumer: byte(client % 4), count: 1 + r.IntN(4), retry: -1}
	some := func(most int) {
		for range 1 + r.IntN(most) {
			o.ids = append(o.ids, uint16(1+r.IntN(int(h.issued[k].Load())+1)))
		}
		slices.Sort(o.ids)
		o.ids = slices.Compact(o.ids)
	}
	switch p := r.IntN(100); {
	case p < 26:
		o.kind, o.ids = opAdd, []uint16{uint16(h.issued[k].Add(1))}
	case p < 52:
		o.kind, o.noAck = opRead, r.IntN(12) == 0
		if r.IntN(5) == 0 {
			o.block = 1 + r.IntN(3)
		}
	case p < 68:
		o.kind = opAck
		some(4)
	case p < 76:
		o.kind, o.justID, o.force = opClaim, r.IntN(4) == 0, r.IntN(4) == 0
		if r.IntN(4) == 0 {
			o.retry = r.IntN(9)
		}
		some(3)
	case p < 84:
		o.kind, o.justID = opAutoClaim, r.IntN(4) == 0
		o.ids = []uint16{uint16(r.IntN(int(h.issued[k].Load()) + 1))}
	case p < 88:
		o.kind = opHistory
		o.ids = []uint16{uint16(r.IntN(int(h.issued[k].Load()) + 1))}
	case p < 92:
		o.kind = opPending
	case p < 95:
		o.kind = opInfo
	case p < 98:
		o.kind = opDelete
		some(2)
	default:
		o.kind = opSetID
		o.ids = []uint16{uint16(r.IntN(int(h.issued[k].Load()) + 1))}
	}
	if p := r.IntN(100); p < 5 && !h.older {
		// Without BLOCK: a claim that finds nothing forgets what was deleted before it
		// waits, which is one operation, and delivers later, which is another.
		o = op{kind: opReadClaim, key: o.key, consumer: o.consumer}
		if p < 2 {
			o.kind, o.force, o.mode = opRelease, r.IntN(4) == 0, []string{"SILENT", "FAIL"}[r.IntN(2)]
			some(3)
		}
	}
	return o
}
