package state

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
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

// randomWork makes one random change, or none.
func randomWork(t *rapid.T, tx *Tx) {
	n := rapid.IntRange(0, 8).Draw(t, "key")
	key := fmt.Appendf(nil, "{%d}%d", n/3, n) // three keys in each of three slots
	s, _ := tx.Stream(key)
	op := rapid.IntRange(0, 29).Draw(t, "op")
	switch {
	case op > 25:
		randomKeyWork(t, tx, key, op)
	case op > 12:
		randomGroupWork(t, tx, key, s)
	case s == nil || op < 5:
		var last stream.ID
		if s != nil {
			last = s.LastID()
		}
		id := stream.ID{MS: last.MS + rapid.Uint64Range(0, 2).Draw(t, "ms"), Seq: last.Seq + 1}
		tx.StreamAppend(key, id, fieldsOf("f", fmt.Sprint(op), rapid.SampledFrom([]string{"g", "", "h"}).Draw(t, "field"), "v"))
	case op == 5:
		if id, ok, _ := s.First(); ok {
			tx.StreamTrim(key, id, 1)
		}
	case op == 6:
		if id, ok, _ := s.Last(); ok {
			tx.StreamDelete(key, []stream.ID{id, id})
		}
	case op == 7:
		last, _ := s.LastID().Next()
		tx.StreamSetID(key, last, s.EntriesAdded()+3, s.MaxDeletedID())
	case op == 8:
		tx.StreamConfigureIdempotence(key, rapid.IntRange(1, 9).Draw(t, "seconds"), 2)
	case op == 9:
		if _, known := s.Idempotency().Lookup([]byte("p"), []byte("i"), 1000); !known {
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

// randomGroupWork makes one random change to a group of the stream at key, or none.
// randomKeyWork changes a key whatever it holds.
func randomKeyWork(t *rapid.T, tx *Tx, key []byte, op int) {
	to := fmt.Appendf(nil, "{%d}%d", op%3, rapid.IntRange(0, 8).Draw(t, "to"))
	db := rapid.IntRange(0, 2).Draw(t, "other")
	switch {
	case op == 26:
		tx.Swap(tx.DB(), db)
	case !tx.Peek(key).Exists():
	case op == 27:
		tx.Expire(key, rapid.Int64Range(1, 1<<40).Draw(t, "at"))
	case op == 28:
		tx.Persist(key)
	case db != tx.DB() || string(to) != string(key):
		tx.Move(key, db, to)
	}
}

func randomGroupWork(t *rapid.T, tx *Tx, key []byte, s *Stream) {
	name := rapid.SampledFrom([][]byte{[]byte("g"), []byte("h\x00"), {}}).Draw(t, "group")
	var g *groups.Group
	if s != nil {
		g = s.Groups.Get(name)
	}
	now := rapid.Int64Range(1_700_000_000_000, 1_700_000_000_300).Draw(t, "now")
	if g == nil {
		last := rapid.SampledFrom([]stream.ID{{}, {MS: 1, Seq: 1}, stream.MaxID}).Draw(t, "last")
		tx.GroupCreate(key, name, last, rapid.SampledFrom([]int64{groups.Unknown, 0, 9}).Draw(t, "read"))
		return
	}
	consumer := rapid.SampledFrom([][]byte{[]byte("a"), []byte("b"), {}}).Draw(t, "consumer")
	c := g.Consumer(consumer)
	op := rapid.IntRange(0, 10).Draw(t, "group op")
	if c == nil && op > 3 {
		tx.ConsumerCreate(key, name, consumer, now)
		return
	}
	some := someIDs(t, s, g)
	count := groups.Count{How: groups.CountHow(rapid.IntRange(0, 3).Draw(t, "how")), To: rapid.SampledFrom([]int64{0, 3, math.MaxInt64}).Draw(t, "to")}
	switch op {
	case 0:
		tx.GroupSetID(key, name, rapid.SampledFrom([]stream.ID{{}, s.LastID()}).Draw(t, "last"), int64(s.EntriesAdded()))
	case 1:
		if rapid.Bool().Draw(t, "destroy") {
			tx.GroupDestroy(key, name)
		}
	case 2:
		tx.GroupRelease(key, name, some, count)
	case 3:
		tx.StreamDrop(key, some)
	case 4:
		if rapid.Bool().Draw(t, "delete") {
			tx.ConsumerDelete(key, name, consumer)
		}
	case 5, 6:
		tx.GroupAck(key, name, some)
	case 7:
		tx.GroupClaim(key, name, consumer, some, rapid.SampledFrom([]int64{now, groups.Unknown}).Draw(t, "active"), now-rapid.Int64Range(0, 500).Draw(t, "idle"), count)
	default:
		var ids []stream.ID
		from, _ := g.LastDelivered().Next()
		for it := s.Range(from, stream.MaxID); len(ids) < 5 && it.Next(); {
			ids = append(ids, it.ID())
		}
		if len(ids) > 0 {
			last := ids[len(ids)-1]
			if rapid.IntRange(0, 4).Draw(t, "NOACK") == 0 {
				ids = nil
			}
			tx.GroupDeliver(key, name, consumer, ids, now, last, g.EntriesRead()+1)
		}
	}
}

// someIDs returns a few IDs in any order: of entries, of pending ones, and of neither.
func someIDs(t *rapid.T, s *Stream, g *groups.Group) []stream.ID {
	ids := []stream.ID{{MS: 1, Seq: math.MaxUint64}, {MS: math.MaxUint64}}
	for it := s.Range(stream.MinID, stream.MaxID); it.Next(); {
		ids = append(ids, it.ID())
	}
	for it := g.Pending(stream.MinID); it.Next(); {
		ids = append(ids, it.ID())
	}
	return rapid.SliceOfN(rapid.SampledFrom(ids), 1, 6).Draw(t, "ids")
}

// goldenRecords returns the records of testdata in order.
func goldenRecords(t testing.TB) [][]byte {
	t.Helper()
	golden, err := os.ReadFile("testdata/records-v1.txt")
	if err != nil {
		t.Fatal(err)
	}
	var records [][]byte
	for line := range strings.Lines(string(golden)) {
		text, _, _ := strings.Cut(line, "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		record, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	return records
}

// replay applies records to a new keyspace.
func replay(t testing.TB, records [][]byte) *Keyspace {
	t.Helper()
	k := NewKeyspace(stream.Config{})
	for i, record := range records {
		if err := k.Apply(uint64(i+1), record); err != nil {
			t.Fatalf("record %d, %x: %v", i, record, err)
		}
	}
	return k
}

func TestARecordDecodesInEveryReleasedForm(t *testing.T) {
	want := strings.Join([]string{
		`0 "m" stream edited false expires false 0 len 0 last 0-0 added 0 deleted 0-0`,
		`  group "" last 18446744073709551615-18446744073709551615 read -1 pending 0`,
		`0 "q" stream edited false expires false 0 len 3 last 3-0 added 4 deleted 0-0 [1-1 "f"="v"] [1-2 "f"="v"] [2-0 "f"="v"]`,
		`  group "g" last 1-2 read 6 pending 3 "alice": 0 seen 1700000000002 active 1700000000002 "bob": 1 seen 1700000000004 active 1700000000004` +
			` [1-1 "bob" at 1700000000005, 8 times] [2-0 nobody at 0, 1 times] [3-0 nobody at 0, 6 times]`,
		`0 "s" stream edited false expires false 0 len 2 last 9-0 added 7 deleted 1-2 [1-3 "f"="c"] [5-0 "f"="d" "g"=""] {Seconds:60 MaxSize:10 Producers:1 IIDs:1 Added:1 Duplicates:1}`,
	}, "\n")
	if got := digest(replay(t, goldenRecords(t))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnUnknownChangeIsRefusedByName(t *testing.T) {
	for _, record := range [][]byte{{99, 1, 0, 1, 'k'}, {changeDelete, 2, 0, 1, 'k'}, {changePut + 1, 1, 0, 1, 'q'}, {changeGroupAck, 2, 0, 1, 'q'}} {
		if err := replay(t, goldenRecords(t)).Apply(100, record); !errors.Is(err, ErrUnknownChange) {
			t.Errorf("%v: %v", record, err)
		}
	}
}

func TestAChangeToWhatIsNotThereIsRefused(t *testing.T) {
	head := func(kind byte, key, group string) []byte {
		return appendGroupHead(nil, kind, 0, []byte(key), []byte(group))
	}
	now := []byte{2}
	for name, record := range map[string][]byte{
		"drop from no stream":       appendIDs(appendHead(nil, changeStreamDrop, 0, []byte("none")), []stream.ID{{MS: 1}}),
		"a group that is there":     append(head(changeGroupCreate, "q", "g"), 0, 0, 0),
		"set ID of no group":        append(head(changeGroupSetID, "q", "none"), 0, 0, 0),
		"set ID in no stream":       append(head(changeGroupSetID, "none", "g"), 0, 0, 0),
		"destroy no group":          head(changeGroupDestroy, "q", "none"),
		"a consumer that is there":  append(appendBytes(head(changeConsumerCreate, "q", "g"), []byte("bob")), now...),
		"delete no consumer":        appendBytes(head(changeConsumerDelete, "q", "g"), []byte("none")),
		"deliver to no consumer":    append(appendBytes(head(changeGroupDeliver, "q", "g"), []byte("none")), 2, 0, 0, 0, 0),
		"claim for no consumer":     append(appendBytes(head(changeGroupClaim, "q", "g"), []byte("none")), 2, 2, 0, 0, 0),
		"an unknown count":          append(head(changeGroupRelease, "q", "g"), 4, 0, 0),
		"a count that is negative":  append(binary.AppendUvarint(append(head(changeGroupRelease, "q", "g"), 3), 1<<63), 0),
		"more IDs than there are":   append(head(changeGroupAck, "q", "g"), 3, 2, 0, 2, 0),
		"very many IDs":             append(binary.AppendUvarint(head(changeGroupAck, "q", "g"), math.MaxUint64), 2, 0),
		"IDs delivered downwards":   append(appendBytes(head(changeGroupDeliver, "q", "g"), []byte("bob")), 2, 9, 0, 0, 2, 18, 0, 1, 0),
		"an ID delivered twice":     append(appendBytes(head(changeGroupDeliver, "q", "g"), []byte("bob")), 2, 9, 0, 0, 2, 18, 0, 0, 0),
		"a group change in no base": append(append([]byte{changeGroupAck, 1, Databases}, "\x01q\x01g"...), 0),
	} {
		k := replay(t, goldenRecords(t))
		if err := k.Apply(100, record); !errors.Is(err, ErrDamagedChange) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// survives applies a damaged record and uses what has become of the state. Nothing may panic, and an error has a name.
func survives(t *testing.T, k *Keyspace, record []byte) {
	err := k.Apply(100, record)
	if err != nil {
		if !errors.Is(err, ErrUnknownChange) && !errors.Is(err, ErrDamagedChange) {
			t.Errorf("%x: an error without a name: %v", record, err)
		}
		return
	}
	digest(k)
	tx := NewTx(k)
	tx.Begin(0, 0)
	s, _ := tx.Stream([]byte("q"))
	if s == nil {
		return
	}
	for g := range s.Groups.All() {
		g.Oldest(math.MaxInt64, 3)
		for it := g.Pending(stream.MinID); it.Next(); it = g.Pending(it.ID()) {
			if g.Ack([]stream.ID{it.ID()}) != 1 {
				t.Fatalf("%x: %v is pending and cannot be acknowledged", record, it.ID())
			}
		}
		for c := range g.AllConsumers() {
			if c.Pending() != 0 {
				t.Errorf("%x: %q has %d pending when nothing is", record, c.Name(), c.Pending())
			}
		}
	}
}

func TestADamagedRecordIsRefusedOrHarmless(t *testing.T) {
	records := goldenRecords(t)
	for i, record := range records {
		for n := range record {
			survives(t, replay(t, records[:i]), record[:n])
		}
		for at := range record { // the fuzz test flips the other bits
			for _, bit := range []byte{1, 2 << (at % 7)} {
				damaged := bytes.Clone(record)
				damaged[at] ^= bit
				survives(t, replay(t, records[:i]), damaged)
			}
		}
	}
}

func FuzzApplyNeverPanics(f *testing.F) {
	records := goldenRecords(f)
	for _, record := range records {
		f.Add(record)
	}
	f.Add(bytes.Join(records, nil))
	f.Fuzz(func(t *testing.T, record []byte) {
		survives(t, NewKeyspace(stream.Config{}), record)
		survives(t, replay(t, records), record)
	})
}

func TestAReplyDependsOnTheNewestChangeOfWhatItRead(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	change := func(position uint64, key string) {
		tx.Begin(0, 0)
		tx.StreamAppend([]byte(key), stream.ID{MS: position}, fieldsOf("f", "v"))
		tx.Committed(position)
	}
	read := func(keys ...string) uint64 {
		tx.Begin(0, 0)
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
	tx.Begin(0, 0)
	tx.Len()
	if got := tx.Dependency(); got != 2 {
		t.Errorf("DBSIZE: %d", got)
	}
	tx.Begin(0, 0)
	tx.Delete([]byte("a"))
	tx.Committed(3)
	if got := read("a"); got != 3 {
		t.Errorf("the absence of a deleted key: %d", got)
	}
	tx.Begin(0, 0)
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
		tx.Begin(3, 0)
		add := func(key string) { tx.StreamAppend([]byte(key), stream.ID{MS: 1}, nil) }
		for i := range 100 {
			add(fmt.Sprint("stay", i))
			add(fmt.Sprint("{one slot}stay", i))
			add(fmt.Sprint("{one slot}go", i))
		}
		seen := map[string]bool{}
		cursor := Cursor(0)
		for calls := 0; ; calls++ {
			tx.Begin(3, 0)
			cursor = tx.Scan(cursor, rapid.IntRange(1, 40).Draw(t, "count"), func(key []byte, _ Value) { seen[string(key)] = true })
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
	tx.Begin(0, 0)
	tx.StreamAppend([]byte("s"), stream.ID{MS: 1}, nil)
	for _, c := range []Cursor{1, 16383, 16384, 1 << 63, ^Cursor(0)} {
		for n := 0; c != 0; n++ {
			if n > 10 {
				t.Fatalf("cursor %d does not end", c)
			}
			c = tx.Scan(c, 10, func([]byte, Value) {})
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
	bitwise := func(b []byte) (crc uint16) {
		for _, c := range b {
			crc ^= uint16(c) << 8
			for range 8 {
				crc = crc<<1 ^ crc>>15*0x1021
			}
		}
		return crc
	}
	key := make([]byte, 300)
	for i := range key {
		key[i] = byte(i*131 + i>>8)
		if got, want := crc16(key[:i]), bitwise(key[:i]); got != want {
			t.Fatalf("%x: %#x, want %#x", key[:i], got, want)
		}
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
		tx.Begin(0, 0)
		id.MS++
		tx.StreamAppend(key, id, fields)
		tx.Committed(id.MS)
	}
}

func BenchmarkReplay(b *testing.B) {
	tx := NewTx(NewKeyspace(stream.Config{}))
	records := make([][]byte, 100_000)
	for i := range records {
		tx.Begin(0, 0)
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
	tx.Begin(0, 0)
	tx.StreamAppend(key, stream.ID{MS: 1}, fieldsOf("f", "v"))
	tx.StreamAppend(key, stream.ID{MS: 2}, fieldsOf("f", "v"))
	if got := tx.Ready(); len(got) != 2 || string(got[0].Key) != "s" {
		t.Errorf("after two entries: %v", got)
	}
	tx.Committed(1)
	tx.Begin(0, 0)
	tx.StreamTrim(key, stream.ID{MS: 1}, 1)
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
