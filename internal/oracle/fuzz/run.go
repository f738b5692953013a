package fuzz

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// Mismatch is the first difference of a round.
type Mismatch struct {
	At   int // index of the op; len(Ops) for the final state
	What string
	A, B string
}

// Totals says what the rounds of a run consisted of, so that a run that compared
// nothing shows.
type Totals struct {
	Commands, Errors int // sent to both; refused by both in the same words
	Blocked, Woken   int // clients that waited; of them, answered because of another client's command

	Useful map[string]int // per command: replies that are no error, not empty and not null
}

// compared counts a reply that both servers gave.
func (n *Totals) compared(args []string, r oracle.Reply) {
	n.Commands++
	empty := r.Null || r.Kind == '_' || r.Kind == '*' && len(r.Elems) == 0 || r.Kind == ':' && r.Text == "0"
	switch {
	case r.IsError():
		n.Errors++
	case !empty:
		n.useful(args[0])
	}
}

func (n *Totals) useful(what string) {
	if n.Useful == nil {
		n.Useful = map[string]int{}
	}
	n.Useful[strings.ToLower(what)]++
}

// peer is one of the two servers.
type peer struct {
	control *oracle.Conn
	clients []*client
}

type client struct {
	conn    *oracle.Conn
	id      string
	replies chan answer // one per command sent
}

type answer struct {
	reply oracle.Reply
	err   error
}

// connect empties the server and opens the clients of a round.
func connect(addr string, protos []int) (*peer, error) {
	p := &peer{}
	var err error
	if p.control, err = oracle.Dial(addr); err != nil {
		return nil, err
	}
	if _, err := p.control.MustDo("FLUSHALL"); err != nil {
		return nil, err
	}
	for _, proto := range protos {
		c := &client{replies: make(chan answer, 1)}
		if c.conn, err = oracle.Dial(addr); err != nil {
			return nil, err
		}
		if _, err := c.conn.MustDo("HELLO", strconv.Itoa(proto)); err != nil {
			return nil, err
		}
		id, err := c.conn.MustDo("CLIENT", "ID")
		if err != nil {
			return nil, err
		}
		c.id = id.Text
		p.clients = append(p.clients, c)
		go c.read()
	}
	return p, nil
}

func (c *client) read() {
	for {
		r, err := c.conn.Wait()
		c.replies <- answer{r, err}
		if err != nil || r.Kind == 'c' {
			return
		}
	}
}

func (p *peer) close() {
	_ = p.control.Close()
	for _, c := range p.clients {
		_ = c.conn.Close()
	}
}

// args fills in what stands for IDs of clients.
func (p *peer) args(op Op) []string {
	args := make([]string, len(op.Args))
	for i, a := range op.Args {
		if i == 2 && strings.EqualFold(op.Args[0], "client") && len(a) == 3 && a[0] == '{' && a[2] == '}' && strings.EqualFold(op.Args[1], "unblock") {
			if n := int(a[1] - '0'); n >= 0 && n < len(p.clients) {
				a = p.clients[n].id
			}
		}
		args[i] = a
	}
	return args
}

// receive waits for the next reply of a client.
func (c *client) receive() (oracle.Reply, error) {
	select {
	case a := <-c.replies:
		return a.reply, a.err
	case <-time.After(oracle.ReplyTimeout):
		return oracle.Reply{}, fmt.Errorf("no reply within %v", oracle.ReplyTimeout)
	}
}

func (p *peer) blocked() (int, error) {
	r, err := p.control.MustDo("INFO", "clients")
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(r.Text, "blocked_clients:")
	number, _, _ := strings.Cut(after, "\r\n")
	return strconv.Atoi(number)
}

// outcome waits until the command of a client is answered, or the client
// counts as blocked beside the others that are.
func (p *peer) outcome(c *client, others int) (r oracle.Reply, blocked bool, err error) {
	for end := time.Now().Add(oracle.ReplyTimeout); time.Now().Before(end); {
		select {
		case a := <-c.replies:
			return a.reply, false, a.err
		default:
		}
		n, err := p.blocked()
		if err != nil {
			return r, false, err
		}
		if n > others {
			return r, true, nil
		}
		select { // blocked for a moment and answered since, or on its way
		case a := <-c.replies:
			return a.reply, false, a.err
		case <-time.After(100 * time.Microsecond):
		}
	}
	return r, false, fmt.Errorf("neither answered nor blocked")
}

// run is the state of one round on both servers.
type run struct {
	peers   [2]*peer
	waiting map[int][]string // blocked clients and their commands
	totals  *Totals
}

// Run plays a round on two servers, A being the judge, and returns the first
// difference, or nil. An error means that a server did not answer at all.
func Run(addrA, addrB string, rd Round, totals *Totals) (*Mismatch, error) {
	u := &run{waiting: map[int][]string{}, totals: totals}
	for i, addr := range []string{addrA, addrB} {
		p, err := connect(addr, rd.Protos)
		if err != nil {
			return nil, err
		}
		defer p.close()
		u.peers[i] = p
	}
	oneByOne := rd.Ops
	if rd.Pipeline > 1 {
		if m, err := u.pipelined(rd); m != nil || err != nil {
			return m, err
		}
		oneByOne = nil
	}
	for i, op := range oneByOne {
		if rd.Settle && i%(len(oneByOne)/3+1) == 0 {
			if err := oracle.Settle(u.peers[1].control); err != nil {
				return nil, err
			}
		}
		if u.waiting[op.Client] != nil || skip(op.Args, u.waiting) {
			continue
		}
		for _, args := range append(prelude(op.Args), op.Args) {
			m, err := u.op(Op{op.Client, args})
			if err != nil {
				return nil, fmt.Errorf("op %d, %s: %w", i, oracle.FormatCommand(args), err)
			}
			if m != nil {
				m.At = i
				return m, nil
			}
		}
	}
	m, err := u.finish()
	if m != nil {
		m.At = len(rd.Ops)
	}
	return m, err
}

// pipelined sends the commands of a round in batches, one write each. What could
// block is left out: nobody could say when a batch is through.
func (u *run) pipelined(rd Round) (*Mismatch, error) {
	for from := 0; from < len(rd.Ops); from += rd.Pipeline {
		who := rd.Ops[from].Client
		var batch []Op
		for _, op := range rd.Ops[from:min(from+rd.Pipeline, len(rd.Ops))] {
			if skip(op.Args, nil) || mayBlock(op.Args) && !expires(op.Args) {
				continue
			}
			for _, args := range append(prelude(op.Args), op.Args) {
				batch = append(batch, Op{op.Client, args})
			}
		}
		var replies [2][]oracle.Reply
		for i, p := range u.peers {
			var bytes []byte
			for _, op := range batch {
				bytes = oracle.AppendCommand(bytes, p.args(op)...)
			}
			if _, err := p.clients[who].conn.Write(bytes); err != nil {
				return nil, err
			}
			for _, op := range batch {
				r, err := p.clients[who].receive()
				if err != nil {
					return nil, fmt.Errorf("in a batch of %d: %s: %w", len(batch), oracle.FormatCommand(op.Args), err)
				}
				replies[i] = append(replies[i], r)
			}
		}
		for i, op := range batch {
			a, b := normalise(op.Args, replies[0][i]), normalise(op.Args, replies[1][i])
			if a != b {
				at := min(from+rd.Pipeline, len(rd.Ops)) - 1 // what follows in the batch may have done it
				return &Mismatch{At: at, What: fmt.Sprintf("in a batch of %d: %s", len(batch), describe(op)), A: a, B: b}, nil
			}
			u.totals.compared(op.Args, replies[0][i])
		}
	}
	return nil, nil
}

func (u *run) op(op Op) (*Mismatch, error) {
	for _, p := range u.peers {
		if err := p.clients[op.Client].conn.Send(p.args(op)...); err != nil {
			return nil, err
		}
	}
	var text [2]string
	var blocked [2]bool
	var first oracle.Reply // the judge's
	for i, p := range u.peers {
		c := p.clients[op.Client]
		var r oracle.Reply
		var err error
		if mayBlock(op.Args) && !expires(op.Args) {
			r, blocked[i], err = p.outcome(c, len(u.waiting))
		} else {
			r, err = c.receive()
		}
		if err != nil {
			return nil, err
		}
		if text[i] = "(blocked)"; !blocked[i] {
			text[i] = normalise(op.Args, r)
		}
		if i == 0 {
			first = r
		}
	}
	if text[0] != text[1] {
		return &Mismatch{What: describe(op), A: text[0], B: text[1]}, nil
	}
	if !blocked[0] {
		u.totals.compared(op.Args, first)
	} else {
		u.totals.Commands++
		u.totals.Blocked++
		u.waiting[op.Client] = op.Args
		if len(u.waiting) == len(u.peers[0].clients) {
			return u.unblock(op.Client)
		}
		return nil, nil
	}
	return u.settle(describe(op))
}

// expires says that a blocking read ends by itself, soon.
func expires(args []string) bool {
	if slices.Contains(blockingPops, strings.ToLower(args[0])) {
		seconds := timeoutOf(args)
		return seconds > 0 && seconds < 5
	}
	at := slices.IndexFunc(args[:len(args)-1], func(a string) bool { return strings.EqualFold(a, "block") })
	if at < 0 {
		return false
	}
	ms, err := strconv.Atoi(args[at+1])
	return err == nil && ms > 0 && ms < 5000
}

func describe(op Op) string {
	return fmt.Sprintf("client %d: %s", op.Client, oracle.FormatCommand(op.Args))
}

// settle collects what a command gave to clients that were blocked.
func (u *run) settle(after string) (*Mismatch, error) {
	if len(u.waiting) == 0 {
		return nil, nil
	}
	want, err := u.peers[0].blocked()
	if err != nil {
		return nil, err
	}
	// A client whose entries are in a file is answered when they were read.
	for end := time.Now().Add(time.Second); ; time.Sleep(time.Millisecond) {
		n, err := u.peers[1].blocked()
		if err != nil {
			return nil, err
		}
		if n == want {
			break
		}
		if time.Now().After(end) {
			return &Mismatch{What: "clients blocked after " + after, A: strconv.Itoa(want), B: strconv.Itoa(n)}, nil
		}
	}
	for len(u.waiting) > want { // the judge says who was answered
		who, r, err := u.next()
		if err != nil {
			return nil, err
		}
		args := u.waiting[who]
		delete(u.waiting, who)
		if !strings.Contains(strings.ToUpper(after), "UNBLOCK") {
			u.totals.Woken++
		}
		rb, err := u.peers[1].clients[who].receive()
		if err != nil {
			return nil, fmt.Errorf("client %d blocked in %s, after %s: %w", who, oracle.FormatCommand(args), after, err)
		}
		if !r.IsError() && !r.Null && r.Kind != '_' {
			u.totals.useful(args[0] + " woken")
		}
		if a, b := normaliseWoken(args, r), normaliseWoken(args, rb); a != b {
			return &Mismatch{What: fmt.Sprintf("client %d woken from %s by %s", who, oracle.FormatCommand(args), after), A: a, B: b}, nil
		}
	}
	return nil, nil
}

// next returns a waiting client of the judge that has been answered.
func (u *run) next() (int, oracle.Reply, error) {
	for end := time.Now().Add(oracle.ReplyTimeout); time.Now().Before(end); time.Sleep(50 * time.Microsecond) {
		for who := range u.peers[0].clients {
			if u.waiting[who] == nil {
				continue
			}
			select {
			case a := <-u.peers[0].clients[who].replies:
				return who, a.reply, a.err
			default:
			}
		}
	}
	return 0, oracle.Reply{}, fmt.Errorf("the judge unblocked a client and did not answer it")
}

// unblock ends the wait of a client from outside.
func (u *run) unblock(who int) (*Mismatch, error) {
	for _, p := range u.peers {
		if _, err := p.control.MustDo("CLIENT", "UNBLOCK", p.clients[who].id); err != nil {
			return nil, err
		}
	}
	return u.settle("CLIENT UNBLOCK")
}
