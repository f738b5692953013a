package groups

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/stream"
)

// ids returns n IDs as XADD * makes them at some hundred thousand a second: a few hundred to the millisecond.
func ids(from, n int) []stream.ID {
	const perMS = 200
	out := make([]stream.ID, n)
	for i := range out {
		out[i] = stream.ID{MS: 1_700_000_000_000 + uint64((from+i)/perMS), Seq: uint64((from + i) % perMS)}
	}
	return out
}

// filled returns a group with n entries delivered to consumers in turns of COUNT count.
func filled(n, consumers, count int) (*Group, []*Consumer) {
	g := new(Set).Create([]byte("g"), stream.ID{}, 0)
	var all []*Consumer
	for i := range consumers {
		all = append(all, g.CreateConsumer(fmt.Appendf(nil, "c%d", i), 0))
	}
	for at, turn := 0, 0; at < n; turn++ {
		some := ids(at, min(count, n-at))
		g.Deliver(all[turn%consumers], some, int64(1_700_000_000_000+at/200))
		at += len(some)
	}
	return g, all
}

// liveHeap is what is reachable.
func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkBytesPerPendingEntry reports memory, and is to be run with -benchtime 1x.
func BenchmarkBytesPerPendingEntry(b *testing.B) {
	const n = 5_000_000
	report := func(b *testing.B, g *Group, before int64) {
		b.ReportMetric(float64(liveHeap()-before)/float64(g.PendingCount()), "B/entry")
		b.ReportMetric(float64(g.PendingCount()), "entries")
		b.ReportMetric(0, "ns/op")
	}
	ackRandomly := func(g *Group, share int, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 2))
		for at := 0; at < n; at += 100 {
			var some []stream.ID
			for _, id := range ids(at, 100) {
				if r.IntN(share) == 0 {
					some = append(some, id)
				}
			}
			g.Ack(some)
		}
	}
	b.Run("8 consumers in turns of 7, a third acknowledged", func(b *testing.B) {
		for b.Loop() {
			before := liveHeap()
			g, _ := filled(n, 8, 7)
			ackRandomly(g, 3, 1)
			report(b, g, before)
			runtime.KeepAlive(g)
		}
	})
	b.Run("1 consumer, in order", func(b *testing.B) {
		for b.Loop() {
			before := liveHeap()
			g, _ := filled(n, 1, 100)
			report(b, g, before)
			runtime.KeepAlive(g)
		}
	})
	b.Run("1 consumer, one by one", func(b *testing.B) {
		for b.Loop() {
			before := liveHeap()
			g, _ := filled(n, 1, 1)
			report(b, g, before)
			runtime.KeepAlive(g)
		}
	})
	b.Run("50 consumers, one by one, seven of eight acknowledged", func(b *testing.B) {
		for b.Loop() {
			before := liveHeap()
			g, _ := filled(n, 50, 1)
			for seed := range uint64(3) {
				ackRandomly(g, 2, seed)
			}
			report(b, g, before)
			runtime.KeepAlive(g)
		}
	})
	b.Run("100,000 consumers with one each", func(b *testing.B) {
		for b.Loop() {
			g, _ := filled(0, 100_000, 1)
			before := liveHeap()
			i := 0
			for c := range g.AllConsumers() {
				g.Deliver(c, ids(i, 1), 1_700_000_000_000)
				i++
			}
			report(b, g, before)
			runtime.KeepAlive(g)
		}
	})
}

// BenchmarkAckOneOfMany acknowledges one entry somewhere in the middle and delivers it again.
func BenchmarkAckOneOfMany(b *testing.B) {
	for _, n := range []int{5_000, 5_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			g, consumers := filled(n, 8, 7)
			r := rand.New(rand.NewPCG(1, 2))
			b.ReportAllocs()
			for b.Loop() {
				i := r.IntN(n)
				one := [1]stream.ID{{MS: 1_700_000_000_000 + uint64(i/200), Seq: uint64(i % 200)}}
				if g.Ack(one[:]) != 1 {
					b.Fatal("not pending")
				}
				g.Deliver(consumers[i%8], one[:], 1_700_000_000_000)
			}
		})
	}
}

// BenchmarkDeliverAndAck is the everyday work: at the end of what is pending.
func BenchmarkDeliverAndAck(b *testing.B) {
	for _, count := range []int{1, 100} {
		for _, n := range []int{0, 5_000_000} {
			b.Run(fmt.Sprintf("%d behind %d", count, n), func(b *testing.B) {
				g, _ := filled(n, 8, 7)
				c := g.CreateConsumer([]byte("worker"), 0)
				some := ids(n, count)
				b.ReportAllocs()
				for b.Loop() {
					g.Deliver(c, some, 1_700_000_000_000)
					if g.Ack(some) != count {
						b.Fatal("not pending")
					}
					for i := range some {
						some[i].MS += 2
					}
				}
			})
		}
	}
}

// BenchmarkInFlight is fifty workers that each take one entry after the other.
func BenchmarkInFlight(b *testing.B) {
	const workers = 50
	g := new(Set).Create([]byte("g"), stream.ID{}, 0)
	var all []*Consumer
	var held [workers][1]stream.ID
	for i := range workers {
		all = append(all, g.CreateConsumer(fmt.Appendf(nil, "c%d", i), 0))
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		w := n * 7 % workers
		g.Ack(held[w][:])
		held[w][0] = stream.ID{MS: 1_700_000_000_000 + uint64(n/200), Seq: uint64(n % 200)}
		g.Deliver(all[w], held[w][:], 1_700_000_000_000+int64(n/200))
	}
}

// BenchmarkWholesale measures what is done to very many entries at a time, and is to be run with -benchtime 1x.
func BenchmarkWholesale(b *testing.B) {
	const n = 5_000_000
	each := func(name string, fill func() (*Group, []*Consumer), do func(*Group, []*Consumer)) {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				g, consumers := fill()
				runtime.GC()
				b.StartTimer()
				do(g, consumers)
			}
		})
	}
	fill := func(consumers, count int) func() (*Group, []*Consumer) {
		return func() (*Group, []*Consumer) { return filled(n, consumers, count) }
	}
	deleteFirst := func(g *Group, consumers []*Consumer) { g.DeleteConsumer([]byte(consumers[0].Name())) }
	each("delete the only consumer", fill(1, 100), deleteFirst)
	each("delete one of 8, turns of 7", fill(8, 7), deleteFirst)
	each("delete one of 8, turns of 1000", fill(8, 1000), deleteFirst)
	each("delete one of 2, turns of 64", fill(2, 64), deleteFirst)
	each("delete one of 1000, turns of 7", fill(1000, 7), deleteFirst)
	each("delete 8 of 8", fill(8, 7), func(g *Group, consumers []*Consumer) {
		for _, c := range consumers {
			g.DeleteConsumer([]byte(c.Name()))
		}
	})
	ack := func(order func(pages [][]stream.ID)) func(*Group, []*Consumer) {
		return func(g *Group, _ []*Consumer) {
			var all [][]stream.ID
			for at := n / 2; at < n/2+1_000_000; at += 100 {
				all = append(all, ids(at, 100))
			}
			order(all)
			for _, some := range all {
				g.Ack(some)
			}
		}
	}
	each("acknowledge a million from the middle, upwards", fill(8, 7), ack(func([][]stream.ID) {}))
	each("acknowledge a million from the middle, downwards, each hundred, too", fill(8, 7), ack(func(all [][]stream.ID) {
		slices.Reverse(all)
		for _, some := range all {
			slices.Reverse(some)
		}
	}))
	each("acknowledge a million from the middle, at random", fill(8, 7), ack(func(all [][]stream.ID) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, some := range all {
			r.Shuffle(100, func(i, j int) {
				a, b := &some[i], &all[r.IntN(len(all))][j]
				*a, *b = *b, *a
			})
		}
	}))
	each("claim a million from the middle one by one", fill(8, 7), func(g *Group, consumers []*Consumer) {
		for _, id := range ids(n/2, 1_000_000) {
			g.Claim(consumers[0], []stream.ID{id}, 1_700_000_000_000, Count{CountUp, 0})
		}
	})
	each("claim every hundredth, for consumers in turn", fill(8, 7), func(g *Group, consumers []*Consumer) {
		for i := 0; i < n; i += 100 {
			g.Claim(consumers[i/100%8], ids(i, 1), 1_800_000_000_000, Count{CountUp, 0})
		}
	})
	each("100,000 consumers with one each, all deleted", func() (*Group, []*Consumer) { return filled(100_000, 100_000, 1) },
		func(g *Group, consumers []*Consumer) {
			for _, c := range consumers {
				g.DeleteConsumer([]byte(c.Name()))
			}
		})
	each("the hundred oldest, ten thousand times", fill(8, 7), func(g *Group, _ []*Consumer) {
		for range 10_000 {
			g.Oldest(math.MaxInt64, 100)
		}
	})
	each("the hundred oldest of five million of the same time, ten thousand times", func() (*Group, []*Consumer) {
		g, all := filled(0, 1, 1)
		g.Deliver(all[0], ids(0, n), 5)
		return g, all
	}, func(g *Group, _ []*Consumer) {
		for range 10_000 {
			g.Oldest(math.MaxInt64, 100)
		}
	})
}

// BenchmarkCopy copies a set, which is what a checkpoint does under the lock: again and again, and when nothing of it is in
// the processor's caches.
func BenchmarkCopy(b *testing.B) {
	sweep := make([]byte, 64<<20)
	for _, of := range []struct{ entries, consumers, turns int }{{0, 1, 1}, {100, 3, 7}, {1_000_000, 10, 7}, {5_000_000, 10, 7}, {100_000, 100_000, 1}} {
		var set Set
		g, _ := filled(of.entries, of.consumers, of.turns)
		set.byName.Set(g.name, g)
		name := fmt.Sprintf("%d pending of %d consumers", of.entries, of.consumers)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Copy()
			}
		})
		b.Run(name+", cold", func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				for i := range sweep {
					sweep[i]++
				}
				b.StartTimer()
				set.Copy()
			}
		})
	}
}

// BenchmarkEncodeAndDecode is what a checkpoint, and a start from it, does beside the lock.
func BenchmarkEncodeAndDecode(b *testing.B) {
	var set Set
	g, _ := filled(1_000_000, 10, 7)
	set.byName.Set(g.name, g)
	c := set.Copy()
	text := string(encoded(b, c))
	b.Run("encode a million", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if err := c.Encode(bufio.NewWriter(io.Discard)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode a million", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if _, err := Decode(bufio.NewReader(strings.NewReader(text))); err != nil {
				b.Fatal(err)
			}
		}
	})
}
