package crash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/weirmq/weir/internal/oracle"
)

// shared is the stream that all writers append to, with IDs of the server's.
const shared = "all"

type commandKind uint8

const (
	addOwn    commandKind = iota // XADD own n-1 ...
	addCapped                    // XADD own MAXLEN 300 n-1 ...
	addShared                    // XADD all * ...
	deleteOwn                    // XDEL own n-1
	trimOwn                      // XTRIM own MAXLEN 200
	refused                      // was any of these, and the server answered with an error
)

// command is one thing that a writer sent. n is the writer's own count of XADDs,
// which for deleteOwn names the entry to delete.
type command struct {
	kind commandKind
	n    uint64
}

// payload is the content of an entry; it follows from who wrote it and when.
func payload(writer int, n uint64) string {
	size := (n * 2654435761) % 97
	if n%500 == 7 {
		size += 20_000 // some records span pages of the log
	}
	return strings.Repeat(string(rune('a'+(n+uint64(writer))%26)), int(size))
}

func (c command) args(writer int, own string) []string {
	fields := []string{"w", strconv.Itoa(writer), "n", strconv.FormatUint(c.n, 10), "p", payload(writer, c.n)}
	id := strconv.FormatUint(c.n, 10) + "-1"
	switch c.kind {
	case addOwn:
		return append([]string{"XADD", own, id}, fields...)
	case addCapped:
		return append([]string{"XADD", own, "MAXLEN", "300", id}, fields...)
	case addShared:
		return append([]string{"XADD", shared, "*"}, fields...)
	case deleteOwn:
		return []string{"XDEL", own, id}
	}
	return []string{"XTRIM", own, "MAXLEN", "200"}
}

// state is what a writer's commands should have led to.
type state struct {
	own        []uint64 // n of the live entries of its own stream
	last       uint64   // of its own stream, as are the next two
	added      uint64
	maxDeleted uint64
	shared     []uint64 // n of its entries in the shared stream
}

func (s *state) apply(c command) {
	switch c.kind {
	case addOwn, addCapped:
		s.own = append(s.own, c.n)
		s.last = c.n
		s.added++
		if over := len(s.own) - 300; c.kind == addCapped && over > 0 {
			s.own = slices.Clone(s.own[over:])
		}
	case addShared:
		s.shared = append(s.shared, c.n)
	case deleteOwn:
		if at, found := slices.BinarySearch(s.own, c.n); found {
			s.own = slices.Delete(s.own, at, at+1)
			s.maxDeleted = max(s.maxDeleted, c.n)
		}
	case trimOwn:
		if over := len(s.own) - 200; over > 0 {
			s.own = slices.Clone(s.own[over:])
		}
	}
}

func (s *state) clone() *state {
	c := *s
	c.own, c.shared = slices.Clone(s.own), slices.Clone(s.shared)
	return &c
}

func (s *state) equal(o *state) bool {
	return s.last == o.last && s.added == o.added && s.maxDeleted == o.maxDeleted &&
		slices.Equal(s.own, o.own) && slices.Equal(s.shared, o.shared)
}

// writer sends commands and records what was acknowledged. It lives across
// restarts of the server; between two of them it has one session.
type writer struct {
	index    int
	own      string
	pipeline int
	rand     *rand.Rand
	n        uint64

	known     *state            // proved to be there by the last check, or nothing yet
	sent      []command         // in this session
	acked     int               // how many of them were answered
	sharedIDs map[uint64]string // n -> ID of acknowledged entries of the shared stream
	refusal   oracle.Reply      // the error that ended the session, if one did
}

func newWriter(index int, seed uint64) *writer {
	return &writer{
		index: index, own: fmt.Sprintf("w%d", index), pipeline: []int{1, 16}[index%2],
		rand:  rand.New(rand.NewPCG(seed, uint64(index))),
		known: &state{}, sharedIDs: map[uint64]string{},
	}
}

func (w *writer) next() command {
	switch p := w.rand.IntN(100); {
	case p < 3:
		return command{deleteOwn, w.n - min(w.n, w.rand.Uint64N(40))}
	case p < 4:
		return command{trimOwn, 0}
	case p < 14:
		w.n++
		return command{addShared, w.n}
	case p < 16:
		w.n++
		return command{addCapped, w.n}
	}
	w.n++
	return command{addOwn, w.n}
}

// session writes until the server goes or refuses something, or stop closes.
func (w *writer) session(addr string, stop <-chan struct{}) error {
	w.sent, w.acked, w.refusal = nil, 0, oracle.Reply{}
	var batch []byte
	return session(addr, stop, func(c *oracle.Conn) (gone bool, err error) {
		batch = batch[:0]
		for range w.pipeline {
			cmd := w.next()
			w.sent = append(w.sent, cmd) // before it leaves: it may arrive even if writing fails
			batch = oracle.AppendCommand(batch, cmd.args(w.index, w.own)...)
		}
		gone, err = exchange(c, batch, w.pipeline, w.ack)
		return gone || w.refusal.IsError(), err
	})
}

// ack records a reply and holds it against the command.
func (w *writer) ack(rep oracle.Reply) error {
	cmd := w.sent[w.acked]
	w.acked++
	if rep.IsError() { // it must have done nothing
		w.refusal = rep
		w.sent[w.acked-1].kind = refused
		return nil
	}
	switch cmd.kind {
	case addOwn, addCapped:
		if want := strconv.FormatUint(cmd.n, 10) + "-1"; rep.Kind != '$' || rep.Text != want {
			return fmt.Errorf("writer %d: XADD %s was answered by %s", w.index, want, rep)
		}
	case addShared:
		if rep.Kind != '$' {
			return fmt.Errorf("writer %d: XADD * was answered by %s", w.index, rep)
		}
		w.sharedIDs[cmd.n] = rep.Text
	default:
		if rep.Kind != ':' {
			return fmt.Errorf("writer %d: %s was answered by %s", w.index, cmd.args(w.index, w.own)[0], rep)
		}
	}
	return nil
}
