package crash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// worker works on a stream and groups of its own, and so knows what everything
// must be. Like a writer it lives across restarts of the server.
type worker struct {
	index    int
	key      string
	pipeline int
	rand     *rand.Rand
	n        uint16 // the last ID used

	known *ledger // of all that was answered
	sent  []sent  // what was not, of this session
	acked int     // in this session
	late  int     // of all sessions: not answered, and had happened

	refused bool // in this session, by a server whose disk fails
}

// sent is an operation on its way.
type sent struct {
	op op
	at int64 // unix ms
}

// clockSlack is how much earlier than its sending a command may be dated, in ms:
// a turn of the server's loop reads the clock once, and may then have to wait for
// the processor. A time that a restart has made up is later, not earlier.
const clockSlack = 1000

func newWorker(index int, seed uint64) *worker {
	return &worker{
		index: index, key: fmt.Sprint("jobs-", index), pipeline: []int{1, 16}[index%2],
		rand: rand.New(rand.NewPCG(seed, uint64(index))), known: newLedger(),
	}
}

func newWorkers(seed uint64) []*worker {
	var ws []*worker
	for i := range 8 {
		ws = append(ws, newWorker(i, seed))
	}
	return ws
}

func (w *worker) next() op {
	o := op{key: w.key, group: []string{"g", "g", "h"}[w.rand.IntN(3)], consumer: byte(w.rand.IntN(3)), count: 1 + w.rand.IntN(12), retry: -1}
	back := func(most int) uint16 { return w.n - uint16(w.rand.IntN(min(most, int(w.n)+1))) }
	some := func(most int) {
		for range 1 + w.rand.IntN(most) {
			o.ids = append(o.ids, back(200))
		}
		slices.Sort(o.ids)
		o.ids = slices.Compact(o.ids)
	}
	switch p := w.rand.IntN(1000); {
	case w.n == 0 || p >= 995:
		o.kind, o.ids = opCreate, []uint16{back(30)}
		w.n = max(w.n, 1) // whatever becomes of it, entries follow
	case p < 300 && w.n < 60_000:
		w.n++
		o.kind, o.ids = opAdd, []uint16{w.n}
	case p < 500:
		o.kind, o.noAck = opRead, w.rand.IntN(12) == 0
	case p < 700:
		o.kind = opAck
		some(24)
	case p < 780:
		o.kind, o.justID, o.force = opClaim, w.rand.IntN(4) == 0, w.rand.IntN(4) == 0
		some(6)
		if w.rand.IntN(4) == 0 {
			o.retry = w.rand.IntN(20)
		}
		if w.rand.IntN(4) == 0 {
			o.timeMS = time.Now().UnixMilli() - w.rand.Int64N(1e9) - 1000
		}
		if w.rand.IntN(8) == 0 {
			o.lastID = back(60)
		}
	case p < 880:
		o.kind, o.justID, o.ids = opAutoClaim, w.rand.IntN(4) == 0, []uint16{back(200)}
	case p < 920:
		o.kind, o.ids = opHistory, []uint16{back(200)}
	case p < 930:
		o.kind = opDelete
		some(4)
	case p < 938:
		o.kind, o.mode = opDeleteEx, []string{"", "KEEPREF", "DELREF", "ACKED"}[w.rand.IntN(4)]
		some(4)
	case p < 952:
		o.kind, o.mode = opAckDelete, []string{"", "KEEPREF", "DELREF", "ACKED"}[w.rand.IntN(4)]
		some(8)
	case p < 962:
		o.kind, o.count, o.mode = opTrim, 150, []string{"", "DELREF"}[w.rand.IntN(2)]
	case p < 966:
		o.kind = opReadClaim
	case p < 972:
		o.kind, o.force, o.mode = opRelease, w.rand.IntN(4) == 0, []string{"SILENT", "FAIL", "FATAL"}[w.rand.IntN(3)]
		some(8)
	case p < 980:
		o.kind, o.ids = opSetID, []uint16{back(60)}
	case p < 987:
		o.kind = opDeleteConsumer
	case p < 993:
		o.kind = opCreateConsumer
	default:
		o.kind = opDestroy
	}
	return o
}

// session works until the server goes or refuses something, or stop closes.
func (w *worker) session(addr string, stop <-chan struct{}) error {
	w.sent, w.acked, w.refused = nil, 0, false
	var batch []byte
	return session(addr, stop, func(c *oracle.Conn) (gone bool, err error) {
		batch = batch[:0]
		now := time.Now().UnixMilli()
		for range w.pipeline {
			o := w.next()
			w.sent = append(w.sent, sent{o, now}) // before it leaves: it may arrive even if writing fails
			batch = oracle.AppendCommand(batch, o.args()...)
		}
		gone, err = exchange(c, batch, w.pipeline, w.answered)
		return gone || w.refused, err
	})
}

// refusal says that a command was not done, for the disk fails or the state is
// being loaded.
func refusal(rep oracle.Reply) bool {
	return rep.IsError() && (strings.HasPrefix(rep.Text, "MISCONF ") || strings.HasPrefix(rep.Text, "LOADING "))
}

// answered holds a reply against the ledger.
func (w *worker) answered(rep oracle.Reply) error {
	s := w.sent[0]
	w.sent = w.sent[1:]
	w.acked++
	if refusal(rep) {
		w.refused = true
		return nil
	}
	got, err := s.op.outcome(rep)
	if err != nil {
		return fmt.Errorf("%s: %w", oracle.FormatCommand(s.op.args()), err)
	}
	if want := w.known.apply(s.op, s.span(time.Now())); got != want {
		return fmt.Errorf("%s was answered by %q, not %q", oracle.FormatCommand(s.op.args()), got, want)
	}
	return nil
}

// span is when an operation happened that was done by then, if ever.
func (s sent) span(by time.Time) span { return span{s.at - clockSlack, by.UnixMilli()} }

// settle finds the prefix of what was sent that explains what is there: all that
// was answered, and perhaps some of what was on its way when the server died, each
// as a whole. What is there is what the next session builds on. restarted is that
// the server has read its state from disk since.
func (w *worker) settle(c *oracle.Conn, died time.Time, restarted bool) error {
	found, err := readFull(c, w.key)
	if err != nil {
		return err
	}
	var differences string
	for k := 0; ; k++ {
		text := w.known.difference(found)
		if text == "" {
			next := found.ledger()
			if !restarted {
				next.keepSeen(w.known)
			}
			w.known, w.sent, w.late = next, nil, w.late+k
			w.n = max(w.n, found.last)
			return nil
		}
		differences += fmt.Sprintf("after %d more: %.300s\n", k, text)
		if k < len(w.sent) {
			differences += fmt.Sprintf("then at %d: %s\n", w.sent[k].at, oracle.FormatCommand(w.sent[k].op.args()))
		}
		if k == len(w.sent) {
			return fmt.Errorf("%s: %d operations were answered, %d more sent, and none of these numbers explains what is there:\n%s", w.key, w.acked, len(w.sent), differences)
		}
		w.known.apply(w.sent[k].op, w.sent[k].span(died))
	}
}
