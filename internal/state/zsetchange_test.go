package state

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/stream"
)

func randomZSetWork(t *rapid.T, tx *Tx) {
	n := rapid.IntRange(0, 5).Draw(t, "key")
	key := fmt.Appendf(nil, "{%d}%d", n/3, n)
	form := rapid.SampledFrom([]string{"%d", "%d", "m%070d"}).Draw(t, "form")
	from, many := rapid.IntRange(0, 20).Draw(t, "from"), rapid.SampledFrom([]int{1, 1, 3, 100, 300}).Draw(t, "elements")
	edit, err := tx.EditZSet(key)
	z, _ := tx.ZSet(key)
	switch op := rapid.IntRange(0, 11).Draw(t, "op"); {
	case op == 0:
		var stored data.ZSet
		if rapid.Bool().Draw(t, "large") {
			stored = data.NewLargeZSet()
		}
		for i := range many {
			stored.Set(fmt.Appendf(nil, form, from+i), float64(i%7))
		}
		tx.ZSetStore(key, stored)
	case op == 1 && err != nil:
		tx.Delete(key)
	case err != nil:
	case op == 1 && z.Len() == 0:
		tx.StreamAppend(key, stream.ID{MS: 1}, nil)
	case op < 7:
		for i := range many {
			edit.Set(fmt.Appendf(nil, form, from+i), math.Copysign(float64(i%5*op), float64(i%2-1)))
		}
		edit.End()
	case op < 9:
		for i := range many {
			edit.Remove(fmt.Appendf(nil, form, from+i))
		}
		edit.End()
	case op == 9 && z.Len() > 0:
		tx.Expire(key, rapid.Int64Range(1, 1<<40).Draw(t, "at"))
	case z.Len() > 0:
		rank := rapid.IntRange(0, z.Len()-1).Draw(t, "rank")
		tx.ZSetRemoveRange(key, rank, rapid.IntRange(1, z.Len()-rank).Draw(t, "n"))
	}
}

func TestDamagedChangesOfSortedSetsAreRefused(t *testing.T) {
	tx := NewTx(NewKeyspace(stream.Config{}))
	tx.Begin(0, 0)
	edit, _ := tx.EditZSet([]byte("k"))
	edit.Set([]byte("a"), 1)
	edit.Set([]byte("b"), 2)
	edit.End()
	set := bytes.Clone(tx.Record())
	tx.Committed(1)
	head := func(kind byte, payload ...byte) []byte {
		return append(appendHead(nil, kind, 0, []byte("k")), payload...)
	}
	nan := append(head(changeZSetSet, 1, 0, 0, 0), 0, 0, 0, 0, 0, 0, 0xf8, 0x7f, 1, 'a')
	for what, record := range map[string][]byte{
		"no elements":          head(changeZSetSet, 0, 0, 0, 0),
		"elements missing":     head(changeZSetSet, 9, 0, 0, 0),
		"NaN":                  nan,
		"a member not there":   head(changeZSetRemove, 1, 0, 0, 0, 1, 'x'),
		"range beyond the end": head(changeZSetRemoveRange, 1, 2),
		"range of nothing":     head(changeZSetRemoveRange, 1, 0),
		"range overflowing":    head(changeZSetRemoveRange, append(bytes.Repeat([]byte{0xff}, 9), 1, 2)...),
		"form":                 head(changeZSetStore, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'a'),
		"store of nothing":     head(changeZSetStore, 0, 0, 0, 0, 0),
	} {
		k := NewKeyspace(stream.Config{})
		if err := k.Apply(1, set); err != nil {
			t.Fatal(err)
		}
		if err := k.Apply(2, record); !errors.Is(err, ErrDamagedChange) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for cut := range set[4:] {
		if err := NewKeyspace(stream.Config{}).Apply(1, set[:5+cut]); err == nil && 5+cut < len(set) {
			t.Errorf("cut after %d of %d bytes: no error", 5+cut, len(set))
		}
	}
}
