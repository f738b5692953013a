package state

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirmq/weir/stream"
)

// listKeys are in two slots.
var listKeys = []string{"{a}1", "{a}2", "{b}1"}

func modelKey(db int, key string) string { return fmt.Sprint(db, key) }

// randomListWork makes one random change to a list, and the same one to a model.
func randomListWork(t *rapid.T, tx *Tx, model map[string][]string) {
	key := []byte(rapid.SampledFrom(listKeys).Draw(t, "key"))
	name := modelKey(tx.DB(), string(key))
	list := model[name]
	item := func() []byte {
		text := rapid.SampledFrom([]string{"", "7", "-12345", "text", "some longer text", strings.Repeat("x", 500), strings.Repeat("y", 5000)}).Draw(t, "item")
		return []byte(text)
	}
	front := rapid.Bool().Draw(t, "front")
	op := rapid.IntRange(0, 9).Draw(t, "op")
	switch {
	case op < 3:
		var items [][]byte
		for range rapid.SampledFrom([]int{1, 1, 2, 200}).Draw(t, "items") {
			items = append(items, item())
		}
		length := tx.ListPush(key, front, items...)
		for _, i := range items {
			if front {
				list = slices.Insert(list, 0, string(i))
			} else {
				list = append(list, string(i))
			}
		}
		if length != len(list) {
			t.Fatalf("%d items, want %d", length, len(list))
		}
	case len(list) == 0:
	case op == 3:
		n := rapid.IntRange(1, min(len(list), 3)).Draw(t, "popped")
		tx.ListPop(key, front, n)
		if front {
			list = list[n:]
		} else {
			list = list[:len(list)-n]
		}
	case op == 4:
		n := rapid.IntRange(0, len(list)).Draw(t, "kept")
		from := rapid.IntRange(0, len(list)-n).Draw(t, "from")
		tx.ListTrim(key, from, len(list)-from-n)
		list = list[from : from+n]
	case op == 5:
		i, text := rapid.IntRange(0, len(list)-1).Draw(t, "index"), item()
		tx.ListSet(key, i, text)
		list[i] = string(text)
	case op == 6:
		i, text := rapid.IntRange(0, len(list)).Draw(t, "index"), item()
		tx.ListInsert(key, i, text)
		list = slices.Insert(list, i, string(text))
	case op == 7:
		indexes := rapid.SliceOfNDistinct(rapid.IntRange(0, len(list)-1), 1, min(len(list), 50), rapid.ID[int]).Draw(t, "indexes")
		slices.Sort(indexes)
		tx.ListRemove(key, indexes)
		for _, i := range slices.Backward(indexes) {
			list = slices.Delete(list, i, i+1)
		}
	default:
		toKey, toFront := rapid.SampledFrom(listKeys).Draw(t, "to"), rapid.Bool().Draw(t, "to front")
		to := modelKey(tx.DB(), toKey)
		tx.ListMove(key, front, []byte(toKey), toFront)
		moved := list[len(list)-1]
		if front {
			moved = list[0]
			list = list[1:]
		} else {
			list = list[:len(list)-1]
		}
		model[name] = list
		if toFront {
			list = slices.Insert(slices.Clone(model[to]), 0, moved)
		} else {
			list = append(slices.Clone(model[to]), moved)
		}
		name = to
	}
	model[name] = slices.Clone(list)
}

func listText(items []string) string {
	var out strings.Builder
	for _, item := range items {
		fmt.Fprintf(&out, " %q", item)
	}
	return out.String()
}

func TestAListThatTurnsAroundKeepsItsExpiry(t *testing.T) {
	tx := NewTx(NewKeyspace(stream.Config{}))
	tx.Begin(0, 0)
	key := []byte("l")
	tx.ListPush(key, true, []byte("only"))
	tx.Expire(key, 1000)
	tx.ListMove(key, true, key, false)
	if at, ok := tx.Expiry(key); !ok || at != 1000 {
		t.Errorf("it expires at %d, %v", at, ok)
	}
}

// goldenListRecords are records of every kind of change of lists, in the form of version 1.
var goldenListRecords = []string{
	"330100016c03016101620131",                 // push back to l: a b 1
	"320100016c02017a0179",                     // push front: z y
	"350100016c00057374617274",                 // set 0: start
	"360100016c02036d6964",                     // insert before 2: mid
	"370100016c020103",                         // remove 1 and 4
	"340100016c0001",                           // trim: none at the front, one at the back
	"330100016d0101" + "76" + "340100016c0001", // push back to m: v; one off the back of l
}

func TestAChangeOfAListDecodesInEveryReleasedForm(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	for i, text := range goldenListRecords {
		record, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Apply(uint64(i+1), record); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	tx := NewTx(k)
	tx.Begin(0, 0)
	l, _ := tx.List([]byte("l"))
	m, _ := tx.List([]byte("m"))
	if digestList(l) != ` "start" "mid"` || digestList(m) != ` "v"` {
		t.Errorf("%s,%s", digestList(l), digestList(m))
	}
}

func TestADamagedChangeOfAListIsRefused(t *testing.T) {
	head := func(kind byte, key string) []byte { return appendHead(nil, kind, 0, []byte(key)) }
	for name, record := range map[string][]byte{
		"push of nothing":          append(head(changeListPushBack, "l"), 0),
		"push of very many":        binary.AppendUvarint(head(changeListPushFront, "l"), math.MaxUint64),
		"push to a stream":         append(head(changeListPushBack, "s"), 1, 1, 'x'),
		"trim of no list":          append(head(changeListTrim, "none"), 0, 1),
		"trim of more than is":     append(head(changeListTrim, "l"), 2, 2),
		"trim of very much":        binary.AppendUvarint(append(head(changeListTrim, "l"), 1), math.MaxUint64),
		"set behind the end":       append(head(changeListSet, "l"), 3, 1, 'x'),
		"insert behind the end":    append(head(changeListInsert, "l"), 4, 1, 'x'),
		"remove behind the end":    append(head(changeListRemove, "l"), 1, 3),
		"remove one twice":         append(head(changeListRemove, "l"), 2, 1, 0),
		"remove very many":         binary.AppendUvarint(head(changeListRemove, "l"), math.MaxUint64),
		"remove far above":         binary.AppendUvarint(append(head(changeListRemove, "l"), 1), math.MaxUint64),
		"an item that is cut off":  append(head(changeListSet, "l"), 0, 9, 'x'),
		"insert into what is none": append(head(changeListInsert, "none"), 0, 1, 'x'),
	} {
		k := NewKeyspace(stream.Config{})
		tx := NewTx(k)
		tx.Begin(0, 0)
		tx.ListPush([]byte("l"), false, []byte("a"), []byte("b"), []byte("c"))
		tx.StreamAppend([]byte("s"), stream.ID{MS: 1}, fieldsOf("f", "v"))
		if err := k.Apply(100, record); !errors.Is(err, ErrDamagedChange) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAListChangeWithBitsFlippedIsRefusedOrHarmless(t *testing.T) {
	for i := range goldenListRecords {
		for at := range len(goldenListRecords[i]) / 2 {
			for bit := range 8 {
				k := NewKeyspace(stream.Config{})
				for j, text := range goldenListRecords[:i+1] {
					record, _ := hex.DecodeString(text)
					if j == i {
						record[at] ^= 1 << bit
						survives(t, k, record)
						survives(t, k, record[:at])
					} else if err := k.Apply(uint64(j+1), record); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}
