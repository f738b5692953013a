package data

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestElementsAreThoseOfLargeCollections(t *testing.T) {
	words := [][]byte{[]byte("third"), []byte("fourth")}
	hash, set, zset := newHashTable(), newSetTable(), newZSetTable()
	hash.set([]byte("f"), []byte("v"), false)
	set.add([]byte("m"))
	zset.set([]byte("m"), 1)
	for _, c := range []struct {
		value any
		named string
	}{{hash, "third"}, {set, "third"}, {zset, "fourth"}} {
		e, ok := ElementsOf(c.value)
		if !ok || e.Len() != 1 || string(e.Named(words)) != c.named {
			t.Errorf("%T: %v, %d elements, %q", c.value, ok, e.Len(), e.Named(words))
		}
		if got := e.Named([][]byte{words[0], nil}); string(got) != "third" {
			t.Errorf("%T: %q of a command with nothing behind the name", c.value, got)
		}
	}
	for _, value := range []any{nil, new(ListTable)} {
		if _, ok := ElementsOf(value); ok {
			t.Errorf("%T has elements with names", value)
		}
	}
}

func TestLookingAtElementsChangesNothing(t *testing.T) {
	d := NewDict()
	keys := [][]byte{nil, {}, []byte("none"), bytes.Repeat([]byte("x"), 1<<20)}
	if d.Warm(keys); d.Len() != 0 {
		t.Fatal("an empty Dict is not empty any more")
	}
	model := map[string]string{}
	for i := range 5000 {
		key, value := fmt.Appendf(nil, "key%d", i), []byte("value")
		if i%100 == 0 {
			value = make([]byte, apartFrom)
		}
		d.Set(key, value)
		model[string(key)] = string(value)
		keys = append(keys, key)
	}
	seen := uint64(0)
	for batch := range slices.Chunk(keys, WarmMost) {
		seen += d.Warm(batch)
	}
	if seen == 0 || d.Warm(keys[len(keys)-1:]) == 0 {
		t.Error("nothing has been looked at")
	}
	if d.Warm(nil) != 0 {
		t.Error("something has been looked at for nobody")
	}
	checkDict(t, d)
	agree(t, &d.directory, model)
}

func BenchmarkDictLookingUp(b *testing.B) {
	const n, together = 100_000, 16
	d := NewDict()
	key := func(i int) []byte { return fmt.Appendf(nil, "element:%012d", i) }
	for i := range n {
		d.Set(key(i), []byte("VXK"))
	}
	keys := make([][]byte, 1<<16)
	for i := range keys {
		keys[i] = key(rand.IntN(n))
	}
	for _, warm := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "together"}[warm], func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i += together {
				at := i % len(keys)
				batch := keys[at : at+together]
				if warm {
					d.Warm(batch)
				}
				for _, key := range batch {
					if _, ok := d.Get(key); !ok {
						b.Fatal("lost")
					}
				}
			}
		})
	}
}
