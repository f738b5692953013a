package stream

import "testing"

// numbered has the entries from-1 to to-1 (as ms-seq), each with one short field.
func numbered(s *Stream, from, to int) *Stream {
	for i := from; i <= to; i++ {
		s.Append(ID{uint64(i), 1}, [][]byte{[]byte("f"), []byte("v")})
	}
	return s
}

type trimStep struct {
	maxLen uint64 // used unless minID is set
	minID  uint64
	exact  bool
	limit  uint64

	removed uint64
}

// The figures are those of redis-server 7.0.15.
func TestApproximateTrimsRemoveTheNodesThatExistingServersRemove(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(*Stream)
		steps   []trimStep
	}{
		"length": {steps: []trimStep{
			{maxLen: 1000, removed: 0}, {maxLen: 950, removed: 100}, {maxLen: 949, removed: 0}, {maxLen: 900, removed: 0}, {maxLen: 0, removed: 950},
		}},
		"limit": {steps: []trimStep{
			{limit: 99, removed: 0}, {limit: 100, removed: 100}, {limit: 101, removed: 100}, {limit: 250, removed: 200}, {limit: 0, removed: 650},
		}},
		"ID": {steps: []trimStep{
			{minID: 100, removed: 0}, {minID: 101, removed: 100}, {minID: 102, removed: 0}, {minID: 201, removed: 100}, {minID: 950, removed: 700},
		}},
		"a deleted last entry still counts": {
			prepare: func(s *Stream) { s.Delete(ID{100, 1}) },
			steps:   []trimStep{{minID: 100, removed: 0}, {minID: 101, removed: 99}},
		},
		"deleted entries fill a node": {
			prepare: func(s *Stream) { s.Delete(ID{1, 1}); s.Delete(ID{2, 1}) },
			steps:   []trimStep{{maxLen: 950, removed: 98}},
		},
		"exact before": {steps: []trimStep{
			{maxLen: 1000, exact: true, removed: 50}, {maxLen: 949, removed: 50}, {maxLen: 899, removed: 0}, {maxLen: 850, removed: 100},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, blockEntries := range []int{3, 7, 64, 4096} {
				s := numbered(New(Config{BlockEntries: blockEntries}), 1, 1050)
				if test.prepare != nil {
					test.prepare(s)
				}
				for i, step := range test.steps {
					before := s.Len()
					through, removed := mustPlan(s.PlanTrimMaxLen(step.maxLen, !step.exact, step.limit))
					if step.minID > 0 {
						through, removed = mustPlan(s.PlanTrimMinID(ID{step.minID, 0}, !step.exact, step.limit))
					}
					if removed > 0 && trim(s, through, removed) != removed {
						t.Fatalf("step %d: not as planned", i)
					}
					if removed != step.removed || before-s.Len() != removed {
						t.Fatalf("blocks of %d, step %d: %d removed, want %d", blockEntries, i, removed, step.removed)
					}
				}
			}
		})
	}
}

func TestNodesOfLargeEntriesAreBoundedByBytes(t *testing.T) {
	s := New(Config{})
	for i := range 100 {
		s.Append(ID{uint64(i + 1), 0}, [][]byte{[]byte("f"), make([]byte, 3000)})
	}
	if _, removed := mustPlan(s.PlanTrimMaxLen(10, true, 0)); removed != 90 {
		t.Errorf("%d removed", removed)
	}
}

func TestApproximateTrimKeepsNearTheLengthAskedFor(t *testing.T) {
	s := New(Config{})
	for i := range 20000 {
		numbered(s, i+1, i+1)
		if through, n := mustPlan(s.PlanTrimMaxLen(1000, true, 10000)); n > 0 {
			s.Trim(through, n)
		}
		if s.Len() > 1100 || i > 1000 && s.Len() < 1000 {
			t.Fatalf("%d entries after %d", s.Len(), i+1)
		}
	}
}

func TestTrimKeepsLastIDAndMaxDeletedID(t *testing.T) {
	s := numbered(New(Config{}), 1, 10)
	s.Delete(ID{3, 1})
	through, n := mustPlan(s.PlanTrimMaxLen(0, false, 0))
	if n != 9 || trim(s, through, n) != 9 || s.Len() != 0 {
		t.Fatalf("planned %d, %d left", n, s.Len())
	}
	if s.LastID() != (ID{10, 1}) || s.MaxDeletedID() != (ID{3, 1}) || s.EntriesAdded() != 10 {
		t.Errorf("last %v, deleted %v, added %d", s.LastID(), s.MaxDeletedID(), s.EntriesAdded())
	}
}

func TestTrimRemovesTheHighestIDThereIs(t *testing.T) {
	s := New(Config{})
	s.Append(MaxID, [][]byte{[]byte("f"), []byte("v")})
	through, n := mustPlan(s.PlanTrimMaxLen(0, false, 0))
	if n != 1 || trim(s, through, n) != 1 || s.Len() != 0 {
		t.Errorf("planned %d, %d left", n, s.Len())
	}
}

func TestANodeWhoseEntriesAreAllDeletedIsClosed(t *testing.T) {
	s := numbered(New(Config{}), 1, 150)
	for i := 101; i <= 150; i++ {
		s.Delete(ID{uint64(i), 1})
	}
	numbered(s, 151, 250)
	// redis-server 7.0.15 has the nodes 1-100 and 151-250 now.
	if _, removed := mustPlan(s.PlanTrimMaxLen(0, true, 199)); removed != 100 {
		t.Errorf("%d removed", removed)
	}
	if _, removed := mustPlan(s.PlanTrimMaxLen(0, true, 200)); removed != 200 {
		t.Errorf("%d removed", removed)
	}
}
