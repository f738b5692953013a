package stream

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestIdempotencyReturnsTheFirstIDUntilItExpires(t *testing.T) {
	d := New(Config{}).EnsureIdempotency()
	pid, iid := []byte("producer"), []byte("1")
	if _, ok := d.Lookup(pid, iid, 0); ok {
		t.Fatal("knows what it was never told")
	}
	d.Record(pid, iid, ID{7, 7}, 1000)
	for now, want := range map[uint64]bool{1000: true, 500: true, 100_999: true, 101_000: false, 1 << 60: false} {
		if id, ok := d.Lookup(pid, iid, now); ok != want || ok && id != (ID{7, 7}) {
			t.Errorf("at %d: %v %v", now, id, ok)
		}
	}
	if _, ok := d.Lookup([]byte("other"), iid, 1000); ok {
		t.Error("producers share identifiers")
	}
}

func TestIdempotencyOfAnUnusedStreamIsNil(t *testing.T) {
	s := New(Config{})
	if s.Idempotency() != nil {
		t.Error("not nil")
	}
	if _, ok := s.Idempotency().Lookup([]byte("p"), []byte("1"), 0); ok {
		t.Error("found something")
	}
}

func TestConfiguringIdempotencyClearsOnlyOnAChange(t *testing.T) {
	d := New(Config{}).EnsureIdempotency()
	d.Record([]byte("p"), []byte("1"), ID{1, 1}, 0)
	d.Duplicate()
	d.Configure(DefaultIdempotencySeconds, DefaultIdempotencySize)
	if _, ok := d.Lookup([]byte("p"), []byte("1"), 0); !ok {
		t.Error("the same settings cleared it")
	}
	d.Configure(200, DefaultIdempotencySize)
	if _, ok := d.Lookup([]byte("p"), []byte("1"), 0); ok {
		t.Error("other settings kept it")
	}
	want := IdempotencyStats{Seconds: 200, MaxSize: 100, Added: 1, Duplicates: 1}
	if d.Stats() != want {
		t.Errorf("%+v", d.Stats())
	}
}

func TestIdempotencyIsBounded(t *testing.T) {
	d := New(Config{}).EnsureIdempotency()
	d.Configure(10, 5)
	for i := range 1000 {
		pid := fmt.Appendf(nil, "p%d", i%50)
		for j := range 10 {
			d.Record(pid, fmt.Appendf(nil, "%d-%d", i, j), ID{uint64(i), 1}, uint64(i)*1000)
		}
	}
	// A producer's records last 10 seconds and producers take turns every second.
	if s := d.Stats(); s.Producers != 10 || s.IIDs != 50 || s.Added != 10_000 {
		t.Errorf("%+v", s)
	}
}

// TestIdempotencyIsLikeANaiveList compares with a list that is searched anew
// for every question.
func TestIdempotencyIsLikeANaiveList(t *testing.T) {
	type remembered struct {
		pid, iid string
		id       ID
		at       uint64
	}
	rapid.Check(t, func(t *rapid.T) {
		const seconds, maxSize = 3, 4
		d := New(Config{}).EnsureIdempotency()
		d.Configure(seconds, maxSize)
		var list []remembered
		var copies []*idempotencyCopy
		var were [][]byte
		now := uint64(1000)
		for i := range rapid.IntRange(1, 100).Draw(t, "n") {
			switch rapid.IntRange(0, 9).Draw(t, "copy") {
			case 0:
				copies = append(copies, d.copy())
				were = append(were, encodedIdempotency(t, d.copy()))
			case 1:
				d = decodedIdempotency(t, encodedIdempotency(t, d.copy()))
			}
			now += rapid.SampledFrom([]uint64{0, 1, 700, 2999, 3000}).Draw(t, "later")
			pid, iid := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "pid"), rapid.SampledFrom([]string{"1", "2", "3", "4", "5", "6"}).Draw(t, "iid")
			var want *remembered
			of := 0
			for k := len(list) - 1; k >= 0 && of < maxSize; k-- {
				if e := &list[k]; e.pid == pid {
					of++
					if e.iid == iid && now-e.at < seconds*1000 && want == nil {
						want = e
					}
				}
			}
			id, ok := d.Lookup([]byte(pid), []byte(iid), now)
			if ok != (want != nil) || ok && id != want.id {
				t.Fatalf("%s %s at %d: %v %v, want %v", pid, iid, now, id, ok, want)
			}
			if ok {
				continue
			}
			id = ID{uint64(i + 1), 0}
			d.Record([]byte(pid), []byte(iid), id, now)
			list = append(list, remembered{pid, iid, id, now})
		}
		for i, c := range copies {
			if !bytes.Equal(encodedIdempotency(t, c), were[i]) {
				t.Fatalf("copy %d has changed", i)
			}
		}
	})
}
