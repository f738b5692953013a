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
