package crash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/weirmq/weir/internal/oracle"
)

// order is one command of a script. Which it is does not depend on any reply, nor does anything that it does depend on more
// than the steps before it and the clock, which stands at atMS: two brokers that are given the same steps must give the
// same replies, however they keep what they know.
type order struct {
	args []string
	atMS int64
	end  bool // of a batch, which is sent at once
}

// script writes random steps: streams that grow, are trimmed, deleted from and deleted, and groups that work on them.
type script struct {
	rand  *rand.Rand
	ms    int64
	keys  []scriptKey
	batch int // the steps to come in this one
}

type scriptKey struct {
	name string
	ids  []string // added since the key was last deleted; some are gone
}

// The clock of a script goes in steps. A broker adds to it how long the turn of a session has lasted already, so what it says
// of time is rounded to steps before two brokers are compared.
const (
	clockStep    = 7000
	scriptBegins = 257_142_857 * clockStep
)

func newScript(seed uint64) *script {
	s := &script{rand: rand.New(rand.NewPCG(seed, 71)), ms: scriptBegins}
	for i := range 4 {
		s.keys = append(s.keys, scriptKey{name: "s" + strconv.Itoa(i)})
	}
	s.keys = append(s.keys, scriptKey{name: "{s0}same-slot"})
	return s
}

func (s *script) steps(n int) []order {
	var steps []order
	for range n {
		if s.batch == 0 {
			s.batch, s.ms = 1+s.rand.IntN(12), s.ms+clockStep*s.rand.Int64N(3)
		}
		s.batch--
		steps = append(steps, order{s.next(), s.ms, s.batch == 0})
	}
	steps[n-1].end = true
	s.batch = 0
	return steps
}

// id is an ID of the key, mostly of an entry that was added, old ones as often as new ones.
func (s *script) id(k *scriptKey) string {
	if len(k.ids) == 0 || s.rand.IntN(20) == 0 {
		return fmt.Sprint(s.ms-s.rand.Int64N(9*clockStep), "-", s.rand.IntN(3))
	}
	return k.ids[s.rand.IntN(len(k.ids))]
}

func (s *script) idList(k *scriptKey, most int) []string {
	ids := make([]string, 1+s.rand.IntN(most))
	for i := range ids {
		ids[i] = s.id(k)
	}
	return ids
}

func (s *script) group() string    { return "g" + strconv.Itoa(s.rand.IntN(2)) }
func (s *script) consumer() string { return "c" + strconv.Itoa(s.rand.IntN(3)) }
func (s *script) count(n int) string {
	return strconv.Itoa(1 + s.rand.IntN(n))
}

func (s *script) next() []string {
	k := &s.keys[min(s.rand.IntN(len(s.keys)+3), len(s.keys)-1)]
	if s.rand.IntN(3) == 0 {
		k = &s.keys[0] // one that is larger than the others
	}
	ids := func(words []string, most int) []string {
		list := s.idList(k, most)
		return append(append(words, "IDS", strconv.Itoa(len(list))), list...)
	}
	switch p := s.rand.IntN(1000); {
	case p < 520:
		return s.add(k)
	case p < 560:
		return append([]string{"XDEL", k.name}, s.idList(k, 6)...)
	case p < 575:
		return []string{"XTRIM", k.name, "MAXLEN", strconv.Itoa(s.rand.IntN(len(k.ids) + 1))}
	case p < 590:
		return []string{"XTRIM", k.name, "MINID", s.id(k)}
	case p < 594:
		k.ids = nil
		return []string{"DEL", k.name}
	case p < 600:
		return []string{"XSETID", k.name, fmt.Sprint(s.ms+1, "-0")}
	case p < 620:
		return []string{"XGROUP", "CREATE", k.name, s.group(), s.id(k), "MKSTREAM"}
	case p < 624:
		return []string{"XGROUP", "DESTROY", k.name, s.group()}
	case p < 632:
		return []string{"XGROUP", "SETID", k.name, s.group(), s.id(k)}
	case p < 720:
		return []string{"XREADGROUP", "GROUP", s.group(), s.consumer(), "COUNT", s.count(20), "STREAMS", k.name, ">"}
	case p < 735:
		return []string{"XREADGROUP", "GROUP", s.group(), s.consumer(), "COUNT", s.count(20), "STREAMS", k.name, s.id(k)}
	case p < 790:
		return append([]string{"XACK", k.name, s.group()}, s.idList(k, 12)...)
	case p < 810:
		return append([]string{"XCLAIM", k.name, s.group(), s.consumer(), "0"}, append(s.idList(k, 4), "FORCE")...)
	case p < 830:
		return []string{"XAUTOCLAIM", k.name, s.group(), s.consumer(), "0", s.id(k), "COUNT", s.count(10)}
	case p < 845:
		return ids([]string{"XDELEX", k.name, s.references()}, 5)
	case p < 860:
		return ids([]string{"XACKDEL", k.name, s.group(), s.references()}, 5)
	case p < 870:
		return ids([]string{"XNACK", k.name, s.group(), "FAIL"}, 5)
	case p < 910:
		return []string{"XRANGE", k.name, s.id(k), "+", "COUNT", s.count(60)}
	case p < 940:
		return []string{"XREVRANGE", k.name, s.id(k), "-", "COUNT", s.count(60)}
	case p < 960:
		return []string{"XREAD", "COUNT", s.count(60), "STREAMS", k.name, s.id(k)}
	case p < 985:
		return []string{"XLEN", k.name}
	}
	return []string{"XPENDING", k.name, s.group(), "-", "+", "100"}
}

func (s *script) references() string {
	return []string{"KEEPREF", "DELREF", "ACKED"}[s.rand.IntN(3)]
}

func (s *script) add(k *scriptKey) []string {
	words := []string{"XADD", k.name}
	switch s.rand.IntN(12) {
	case 0:
		words = append(words, "MAXLEN", strconv.Itoa(60+s.rand.IntN(60)))
	case 1:
		words = append(words, "IDMP", "p"+s.count(3), "i"+s.count(30))
	}
	id := fmt.Sprint(s.ms, "-", len(k.ids)+1)
	k.ids = append(k.ids, id)
	if s.rand.IntN(10) == 0 {
		id = fmt.Sprint(s.ms, "-*")
	}
	words = append(words, id, "n", strconv.Itoa(len(k.ids)))
	size := s.rand.IntN(80)
	if s.rand.IntN(60) == 0 {
		size = 3000
	}
	for range s.rand.IntN(3) {
		words = append(words, "f"+s.count(3), strings.Repeat(string(rune('a'+s.rand.IntN(26))), size))
	}
	return words
}

// dump is everything that a broker knows, as it tells it over the wire, but for what may differ: how many blocks there are,
// and when a consumer that got nothing was last seen, which is not logged.
func dump(c *oracle.Conn) (string, error) {
	keys, err := c.MustDo("KEYS", "*")
	if err != nil {
		return "", err
	}
	var names []string
	for _, k := range keys.Elems {
		names = append(names, k.Text)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		full, err := c.MustDo("XINFO", "STREAM", name, "FULL", "COUNT", "0")
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s\n", name)
		write(&b, full)
	}
	return b.String(), nil
}

// told is a reply as text that two brokers can be compared by.
func told(r oracle.Reply) string {
	var b strings.Builder
	write(&b, r)
	return b.String()
}

// write writes a reply on lines, without what is no part of a state.
func write(b *strings.Builder, r oracle.Reply) {
	if n, err := strconv.ParseInt(r.Text, 10, 64); err == nil && r.Kind == ':' && n > clockStep/2 {
		r.Text = strconv.FormatInt((n+clockStep/2)/clockStep, 10) + " steps"
	}
	if len(r.Elems) == 0 {
		if r.Null {
			b.WriteString("nil")
		}
		b.WriteByte(r.Kind)
		b.WriteString(r.Text)
		b.WriteByte('\n')
		return
	}
	fmt.Fprintf(b, "%d\n", len(r.Elems))
	if e := r.Elems; len(e) == 4 && e[0].Kind == '$' && e[1].Kind == '$' && e[2].Kind == ':' { // a pending entry, and for how long
		if n, err := strconv.ParseInt(e[2].Text, 10, 64); err == nil && n <= clockStep/2 {
			e[2].Text = "0 steps"
		}
	}
	for i := 0; i < len(r.Elems); i++ {
		switch r.Elems[i].Text {
		case "seen-time", "radix-tree-keys", "radix-tree-nodes":
			i++
			continue
		}
		write(b, r.Elems[i])
	}
}
