package crash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/weirmq/weir/internal/oracle"
)

// historian has a stream of its own that is long: most of it is in segment files. It adds at the end, deletes and trims
// anywhere, now and then everything, and reads back what is old, which must be what it knows, always. Like a writer it
// lives across restarts.
type historian struct {
	index int
	key   string
	rand  *rand.Rand
	n     uint64 // the last entry added, whose ID is n-1

	known   *chronicle
	flying  []deed // sent and not answered
	done    int    // answered
	read    int    // entries that were read back
	late    int    // deeds that were not answered, and had happened
	refusal oracle.Reply
}

// nodeEntries is by how much an approximate trim may keep more than was asked for.
const nodeEntries = 100

// chronicle is what a stream must be.
type chronicle struct {
	live             []uint64
	last, added, max uint64 // max: of those that were deleted by XDEL
}

type deedKind uint8

const (
	deedAdd deedKind = iota
	deedDelete
	deedTrim      // to so many
	deedTrimAbout // to so many, or a node more
	deedMinID
	deedMinIDAbout
	deedDrop // DEL
)

// deed is a command that changes a stream. n is an entry or a length.
type deed struct {
	kind deedKind
	n    uint64
	ids  []uint64
}

func newHistorian(index int, seed uint64) *historian {
	return &historian{index: index, key: fmt.Sprint("history-", index), rand: rand.New(rand.NewPCG(seed, uint64(500+index))), known: &chronicle{}}
}

func id(n uint64) string { return strconv.FormatUint(n, 10) + "-1" }

func (d deed) args(h *historian) []string {
	n := strconv.FormatUint(d.n, 10)
	switch d.kind {
	case deedAdd:
		return []string{"XADD", h.key, id(d.n), "w", strconv.Itoa(h.index), "n", n, "p", payload(h.index, d.n)}
	case deedDelete:
		args := []string{"XDEL", h.key}
		for _, n := range d.ids {
			args = append(args, id(n))
		}
		return args
	case deedTrim:
		return []string{"XTRIM", h.key, "MAXLEN", n}
	case deedTrimAbout:
		return []string{"XTRIM", h.key, "MAXLEN", "~", n}
	case deedMinID:
		return []string{"XTRIM", h.key, "MINID", id(d.n)}
	case deedMinIDAbout:
		return []string{"XTRIM", h.key, "MINID", "~", id(d.n)}
	}
	return []string{"DEL", h.key}
}

// apply does a deed and returns the number that answers it. Of what an approximate trim may remove, removed says how much
// it does; it is ignored for others.
func (c *chronicle) apply(d deed, removed int) int {
	before := len(c.live)
	switch d.kind {
	case deedAdd:
		c.live = append(c.live, d.n)
		c.last = d.n
		c.added++
		return 0
	case deedDelete:
		for _, n := range d.ids {
			if at, found := slices.BinarySearch(c.live, n); found {
				c.live = slices.Delete(c.live, at, at+1)
				c.max = max(c.max, n)
			}
		}
	case deedTrim, deedMinID:
		c.live = slices.Clone(c.live[c.over(d):])
	case deedTrimAbout, deedMinIDAbout:
		c.live = slices.Clone(c.live[min(removed, c.over(d)):])
		return removed
	case deedDrop:
		existed := c.last > 0
		*c = chronicle{}
		if existed {
			return 1
		}
		return 0
	}
	return before - len(c.live)
}

// over is how many entries an exact trim removes.
func (c *chronicle) over(d deed) int {
	switch d.kind {
	case deedTrim, deedTrimAbout:
		return max(0, len(c.live)-int(d.n))
	case deedMinID, deedMinIDAbout:
		at, _ := slices.BinarySearch(c.live, d.n)
		return at
	}
	return 0
}

func (c *chronicle) equal(o *chronicle) bool {
	return c.last == o.last && c.added == o.added && c.max == o.max && slices.Equal(c.live, o.live)
}

// old is an entry from anywhere in the history, gone or not.
func (h *historian) old() uint64 {
	if len(h.known.live) == 0 || h.rand.IntN(10) == 0 {
		return 1 + h.rand.Uint64N(h.n+1)
	}
	return h.known.live[h.rand.IntN(len(h.known.live))]
}

// session works until the server goes or refuses something, or stop closes.
func (h *historian) session(addr string, stop <-chan struct{}) error {
	h.flying, h.refusal = nil, oracle.Reply{}
	return session(addr, stop, func(c *oracle.Conn) (gone bool, err error) {
		if h.rand.IntN(3) == 0 {
			return h.look(c)
		}
		return h.act(c)
	})
}

// act does one thing, or adds some entries at once.
func (h *historian) act(c *oracle.Conn) (gone bool, err error) {
	length := len(h.known.live)
	var deeds []deed
	switch p := h.rand.IntN(1000); {
	case p < 700:
		for range 1 + h.rand.IntN(60) {
			h.n++
			deeds = append(deeds, deed{kind: deedAdd, n: h.n})
		}
	case p < 800:
		d := deed{kind: deedDelete}
		from, step := h.old(), h.rand.Uint64N(3) // 0 deletes whole blocks
		for i := range uint64(1 + h.rand.IntN(50)) {
			if step > 0 {
				d.ids = append(d.ids, h.old())
			} else {
				d.ids = append(d.ids, from+i)
			}
		}
		deeds = []deed{d}
	case p < 860:
		deeds = []deed{{kind: deedTrim + deedKind(h.rand.IntN(2)), n: uint64(max(0, length-h.rand.IntN(length/10+1)))}}
	case p < 920:
		deeds = []deed{{kind: deedMinID + deedKind(h.rand.IntN(2)), n: h.known.last - min(h.known.last, uint64(length-h.rand.IntN(length/10+1)))}}
	case p < 996:
		return h.look(c)
	case p < 998:
		deeds = []deed{{kind: deedTrim, n: uint64(h.rand.IntN(40))}}
	default:
		deeds = []deed{{kind: deedDrop}}
	}
	var batch []byte
	for _, d := range deeds {
		batch = oracle.AppendCommand(batch, d.args(h)...)
	}
	h.flying = deeds
	gone, err = exchange(c, batch, len(deeds), h.answered)
	return gone || h.refusal.IsError(), err
}

func (h *historian) answered(rep oracle.Reply) error {
	d := h.flying[0]
	h.flying = h.flying[1:]
	if rep.IsError() {
		h.refusal = rep
		return nil
	}
	h.done++
	if d.kind == deedAdd {
		if rep.Text != id(d.n) {
			return fmt.Errorf("%s: XADD %s was answered by %s", h.key, id(d.n), rep)
		}
		h.known.apply(d, 0)
		return nil
	}
	n, err := strconv.Atoi(rep.Text)
	if err != nil || rep.Kind != ':' {
		return fmt.Errorf("%s: %s was answered by %s", h.key, oracle.FormatCommand(d.args(h)), rep)
	}
	if over := h.known.over(d); d.kind == deedTrimAbout || d.kind == deedMinIDAbout {
		if n > over || n <= over-nodeEntries {
			return fmt.Errorf("%s: %s removed %d entries, of %d that are too many", h.key, oracle.FormatCommand(d.args(h)), n, over)
		}
	}
	if want := h.known.apply(d, n); want != n {
		return fmt.Errorf("%s: %s was answered by %d, not %d", h.key, oracle.FormatCommand(d.args(h)), n, want)
	}
	return nil
}

// look reads some range, forwards or backwards, or counts.
func (h *historian) look(c *oracle.Conn) (gone bool, err error) {
	from, count := h.old(), 1+h.rand.IntN(200)
	at, _ := slices.BinarySearch(h.known.live, from)
	var want []uint64
	var args []string
	switch h.rand.IntN(4) {
	case 0:
		args = []string{"XREVRANGE", h.key, id(from), "-", "COUNT", strconv.Itoa(count)}
		if at < len(h.known.live) && h.known.live[at] == from {
			at++
		}
		want = slices.Clone(h.known.live[max(0, at-count):at])
		slices.Reverse(want)
	case 1:
		rep, err := c.Do("XLEN", h.key)
		if wentAway(rep, err) {
			return true, nil
		}
		if rep.Text != strconv.Itoa(len(h.known.live)) {
			return true, fmt.Errorf("%s: XLEN is %s, not %d", h.key, rep, len(h.known.live))
		}
		return false, nil
	default:
		args = []string{"XRANGE", h.key, id(from), "+", "COUNT", strconv.Itoa(count)}
		want = h.known.live[at:min(at+count, len(h.known.live))]
	}
	rep, err := c.Do(args...)
	if wentAway(rep, err) {
		return true, nil
	}
	if rep.IsError() {
		h.refusal = rep
		return true, nil
	}
	got, err := h.entries(rep)
	if err != nil || !slices.Equal(got, want) {
		return true, fmt.Errorf("%s: %s: %v, not %v; %w", h.key, oracle.FormatCommand(args), got, want, err)
	}
	h.read += len(got)
	return false, nil
}

func (h *historian) entries(rep oracle.Reply) (list []uint64, err error) {
	for _, r := range rep.Elems {
		e, err := parseEntry(r)
		if err == nil && (e.writer != h.index || e.id != id(e.n)) {
			err = fmt.Errorf("entry %s is entry %d of writer %d", e.id, e.n, e.writer)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, e.n)
	}
	return list, nil
}

// settle reads everything, and finds what of the deeds that were not answered explains it.
func (h *historian) settle(c *oracle.Conn) error {
	found, err := h.readAll(c)
	if err != nil {
		return fmt.Errorf("%s: %w", h.key, err)
	}
	for done := 0; ; done++ {
		if h.known.equal(found) || done < len(h.flying) && h.known.equalAfter(h.flying[done], found) {
			h.known, h.flying, h.late = found, nil, h.late+done
			return nil
		}
		if done == len(h.flying) {
			return fmt.Errorf("%s: what is there is not what %d deeds on their way explain:\nfound %s\nknown %s", h.key, done, found, h.known)
		}
		h.known.apply(h.flying[done], 0)
	}
}

// equalAfter says that an approximate trim, of which nobody knows how much it has removed, explains what was found.
func (c *chronicle) equalAfter(d deed, found *chronicle) bool {
	if d.kind != deedTrimAbout && d.kind != deedMinIDAbout {
		return false
	}
	trimmed := *c
	trimmed.live = c.live[min(c.over(d), max(0, len(c.live)-len(found.live))):]
	return trimmed.equal(found)
}

func (c *chronicle) String() string {
	live := c.live
	first := uint64(0)
	if len(live) > 0 {
		first = live[0]
	}
	return fmt.Sprintf("%d entries from %d to %d, added %d, max-deleted %d", len(live), first, c.last, c.added, c.max)
}

// readAll reads the stream, by range and by what XINFO and XLEN say of it.
func (h *historian) readAll(c *oracle.Conn) (*chronicle, error) {
	entries, err := readStream(c, h.key)
	if err != nil {
		return nil, err
	}
	found := &chronicle{}
	for _, e := range entries {
		if e.writer != h.index || e.id != id(e.n) {
			return nil, fmt.Errorf("entry %s is entry %d of writer %d", e.id, e.n, e.writer)
		}
		found.live = append(found.live, e.n)
	}
	info, err := c.Do("XINFO", "STREAM", h.key)
	if err != nil {
		return nil, err
	}
	if info.IsError() {
		if len(entries) == 0 && info.Text == "ERR no such key" {
			return found, nil
		}
		return nil, fmt.Errorf("XINFO: %s", info)
	}
	m := fields(info)
	for name, to := range map[string]*uint64{"last-generated-id": &found.last, "max-deleted-entry-id": &found.max, "entries-added": &found.added} {
		if _, err := fmt.Sscanf(m[name].Text, "%d", to); err != nil {
			return nil, fmt.Errorf("XINFO %s: %w", name, err)
		}
	}
	if m["length"].Text != strconv.Itoa(len(entries)) {
		return nil, fmt.Errorf("length is %s, XRANGE has %d", m["length"].Text, len(entries))
	}
	for name, i := range map[string]int{"first-entry": 0, "last-entry": len(entries) - 1} {
		switch edge := m[name]; {
		case len(entries) == 0 && !edge.Null:
			return nil, fmt.Errorf("%s of an empty stream is %s", name, edge)
		case len(entries) > 0 && (len(edge.Elems) == 0 || edge.Elems[0].Text != entries[i].id):
			return nil, fmt.Errorf("%s is %s, not %s", name, edge, entries[i].id)
		}
	}
	return found, nil
}
