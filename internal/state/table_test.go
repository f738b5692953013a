package state

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirmq/weir/stream"
)

// keyModel is what a table should hold of a key.
type keyModel struct {
	value   string
	object  bool
	expires int64 // 0: it does not
}

type boxed struct{ text string } // an object

func textOf(v Value) string {
	if b, ok := v.Object.(*boxed); ok {
		return b.text
	}
	return string(v.Packed)
}

func TestATableAgreesWithAMapUnderRandomOperations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := NewKeyspace(stream.Config{})
		model := map[string]keyModel{}
		keys := rapid.IntRange(1, 1600).Draw(t, "keys")
		for i := range rapid.IntRange(1, 2500).Draw(t, "operations") {
			key := fmt.Sprint("{x}k", rapid.IntRange(0, keys).Draw(t, "key"))
			slot := SlotOf([]byte(key))
			r, had := k.databases[0].find(slot, []byte(key))
			if _, want := model[key]; had != want {
				t.Fatalf("find(%s) = %t", key, had)
			}
			switch op := rapid.IntRange(0, 9).Draw(t, "op"); {
			case op < 3:
				if had {
					r.remove()
				}
				delete(model, key)
			case op == 3 && had:
				k.persist(r)
				m := model[key]
				m.expires = 0
				model[key] = m
			case op == 4 && had:
				k.expire(r, int64(i+1))
				m := model[key]
				m.expires = int64(i + 1)
				model[key] = m
			default:
				if !had {
					r = k.add(0, slot, []byte(key), KindString, rapid.IntRange(0, 20).Draw(t, "room"))
				}
				m := model[key]
				m.value, m.object = strings.Repeat(fmt.Sprint(i), rapid.OneOf(rapid.IntRange(0, 30), rapid.IntRange(0, 900)).Draw(t, "length")), op == 9
				if m.object {
					r.putObject(&boxed{m.value})
				} else {
					r.putPacked([]byte(m.value))
				}
				model[key] = m
			}
		}
		checkModel(t, k, model)
		for slot := range Slots {
			if table := k.databases[0].table(slot); table != nil {
				checkSlabs(t, table)
			}
		}
	})
}

func checkModel(t *rapid.T, k *Keyspace, model map[string]keyModel) {
	d := k.databases[0]
	expires := 0
	for key, m := range model {
		r, ok := d.find(SlotOf([]byte(key)), []byte(key))
		if !ok || textOf(r.value()) != m.value || string(r.key()) != key {
			t.Fatalf("%s: %t", key, ok)
		}
		if at, _ := r.table.expiryOf(r.entry()); at != m.expires {
			t.Fatalf("%s expires at %d, want %d", key, at, m.expires)
		}
		if m.expires != 0 {
			expires++
		}
	}
	if d.keys != len(model) || d.expires != expires || d.expires > 0 != (nextIn(&d.expiring, 0) < Slots) {
		t.Fatalf("%d keys, %d expire; want %d, %d", d.keys, d.expires, len(model), expires)
	}
}

// checkSlabs says what is wrong with a table's cells: two in one place, bytes that are neither live nor counted as dead, or
// objects that nobody has.
func checkSlabs(t rapid.TB, table *table) {
	t.Helper()
	pages := append([]page{table.first}, table.more...)
	objects := 0
	for n, p := range pages {
		var spans [][2]int
		live := 0
		for i := range p.entries {
			e := &p.entries[i]
			if e.meta&metaObject != 0 {
				objects++
			}
			if e.meta&metaAlone != 0 {
				objects++
				continue
			}
			if e.size > e.room {
				t.Fatalf("a cell of %d bytes in %d", e.size, e.room)
			}
			spans = append(spans, [2]int{int(e.from), int(e.from) + int(e.room)})
			live += int(e.room)
		}
		slices.SortFunc(spans, func(a, b [2]int) int { return a[0] - b[0] })
		for i := 1; i < len(spans); i++ {
			if spans[i][0] < spans[i-1][1] {
				t.Fatalf("cells at %v overlap", spans[i-1:i+1])
			}
		}
		if live+int(p.dead) != len(p.slab) {
			t.Fatalf("page %d: %d bytes live, %d dead, of %d", n, live, p.dead, len(p.slab))
		}
		if int(p.dead) > max(len(p.slab)/2, leastDead) {
			t.Fatalf("page %d: %d bytes of %d are dead", n, p.dead, len(p.slab))
		}
	}
	held := 0
	if table.objects != nil {
		held = len(table.objects.list) - len(table.objects.free)
	}
	if held != objects {
		t.Fatalf("%d objects are held, and %d had", held, objects)
	}
}

func TestALargeTableHasItsIndexInParts(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	key := func(i int) []byte { return fmt.Appendf(nil, "{x}%d", i) }
	const n = 3 * partsFrom
	slot := SlotOf(key(0))
	for i := range n {
		k.add(0, slot, key(i), KindString, 0)
	}
	if parts := len(k.databases[0].table(int(slot)).index.parts.all); parts != indexParts {
		t.Errorf("%d parts", parts)
	}
	for i := range n {
		r, ok := k.databases[0].find(slot, key(i))
		if !ok {
			t.Fatalf("%s is lost", key(i))
		}
		if i%64 != 0 {
			r.remove()
		}
	}
	if k.databases[0].table(int(slot)).index.parts != nil {
		t.Error("a small table has an index in parts")
	}
	for i := range n {
		if _, ok := k.databases[0].find(slot, key(i)); ok != (i%64 == 0) {
			t.Fatalf("%s: %t", key(i), ok)
		}
	}
}

func TestWalkingDownwardsMeetsEveryKeyThatStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table table
		add := func(format string, i int) { table.insert(fmt.Appendf(nil, format, i), KindString, 0) }
		for i := range 400 {
			add("stay%d", i)
			add("go%d", i)
		}
		seen := map[string]bool{}
		added := 0
		for pos := table.count; pos > 0; {
			for n := 0; n < 7 && pos > 0; n++ {
				pos--
				seen[string(table.key(pos))] = true
			}
			for range rapid.IntRange(0, 12).Draw(t, "deletes") {
				if at := table.find(fmt.Appendf(nil, "go%d", rapid.IntRange(0, 399).Draw(t, "which"))); at >= 0 {
					table.remove(at)
				}
			}
			for range rapid.IntRange(0, 3).Draw(t, "adds") {
				added++
				add("new%d", added)
			}
			pos = min(pos, table.count)
		}
		for i := range 400 {
			if !seen[fmt.Sprint("stay", i)] {
				t.Fatalf("stay%d was missed", i)
			}
		}
	})
}

func TestWhatACopyHasOfACellIsNotEdited(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	key := []byte("k")
	slot := SlotOf(key)
	k.add(0, slot, key, KindString, 8).putPacked([]byte("before"))
	c := k.BeginCopy()
	c.Walk(1)
	copied := c.Take()[0]
	r, _ := k.databases[0].find(slot, key)
	b := r.packed()
	copy(b, "edited")
	r.putPacked(b)
	if _, to := split(copied.cell); string(copied.cell[to:]) != "before" {
		t.Errorf("the copy has %q", copied.cell[to:])
	}
	if got := r.value().Packed; string(got) != "edited" {
		t.Errorf("the key has %q", got)
	}
	b = r.packed()
	copy(b, "twice.")
	r.putPacked(b)
	if !bytes.Equal(r.value().Packed, []byte("twice.")) {
		t.Errorf("then %q", r.value().Packed)
	}
}

func BenchmarkTable(b *testing.B) {
	k := NewKeyspace(stream.Config{})
	const n = 1 << 17
	keys := make([][]byte, n)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key:%012d", i)
		k.add(0, SlotOf(keys[i]), keys[i], KindString, 100).putPacked(make([]byte, 100))
	}
	b.Run("find", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			key := keys[i*7919%n]
			if _, ok := k.databases[0].find(SlotOf(key), key); !ok {
				b.Fatal("lost")
			}
		}
	})
	b.Run("overwrite", func(b *testing.B) {
		b.ReportAllocs()
		value := make([]byte, 100)
		for i := range b.N {
			key := keys[i*7919%n]
			r, _ := k.databases[0].find(SlotOf(key), key)
			r.putPacked(value)
		}
	})
}
