package stream

import (
	"slices"
	"testing"
)

// coldStream has the entries 1-1 to 21-1, ten in each of two cold blocks and the last in memory.
func coldStream() (*Stream, *shelf, Config) {
	f := newShelf()
	cfg := Config{BlockEntries: 10, Source: f, Totals: &f.totals}
	s := numbered(New(cfg), 1, 21)
	f.spill(0)
	return s, f, cfg
}

// entries returns the first halves of the IDs of all entries.
func entries(t *testing.T, s *Stream) (all []uint64) {
	eventually(t, func() error {
		all = nil
		for _, e := range collect(s.Range(MinID, MaxID)) {
			all = append(all, e.id.MS)
		}
		return nil
	})
	return all
}

// The head of a cold block names its first and its last entry: that they are gone is only in its list.
func TestTheEndsOfAColdBlockAreNotWhatWasDeletedMeanwhile(t *testing.T) {
	f := newShelf()
	s := numbered(New(Config{BlockEntries: 10, Source: f, Totals: &f.totals}), 1, 10)
	s.Seal()
	f.spill(0)
	s.Delete(ID{10, 1})
	s.Delete(ID{1, 1})
	end := func(find func() (ID, bool, error), want ID) {
		eventually(t, func() error {
			id, ok, err := find()
			if err == nil && (!ok || id != want) {
				t.Errorf("%v, %v, and not %v", id, ok, want)
			}
			return err
		})
	}
	for range 2 { // cold, and at hand
		end(s.Last, ID{9, 1})
		end(s.First, ID{2, 1})
	}
}

// Dead entries above the ID that SetID went back to came to life in a block that was cold then.
func TestEntriesAboveSetIDStayGoneFromAColdBlock(t *testing.T) {
	f := newShelf()
	s := numbered(New(Config{BlockEntries: 10, Source: f, Totals: &f.totals}), 1, 10)
	s.Seal()
	f.spill(0)
	for _, i := range []uint64{9, 10, 3} {
		s.Delete(ID{i, 1})
	}
	s.SetID(ID{8, 1}, 10, ID{10, 1})
	numbered(s, 9, 9)
	if got := entries(t, s); !slices.Equal(got, []uint64{1, 2, 4, 5, 6, 7, 8, 9}) {
		t.Error(got)
	}
}

// A node that ended at such a dead entry made the trim go on behind it, into blocks that it had not counted.
func TestATrimEndsBeforeDeadEntriesAboveSetID(t *testing.T) {
	s := numbered(New(Config{BlockEntries: 100}), 1, 100)
	s.Seal()
	for i := uint64(51); i <= 100; i++ {
		s.Delete(ID{i, 1})
	}
	s.SetID(ID{50, 1}, 100, ID{100, 1})
	numbered(s, 51, 60)
	s.Seal()
	numbered(s, 61, 70)
	s.Trim(mustPlan(s.PlanTrimMaxLen(20, true, 0)))
	if got := entries(t, s); len(got) != 20 || got[0] != 51 || s.Len() != 20 {
		t.Errorf("%d entries, from %d on, are left; they count as %d", len(got), got[0], s.Len())
	}
}

// The list of a block that is trimmed again and again would only grow.
func TestATrimOfAColdBlockForgetsTheDeletionsThatItPasses(t *testing.T) {
	s, _, _ := coldStream()
	s.Delete(ID{2, 1})
	s.Delete(ID{8, 1})
	s.Trim(ID{4, 1}, 3)
	if ids := s.at(place{}).gone.ids; !slices.Equal(ids, []ID{{8, 1}}) {
		t.Errorf("%v are remembered", ids)
	}
	if got := entries(t, s); len(got) != 16 || got[0] != 5 || s.Len() != 16 {
		t.Errorf("%v, counted as %d", got, s.Len())
	}
}

// Every XADD with MAXLEN ~ asked for the first block, which is cold as a rule, to find that nothing goes yet.
func TestApproximateTrimsThatRemoveNothingReadNothing(t *testing.T) {
	f := newShelf()
	s := numbered(New(Config{BlockEntries: 200, Source: f, Totals: &f.totals}), 1, 10_000)
	trims, waits := 0, 0
	for i := 10_001; i <= 11_000; i++ {
		f.spill(0)
		clear(f.hand)
		numbered(s, i, i)
		eventually(t, func() error {
			through, n, err := s.PlanTrimMaxLen(10_000, true, 0)
			if n > 0 && err == nil {
				trims++
				s.Trim(through, n)
			}
			if err != nil {
				waits++
			}
			return err
		})
	}
	if trims < 9 || waits > 5*trims {
		t.Errorf("%d waits for a block in %d trims", waits, trims)
	}
}
