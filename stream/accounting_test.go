package stream

import (
	"testing"

	"pgregory.net/rapid"
)

// ledger is streams that share their totals, and what was written of them.
type ledger struct {
	*shelf
	cfg     Config
	streams []*Stream
	taken   []Sealed
	written int64 // bytes of all blocks that were put into a segment file and referred to
}

// put makes b durable at a place where nothing was.
func (l *ledger) put(b []byte) Ref {
	ref := Ref{uint64(len(l.bodies) + 1), 0, uint32(len(b))}
	l.bodies[ref] = b
	return ref
}

// write spills what was taken.
func (l *ledger) write(t *rapid.T) {
	for _, x := range l.taken {
		alive, ref := x.Alive(), l.put(x.Body().Append(nil))
		if x.Spilled(ref) != alive {
			t.Fatalf("a block that was alive before (%v) was spilled, or the other way round", alive)
		}
		if alive {
			l.written += int64(ref.Length)
		}
		if x.Alive() || x.Spilled(ref) {
			t.Fatal("a block can be spilled twice")
		}
	}
	l.taken = nil
}

// move puts the first cold block elsewhere.
func (l *ledger) move(t *rapid.T, s *Stream) {
	for b := range s.Cold(MinID) {
		to := l.put(l.bodies[b.Ref])
		if !s.Move(b, to) {
			t.Fatal("a block that is there was not moved")
		}
		l.written += int64(to.Length)
		return
	}
}

// check adds up otherwise what the totals say.
func (l *ledger) check(t *rapid.T) {
	var want Totals
	for _, s := range l.streams {
		for _, b := range allBlocks(s) {
			if b != s.open {
				want.Memory += b.memory()
			}
			want.Disk += int64(b.ref.Length)
			want.Blocks++
		}
		want.Memory += s.openMemory // which is counted as its bytes grow
		want.Open += s.openMemory
	}
	want.Dead = l.written - want.Disk
	for _, x := range l.totals.Sealed {
		want.SealedBytes += int64(x.body.Size())
	}
	got := l.totals
	if got.Memory != want.Memory || got.Disk != want.Disk || got.Dead != want.Dead || got.Blocks != want.Blocks || got.Open != want.Open ||
		got.SealedBytes != want.SealedBytes {
		got.Sealed = nil
		t.Fatalf("totals are %+v, and there is %+v", got, want)
	}
}

// The checkpointer, the spiller and maxmemory go by the totals: what one path forgets adds up for months.
func TestTotalsAreWhatIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &ledger{shelf: newShelf()}
		l.cfg = Config{BlockEntries: rapid.IntRange(1, 9).Draw(t, "blockEntries"), Source: l, Totals: &l.totals}
		l.streams = []*Stream{New(l.cfg), New(l.cfg), New(l.cfg)}
		any := func(t *rapid.T) *Stream { return rapid.SampledFrom(l.streams).Draw(t, "stream") }
		seldom := func(t *rapid.T) bool { return rapid.IntRange(0, 9).Draw(t, "seldom") == 0 }
		actions := map[string]func(*rapid.T){
			"": l.check,
			"append": func(t *rapid.T) {
				s, value := any(t), make([]byte, rapid.IntRange(0, 200).Draw(t, "value"))
				for range rapid.IntRange(1, 30).Draw(t, "n") {
					id, _ := s.LastID().Next()
					s.Append(id, [][]byte{[]byte("f"), value})
				}
			},
			"drop": func(t *rapid.T) {
				s, there := any(t), false
				id := ID{0, rapid.Uint64Range(0, s.LastID().Seq).Draw(t, "id")}
				eventually(t, func() (err error) { there, err = s.Has(id); return err })
				if rapid.Bool().Draw(t, "cool") {
					clear(l.hand)
				}
				if there {
					s.Drop([]ID{id})
				}
			},
			"trim": func(t *rapid.T) {
				s := any(t)
				most := rapid.Uint64Range(0, s.Len()).Draw(t, "most")
				eventually(t, func() error {
					through, n, err := s.PlanTrimMaxLen(most, false, 0)
					if err == nil && n > 0 {
						s.Trim(through, n)
					}
					return err
				})
			},
			"seal": func(t *rapid.T) { any(t).Seal() },
			"take": func(t *rapid.T) {
				if l.taken == nil {
					l.taken = l.totals.Take(rapid.Int64Range(1, 3000).Draw(t, "bytes"))
				}
			},
			"write":  l.write,
			"return": func(*rapid.T) { l.totals.Return(l.taken); l.taken = nil },
			"move":   func(t *rapid.T) { l.move(t, any(t)) },
			"release": func(t *rapid.T) {
				if seldom(t) {
					i := rapid.IntRange(0, len(l.streams)-1).Draw(t, "i")
					l.streams[i].Release()
					l.streams[i].Release()
					l.streams[i] = New(l.cfg)
				}
			},
			"flush": func(t *rapid.T) {
				if seldom(t) {
					l.totals.Clear()
					for i := range l.streams {
						l.streams[i].Release()
						l.streams[i] = New(l.cfg)
					}
				}
			},
		}
		for range 5 { // a life of some length
			t.Repeat(actions)
		}
	})
}

// The spiller and the mover come back to streams that FLUSHALL has taken away meanwhile.
func TestNothingOfAFlushedStreamIsInUse(t *testing.T) {
	s, f, _ := coldStream()
	numbered(s, 22, 45)
	taken := f.totals.Take(1 << 20)
	if len(taken) != 2 {
		t.Fatalf("%d blocks are sealed", len(taken))
	}
	f.totals.Clear()
	for _, x := range taken {
		if x.Alive() || x.Spilled(Ref{9, 9, 9}) {
			t.Error("a block of a flushed stream was spilled")
		}
	}
	for b := range s.Cold(MinID) {
		if s.Move(b, Ref{8, 8, 8}) {
			t.Error("a block of a flushed stream was moved")
		}
	}
	if tot := f.totals; tot.Disk != 0 || tot.Memory != 0 || tot.Blocks != 0 || tot.Open != 0 {
		t.Errorf("%+v is left", tot)
	}
}

// A block that was rewritten for its many deletions, and not listed again, would stay in memory for ever.
func TestWhatIsRewrittenCanBeSpilled(t *testing.T) {
	f := newShelf()
	s := New(Config{BlockEntries: 20, Source: f, Totals: &f.totals})
	for i := uint64(1); i <= 21; i++ {
		s.Append(ID{i, 0}, [][]byte{[]byte("f"), make([]byte, 200)})
	}
	before := s.at(place{}).Body
	for i := uint64(5); i <= 18; i++ {
		s.Delete(ID{i, 0})
	}
	if s.at(place{}).Body == before {
		t.Fatal("nothing was rewritten")
	}
	f.spill(0)
	if s.at(place{}).Body != nil {
		t.Error("the block is still in memory")
	}
}

// A stream that was sealed because nobody appends took room for a whole block with its next entry.
func TestAnEarlySealMakesTheNextBlockSmall(t *testing.T) {
	s := numbered(New(Config{BlockBytes: 8 << 10, BlockEntries: 50}), 1, 120)
	s.Seal()
	numbered(s, 121, 121)
	if n := s.OpenBytes(); n > 2<<10 {
		t.Errorf("%d bytes for one entry", n)
	}
}
