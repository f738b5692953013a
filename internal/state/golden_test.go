package state

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/stream"
)

var golden = flag.Bool("golden", false, "write testdata/values-v1.* again (only while no release has it)")

// contents is what a client could read of the values of a keyspace, whatever form they have.
func contents(t testing.TB, k *Keyspace) string {
	t.Helper()
	var lines []string
	for db := range Databases {
		tx := NewTx(k)
		tx.Begin(db, 0)
		tx.scanAll(func(key []byte) bool {
			key = bytes.Clone(key)
			at, expires := tx.Expiry(key)
			lines = append(lines, fmt.Sprintf("%d %q %v, expires %t %d:%s", db, key, tx.Peek(key).Kind, expires, at, contentOf(t, tx, key)))
			return true
		})
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

func contentOf(t testing.TB, tx *Tx, key []byte) string {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatalf("%q: %v", key, err)
		}
	}
	var parts []string
	switch v := tx.Peek(key); v.Kind {
	case KindString:
		s, err := tx.String(key)
		must(err)
		flat := s.Flat()
		return fmt.Sprintf(" %d bytes, %.60q, edited %t", len(flat), flat, v.Edited)
	case KindList:
		l, err := tx.List(key)
		must(err)
		for it := l.From(0); it.Next(); {
			parts = append(parts, fmt.Sprintf("%.20q", it.Item().AppendText(nil)))
		}
		return " " + strings.Join(parts, " ")
	case KindHash:
		h, err := tx.Hash(key)
		must(err)
		for field, value := range h.All() {
			at, _ := h.Time(field)
			parts = append(parts, fmt.Sprintf("%q=%q until %d", field, value, at))
		}
	case KindSet:
		s, err := tx.Set(key)
		must(err)
		for m := range s.All() {
			parts = append(parts, fmt.Sprintf("%q", m))
		}
	case KindZSet:
		z, err := tx.ZSet(key)
		must(err)
		for it := z.Range(0, z.Len()); ; {
			m, score, ok := it.Next()
			if !ok {
				return " " + strings.Join(parts, " ")
			}
			parts = append(parts, fmt.Sprintf("%q=%v", m, score))
		}
	}
	slices.Sort(parts)
	return " " + strings.Join(parts, " ")
}

// goldenWork makes a change of every kind to values, packed and large ones. Each name says what its record holds.
func goldenWork(tx *Tx) (records [][]byte, names []string) {
	note := func(name string, change func()) {
		tx.Begin(0, 1000)
		change()
		records, names = append(records, bytes.Clone(tx.Record())), append(names, name)
		tx.Committed(uint64(len(records)))
	}
	b := func(words ...string) (list [][]byte) {
		for _, w := range words {
			list = append(list, []byte(w))
		}
		return list
	}
	many := func(format string, n int) (list [][]byte) {
		for i := range n {
			list = append(list, fmt.Appendf(nil, format, i))
		}
		return list
	}
	k := func(name string) []byte { return []byte(name) }
	note("string set, expires", func() { tx.StringSet(k("s"), k("value"), Until{AtMS: 9_000_000_000_000}) })
	note("string set, keeps expiry", func() { tx.StringSet(k("s"), k("other"), Until{Keep: true}) })
	note("string append", func() { tx.StringAppend(k("s"), k(" and more")) })
	note("string write", func() { tx.StringWrite(k("s2"), 5, k("later")) })
	note("string write, large", func() { tx.StringWrite(k("large"), 70_000, k("end")) })
	note("string combine", func() { tx.StringCombine(k("bits"), data.BitOr, b("s", "s2")) })
	note("hll raise", func() { tx.HLLAdd(k("hll"), b("a", "b", "c")) })
	note("list push back", func() { tx.ListPush(k("l"), false, b("a", "7", "c", "", "e")...) })
	note("list push front, large", func() { tx.ListPush(k("ll"), true, many("item %d", 200)...) })
	note("list trim", func() { tx.ListTrim(k("ll"), 3, 180) })
	note("list pop", func() { tx.ListPop(k("l"), true, 1) })
	note("list move", func() { tx.ListMove(k("l"), false, k("ll"), true) })
	note("list set", func() { tx.ListSet(k("l"), 1, k("C")) })
	note("list insert", func() { tx.ListInsert(k("l"), 1, k("between")) })
	note("list remove", func() { tx.ListRemove(k("l"), []int{0, 3}) })
	note("hash set", func() { tx.HashSet(k("h"), b("f", "1", "g", "2", "h", "3")) })
	note("hash update", func() { tx.HashUpdate(k("h"), b("g", "22")) })
	note("hash delete", func() { tx.HashDelete(k("h"), b("h")) })
	note("hash set, large", func() { tx.HashSet(k("hh"), many("f%d", 300)) })
	note("hash expire", func() { tx.HashExpire(k("hh"), b("f0", "f2"), 9_000_000_000_000) })
	note("hash set, wide", func() { tx.HashSet(k("hw"), b("id", "1", "text", strings.Repeat("long ", 40))) })
	note("hash expire, wide", func() { tx.HashExpire(k("hw"), b("id"), 9_000_000_000_003) })
	note("set add, integers", func() { tx.SetAdd(k("i"), b("3", "1", "70000")) })
	note("set add, strings", func() { tx.SetAdd(k("t"), b("x", "y", "z")) })
	note("set remove", func() { tx.SetRemove(k("t"), b("y")) })
	note("set add, large", func() { tx.SetAdd(k("tt"), many("member %d", 150)) })
	note("set store", func() {
		var s data.Set
		s.Add(k("only"))
		tx.SetStore(k("stored"), s)
	})
	note("zset set", func() {
		edit, _ := tx.EditZSet(k("z"))
		for i, m := range b("a", "b", "c") {
			edit.Set(m, float64(i)-0.5)
		}
		edit.End()
	})
	note("zset set, large", func() {
		edit, _ := tx.EditZSet(k("zz"))
		for i, m := range many("m%d", 150) {
			edit.Set(m, float64(i%7))
		}
		edit.End()
	})
	note("zset remove", func() {
		edit, _ := tx.EditZSet(k("z"))
		edit.Remove(k("b"))
		edit.End()
	})
	note("zset remove range", func() { tx.ZSetRemoveRange(k("zz"), 10, 100) })
	note("zset store", func() {
		var z data.ZSet
		z.Set(k("only"), 2.5)
		tx.ZSetStore(k("zstored"), z)
	})
	note("expire, persist", func() {
		tx.Expire(k("l"), 9_000_000_000_001)
		tx.Expire(k("z"), 9_000_000_000_002)
		tx.Persist(k("z"))
	})
	note("move", func() { tx.Move(k("stored"), 3, k("moved")) })
	note("swap", func() { tx.Swap(3, 5) })
	return records, names
}

// TestValuesDecodeInEveryReleasedForm: records and a checkpoint that this version of the formats wrote once give the values
// that they held, for ever.
func TestValuesDecodeInEveryReleasedForm(t *testing.T) {
	if *golden {
		writeGolden(t)
	}
	want, err := os.ReadFile("testdata/values-v1.txt")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/values-v1.records")
	if err != nil {
		t.Fatal(err)
	}
	k := NewKeyspace(stream.Config{})
	position := uint64(0)
	for line := range strings.Lines(string(text)) {
		record, err := hex.DecodeString(strings.TrimSpace(strings.SplitN(line, "#", 2)[0]))
		if err != nil {
			t.Fatal(err)
		}
		position++
		if err := k.Apply(position, record); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if got := contents(t, k); got != string(want) {
		t.Errorf("replayed:\n%s\nwant:\n%s", got, want)
	}
	kept, err := os.ReadFile("testdata/values-v1.checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	restored, err := Restore(bufio.NewReader(bytes.NewReader(kept)), stream.Config{}, position, func(uint64) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := contents(t, restored); got != string(want) {
		t.Errorf("restored:\n%s\nwant:\n%s", got, want)
	}
}

func writeGolden(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	records, names := goldenWork(NewTx(k))
	var text strings.Builder
	for i, r := range records {
		fmt.Fprintf(&text, "%x # %s\n", r, names[i])
	}
	c := k.BeginCopy()
	for c.Walk(100) {
	}
	kept, err := encoded(c.Take())
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"records": []byte(text.String()), "checkpoint": kept, "txt": []byte(contents(t, k))} {
		if err := os.WriteFile("testdata/values-v1."+name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReplayOfEveryKindOfChangeEqualsWhatIsLive: goldenWork has a change of every kind, so what it makes now must be what
// its records make now, and what a checkpoint gives back.
func TestReplayOfEveryKindOfChangeEqualsWhatIsLive(t *testing.T) {
	live, replayed := NewKeyspace(stream.Config{}), NewKeyspace(stream.Config{})
	records, _ := goldenWork(NewTx(live))
	kinds := map[byte]bool{}
	for i, r := range records {
		if err := replayed.Apply(uint64(i+1), r); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		kinds[r[0]] = true
	}
	if got, want := contents(t, replayed), contents(t, live); got != want {
		t.Errorf("replayed:\n%s\nlive:\n%s", got, want)
	}
	for kind := changeStringSet; kind < 90; kind++ {
		err := NewKeyspace(stream.Config{}).Apply(1, []byte{kind, 1, 0, 1, 'k'})
		if known := err == nil || !strings.Contains(err.Error(), ErrUnknownChange.Error()); known && !kinds[kind] {
			t.Errorf("no golden record begins with a change of kind %d", kind)
		}
	}
}
