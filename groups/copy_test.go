package groups

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/weirmq/weir/stream"
)

// checkpoint is a copy, with what the group was when it was made.
type checkpoint struct {
	copy  *Copy
	bytes []byte
	naive *naive
}

func (c *checkpoint) check(t fataler) {
	t.Helper()
	b := encoded(t, c.copy)
	if !bytes.Equal(b, c.bytes) {
		t.Fatalf("a copy has changed")
	}
	check(t, decoded(t, b).Get([]byte("g")), c.naive)
}

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

// life is what happens to sets: the same from the same seed.
type life struct {
	random *rand.Rand
	now    int64
	top    uint64
}

func newLife(seed uint64) *life { return &life{random: rand.New(rand.NewPCG(seed, 1))} }

func (l *life) goOn(s *Set) {
	l.now += l.random.Int64N(5) - 1
	name := fmt.Append(nil, "group", l.random.IntN(3))
	g := s.Get(name)
	switch {
	case g == nil:
		g = s.Create(name, stream.ID{MS: l.top}, l.now)
	case l.random.IntN(300) == 0:
		s.Destroy(name)
		return
	}
	name = fmt.Append(nil, "consumer", l.random.IntN(9))
	c := g.Consumer(name)
	switch {
	case c == nil:
		c = g.CreateConsumer(name, l.now)
	case l.random.IntN(100) == 0:
		g.DeleteConsumer(name)
		return
	}
	c.See(l.now)
	var known []stream.ID // neighbours, or every other
	step := 1 + l.random.Uint64N(2)
	for ms, n := l.random.Uint64N(l.top+1), l.random.IntN(100); n > 0; n-- {
		known = append(known, stream.ID{MS: ms})
		ms += step
	}
	switch l.random.IntN(7) {
	case 0:
		g.Ack(known)
	case 1:
		g.Ack(known[:min(len(known), 1)])
	case 2:
		g.Claim(c, known, l.now-5, Count{How: CountUp})
	case 3:
		g.Release(known, Count{How: CountSet, To: 3})
	case 4:
		g.Deliver(c, known, l.now)
	default:
		var fresh []stream.ID
		for range l.random.IntN(100) {
			l.top++
			fresh = append(fresh, stream.ID{MS: l.top})
		}
		g.Deliver(c, fresh, l.now)
		g.Advance(stream.ID{MS: l.top}, int64(l.top))
		c.Activate(l.now)
	}
}

func TestADecodedSetGoesOnAsTheOneThatWasCopied(t *testing.T) {
	for seed := range uint64(20) {
		set, l := new(Set), newLife(seed)
		for range 1 + 100*seed {
			l.goOn(set)
		}
		twin := decoded(t, encoded(t, set.Copy()))
		for _, s := range []*Set{set, twin} {
			same := life{newLife(seed + 100).random, l.now, l.top}
			for range 500 {
				same.goOn(s)
			}
		}
		if !bytes.Equal(encoded(t, set.Copy()), encoded(t, twin.Copy())) {
			t.Fatalf("seed %d: after the same steps they differ", seed)
		}
	}
}

// TestCopiesStayWhatTheyWereWhileTheSetGoesOn is for the race detector, too.
func TestCopiesStayWhatTheyWereWhileTheSetGoesOn(t *testing.T) {
	set, l := new(Set), newLife(1)
	var encoding sync.WaitGroup
	for range 60 {
		for range 20 {
			l.goOn(set)
		}
		c := set.Copy()
		want := encoded(t, c)
		encoding.Go(func() {
			for range 20 {
				if !bytes.Equal(encoded(t, c), want) {
					t.Error("a copy has changed")
				}
			}
		})
	}
	encoding.Wait()
	for g := range set.All() {
		checkPages(t, g)
	}
}

// TestAPageIsCopiedOnceAndOnlyIfItIsShared counts the arrays that acknowledgements make.
func TestAPageIsCopiedOnceAndOnlyIfItIsShared(t *testing.T) {
	var set Set
	g := set.Create([]byte("g"), stream.ID{}, 0)
	c := g.CreateConsumer([]byte("c"), 0)
	some := ids(0, 2*pageMax)
	g.Deliver(c, some, 0)
	first := g.pending.pages[0]
	var array []*byte
	for _, copied := range []bool{false, true, false, false, true} {
		if copied {
			set.Copy()
		}
		g.Ack(some[:1])
		some = some[1:]
		array = append(array, &first.data[0])
	}
	changed := []bool{array[0] != array[1], array[1] != array[2], array[2] != array[3], array[3] != array[4]}
	if want := []bool{true, false, false, true}; !slices.Equal(changed, want) {
		t.Errorf("bytes of a page moved: %v, want %v", changed, want)
	}
}

func TestBytesIsAboutWhatIsInTheHeap(t *testing.T) {
	if n := (*Set)(nil).Bytes(); n != 0 {
		t.Errorf("nothing takes %d bytes", n)
	}
	for _, of := range []struct{ entries, consumers, turns int }{{500_000, 10, 7}, {20_000, 20_000, 1}, {0, 20_000, 1}, {100_000, 100, 1}} {
		before := liveHeap()
		g, _ := filled(of.entries, of.consumers, of.turns)
		var set Set
		set.byName.Set(g.name, g)
		took := liveHeap() - before
		if n := float64(set.Bytes()); n < 0.8*float64(took) || n > 1.25*float64(took) {
			t.Errorf("%+v take %d bytes, of which Bytes says %.0f", of, took, n)
		}
	}
}
