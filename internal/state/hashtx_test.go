package state

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirmq/weir/stream"
)

func pairsOf(t *rapid.T, names, n int) (pairs, fields [][]byte) {
	from := rapid.IntRange(0, names-1).Draw(t, "from")
	value := strings.Repeat("v", rapid.SampledFrom([]int{0, 1, 1, 5, 64, 65}).Draw(t, "size"))
	for i := range n {
		field := fmt.Appendf(nil, "f%d", (from+i)%names)
		fields = append(fields, field)
		pairs = append(pairs, field, []byte(value))
	}
	return pairs, fields
}

func randomHashWork(t *rapid.T, tx *Tx) {
	n := rapid.IntRange(0, 3).Draw(t, "key")
	key, other := fmt.Appendf(nil, "{%d}%d", n/2, n), fmt.Appendf(nil, "other%d", n)
	h, _ := tx.Hash(key)
	pairs, fields := pairsOf(t, rapid.SampledFrom([]int{3, 200}).Draw(t, "names"), rapid.SampledFrom([]int{1, 1, 2, 150}).Draw(t, "fields"))
	switch op := rapid.IntRange(0, 12).Draw(t, "op"); {
	case op < 4:
		absent := map[string]bool{}
		for _, f := range fields {
			if _, ok := h.Get(f); !ok {
				absent[string(f)] = true
			}
		}
		set := tx.HashSet
		if op == 0 {
			set = tx.HashUpdate
		}
		if added := set(key, pairs); added != len(absent) {
			t.Fatalf("%d were added, want %d", added, len(absent))
		}
	case h.Len() == 0:
	case op < 6:
		live := h.Live()
		deleted := tx.HashDelete(key, fields)
		if h, _ := tx.Hash(key); h.Live() != live-deleted {
			t.Fatalf("%d were deleted: %d live, and %d before", deleted, h.Live(), live)
		}
	case op < 10:
		var there [][]byte
		for _, f := range fields {
			if _, ok := h.Get(f); ok {
				there = append(there, f)
			}
		}
		at := tx.nowMS + int64(rapid.IntRange(-5, 30).Draw(t, "time"))
		if len(there) > 0 {
			tx.HashExpire(key, there, max(at, 0)*int64(min(op-6, 1)))
		}
	case op == 10:
		tx.Delete(key)
	case op == 11:
		tx.Move(key, n%2, other)
	default:
		tx.ExpireFields(0, rapid.SampledFrom([]int{1, 7, 1000}).Draw(t, "looks"))
	}
}

func TestExpireFieldsDeletesWhatIsDueOfAllHashesInSteps(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	tx.Begin(0, 10)
	const keys, fields = 40, 300
	for i := range keys {
		key := fmt.Appendf(nil, "key%d", i)
		for j := range fields {
			f := fmt.Appendf(nil, "f%d", j)
			tx.HashSet(key, [][]byte{f, nil})
			if j%3 > 0 {
				tx.HashExpire(key, [][]byte{f}, int64(100*(j%3))) // 100 or 200
			}
		}
	}
	tx.HashSet([]byte("short"), [][]byte{[]byte("f"), []byte("v")})
	tx.HashExpire([]byte("short"), [][]byte{[]byte("f")}, 150)
	tx.Committed(1)
	for _, test := range []struct {
		now           int64
		left, deleted int
	}{{100, keys + 1, 0}, {101, keys + 1, keys * 100}, {151, keys, 1}, {300, keys, keys * 100}} {
		tx.Begin(0, test.now)
		deleted, steps := 0, 0
		for cursor, more := uint64(0), true; more; steps++ {
			var n int
			if cursor, more, n = tx.ExpireFields(cursor, 50); n > 50 || steps > 1000 {
				t.Fatalf("a step deletes %d, or there are too many", n)
			}
			deleted += n
		}
		if deleted != test.deleted || k.Len(0) != test.left {
			t.Errorf("at %d: %d deleted, want %d; %d keys, want %d", test.now, deleted, test.deleted, k.Len(0), test.left)
		}
	}
}

func TestDamagedChangesOfHashesAreRefused(t *testing.T) {
	words := func(w ...string) (b [][]byte) {
		for _, s := range w {
			b = append(b, []byte(s))
		}
		return b
	}
	at := func(kind byte, key string) []byte { return appendHead(nil, kind, 0, []byte(key)) }
	records := map[string][]byte{
		"a field without a value":    appendMembers(at(changeHashSet, "h"), words("a")),
		"no fields":                  appendMembers(at(changeHashSet, "h"), nil),
		"no hash to delete from":     appendMembers(at(changeHashDelete, "none"), words("a")),
		"a stream":                   appendMembers(at(changeHashUpdate, "s"), words("a", "b")),
		"a field that is not there":  appendMembers(append(at(changeHashExpire, "h"), 5), words("none")),
		"a time that is too high":    appendMembers(append(at(changeHashExpire, "h"), "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"...), words("a")),
		"more fields than there are": append(at(changeHashDelete, "h"), 200, 1),
		"nothing":                    at(changeHashExpire, "h"),
	}
	for name, record := range records {
		k := NewKeyspace(stream.Config{})
		tx := NewTx(k)
		tx.Begin(0, 1)
		tx.HashSet([]byte("h"), words("a", "1"))
		tx.StreamAppend([]byte("s"), stream.ID{MS: 1}, words("a", "1"))
		if err := k.Apply(1, record); !errors.Is(err, ErrDamagedChange) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
