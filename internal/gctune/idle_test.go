package gctune

import (
	"runtime"
	"testing"
)

func TestMemoryIsGivenBackWhenThereIsEnoughAndNobodyAsksForMore(t *testing.T) {
	const mb, gb = 1 << 20, 1 << 30
	for _, c := range []struct {
		name      string
		each      uint64 // allocated between two looks
		live      uint64
		objects   uint64
		free      uint64
		wantFirst int // look, from 1; 0: none of twenty
	}{
		{"garbage", 0, 20 * mb, 30 * mb, 0, quietLooks},
		{"free pages", 1000, 20 * mb, 20 * mb, 10 * mb, quietLooks},
		{"both, and either would be too little", 0, 20 * mb, 23 * mb, 2 * mb, quietLooks},
		{"as much as may be allocated", quietBytes, 20 * mb, 30 * mb, 0, quietLooks},
		{"work", quietBytes + 1, 20 * mb, 90 * mb, 90 * mb, 0},
		{"nothing to give", 0, 20 * mb, 22 * mb, mb, 0},
		{"little of much", 0, 2 * gb, 2*gb + 100*mb, 0, 0},
		{"more of much", 0, 2 * gb, 2*gb + 300*mb, 0, quietLooks},
		{"less than was live", 0, 20 * mb, 10 * mb, 0, 0},
	} {
		var i idler
		first := 0
		now := reading{live: c.live, objects: c.objects, free: c.free}
		for look := 1; look <= 20 && first == 0; look++ {
			now.allocated += c.each
			if i.due(now) {
				first = look
			}
		}
		if first != c.wantFirst {
			t.Errorf("%s: at look %d, want %d", c.name, first, c.wantFirst)
		}
	}
}

func TestWorkBetweenQuietLooksBeginsTheWaitAnew(t *testing.T) {
	var i idler
	now := reading{live: 1 << 20, objects: 100 << 20}
	for look := 1; look < 4*quietLooks; look++ {
		if look%quietLooks == 0 {
			now.allocated += quietBytes + 1
		}
		if i.due(now) {
			t.Fatalf("at look %d", look)
		}
	}
}

// TestWhatIsReadOfTheRuntime: a name that the runtime does not know would panic, one that it means otherwise would show here.
func TestWhatIsReadOfTheRuntime(t *testing.T) {
	before := read()
	block := make([]byte, 32<<20)
	runtime.GC()
	after := read()
	if after.allocated-before.allocated < 32<<20 || after.live < 32<<20 || after.objects < after.live/2 {
		t.Errorf("before %+v, after 32 MB more %+v", before, after)
	}
	runtime.KeepAlive(block)
	runtime.GC()
	if now := read(); now.live > after.live-30<<20 {
		t.Errorf("with 32 MB more %+v, without %+v", after, now)
	}
}
