package groups

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/weirmq/weir/stream"
)

func TestNextUntilFindsWhatAWalkOverEverythingFinds(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var set Set
	g := set.Create([]byte("g"), stream.MinID, Unknown)
	consumers := []*Consumer{nil, g.CreateConsumer([]byte("a"), 0), g.CreateConsumer([]byte("b"), 0)}
	if it := g.Pending(stream.MinID); it.NextUntil(math.MaxInt64, stream.MaxID) {
		t.Errorf("%v of nothing", it.ID())
	}
	const n = 2_000
	for i := uint64(1); i <= n; i++ {
		// Times rise with the IDs, so that there are pages to pass over, but for some that were claimed again.
		g.Deliver(consumers[1+random.IntN(2)], []stream.ID{{MS: i}}, int64(i)*10)
	}
	for range 200 {
		id := []stream.ID{{MS: 1 + random.Uint64N(n)}}
		switch random.IntN(10) {
		case 0:
			g.Release(id, Count{})
		case 1, 2, 3:
			g.Claim(consumers[1+random.IntN(2)], id, random.Int64N(n*10), Count{How: CountUp})
		default:
			g.Ack(id)
		}
	}
	for range 2_000 {
		from, last := stream.ID{MS: random.Uint64N(n + 10)}, stream.ID{MS: random.Uint64N(n + 10)}
		until := random.Int64N(n*11) - n/2
		c := consumers[random.IntN(3)]
		walk := func() Iter {
			if c == nil {
				return g.Pending(from)
			}
			return g.PendingOf(c, from)
		}
		var got, want []stream.ID
		for it := walk(); it.NextUntil(until, last); {
			got = append(got, it.ID())
		}
		for it := walk(); it.Next(); {
			if e := it.Entry(); e.DeliveredMS <= until && !last.Less(e.ID) {
				want = append(want, e.ID)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("from %v to %v until %d: %v, want %v", from, last, until, got, want)
		}
	}
}
