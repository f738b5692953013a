package stream

import (
	"bytes"
	"testing"
)

func TestMemoryFollowsWhatIsAlive(t *testing.T) {
	const n = 50_000
	fields := threeFields(0)
	per := filled(n).Bytes() / n
	for name, drop := range map[string]func(*Stream){
		"deleted here and there": func(s *Stream) {
			for i := range n {
				if i%10 != 0 {
					s.Delete(ID{1700000000000 + uint64(i/10), uint64(i % 10)})
				}
			}
		},
		"deleted from the front": func(s *Stream) {
			for i := range n * 9 / 10 {
				s.Delete(ID{1700000000000 + uint64(i/10), uint64(i % 10)})
			}
		},
		"trimmed": func(s *Stream) {
			for maxLen := uint64(n); maxLen >= n/10; maxLen-- {
				if through, n := mustPlan(s.PlanTrimMaxLen(maxLen, false, 0)); n > 0 {
					s.Trim(through, n)
				}
			}
		},
	} {
		s := filled(n)
		drop(s)
		if s.Len() != n/10 {
			t.Fatalf("%s: %d left", name, s.Len())
		}
		if got, most := s.Bytes(), 2*int(s.Len())*per+3*64<<10; got > most {
			t.Errorf("%s: %d bytes for %d entries of %d", name, got, s.Len(), per)
		}
		s.Append(ID{1 << 60, 0}, fields)
		if err := checkInside(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSmallStreamsAreCheap(t *testing.T) {
	s := New(Config{})
	s.Append(ID{1, 1}, threeFields(1))
	if s.Bytes() > 1024 {
		t.Errorf("a stream of one entry takes %d bytes", s.Bytes())
	}
	for i := range 100_000 {
		s.Append(ID{uint64(i + 2), 0}, threeFields(i))
		if through, n := mustPlan(s.PlanTrimMaxLen(10, false, 0)); n > 0 {
			s.Trim(through, n)
		}
		if s.Bytes() > 8<<10 {
			t.Fatalf("a stream of %d entries takes %d bytes after %d", s.Len(), s.Bytes(), i)
		}
	}
	s.Trim(MaxID, s.Len())
	if s.Bytes() > 2048 {
		t.Errorf("an empty stream takes %d bytes", s.Bytes())
	}
}

func TestEntriesLargerThanABlockStandAlone(t *testing.T) {
	s := New(Config{BlockBytes: 1000})
	for i := range 20 {
		size := 10
		if i%4 == 1 {
			size = 5000
		}
		s.Append(ID{uint64(i + 1), 0}, [][]byte{[]byte("f"), bytes.Repeat([]byte{'x'}, size)})
	}
	for i, b := range allBlocks(s) {
		if len(b.data) > 1000 && b.n != 1 {
			t.Errorf("block %d has %d bytes and %d entries", i, len(b.data), b.n)
		}
		if cap(b.data) > 1400 && b.n != 1 {
			t.Errorf("block %d holds %d bytes for %d", i, cap(b.data), len(b.data))
		}
	}
	if err := checkInside(s); err != nil {
		t.Error(err)
	}
}

func TestAppendCopiesItsFields(t *testing.T) {
	s := New(Config{})
	name, value := []byte("name"), []byte("value")
	s.Append(ID{1, 1}, [][]byte{name, value})
	copy(name, "XXXX")
	copy(value, "YYYYY")
	it := s.Range(MinID, MaxID)
	if !it.Next() || !it.Field() || string(it.Name()) != "name" || string(it.Value()) != "value" {
		t.Error("the fields changed with the caller's")
	}
}

func TestNamesAreWrittenOncePerShape(t *testing.T) {
	s := New(Config{})
	const name = "a rather long name of a field, written once"
	for i := range 400 {
		other := []byte{'a' + byte(i%3)}
		s.Append(ID{1, uint64(i)}, [][]byte{[]byte(name), []byte("v"), other, []byte("w")})
	}
	if n := bytes.Count(allBlocks(s)[0].data, []byte(name)); n != 3 {
		t.Errorf("written %d times", n)
	}
}

func TestAppendAndReadingDoNotAllocate(t *testing.T) {
	s := filled(10_000)
	fields := threeFields(0)
	id := s.LastID()
	perRun := testing.AllocsPerRun(20_000, func() {
		id.MS++
		s.Append(id, fields)
		through, n := mustPlan(s.PlanTrimMaxLen(10_000, false, 0))
		s.Trim(through, n)
	})
	if perRun != 0 {
		t.Errorf("%v allocations for an append", perRun)
	}
	perRun = testing.AllocsPerRun(100, func() {
		n, bytes := 0, 0
		for it := s.Range(MinID, MaxID); it.Next() && n < 100; n++ {
			for it.Field() {
				bytes += len(it.Name()) + len(it.Value())
			}
		}
		for it := s.Reverse(MinID, MaxID); it.Next() && n < 200; n++ {
			for it.Field() {
				bytes += len(it.Name()) + len(it.Value())
			}
		}
		if n != 200 || bytes != 200*3*26 {
			t.Fatalf("%d entries, %d bytes", n, bytes)
		}
		mustID(s.First())
		mustID(s.Last())
		must(s.Has(id))
	})
	if perRun != 0 {
		t.Errorf("%v allocations for reading", perRun)
	}
}

func TestSetIDBelowDeletedEntriesKeepsTheOrder(t *testing.T) {
	s := numbered(New(Config{}), 1, 10)
	s.Delete(ID{10, 1})
	s.Delete(ID{9, 1})
	s.SetID(ID{8, 5}, 10, ID{10, 1})
	s.Append(ID{9, 0}, threeFields(1))
	s.Append(ID{9, 1}, threeFields(1))
	if !must(s.Has(ID{9, 0})) || !must(s.Has(ID{9, 1})) || must(s.Has(ID{10, 1})) || s.Len() != 10 {
		t.Error("entries are lost")
	}
	if err := checkInside(s); err != nil {
		t.Error(err)
	}
}

func TestIDsAtTheEdgesSurvive(t *testing.T) {
	ids := []ID{{0, 1}, {0, 2}, {0, maxU64}, {1, 0}, {1, maxU64}, {2, 5}, {1 << 63, 0}, {maxU64 - 1, maxU64}, {maxU64, 0}, {maxU64, 7}, MaxID}
	for _, perBlock := range []int{1, 3, 100} {
		s := New(Config{BlockEntries: perBlock})
		m := &model{}
		for _, id := range ids {
			if err := s.CheckID(id); err != nil {
				t.Fatalf("%v: %v", id, err)
			}
			m.append(s, id, threeFields(1))
		}
		for _, from := range append(ids, MinID) {
			for _, to := range append(ids, MinID) {
				if err := m.checkRange(s, from, to); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := s.NextID(5); err != ErrExhausted {
			t.Errorf("NextID after the last ID: %v", err)
		}
		for _, id := range ids {
			if !s.Delete(id) {
				t.Errorf("%v is not there", id)
			}
		}
		if s.MaxDeletedID() != MaxID || s.Len() != 0 {
			t.Errorf("%d left, %v deleted", s.Len(), s.MaxDeletedID())
		}
	}
}
