package stream

import (
	"bytes"
	"fmt"
	"testing"
)

// again returns what s is after a restart.
func again(t *testing.T, s *Stream, cfg Config) *Stream {
	t.Helper()
	r, _, err := copyOf(s.Copy(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sameNodes fails unless approximate trims do the same to both streams.
func sameNodes(t *testing.T, a, b *Stream) {
	t.Helper()
	plan := func(s *Stream, n, limit uint64) (plan string) {
		eventually(t, func() error {
			through, removed, err := s.PlanTrimMaxLen(n, true, limit)
			plan = fmt.Sprintf("%d through %v", removed, through)
			if removed == 0 {
				plan = "none"
			}
			return err
		})
		return plan
	}
	for _, limit := range []uint64{0, 100, 200} {
		for n := uint64(0); n <= a.Len(); n += 7 {
			if a, b := plan(a, n, limit), plan(b, n, limit); a != b {
				t.Fatalf("MAXLEN ~ %d LIMIT %d removes %s from the one and %s from the other", n, limit, a, b)
			}
		}
	}
}

// A group that was begun anew held more entries than a reader that goes backwards has room for.
func TestARestoredBlockGoesOnInItsGroup(t *testing.T) {
	s := again(t, numbered(New(Config{}), 1, 10), Config{})
	numbered(s, 11, 40)
	if err := checkInside(s); err != nil {
		t.Fatal(err)
	}
	if n := len(collect(s.Reverse(MinID, MaxID))); n != 40 {
		t.Errorf("%d entries backwards, of 40", n)
	}
}

// The open node began anew after a restart: from then on approximate trims cut elsewhere.
func TestARestoredStreamGoesOnInItsNode(t *testing.T) {
	long := [][]byte{[]byte("a name of some length"), bytes.Repeat([]byte("v"), 60)}
	for _, blocks := range []int{7, 30, 4096} { // with 30 no block is open when it is copied
		for _, fields := range [][][]byte{threeFields(1), long} { // a node is full by number, or by bytes
			cfg := Config{BlockEntries: blocks}
			fill := func(s *Stream, from, to uint64) {
				for i := from; i <= to; i++ {
					s.Append(ID{i, 0}, fields)
				}
			}
			s := New(cfg)
			fill(s, 1, 30)
			r := again(t, s, cfg)
			fill(s, 31, 400)
			fill(r, 31, 400)
			sameNodes(t, s, r)
		}
	}
}

// Where a node begins inside a block, or was handed on by one that went, is nowhere but in the flags of blocks.
func TestARestoredStreamHasTheSameNodes(t *testing.T) {
	for _, gone := range []bool{false, true} {
		for _, cold := range []bool{false, true} {
			t.Run(fmt.Sprintf("gone %v, cold %v", gone, cold), func(t *testing.T) {
				f := newShelf()
				cfg := Config{BlockEntries: 40, Source: f, Totals: &f.totals}
				s := numbered(New(cfg), 1, 500)
				for i := uint64(81); gone && i <= 120; i++ {
					s.Delete(ID{i, 1}) // the block in which the second node begins
				}
				if cold {
					f.spill(0)
				}
				sameNodes(t, s, again(t, s, cfg))
			})
		}
	}
}

// The list of what is gone had room for more, and what the stream wrote there the copy had too.
func TestACopyKeepsWhatIsGoneFromAColdBlock(t *testing.T) {
	s, f, cfg := coldStream()
	for _, i := range []uint64{9, 8, 7} {
		s.Delete(ID{i, 1})
	}
	c := s.Copy()
	s.Delete(ID{2, 1})
	s.Delete(ID{3, 1})
	r, _, err := copyOf(c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	clear(f.hand)
	for i := uint64(1); i <= 10; i++ {
		eventually(t, func() error {
			there, err := r.Has(ID{i, 1})
			if gone := i >= 7 && i <= 9; err == nil && there == gone {
				t.Errorf("entry %d: there %v", i, there)
			}
			return err
		})
	}
}
