package state

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/stream"
)

// randomMembers draws members of sets of every form: few or many integers, short and long strings.
func randomMembers(t *rapid.T) [][]byte {
	from := rapid.SampledFrom([]int{-3, 0, 500, 40_000, 1 << 40}).Draw(t, "from")
	form := rapid.SampledFrom([]string{"%d", "%d", "%d", "m%d", "m%070d"}).Draw(t, "form")
	var members [][]byte
	for i := range rapid.SampledFrom([]int{1, 2, 5, 200, 400}).Draw(t, "members") {
		members = append(members, fmt.Appendf(nil, form, from+i))
	}
	return members
}

func randomSetWork(t *rapid.T, tx *Tx) {
	n := rapid.IntRange(0, 5).Draw(t, "key")
	key := fmt.Appendf(nil, "{%d}%d", n/3, n)
	s, err := tx.Set(key)
	op := rapid.IntRange(0, 11).Draw(t, "op")
	switch {
	case op == 0:
		var stored data.Set
		if rapid.Bool().Draw(t, "strings") {
			stored.Stringify()
		}
		for _, m := range randomMembers(t) {
			stored.Add(m)
		}
		tx.SetStore(key, stored)
	case op == 1:
		tx.SetStore(key, data.Set{})
	case op == 2 && err != nil:
		tx.Delete(key)
	case err != nil:
	case s.Len() == 0 && op == 2:
		tx.StreamAppend(key, stream.ID{MS: 1}, nil)
	case s.Len() == 0 || op < 8:
		tx.SetAdd(key, randomMembers(t))
	case op == 8:
		tx.Expire(key, rapid.Int64Range(1, 1<<40).Draw(t, "at"))
	case op == 9:
		var half data.Set
		for m := range s.Sample((s.Len()+1)/2, func(n uint64) uint64 { return n / 2 }) {
			half.Add(m)
		}
		tx.SetReplace(key, half)
	default:
		tx.SetRemove(key, randomMembers(t))
	}
}

func TestAChangeOfASetThatChangesNothingIsNotLogged(t *testing.T) {
	tx := NewTx(NewKeyspace(stream.Config{}))
	tx.Begin(0, 0)
	if n := tx.SetAdd([]byte("k"), fieldsOf("1", "2", "1")); n != 2 {
		t.Error(n)
	}
	tx.Committed(1)
	tx.Begin(0, 0)
	if tx.SetAdd([]byte("k"), fieldsOf("2")) != 0 || tx.SetRemove([]byte("k"), fieldsOf("3", "x")) != 0 || len(tx.Record()) > 0 {
		t.Errorf("%q", tx.Record())
	}
	if n := tx.SetRemove([]byte("k"), fieldsOf("1", "1", "2")); n != 2 || tx.Lookup([]byte("k")).Exists() {
		t.Error("a set without members is still there")
	}
}

func TestDamagedChangesOfSetsAreRefused(t *testing.T) {
	head := func(kind byte, key string) []byte { return appendHead(nil, kind, 0, []byte(key)) }
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	tx.Begin(0, 0)
	tx.SetAdd([]byte("s"), fieldsOf("1"))
	tx.StreamAppend([]byte("x"), stream.ID{MS: 1}, nil)
	for name, record := range map[string][]byte{
		"no members":          append(head(changeSetAdd, "s"), 0),
		"no number":           head(changeSetAdd, "s"),
		"a set of none":       append(head(changeSetStore, "s"), 0, 0),
		"unknown flags":       append(head(changeSetStore, "s"), 4, 1, 1, 'a'),
		"many members":        append(head(changeSetAdd, "s"), 0xff, 0xff, 0xff, 0xff, 0xff, 1),
		"cut":                 append(head(changeSetAdd, "s"), 2, 1, 'a'),
		"remove from nothing": append(head(changeSetRemove, "none"), 1, 1, 'a'),
		"remove from other":   append(head(changeSetRemove, "x"), 1, 1, 'a'),
		"add to other":        append(head(changeSetAdd, "x"), 1, 1, 'a'),
	} {
		if err := k.Apply(9, record); !errors.Is(err, ErrDamagedChange) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzApplySetChange(f *testing.F) {
	tx := NewTx(NewKeyspace(stream.Config{}))
	tx.Begin(0, 0)
	tx.SetAdd([]byte("s"), fieldsOf("1", "70000", "a"))
	tx.SetRemove([]byte("s"), fieldsOf("a"))
	tx.SetStore([]byte("s"), data.Set{Packed: []byte("\x02\x01\x00\x02\x00")})
	f.Add(bytes.Clone(tx.Record()))
	f.Fuzz(func(t *testing.T, record []byte) {
		k := NewKeyspace(stream.Config{})
		if err := k.Apply(1, record); err != nil && !errors.Is(err, ErrUnknownChange) && !errors.Is(err, ErrDamagedChange) {
			t.Errorf("an error without a name: %v", err)
		}
		for db := range Databases {
			tx := NewTx(k)
			tx.Begin(db, 0)
			tx.Scan(0, k.Len(db), func(key []byte, v Value) {
				if s, err := tx.Set(bytes.Clone(key)); err == nil && s.Len() == 0 {
					t.Errorf("%q is an empty set", key)
				}
			})
		}
	})
}
