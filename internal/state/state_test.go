package state

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/stream"
)

// fieldsOf splits words into fields of an entry.
func fieldsOf(words ...string) [][]byte {
	var fields [][]byte
	for _, w := range words {
		fields = append(fields, []byte(w))
	}
	return fields
}

// digest writes everything that a client could see of a keyspace.
func digest(k *Keyspace) string {
	var out strings.Builder
	for db := range Databases {
		var lines []string
		tx := NewTx(k)
		tx.Begin(db)
		tx.Scan(0, k.Len(db), func(key string, v Value) {
			s := v.(*Stream)
			line := fmt.Sprintf("%d %q len %d last %v added %d deleted %v", db, key, s.Len(), s.LastID(), s.EntriesAdded(), s.MaxDeletedID())
			for it := s.Range(stream.ID{}, stream.MaxID); it.Next(); {
				line += fmt.Sprintf(" [%v", it.ID())
				for it.Field() {
					line += fmt.Sprintf(" %q=%q", it.Name(), it.Value())
				}
				line += "]"
			}
			if d := s.Idempotency(); d != nil {
				line += fmt.Sprintf(" %+v", d.Stats())
			}
			lines = append(lines, line)
		})
		slices.Sort(lines)
		out.WriteString(strings.Join(lines, "\n"))
	}
	return out.String()
}

// randomWork makes one random change, or none.
func randomWork(t *rapid.T, tx *Tx) {
	key := fmt.Appendf(nil, "k%d", rapid.IntRange(0, 5).Draw(t, "key"))
	s, _ := tx.Stream(key)
	op := rapid.IntRange(0, 12).Draw(t, "op")
	switch {
	case s == nil || op < 5:
		var last stream.ID
		if s != nil {
			last = s.LastID()
		}
		id := stream.ID{MS: last.MS + rapid.Uint64Range(0, 2).Draw(t, "ms"), Seq: last.Seq + 1}
		tx.StreamAppend(key, id, fieldsOf("f", fmt.Sprint(op), rapid.SampledFrom([]string{"g", "", "h"}).Draw(t, "field"), "v"))
	case op == 5:
		if id, ok := s.First(); ok {
			tx.StreamTrim(key, id)
		}
	case op == 6:
		if id, ok := s.Last(); ok {
			tx.StreamDelete(key, []stream.ID{id, id})
		}
	case op == 7:
		last, _ := s.LastID().Next()
		tx.StreamSetID(key, last, s.EntriesAdded()+3, s.MaxDeletedID())
	case op == 8:
		tx.StreamConfigureIdempotence(key, rapid.IntRange(1, 9).Draw(t, "seconds"), 2)
	case op == 9:
		if _, known := s.EnsureIdempotency().Lookup([]byte("p"), []byte("i"), 1000); !known {
			tx.StreamRemember(key, []byte("p"), []byte("i"), s.LastID(), 1000)
		} else {
			tx.StreamCountDuplicate(key)
		}
	case op == 10:
		tx.Delete(key)
	case op == 11 && rapid.IntRange(0, 5).Draw(t, "flush") == 0:
		tx.Flush(tx.DB())
	case op == 12 && rapid.IntRange(0, 9).Draw(t, "flush") == 0:
		tx.Flush(AllDatabases)
	}
}

func TestReplayEqualsWhatWasAppliedLive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live := NewKeyspace(stream.Config{BlockEntries: 4})
		replayed := NewKeyspace(stream.Config{BlockEntries: 4})
		tx := NewTx(live)
		for position := range uint64(rapid.IntRange(1, 120).Draw(t, "records")) {
			tx.Begin(rapid.IntRange(0, 2).Draw(t, "db"))
			for range rapid.IntRange(1, 3).Draw(t, "changes") {
				randomWork(t, tx)
			}
			record := bytes.Clone(tx.Record())
			tx.Committed(position + 1)
			if err := replayed.Apply(position+1, record); err != nil {
				t.Fatalf("Apply: %v", err)
			}
		}
		if a, b := digest(live), digest(replayed); a != b {
			t.Fatalf("live:\n%s\nreplayed:\n%s", a, b)
		}
		for slot := range Slots {
			if max(live.changed[slot], live.flushed) != max(replayed.changed[slot], replayed.flushed) {
				t.Fatalf("slot %d depends on %d live, on %d after replay", slot, live.changed[slot], replayed.changed[slot])
			}
		}
	})
}

func TestARecordDecodesInEveryReleasedForm(t *testing.T) {
	golden, err := os.ReadFile("testdata/records-v1.txt")
	if err != nil {
		t.Fatal(err)
	}
	k := NewKeyspace(stream.Config{})
	position := uint64(0)
	for line := range strings.Lines(string(golden)) {
		text, _, _ := strings.Cut(line, "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		record, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		position++
		if err := k.Apply(position, record); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	const want = `0 "s" len 2 last 9-0 added 7 deleted 1-2 [1-3 "f"="c"] [5-0 "f"="d" "g"=""] {Seconds:60 MaxSize:10 Producers:1 IIDs:1 Added:1 Duplicates:1}`
	if got := digest(k); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnUnknownChangeIsRefusedByName(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	for _, record := range [][]byte{{99, 1, 0, 1, 'k'}, {changeDelete, 2, 0, 1, 'k'}} {
		if err := k.Apply(1, record); !errors.Is(err, ErrUnknownChange) {
			t.Errorf("%v: %v", record, err)
		}
	}
}

func FuzzApplyNeverPanics(f *testing.F) {
	tx := NewTx(NewKeyspace(stream.Config{}))
	tx.Begin(0)
	tx.StreamAppend([]byte("s"), stream.ID{MS: 1}, fieldsOf("f", "v"))
	tx.StreamDelete([]byte("s"), []stream.ID{{MS: 1}})
	tx.StreamSetID([]byte("s"), stream.ID{MS: 4}, 5, stream.ID{})
	tx.Flush(AllDatabases)
	f.Add(bytes.Clone(tx.Record()))
	f.Fuzz(func(t *testing.T, record []byte) {
		if err := NewKeyspace(stream.Config{}).Apply(1, record); err != nil && !errors.Is(err, ErrUnknownChange) && !errors.Is(err, ErrDamagedChange) {
			t.Errorf("an error without a name: %v", err)
		}
	})
}

func TestAReplyDependsOnTheNewestChangeOfWhatItRead(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	change := func(position uint64, key string) {
		tx.Begin(0)
		tx.StreamAppend([]byte(key), stream.ID{MS: position}, fieldsOf("f", "v"))
		tx.Committed(position)
	}
	read := func(keys ...string) uint64 {
		tx.Begin(0)
		for _, key := range keys {
			tx.Lookup([]byte(key))
		}
		return tx.Dependency()
	}
	change(1, "a")
	change(2, "b")
	if got := read("a"); got != 1 {
		t.Errorf("a: %d", got)
	}
	if got := read("b", "a"); got != 2 {
		t.Errorf("b and a: %d", got)
	}
	if got := read("quiet"); got != 0 {
		t.Errorf("a quiet key waits for %d", got)
	}
	tx.Begin(0)
	tx.Len()
	if got := tx.Dependency(); got != 2 {
		t.Errorf("DBSIZE: %d", got)
	}
	tx.Begin(0)
	tx.Delete([]byte("a"))
	tx.Committed(3)
	if got := read("a"); got != 3 {
		t.Errorf("the absence of a deleted key: %d", got)
	}
	tx.Begin(0)
	tx.Flush(AllDatabases)
	tx.Committed(4)
	if got := read("quiet"); got != 4 {
		t.Errorf("the absence of a flushed key: %d", got)
	}
}

func TestScanMeetsEveryKeyThatStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := NewKeyspace(stream.Config{})
		tx := NewTx(k)
		tx.Begin(3)
		add := func(key string) { tx.StreamAppend([]byte(key), stream.ID{MS: 1}, nil) }
		for i := range 100 {
			add(fmt.Sprint("stay", i))
			add(fmt.Sprint("{one slot}stay", i))
			add(fmt.Sprint("{one slot}go", i))
		}
		seen := map[string]bool{}
		cursor := Cursor(0)
		for calls := 0; ; calls++ {
			tx.Begin(3)
			cursor = tx.Scan(cursor, rapid.IntRange(1, 40).Draw(t, "count"), func(key string, _ Value) { seen[key] = true })
			if cursor == 0 {
				break
			}
			for range rapid.IntRange(0, 20).Draw(t, "deletes") {
				tx.Delete(fmt.Appendf(nil, "{one slot}go%d", rapid.IntRange(0, 99).Draw(t, "which")))
			}
			if calls < 50 {
				add(fmt.Sprint("{one slot}new", calls))
			}
		}
		for i := range 100 {
			for _, key := range []string{fmt.Sprint("stay", i), fmt.Sprint("{one slot}stay", i)} {
				if !seen[key] {
					t.Fatalf("%s was missed", key)
				}
			}
		}
	})
}

func TestAnyCursorIsSafe(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	tx.Begin(0)
	tx.StreamAppend([]byte("s"), stream.ID{MS: 1}, nil)
	for _, c := range []Cursor{1, 16383, 16384, 1 << 63, ^Cursor(0)} {
		for n := 0; c != 0; n++ {
			if n > 10 {
				t.Fatalf("cursor %d does not end", c)
			}
			c = tx.Scan(c, 10, func(string, Value) {})
		}
	}
}

func TestSlotOfAgreesWithTheClusterSpecification(t *testing.T) {
	for key, want := range map[string]uint16{
		"123456789": 0x31c3 % Slots, "": 0, "foo": 12182, "{foo}bar": 12182, "{}foo": SlotOf([]byte("{}foo")), "a{foo}{x}": 12182,
	} {
		if got := SlotOf([]byte(key)); got != want {
			t.Errorf("%q: %d, want %d", key, got, want)
		}
	}
	if SlotOf([]byte("{}foo")) == SlotOf([]byte("foo")) {
		t.Error("an empty tag is not a tag")
	}
}

func BenchmarkStreamAppend(b *testing.B) {
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	key := []byte("orders")
	fields := fieldsOf("field-one", "value-of-twenty-byte", "field-two", "value-of-twenty-byte", "field-three", "value-of-twenty-byte")
	b.ReportAllocs()
	id := stream.ID{MS: 1}
	for b.Loop() {
		tx.Begin(0)
		id.MS++
		tx.StreamAppend(key, id, fields)
		tx.Committed(id.MS)
	}
}

func BenchmarkReplay(b *testing.B) {
	tx := NewTx(NewKeyspace(stream.Config{}))
	records := make([][]byte, 100_000)
	for i := range records {
		tx.Begin(0)
		tx.StreamAppend([]byte("orders"), stream.ID{MS: uint64(i + 1)}, fieldsOf("field-one", "value-of-twenty-byte", "field-two", "value-of-twenty-byte", "field-three", "value-of-twenty-byte"))
		records[i] = bytes.Clone(tx.Record())
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); {
		k := NewKeyspace(stream.Config{})
		for range records {
			if err := k.Apply(uint64(i), records[i%len(records)]); err != nil {
				b.Fatal(err)
			}
			i++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
}

func TestWaitersLookAgainAtKeysThatGotEntriesOrAreGone(t *testing.T) {
	tx := NewTx(NewKeyspace(stream.Config{}))
	key := []byte("s")
	tx.Begin(0)
	tx.StreamAppend(key, stream.ID{MS: 1}, fieldsOf("f", "v"))
	tx.StreamAppend(key, stream.ID{MS: 2}, fieldsOf("f", "v"))
	if got := tx.Ready(); len(got) != 2 || string(got[0].Key) != "s" {
		t.Errorf("after two entries: %v", got)
	}
	tx.Committed(1)
	tx.Begin(0)
	tx.StreamTrim(key, stream.ID{MS: 1})
	if n := tx.StreamDelete(key, []stream.ID{{MS: 2}, {MS: 2}, {MS: 7}}); n != 1 {
		t.Errorf("%d deleted, want 1", n)
	}
	if got := tx.Ready(); len(got) != 0 {
		t.Errorf("after entries were deleted: %v", got)
	}
	tx.GroupCreate(key, []byte("g"), stream.ID{}, 0)
	tx.GroupSetID(key, []byte("g"), stream.ID{MS: 2}, groups.Unknown)
	if got := tx.Ready(); len(got) != 0 {
		t.Errorf("after a group was made: %v", got)
	}
	tx.GroupDestroy(key, []byte("g"))
	tx.Delete(key)
	if got := tx.Ready(); len(got) != 2 {
		t.Errorf("after a group and the key were deleted: %v", got)
	}
	if _, ok := tx.Flushed(); ok {
		t.Error("nothing was flushed")
	}
	tx.Flush(3)
	if db, ok := tx.Flushed(); !ok || db != 3 {
		t.Errorf("flushed: %d, %t", db, ok)
	}
}
