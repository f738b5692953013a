package state

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/stream"
)

// digestZSets writes the sorted sets of a keyspace and their forms.
func digestZSets(t rapid.TB, k *Keyspace) string {
	var lines []string
	for db := range Databases {
		tx := NewTx(k)
		tx.Begin(db, 0)
		tx.Scan(0, k.Len(db), func(key []byte, v Value) {
			if v.Kind != KindZSet {
				return
			}
			z, err := tx.ZSet(bytes.Clone(key))
			if err != nil || z.Len() == 0 {
				t.Fatalf("%q: %d elements, %v", key, z.Len(), err)
			}
			var elements []string
			for it := z.Range(0, z.Len()); ; {
				member, score, ok := it.Next()
				if !ok {
					break
				}
				elements = append(elements, fmt.Sprintf("%s:%x", member, math.Float64bits(score)))
			}
			lines = append(lines, fmt.Sprintf("%d %q %s %v", db, key, z.Encoding(), elements))
		})
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

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

func TestReplayedSortedSetsAreThoseOfTheLiveKeyspace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live, replayed := NewKeyspace(stream.Config{}), NewKeyspace(stream.Config{})
		tx := NewTx(live)
		position := uint64(0)
		work := func() {
			tx.Begin(rapid.IntRange(0, 1).Draw(t, "db"), 0)
			for range rapid.IntRange(1, 3).Draw(t, "changes") {
				randomZSetWork(t, tx)
			}
			record := bytes.Clone(tx.Record())
			position++
			tx.Committed(position)
			if err := replayed.Apply(position, record); err != nil {
				t.Fatalf("Apply: %v", err)
			}
		}
		for range rapid.IntRange(1, 30).Draw(t, "before") {
			work()
		}
		want := digestZSets(t, live)
		c := live.BeginCopy()
		for more := true; more; {
			work()
			more = c.Walk(1)
		}
		c.End()
		work()
		again, _, err := restored(c.Take(), stream.Config{}, c.Position())
		if err != nil {
			t.Fatal(err)
		}
		if got := digestZSets(t, again); got != want {
			t.Fatalf("restored:\n%s\nwas:\n%s", got, want)
		}
		if a, b := digestZSets(t, live), digestZSets(t, replayed); a != b {
			t.Fatalf("live:\n%s\nreplayed:\n%s", a, b)
		}
	})
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
