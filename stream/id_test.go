package stream

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
)

const maxU64 = math.MaxUint64

func TestParseIDIsAsLenientAsExistingServers(t *testing.T) {
	for _, test := range []struct {
		in string
		id ID
		ok bool
	}{
		{"1", ID{1, 7}, true},
		{"1-2", ID{1, 2}, true},
		{"0", ID{0, 7}, true},
		{"0-0", ID{0, 0}, true},
		{"01", ID{1, 7}, true},
		{"00-00", ID{0, 0}, true},
		{"1-02", ID{1, 2}, true},
		{"+1", ID{1, 7}, true},
		{"1-+2", ID{1, 2}, true},
		{" 1", ID{1, 7}, true},
		{"\t\n\v\f\r +6- +7", ID{6, 7}, true},
		{"18446744073709551615", ID{maxU64, 7}, true},
		{"18446744073709551615-18446744073709551615", MaxID, true},
		{strings.Repeat("0", 126) + "1", ID{1, 7}, true},
		{strings.Repeat("0", 127) + "1", ID{}, false},
		{"18446744073709551616", ID{}, false},
		{"1-18446744073709551616", ID{}, false},
		{"99999999999999999999999", ID{}, false},
		{"", ID{}, false},
		{" ", ID{}, false},
		{"-", ID{}, false},
		{"+", ID{}, false},
		{"*", ID{}, false},
		{"$", ID{}, false},
		{"1-", ID{}, false},
		{"-1", ID{}, false},
		{"1--1", ID{}, false},
		{"1-1-1", ID{}, false},
		{"1-*", ID{}, false},
		{"1 ", ID{}, false},
		{"1 -1", ID{}, false},
		{"++1", ID{}, false},
		{"+ 1", ID{}, false},
		{"0x1", ID{}, false},
		{"1\x00", ID{}, false},
		{"(1", ID{}, false},
		{"1.5", ID{}, false},
	} {
		id, err := ParseID([]byte(test.in), 7)
		if (err == nil) != test.ok || id != test.id {
			t.Errorf("ParseID(%q) is %v, %v, want %v, %v", test.in, id, err, test.id, test.ok)
		}
	}
}

func TestNextAndPrevCrossMillisecondsAndEndAtTheEdges(t *testing.T) {
	ascending := []ID{MinID, {0, 1}, {0, maxU64 - 1}, {0, maxU64}, {1, 0}, {1, 1}, {maxU64, 0}, {maxU64, maxU64 - 1}, MaxID}
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			if i != j {
				want = -1
				if i > j {
					want = 1
				}
			}
			if a.Compare(b) != want || a.Less(b) != (want < 0) {
				t.Errorf("%v compared to %v is %d", a, b, a.Compare(b))
			}
		}
	}
	for _, pair := range [][2]ID{{MinID, {0, 1}}, {{0, maxU64}, {1, 0}}, {{1, 0}, {1, 1}}, {{maxU64, maxU64 - 1}, MaxID}} {
		if next, ok := pair[0].Next(); !ok || next != pair[1] {
			t.Errorf("%v.Next() is %v, %v", pair[0], next, ok)
		}
		if prev, ok := pair[1].Prev(); !ok || prev != pair[0] {
			t.Errorf("%v.Prev() is %v, %v", pair[1], prev, ok)
		}
	}
	if next, ok := MaxID.Next(); ok || next != MaxID {
		t.Error("MaxID has a next")
	}
	if prev, ok := MinID.Prev(); ok || prev != MinID {
		t.Error("MinID has a previous")
	}
}

func TestNextIDNeverGoesBackWhenTheClockDoes(t *testing.T) {
	for _, test := range []struct {
		last ID
		now  uint64
		want ID
		err  error
	}{
		{ID{}, 0, ID{0, 1}, nil},
		{ID{}, 5, ID{5, 0}, nil},
		{ID{5, 0}, 5, ID{5, 1}, nil},
		{ID{5, 3}, 4, ID{5, 4}, nil},
		{ID{5, 3}, 6, ID{6, 0}, nil},
		{ID{5, maxU64}, 5, ID{6, 0}, nil},
		{ID{maxU64, 9}, 5, ID{maxU64, 10}, nil},
		{MaxID, 5, ID{}, ErrExhausted},
	} {
		s := New(Config{})
		s.SetID(test.last, 0, ID{})
		if id, err := s.NextID(test.now); id != test.want || err != test.err {
			t.Errorf("after %v at %d: %v, %v, want %v, %v", test.last, test.now, id, err, test.want, test.err)
		}
	}
}

func TestNextSeqAndCheckIDKeepTheOrder(t *testing.T) {
	for _, test := range []struct {
		last ID
		ms   uint64
		want ID
		err  error
	}{
		{ID{}, 0, ID{0, 1}, nil},
		{ID{}, 3, ID{3, 0}, nil},
		{ID{3, 4}, 3, ID{3, 5}, nil},
		{ID{3, 4}, 4, ID{4, 0}, nil},
		{ID{3, 4}, 2, ID{}, ErrNotAbove},
		{ID{3, maxU64}, 3, ID{}, ErrNoSeq},
		{MaxID, maxU64, ID{}, ErrExhausted},
	} {
		s := New(Config{})
		s.SetID(test.last, 0, ID{})
		id, err := s.NextSeq(test.ms)
		if id != test.want || err != test.err {
			t.Errorf("after %v in %d: %v, %v, want %v, %v", test.last, test.ms, id, err, test.want, test.err)
		}
		if err == nil && s.CheckID(id) != nil {
			t.Errorf("after %v: %v is refused", test.last, id)
		}
	}
	s := New(Config{})
	s.SetID(ID{3, 4}, 0, ID{})
	for id, want := range map[ID]error{{0, 0}: ErrZeroID, {3, 4}: ErrNotAbove, {3, 3}: ErrNotAbove, {2, 9}: ErrNotAbove, {3, 5}: nil} {
		if err := s.CheckID(id); err != want {
			t.Errorf("CheckID(%v) is %v, want %v", id, err, want)
		}
	}
	s.SetID(MaxID, 0, ID{})
	if s.CheckID(ID{1, 1}) != ErrExhausted || s.CheckID(ID{}) != ErrZeroID {
		t.Error("an exhausted stream takes IDs")
	}
}

// naiveNumber is parseNumber by way of big integers and whole strings.
func naiveNumber(s string) (uint64, bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	s = strings.TrimPrefix(s, "+")
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	v, _ := new(big.Int).SetString(s, 10)
	return v.Uint64(), v.IsUint64()
}

func naiveParseID(s string, missing uint64) (ID, bool) {
	if len(s) > MaxIDText {
		return ID{}, false
	}
	ms, seq, found := strings.Cut(s, "-")
	id := ID{Seq: missing}
	var ok bool
	if id.MS, ok = naiveNumber(ms); !ok {
		return ID{}, false
	}
	if found {
		if id.Seq, ok = naiveNumber(seq); !ok {
			return ID{}, false
		}
	}
	return id, true
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"", "0", "1-1", "1-", "-", " 1", "+1-+2", "18446744073709551615-18446744073709551616", "1\x00", "001"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID([]byte(s), 42)
		want, ok := naiveParseID(s, 42)
		if (err == nil) != ok || id != want {
			t.Fatalf("ParseID(%q) is %v, %v, want %v, %v", s, id, err, want, ok)
		}
		if err != nil {
			return
		}
		if again, err := ParseID(id.AppendText(nil), 0); err != nil || again != id {
			t.Fatalf("%v does not survive its text", id)
		}
	})
}

func TestIDsSortAsTheyCompare(t *testing.T) {
	ids := []ID{{2, 0}, {0, 5}, {1, maxU64}, {1, 0}}
	slices.SortFunc(ids, ID.Compare)
	if want := []ID{{0, 5}, {1, 0}, {1, maxU64}, {2, 0}}; !slices.Equal(ids, want) {
		t.Errorf("%v", ids)
	}
}
