package state

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/weirmq/weir/stream"
)

func TestLookingAtKeysTogetherChangesNothing(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	tx.Begin(0, 1)
	var words [][]byte
	for i := range 2 * warmFrom {
		key := fmt.Appendf(nil, "key%d", i)
		if i%3 == 0 { // a large table
			key = fmt.Appendf(nil, "{tag}%d", i)
		}
		switch i % 97 {
		case 0:
			tx.StringSet(key, bytes.Repeat([]byte("v"), 2*mostCell), Until{})
		case 1:
			tx.StreamAppend(key, stream.ID{MS: 1}, [][]byte{key, key})
		default:
			tx.StringSet(key, key, Until{})
		}
		words = append(words, key)
	}
	words = append(words, nil, []byte("no key"), bytes.Repeat([]byte("x"), 1<<20), []byte("{tag}none"))
	before := digest(k)
	if !k.Large(0) || k.Large(1) {
		t.Error("Large is wrong")
	}
	for _, step := range []int{1, 2, 7} {
		tx.Warm(0, words, step)
	}
	tx.Warm(1, words, 1)
	if digest(k) != before {
		t.Error("looking at keys has changed them")
	}
}

func TestLookingAtElementsTogetherChangesNothing(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	tx.Begin(0, 1)
	for _, c := range []struct {
		key   string
		n     int
		large bool
		make  func(key []byte, element []byte)
	}{
		{"hash", warmFrom, true, func(key, e []byte) { tx.HashSet(key, [][]byte{e, e}) }},
		{"set", warmFrom, true, func(key, e []byte) { tx.SetAdd(key, [][]byte{e}) }},
		{"zset", warmFrom, true, func(key, e []byte) {
			edit, err := tx.EditZSet(key)
			if err != nil {
				t.Fatal(err)
			}
			edit.Set(e, 1)
			edit.End()
		}},
		{"smaller hash", warmFrom - 1, false, func(key, e []byte) { tx.HashSet(key, [][]byte{e, e}) }},
		{"small set", 3, false, func(key, e []byte) { tx.SetAdd(key, [][]byte{e}) }},
		{"list", warmFrom, false, func(key, e []byte) { tx.ListPush(key, false, e) }},
		{"string", 1, false, func(key, e []byte) { tx.StringSet(key, e, Until{}) }},
		{"nothing", 0, false, nil},
	} {
		key := []byte(c.key)
		var words [][]byte // key, element, what may be one
		for i := range c.n {
			element := fmt.Appendf(nil, "element%d", i)
			c.make(key, element)
			words = append(words, key, element, nil)
			if i%7 == 0 {
				words = append(words, key, element, []byte("value"))
			}
		}
		words = append(words, key, []byte("none"), nil, key, nil, nil, []byte("another key"), []byte("element1"), nil)
		before := digest(k)
		for at := 0; at < len(words)-6; at += max(len(words)/5/3*3, 3) {
			if ok := tx.WarmElements(0, words[at:], 3); ok != c.large {
				t.Errorf("%s, from word %d: %v", c.key, at, ok)
			}
		}
		if tx.WarmElements(1, words, 3) {
			t.Errorf("%s: there in another database", c.key)
		}
		if tx.WarmElements(0, words[:3], 3) || tx.WarmElements(0, words[len(words)-6:], 3) || tx.WarmElements(0, nil, 3) {
			t.Errorf("%s: one command, or none, or of different keys", c.key)
		}
		if digest(k) != before {
			t.Errorf("%s: looking at elements has changed them", c.key)
		}
	}
}

func BenchmarkLookingUp(b *testing.B) {
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	tx.Begin(0, 1)
	const n, together = 1 << 17, 16
	keys := make([]byte, 0, n*16)
	for i := range n {
		key := fmt.Appendf(nil, "key:%012d", i*7919%n)
		tx.StringSet(key, make([]byte, 100), Until{})
		tx.Begin(0, 1)
		keys = append(keys, key...)
	}
	look := func(b *testing.B, warm bool) {
		b.ReportAllocs()
		var words [together][]byte
		for i := 0; i < b.N; i += together {
			for j := range words {
				at := (i + j) % n * 16
				words[j] = keys[at : at+16]
			}
			if warm {
				tx.Warm(0, words[:], 1)
			}
			for _, key := range words {
				if !tx.Peek(key).Exists() {
					b.Fatal("lost")
				}
			}
		}
	}
	b.Run("alone", func(b *testing.B) { look(b, false) })
	b.Run("together", func(b *testing.B) { look(b, true) })
}
