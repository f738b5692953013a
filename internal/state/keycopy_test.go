package state

import (
	"testing"

	"github.com/weirmq/weir/stream"
)

func TestACopyIsIndependentAndReplayedAsSuch(t *testing.T) {
	live := NewKeyspace(stream.Config{})
	for i, r := range goldenRecords(t) {
		if err := live.Apply(uint64(i+1), r); err != nil {
			t.Fatal(err)
		}
	}
	tx := NewTx(live)
	records := goldenRecords(t)
	commit := func() {
		records = append(records, append([]byte(nil), tx.Record()...))
		tx.Committed(uint64(len(records)))
	}
	q, other, s := []byte("q"), []byte("other"), []byte("s")
	tx.Begin(0, 1000)
	tx.Put(s, Value{Kind: KindString, Packed: []byte("text"), Edited: true})
	tx.Expire(s, 5000)
	commit()
	tx.Begin(0, 1000)
	tx.Copy(q, 3, other)
	tx.Copy(s, 0, other)
	if refs := tx.Ready(); len(refs) != 2 || refs[0].DB != 3 || string(refs[0].Key) != "other" {
		t.Errorf("ready: %v", refs)
	}
	commit()
	tx.Begin(0, 1000)
	if v := tx.Peek(other); v.Kind != KindString || !v.Edited || string(v.Packed) != "text" {
		t.Errorf("the copy of the string is %+v", v)
	}
	if at, ok := tx.Expiry(other); !ok || at != 5000 {
		t.Errorf("the copy expires at %d, %t", at, ok)
	}
	from, _ := tx.Stream(q)
	tx.Use(3)
	to, _ := tx.Stream(other)
	if digestStream(from) != digestStream(to) {
		t.Errorf("copied:\n%s\nfrom:\n%s", digestStream(to), digestStream(from))
	}
	before := digestStream(from)
	tx.StreamAppend(other, stream.ID{MS: 1 << 50}, fieldsOf("f", "new"))
	tx.GroupDestroy(other, []byte("g"))
	if digestStream(from) != before {
		t.Error("a change to the copy changes the original")
	}
	tx.Use(0)
	tx.Copy(other, 0, q) // a key of another kind
	commit()
	if got, want := digest(replay(t, records)), digest(live); got != want {
		t.Errorf("replayed:\n%s\nlive:\n%s", got, want)
	}
}

// TestACopySharesBlocksInFiles also says what stream.Totals count then: each of both as if it were alone.
func TestACopySharesBlocksInFiles(t *testing.T) {
	f := &files{blocks: map[stream.Ref]*stream.Body{}}
	k := NewKeyspace(stream.Config{BlockEntries: 2, Source: f, Totals: &f.totals})
	tx := NewTx(k)
	tx.Begin(0, 0)
	for i := range 9 {
		tx.StreamAppend([]byte("s"), stream.ID{MS: uint64(i + 1)}, fieldsOf("f", "v"))
	}
	f.spill()
	s, _ := tx.Stream([]byte("s"))
	if s.InMemory() {
		t.Fatal("nothing is in files")
	}
	one := f.totals
	tx.Copy([]byte("s"), 0, []byte("t"))
	c, _ := tx.Stream([]byte("t"))
	if c.Len() != 9 || c.DiskBytes() != s.DiskBytes() || f.totals.Disk != 2*one.Disk || f.totals.Blocks != 2*one.Blocks {
		t.Errorf("%d entries, %d bytes in files, totals %+v; before %+v", c.Len(), c.DiskBytes(), f.totals, one)
	}
	tx.Delete([]byte("s"))
	if f.totals.Disk != one.Disk || f.totals.Blocks != one.Blocks {
		t.Errorf("after the original has gone: %+v", f.totals)
	}
	n := 0
	for cold := range c.Cold(stream.MinID) {
		if f.blocks[cold.Ref] == nil {
			t.Errorf("%v refers to nothing", cold)
		}
		n++
	}
	if n != 4 {
		t.Errorf("%d blocks of the copy are in files", n)
	}
}
