package crash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"

	"github.com/weirmq/weir/internal/oracle"
)

// crew is eight consumers of one group that share one stream: each appends, takes
// new entries, acknowledges what it holds, and claims what rests with others. What
// one of them cannot know of the others is not assumed; what must hold all the
// same is checked while they work and after each restart.
type crew struct {
	members []*member

	mu    sync.Mutex
	added map[string]bool // answered XADDs
	jobs  map[string]*job // entries that were given to somebody
}

// job is what is known of an entry that was delivered.
type job struct {
	shown      bool            // by >, which happens once
	holders    map[string]bool // who may have it: whom it was shown to, and who claimed it
	deliveries int             // at least
	ackSent    bool
	acked      bool
}

const (
	crewStream = "crew"
	crewGroup  = "all"
)

// member is one of them.
type member struct {
	*crew
	index    int
	name     string
	rand     *rand.Rand
	n        uint64
	held     []string
	lastNew  string // the last entry got by >
	claiming bool   // an XAUTOCLAIM is on its way
	answered int
	refused  bool // in this session, by a server whose disk fails
}

func newCrew(seed uint64) *crew {
	c := &crew{added: map[string]bool{}, jobs: map[string]*job{}}
	for i := range 8 {
		c.members = append(c.members, &member{crew: c, index: i, name: fmt.Sprint("m", i), rand: rand.New(rand.NewPCG(seed, uint64(100+i)))})
	}
	return c
}

// create makes the group, before the first session.
func (c *crew) create(addr string) error {
	conn, err := oracle.Dial(addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.MustDo("XGROUP", "CREATE", crewStream, crewGroup, "0", "MKSTREAM")
	return err
}

// session works until the server goes or refuses something, or stop closes.
func (m *member) session(addr string, stop <-chan struct{}) error {
	return session(addr, stop, func(conn *oracle.Conn) (gone bool, err error) {
		switch p := m.rand.IntN(100); {
		case p < 30:
			gone, err = m.append(conn)
		case p < 65:
			gone, err = m.take(conn)
		case p < 90:
			gone, err = m.ack(conn)
		case p < 95:
			gone, err = m.claim(conn)
		default:
			gone, err = m.takeAndClaim(conn)
		}
		if !gone && err == nil {
			m.answered++
		}
		return gone, err
	})
}

// do sends a command. gone is that there was no answer, or a refusal.
func (m *member) do(conn *oracle.Conn, args ...string) (rep oracle.Reply, gone bool, err error) {
	rep, broken := conn.Do(args...)
	m.refused = refusal(rep)
	gone = wentAway(rep, broken) || m.refused
	if !gone && rep.IsError() {
		err = fmt.Errorf("%s: %s", oracle.FormatCommand(args), rep)
	}
	return rep, gone, err
}

func (m *member) append(conn *oracle.Conn) (gone bool, err error) {
	m.n++
	rep, gone, err := m.do(conn, "XADD", crewStream, "*", "w", strconv.Itoa(m.index), "n", strconv.FormatUint(m.n, 10), "p", payload(m.index, m.n))
	if gone || err != nil {
		return gone, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.added[rep.Text] = true
	return false, nil
}

// take reads new entries. Nobody ever gets one that somebody has got by >.
func (m *member) take(conn *oracle.Conn) (gone bool, err error) {
	rep, gone, err := m.do(conn, "XREADGROUP", "GROUP", crewGroup, m.name, "COUNT", strconv.Itoa(1+m.rand.IntN(8)), "BLOCK", "2", "STREAMS", crewStream, ">")
	if gone || err != nil || rep.Null {
		return gone, err
	}
	ids, err := entryIDs(rep.Elems[0].Elems[1])
	if err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if err := m.gotNew(id); err != nil {
			return false, err
		}
	}
	return false, nil
}

// gotNew is got for an entry that nobody may have got before. The lock is held.
func (m *member) gotNew(id string) error {
	j := m.job(id)
	if j.shown {
		return fmt.Errorf("%s was delivered to %s, and before to one of %v, without a claim", id, m.name, j.holders)
	}
	if m.lastNew != "" && compareIDs(id, m.lastNew) <= 0 {
		return fmt.Errorf("%s was delivered to %s after %s", id, m.name, m.lastNew)
	}
	j.shown, m.lastNew = true, id
	m.got(j, id)
	return nil
}

// takeAndClaim is XREADGROUP with CLAIM: first what rests with others, then what
// is new, which is what was never delivered.
func (m *member) takeAndClaim(conn *oracle.Conn) (gone bool, err error) {
	m.claiming = true
	rep, gone, err := m.do(conn, "XREADGROUP", "GROUP", crewGroup, m.name, "COUNT", strconv.Itoa(1+m.rand.IntN(8)), "BLOCK", "4",
		"CLAIM", strconv.Itoa(m.rand.IntN(8)), "STREAMS", crewStream, ">")
	if gone || err != nil {
		return gone, err
	}
	m.claiming = false
	if rep.Null {
		return false, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	inReply := map[string]bool{}
	for _, r := range rep.Elems[0].Elems[1].Elems {
		if len(r.Elems) != 4 {
			return false, fmt.Errorf("not an entry with its past: %s", r)
		}
		e, err := parseEntry(oracle.Reply{Kind: '*', Elems: r.Elems[:2]})
		if err != nil {
			return false, err
		}
		if inReply[e.id] {
			return false, fmt.Errorf("%s is twice in one reply to %s", e.id, m.name)
		}
		inReply[e.id] = true
		if r.Elems[3].Text == "0" {
			err = m.gotNew(e.id)
		} else {
			m.got(m.job(e.id), e.id)
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// got: a delivery to m was answered. The lock is held, as it is for job.
func (m *member) got(j *job, id string) {
	j.deliveries++
	j.holders[m.name] = true
	m.held = append(m.held, id)
}

func (c *crew) job(id string) *job {
	j := c.jobs[id]
	if j == nil {
		j = &job{holders: map[string]bool{}}
		c.jobs[id] = j
	}
	return j
}

func (m *member) ack(conn *oracle.Conn) (gone bool, err error) {
	if len(m.held) == 0 {
		return false, nil
	}
	m.rand.Shuffle(len(m.held), func(i, j int) { m.held[i], m.held[j] = m.held[j], m.held[i] })
	n := 1 + m.rand.IntN(len(m.held))
	ids := m.held[:n:n]
	m.held = m.held[n:]
	m.mu.Lock()
	for _, id := range ids {
		m.job(id).ackSent = true
	}
	m.mu.Unlock()
	_, gone, err = m.do(conn, append([]string{"XACK", crewStream, crewGroup}, ids...)...)
	if gone || err != nil {
		return gone, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		m.job(id).acked = true
	}
	return false, nil
}

// claim takes over what has rested for a moment, from anybody.
func (m *member) claim(conn *oracle.Conn) (gone bool, err error) {
	m.claiming = true
	rep, gone, err := m.do(conn, "XAUTOCLAIM", crewStream, crewGroup, m.name, strconv.Itoa(m.rand.IntN(8)), "0", "COUNT", "4")
	if gone || err != nil {
		return gone, err
	}
	m.claiming = false
	ids, err := entryIDs(rep.Elems[1])
	if err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		m.got(m.job(id), id)
	}
	return false, nil
}

func entryIDs(list oracle.Reply) ([]string, error) {
	var ids []string
	for _, r := range list.Elems {
		e, err := parseEntry(r)
		if err != nil {
			return nil, err
		}
		ids = append(ids, e.id)
	}
	return ids, nil
}

func compareIDs(a, b string) int {
	var x, y [2]uint64
	_, err1 := fmt.Sscanf(a, "%d-%d", &x[0], &x[1])
	_, err2 := fmt.Sscanf(b, "%d-%d", &y[0], &y[1])
	if err1 != nil || err2 != nil {
		panic(fmt.Sprintf("not two IDs: %q, %q", a, b))
	}
	return slices.Compare(x[:], y[:])
}
