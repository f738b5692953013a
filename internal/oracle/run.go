package oracle

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Difference is one reply that was not the expected one.
type Difference struct {
	Path      string
	Line      int
	Proto     int
	Command   string
	Want, Got []string
}

func (d Difference) String() string {
	return fmt.Sprintf("%s:%d (RESP%d) %s\n%s", d.Path, d.Line, d.Proto, d.Command, Contrast(d.Want, d.Got))
}

// Contrast shows two replies from shortly before the line where they part.
func Contrast(want, got []string) string {
	same := 0
	for same < min(len(want), len(got)) && want[same] == got[same] {
		same++
	}
	part := func(lines []string) string {
		from, to := max(0, same-4), min(len(lines), same+8)
		if from >= to {
			return "(nothing more)"
		}
		text := strings.Join(lines[from:to], "\n    ")
		if to < len(lines) {
			text += fmt.Sprintf("\n    (%d more lines)", len(lines)-to)
		}
		return text
	}
	return fmt.Sprintf("  want, from line %d of the reply:\n    %s\n  got:\n    %s", max(0, same-4)+1, part(want), part(got))
}

// Run plays the transcript in one protocol against an empty server at addr and
// returns what differs. An error means that the run could not go on.
func Run(addr string, t *Transcript, proto int) ([]Difference, error) {
	return compare(addr, t, proto, false)
}

// RunFromFiles is Run against a weir, which now and then gets the time to take its full blocks out of memory.
func RunFromFiles(addr string, t *Transcript, proto int) ([]Difference, error) {
	return compare(addr, t, proto, true)
}

func compare(addr string, t *Transcript, proto int, settle bool) ([]Difference, error) {
	var diffs []Difference
	err := play(addr, t, proto, settle, func(s *step, got []string) {
		if want := s.want[proto-2]; !slices.Equal(want, got) {
			diffs = append(diffs, Difference{t.Path, s.line, proto, s.text, want, got})
		}
	})
	return diffs, err
}

// Record plays the transcript against an empty server at addr and takes its
// replies as the expected ones.
func Record(addr string, t *Transcript, proto int) error {
	return play(addr, t, proto, false, func(s *step, got []string) { s.want[proto-2] = got })
}

// Save writes the transcript back to its file.
func (t *Transcript) Save() error { return os.WriteFile(t.Path, []byte(t.String()), 0o644) }

// player holds the connections of one run.
type player struct {
	addr    string
	proto   int
	control *Conn            // asks about the others; never in a transcript
	conns   map[string]*Conn // by name
	ids     map[string]string
	waiting map[string]int // commands sent with >& and not yet read, per connection
	got     func(*step, []string)
}

func play(addr string, t *Transcript, proto int, settle bool, got func(*step, []string)) error {
	p := &player{addr: addr, proto: proto, conns: map[string]*Conn{}, ids: map[string]string{}, waiting: map[string]int{}, got: got}
	defer func() {
		for _, c := range p.conns {
			_ = c.Close()
		}
		if p.control != nil {
			_ = p.control.Close()
		}
	}()
	var err error
	if p.control, err = Dial(addr); err != nil {
		return err
	}
	if _, err := p.control.MustDo("PING"); err != nil { // the server knows it before any other
		return err
	}
	for i := range t.steps {
		if settle && i > 0 && (i%settleSteps == 0 || t.steps[i-1].kind == stepRepeat) {
			_ = Settle(p.control) // it may be shut down, or ask for a password
		}
		if err := p.step(&t.steps[i]); err != nil {
			return fmt.Errorf("%s:%d (RESP%d) %s: %w", t.Path, t.steps[i].line, proto, t.steps[i].text, err)
		}
	}
	return nil
}

// settleSteps is how many steps there are between the times at which a weir gets its time: each costs a tenth of a second.
const settleSteps = 30

func (p *player) step(s *step) error {
	switch s.kind {
	case stepText:
		return nil
	case stepBlocked:
		if n, err := p.blocked(); err != nil || n != s.count {
			return fmt.Errorf("%d clients are blocked, expected %d (%v)", n, s.count, err)
		}
		return nil
	case stepClose:
		return p.close(s.conn)
	case stepRepeat:
		return p.repeat(s)
	}
	c, err := p.conn(s.conn)
	if err != nil {
		return err
	}
	var rep Reply
	switch s.kind {
	case stepRead:
		if p.waiting[s.conn]--; p.waiting[s.conn] <= 0 {
			delete(p.waiting, s.conn)
		}
		rep, err = c.Receive()
	case stepSend:
		args, err := p.fill(s.args, 0)
		if err != nil {
			return err
		}
		if err := c.Send(args...); err != nil {
			return err
		}
		p.waiting[s.conn]++
		return p.awaitBlocked(len(p.waiting))
	default:
		args, err2 := p.fill(s.args, 0)
		if err2 != nil {
			return err2
		}
		rep, err = c.Do(args...)
	}
	if err != nil {
		return err
	}
	for _, u := range s.rules {
		rep = u.apply(rep)
	}
	p.got(s, rep.Lines())
	return nil
}

// conn returns the named connection, opening it on first use.
func (p *player) conn(name string) (*Conn, error) {
	if c := p.conns[name]; c != nil {
		return c, nil
	}
	c, err := Dial(p.addr)
	if err != nil {
		return nil, err
	}
	p.conns[name] = c
	if p.proto == 3 {
		if _, err := c.MustDo("HELLO", "3"); err != nil {
			return nil, err
		}
	}
	if rep, err := c.Do("CLIENT", "ID"); err != nil {
		return nil, err
	} else if rep.Kind == ':' {
		p.ids[name] = rep.Text
	}
	return c, nil
}

// fill replaces {x.id}, {x.addr}, {i} and {now-5000}.
func (p *player) fill(args []string, i int) ([]string, error) {
	out := make([]string, len(args))
	for n, a := range args {
		for {
			from := strings.IndexByte(a, '{')
			to := strings.IndexByte(a, '}')
			if from < 0 || to < from {
				break
			}
			value := strconv.Itoa(i)
			if hole := a[from+1 : to]; strings.HasPrefix(hole, "now") {
				ms, _ := strconv.ParseInt(hole[len("now"):], 10, 64)
				value = strconv.FormatInt(time.Now().UnixMilli()+ms, 10)
			} else if hole != "i" {
				name, what, _ := strings.Cut(hole, ".")
				c, err := p.conn(name)
				if err != nil {
					return nil, err
				}
				switch what {
				case "id":
					value = p.ids[name]
				case "addr":
					value = c.LocalAddr().String()
				default:
					return nil, fmt.Errorf("unknown {%s}", hole)
				}
			}
			a = a[:from] + value + a[to+1:]
		}
		out[n] = a
	}
	return out, nil
}

func (p *player) repeat(s *step) error {
	c, err := p.conn("")
	if err != nil {
		return err
	}
	var batch []byte
	for i := 1; i <= s.count; i++ {
		args, err := p.fill(s.args, i)
		if err != nil {
			return err
		}
		batch = AppendCommand(batch, args...)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := c.Write(batch)
		failed <- err
	}()
	for range s.count {
		rep, err := c.Receive()
		if err != nil {
			return err
		}
		if rep.IsError() {
			return fmt.Errorf("refused: %s", rep)
		}
	}
	return <-failed
}

// blocked asks the server how many clients are blocked.
func (p *player) blocked() (int, error) {
	rep, err := p.control.MustDo("INFO", "clients")
	if err != nil {
		return 0, err
	}
	_, after, found := strings.Cut(rep.Text, "blocked_clients:")
	if !found {
		return 0, fmt.Errorf("INFO clients has no blocked_clients: %s", rep)
	}
	number, _, _ := strings.Cut(after, "\r\n")
	return strconv.Atoi(number)
}

// awaitBlocked polls until n clients are blocked: a blocking command has no
// reply that would say so.
func (p *player) awaitBlocked(n int) error {
	for end := time.Now().Add(ReplyTimeout); ; time.Sleep(time.Millisecond) {
		have, err := p.blocked()
		if err != nil || have == n {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d clients are blocked, expected %d", have, n)
		}
	}
}

// close closes a connection and waits until the server has noticed.
func (p *player) close(name string) error {
	c := p.conns[name]
	if c == nil {
		return fmt.Errorf("no connection %q", name)
	}
	local := "addr=" + c.LocalAddr().String() + " "
	_ = c.Close()
	delete(p.conns, name)
	delete(p.waiting, name)
	for end := time.Now().Add(ReplyTimeout); ; time.Sleep(time.Millisecond) {
		rep, err := p.control.MustDo("CLIENT", "LIST")
		if err != nil || !strings.Contains(rep.Text, local) {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the server still has connection %q", name)
		}
	}
}
