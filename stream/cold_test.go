package stream

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// shelf is a Source that holds what was spilled, and hands out only what was wanted since it was cleared.
type shelf struct {
	bodies map[Ref][]byte
	hand   map[Ref]*Body
	wanted int
	asked  int // how often what will be needed soon
	totals Totals
}

func newShelf() *shelf { return &shelf{bodies: map[Ref][]byte{}, hand: map[Ref]*Body{}} }

func (f *shelf) Body(ref Ref) *Body { return f.hand[ref] }

func (f *shelf) Want(refs []Ref) error {
	f.wanted += len(refs)
	for _, ref := range refs {
		body, err := DecodeBody(f.bodies[ref])
		if err != nil {
			return err
		}
		f.hand[ref] = body
	}
	return ErrCold
}

func (f *shelf) Soon(refs []Ref) {
	f.asked++
	for _, ref := range refs {
		if f.bodies[ref] == nil {
			panic("a block that is not there will not be needed")
		}
	}
}

// spill makes cold what is sealed, but for the last so many.
func (f *shelf) spill(keep int) {
	taken := f.totals.Take(1 << 60)
	for i, x := range taken {
		if i >= len(taken)-keep {
			f.totals.Return(taken[i:])
			break
		}
		b := x.Body().Append(nil)
		ref := Ref{uint64(len(f.bodies)/3 + 1), uint32(len(f.bodies)), uint32(len(b))}
		f.bodies[ref] = b
		if !x.Spilled(ref) {
			panic("a block that was just taken has gone")
		}
	}
}

// eventually runs f until what it needs is at hand.
func eventually(t rapid.TB, f func() error) {
	for range 10_000 {
		err := func() (err error) {
			defer func() {
				if p := recover(); p != nil {
					cold, ok := p.(error)
					if !ok || !errors.Is(cold, ErrCold) {
						panic(p)
					}
					err = cold
				}
			}()
			return f()
		}()
		if !errors.Is(err, ErrCold) {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("what is needed is never at hand")
}

// copyOf is a stream that comes from the encoding of c.
func copyOf(c *Copy, cfg Config) (*Stream, []Ref, error) {
	var b bytes.Buffer
	var named []Ref
	w := bufio.NewWriter(&b)
	if err := errors.Join(c.Encode(w, func(r Ref) { named = append(named, r) }), w.Flush()); err != nil {
		return nil, nil, err
	}
	r := bufio.NewReader(&b)
	s, err := Decode(r, cfg)
	if err == nil && r.Buffered() > 0 {
		err = fmt.Errorf("%d bytes are left", r.Buffered())
	}
	return s, named, err
}

func anyOr(t *rapid.T, m *model) (int, ID) {
	if len(m.entries) == 0 {
		return 0, MinID
	}
	i := rapid.IntRange(0, len(m.entries)-1).Draw(t, "i")
	return i, m.entries[i].id
}

func TestAStreamWithColdBlocksIsLikeANaiveSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newShelf()
		cfg := Config{
			BlockBytes:   rapid.SampledFrom([]int{1, 300, 2000}).Draw(t, "blockBytes"),
			BlockEntries: rapid.SampledFrom([]int{1, 2, 40, 4096}).Draw(t, "blockEntries"),
			Source:       f, Totals: &f.totals,
		}
		s, m := New(cfg), &model{}
		var copied *Copy
		var then model
		cool := func(t *rapid.T) {
			if rapid.Bool().Draw(t, "cool") {
				clear(f.hand)
			}
		}
		any := func(t *rapid.T) (int, ID) {
			i := rapid.IntRange(0, len(m.entries)-1).Draw(t, "i")
			return i, m.entries[i].id
		}
		trim := func(t *rapid.T, plan func() (ID, uint64, error), check func(n uint64)) {
			var through ID
			var n uint64
			eventually(t, func() (err error) { through, n, err = plan(); return err })
			check(n)
			cool(t)
			if n > 0 {
				s.Trim(through, n)
				m.entries = slices.Clone(m.entries[n:])
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				for range rapid.SampledFrom([]int{1, 5, 40, 150}).Draw(t, "n") {
					id := ID{s.LastID().MS, s.LastID().Seq + 1}
					if rapid.Bool().Draw(t, "later") {
						id = ID{s.LastID().MS + 3, 0}
					}
					m.append(s, id, drawFields(t))
				}
			},
			"delete": func(t *rapid.T) {
				for range rapid.IntRange(1, 60).Draw(t, "n") {
					if len(m.entries) == 0 {
						return
					}
					i, id := any(t)
					cool(t)
					if rapid.Bool().Draw(t, "drop") {
						if s.Drop([]ID{id}) != 1 {
							t.Fatalf("drop of %v", id)
						}
					} else {
						if !s.Delete(id) {
							t.Fatalf("delete of %v", id)
						}
						if m.maxDeleted.Less(id) {
							m.maxDeleted = id
						}
					}
					m.entries = slices.Delete(slices.Clone(m.entries), i, i+1)
				}
			},
			"trim": func(t *rapid.T) {
				maxLen := rapid.IntRange(0, len(m.entries)+1).Draw(t, "maxLen")
				want := max(len(m.entries)-maxLen, 0)
				if rapid.Bool().Draw(t, "most of it stays") {
					want = min(want, 3)
					maxLen = len(m.entries) - want
				}
				trim(t, func() (ID, uint64, error) { return s.PlanTrimMaxLen(uint64(maxLen), false, 0) }, func(n uint64) {
					if int(n) != want {
						t.Fatalf("trim removes %d, want %d", n, want)
					}
				})
			},
			"trim to an ID": func(t *rapid.T) {
				if len(m.entries) == 0 {
					return
				}
				i, id := any(t)
				trim(t, func() (ID, uint64, error) { return s.PlanTrimMinID(id, false, 0) }, func(n uint64) {
					if int(n) != i {
						t.Fatalf("trim removes %d, want %d", n, i)
					}
				})
			},
			"trim about": func(t *rapid.T) {
				maxLen := rapid.IntRange(0, len(m.entries)+1).Draw(t, "maxLen")
				limit := rapid.SampledFrom([]uint64{0, 1, 50, 100, 10000}).Draw(t, "limit")
				f.wanted = 0
				trim(t, func() (ID, uint64, error) { return s.PlanTrimMaxLen(uint64(maxLen), true, limit) }, func(n uint64) {
					if int(n) > max(len(m.entries)-maxLen, 0) || limit > 0 && n > limit {
						t.Fatalf("trim of %d about to %d with limit %d removes %d", len(m.entries), maxLen, limit, n)
					}
					if limit == 0 && maxLen == 0 && int(n) != len(m.entries) {
						t.Fatalf("trim about to 0 leaves %d", len(m.entries)-int(n))
					}
				})
			},
			"set ID": func(t *rapid.T) {
				last := m.last
				if n := len(m.entries); n > 0 {
					last = m.entries[n-1].id
				}
				m.last, m.added, m.maxDeleted = last, m.added+3, ID{1, 1}
				s.SetID(m.last, m.added, m.maxDeleted)
			},
			"seal": func(*rapid.T) { s.Seal() },
			"move": func(t *rapid.T) {
				_, id := anyOr(t, m)
				for b := range s.Cold(id) {
					to := b.Ref
					to.Segment += 1000
					f.bodies[to] = f.bodies[b.Ref]
					if !s.Move(b, to) || s.Move(b, to) {
						t.Fatalf("move of %v", b)
					}
					return
				}
			},
			"spill": func(t *rapid.T) { f.spill(rapid.IntRange(0, 3).Draw(t, "keep")) },
			"copy": func(*rapid.T) {
				copied, then = s.Copy(), *m
				then.entries = slices.Clone(m.entries)
			},
			"decode": func(t *rapid.T) {
				if copied == nil {
					return
				}
				again, _, err := copyOf(copied, cfg)
				if err != nil {
					t.Fatal(err)
				}
				if rapid.Bool().Draw(t, "go on") {
					s.Release()
					s, *m = again, then
					m.entries = slices.Clone(then.entries)
				} else {
					eventually(t, func() error { return then.check(again) })
					again.Release()
				}
			},
			"check": func(t *rapid.T) {
				cool(t)
				eventually(t, func() error { return m.check(s) })
				for _, e := range m.entries {
					if n := must(s.CountAfter(e.id)); n != uint64(len(m.rangeOf(e.id, MaxID))-1) {
						t.Fatalf("%d after %v", n, e.id)
					}
				}
			},
			"": func(t *rapid.T) {
				if err := checkSums(s); err != nil {
					t.Fatal(err)
				}
				if tot := f.totals; tot.Memory != s.memory || tot.Disk != s.disk || tot.Blocks != int64(s.count) || tot.Open != s.openMemory {
					t.Fatalf("totals %+v, the stream has %d, %d, %d", tot, s.memory, s.disk, s.count)
				}
			},
		})
	})
}

// Who reads entry by entry, as consumers do, has blocks read ahead as who goes straight through: once for each block, and not for
// each entry.
func TestWhatIsReadAheadIsAskedForOnceForEachBlock(t *testing.T) {
	f := newShelf()
	s := New(Config{BlockEntries: 10, Source: f, Totals: &f.totals})
	const n = 400
	for i := range n {
		s.Append(ID{MS: uint64(i + 1)}, [][]byte{[]byte("f"), []byte("v")})
	}
	f.spill(0)
	blocks := len(f.bodies)
	for _, reverse := range []bool{false, true} {
		for _, count := range []int{n, 10, 7, 1} {
			clear(f.hand)
			f.asked = 0
			met := 0
			for from, to := MinID, MaxID; met < n; {
				eventually(t, func() error {
					it := s.Range(from, to)
					if reverse {
						it = s.Reverse(from, to)
					}
					for i := 0; i < count && it.Next(); i++ {
						if met++; reverse {
							to, _ = it.ID().Prev()
						} else {
							from, _ = it.ID().Next()
						}
					}
					return it.Err()
				})
			}
			if f.asked < blocks/2 || f.asked > blocks {
				t.Errorf("%d at a time, backwards %v: asked %d times for %d blocks", count, reverse, f.asked, blocks)
			}
		}
	}
}
