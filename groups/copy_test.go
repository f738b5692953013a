package groups

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/weirmq/weir/stream"
)

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func encoded(t fataler, c *Copy) []byte {
	t.Helper()
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := c.Encode(w); err != nil {
		t.Fatalf("Encode: %v", err)
	}
	if err := w.Flush(); err != nil {
		t.Fatalf("Flush: %v", err)
	}
	return b.Bytes()
}

// decoded is the set that b encodes. It checks that b is what that one is encoded to again.
func decoded(t fataler, b []byte) *Set {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(append(bytes.Clone(b), "behind"...)))
	s, err := Decode(r)
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	if behind, _ := r.Peek(7); string(behind) != "behind" {
		t.Fatalf("%q is left behind the set", behind)
	}
	if !bytes.Equal(encoded(t, s.Copy()), b) {
		t.Fatalf("a decoded set is encoded differently")
	}
	return s
}

func TestAGroupOfEveryKindComesBack(t *testing.T) {
	var set Set
	if set.Copy() != nil || (*Set)(nil).Copy() != nil {
		t.Error("the copy of nothing is something")
	}
	if got := decoded(t, encoded(t, nil)); got.Len() != 0 {
		t.Errorf("%d groups of none", got.Len())
	}
	set.Create([]byte("empty"), stream.MinID, Unknown)
	set.Create([]byte{}, stream.MaxID, 7).Release([]stream.ID{{MS: 5}}, Count{})
	g := set.Create([]byte("g"), stream.ID{MS: 3, Seq: 4}, 5)
	for _, name := range []string{"b", "", "a", "c"} {
		g.CreateConsumer([]byte(name), 6).Activate(-7)
	}
	g.Deliver(g.Consumer([]byte("a")), []stream.ID{{MS: 1}, {MS: 2}}, 8)
	g.DeleteConsumer([]byte("b"))
	g.DeleteConsumer([]byte("c"))
	got := decoded(t, encoded(t, set.Copy()))
	if got.Len() != 3 || got.Get([]byte("empty")).EntriesRead() != Unknown || got.Get(nil).LastDelivered() != stream.MaxID {
		t.Errorf("%d groups, or they differ", got.Len())
	}
	h := got.Get([]byte("g"))
	if h.LastDelivered() != g.LastDelivered() || h.EntriesRead() != 5 || h.Consumers() != 2 || h.PendingCount() != 2 {
		t.Errorf("got %+v", h)
	}
	if c := h.Consumer([]byte("a")); c.SeenMS() != -7 || c.ActiveMS() != -7 || c.Pending() != 2 {
		t.Errorf("got %+v", c)
	}
	a, b := g.CreateConsumer([]byte("new"), 0), h.CreateConsumer([]byte("new"), 0)
	if a.index != b.index {
		t.Errorf("a new consumer gets place %d, not %d", b.index, a.index)
	}
}
