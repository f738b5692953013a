package store

import (
	"math/rand/v2"
	"testing"

	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
)

func refOf(n int) stream.Ref { return stream.Ref{Segment: 1, Offset: uint32(n), Length: 1} }

// valid makes sure that what the cache counts is so.
func (c *cache) valid(t *testing.T) {
	t.Helper()
	n := 0
	for _, q := range []*queue{&c.fresh, &c.hot, &c.gone} {
		bytes, count := 0, 0
		for e := q.root.next; e != &q.root; e = e.next {
			if e.in != q || c.nodes[e.ref] != e || (e.body == nil) != (q == &c.gone) || e.next.prev != e {
				t.Fatalf("%v is not as it should be", e.ref)
			}
			bytes += e.size
			count++
		}
		if bytes != q.bytes || count != q.n {
			t.Fatalf("%d blocks of %d bytes, counted %d of %d", count, bytes, q.n, q.bytes)
		}
		n += count
	}
	if n != len(c.nodes) || c.bytes() > c.max || c.gone.bytes > c.max || c.gone.n*nodeBytes > c.max/8 {
		t.Fatalf("%d blocks of %d, %d bytes of %d", n, len(c.nodes), c.bytes(), c.max)
	}
}

func TestTheCacheHasWhatWasKeptOrNothingAndStaysInItsBounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	c := newCache(10_000)
	bodies := map[stream.Ref]*stream.Body{}
	for n := range 200 {
		bodies[refOf(n)] = bodyOf(t, make([]byte, 1+rng.IntN(1000)))
	}
	hits, misses := uint64(0), uint64(0)
	for range 50_000 {
		ref := refOf(rng.IntN(1 + rng.IntN(200)))
		switch rng.IntN(1000) {
		case 0:
			c.resize(rng.IntN(20_000))
		default:
			switch body := c.get(ref, true); body {
			case nil:
				misses++
				c.keep(ref, bodies[ref])
			case bodies[ref]:
				hits++
			default:
				t.Fatalf("%v is another block", ref)
			}
		}
		c.valid(t)
	}
	if c.hits != hits || c.misses != misses || hits < 5000 {
		t.Errorf("%d hits, %d misses, counted %d and %d", hits, misses, c.hits, c.misses)
	}
	c.resize(0)
	c.valid(t)
	if len(c.nodes) != 0 {
		t.Errorf("%d blocks without room", len(c.nodes))
	}
}

func TestReadingAllOnceDoesNotThrowOutWhatIsHot(t *testing.T) {
	body := bodyOf(t, make([]byte, 1000))
	c := newCache(200 * (body.Size() + nodeBytes))
	want := func(n int) (hit bool) {
		for range 6 { // a reader comes back to a block a few times
			if c.get(refOf(n), true) != nil {
				hit = true
			} else {
				c.keep(refOf(n), body)
			}
		}
		return hit
	}
	scan := func() {
		for n := 1000; n < 11_000; n++ {
			want(n)
		}
	}
	hot := func() (hits int) {
		for n := range 100 {
			if c.get(refOf(n), true) != nil {
				hits++
			}
			want(n)
		}
		return hits
	}
	// Others pass by while the hundred are read again and again.
	for round := range 4 {
		hot()
		for n := range 200 {
			want(20_000 + round*200 + n)
		}
	}
	scan()
	if hits := hot(); hits < 95 {
		t.Errorf("%d of 100 hot blocks are left after a scan", hits)
	}
}

func TestWithNothingHotAllOfTheRoomIsForWhatIsFresh(t *testing.T) {
	body := bodyOf(t, make([]byte, 1000))
	c := newCache(100 * (body.Size() + nodeBytes))
	for n := range 100 {
		c.keep(refOf(n), body)
	}
	for n := range 100 {
		if c.get(refOf(n), true) == nil {
			t.Fatalf("block %d of 100 is gone", n)
		}
	}
}

func TestAHitInTheCacheAllocatesNothing(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), Options{CacheBytes: 1 << 20})
	body := bodyOf(t, make([]byte, 1000))
	s.Keep(refOf(1), body)
	if n := testing.AllocsPerRun(100, func() {
		if s.Cached(refOf(1)) != body || s.Cached(refOf(2)) != nil {
			t.Fatal("not as kept")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestABlockOfMoreThanHalfTheRoomIsNotKept(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), Options{CacheBytes: 10_000})
	small, large := bodyOf(t, make([]byte, 100)), bodyOf(t, make([]byte, 6000))
	s.Keep(refOf(1), small)
	s.Keep(refOf(2), large)
	if s.Cached(refOf(1)) != small || s.Cached(refOf(2)) != nil {
		t.Error("a huge block took the place of others")
	}
	s.Resize(20_000)
	s.Keep(refOf(2), large)
	if s.Cached(refOf(2)) != large {
		t.Error("there is room now")
	}
	if st := s.Stats(); st.CacheBlocks != 2 || st.CacheMax != 20_000 || st.CacheBytes < 6100 || st.Hits != 2 || st.Misses != 1 {
		t.Errorf("%+v", st)
	}
}
