package streams

import (
	"math/rand/v2"
	"testing"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

func TestAWalkFindsIDsInAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		var set groups.Set
		g := set.Create([]byte("g"), stream.ID{}, 0)
		pending := map[uint64]bool{}
		var ids []stream.ID
		for ms := uint64(1); ms < 1000; ms++ {
			if rng.IntN(1+round%20) == 0 {
				pending[ms] = true
				ids = append(ids, stream.ID{MS: ms})
			}
		}
		g.Deliver(g.CreateConsumer([]byte("c"), 1), ids, 1)
		w := walk{group: g}
		ms := uint64(0)
		for range 500 {
			switch rng.IntN(4) {
			case 0:
				ms = rng.Uint64N(1100)
			case 1:
				ms += rng.Uint64N(100)
			default:
				ms += rng.Uint64N(3)
			}
			if got := w.find(stream.ID{MS: ms}); got != pending[ms] {
				t.Fatalf("round %d: %d is pending: %v", round, ms, got)
			}
		}
	}
}

func TestPresenceIsWhatTheStreamSays(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 200 {
		s := &state.Stream{Stream: stream.New(stream.Config{BlockEntries: 50})}
		for ms := uint64(1); ms < 1000; ms++ {
			if rng.IntN(1+round%20) == 0 {
				s.Append(stream.ID{MS: ms}, [][]byte{[]byte("f"), []byte("v")})
			}
		}
		for range 300 {
			s.Delete(stream.ID{MS: rng.Uint64N(1000)})
		}
		p := presence{stream: s}
		for ms := uint64(0); ms < 1100; ms += rng.Uint64N(1 + uint64(round)/3) {
			got, err := p.has(stream.ID{MS: ms})
			if want, _ := s.Has(stream.ID{MS: ms}); got != want || err != nil {
				t.Fatalf("round %d: %d is there: %v, %v", round, ms, got, err)
			}
			if round < 3 {
				ms++
			}
		}
	}
}
