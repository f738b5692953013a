package state

import (
	"fmt"
	"testing"

	"github.com/weirmq/weir/stream"
)

func TestAKeyWhoseTimeIsOverIsAbsentAndItsDeletionIsLogged(t *testing.T) {
	live := NewKeyspace(stream.Config{})
	tx := NewTx(live)
	var records [][]byte
	position := uint64(0)
	commit := func() {
		if r := tx.Record(); len(r) > 0 {
			records = append(records, append([]byte(nil), r...))
			position++
			tx.Committed(position)
		}
	}
	key := []byte("k")
	tx.Begin(0, 1000)
	tx.StreamAppend(key, stream.ID{MS: 1}, fieldsOf("f", "old"))
	tx.Expire(key, 2000)
	commit()
	tx.Begin(0, 2000)
	if !tx.Peek(key).Exists() {
		t.Error("gone at its last millisecond")
	}
	tx.Begin(0, 2001)
	if tx.Peek(key).Exists() || tx.Lookup(key).Exists() {
		t.Error("there after its time")
	}
	tx.Scan(0, 100, func(key []byte, _ Value) { t.Errorf("a scan shows %q", key) })
	if len(tx.Record()) != 0 || live.Len(0) != 1 {
		t.Error("a read has deleted it")
	}
	tx.StreamAppend(key, stream.ID{MS: 1}, fieldsOf("f", "new")) // an ID that the old one has, too
	if _, expires := tx.Expiry(key); expires || tx.Expired() != 1 {
		t.Errorf("the new one expires: %t; %d have expired", expires, tx.Expired())
	}
	commit()
	if got, want := digest(replay(t, records)), digest(live); got != want {
		t.Errorf("replayed:\n%s\nlive:\n%s", got, want)
	}
}

func TestExpireDueDeletesWhatIsDueInSteps(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	tx.Begin(2, 0)
	for i := range 300 {
		key := fmt.Appendf(nil, "{%d}%d", i%3, i)
		tx.StreamAppend(key, stream.ID{MS: 1}, nil)
		if i%2 == 0 {
			tx.Expire(key, int64(100+i%4)) // 100 or 102
		}
	}
	tx.Committed(1)
	tx.Begin(2, 102)
	var c ExpiryCursor
	looked, deleted, steps := 0, 0, 0
	for {
		next, l, d := tx.ExpireDue(c, 7)
		looked, deleted, steps = looked+l, deleted+d, steps+1
		if c = next; c == (ExpiryCursor{}) {
			break
		}
	}
	if looked != 150 || deleted != 75 || steps < 150/7 {
		t.Errorf("looked at %d, deleted %d, in %d steps", looked, deleted, steps)
	}
	if k.Len(2) != 225 || k.Expires(2) != 75 {
		t.Errorf("%d keys are left, %d expire", k.Len(2), k.Expires(2))
	}
}

func TestAKeyKeepsItsExpiryWhenItIsMoved(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	tx.Begin(0, 10)
	tx.StreamAppend([]byte("a"), stream.ID{MS: 1}, fieldsOf("f", "a"))
	tx.Expire([]byte("a"), 500)
	tx.StreamAppend([]byte("b"), stream.ID{MS: 2}, fieldsOf("f", "b"))
	tx.Move([]byte("a"), 0, []byte("b"))
	if at, ok := tx.Expiry([]byte("b")); !ok || at != 500 {
		t.Errorf("it expires at %d, %t", at, ok)
	}
	if s, _ := tx.Stream([]byte("b")); s == nil || s.LastID().MS != 1 {
		t.Error("b is not what a was")
	}
	if tx.Peek([]byte("a")).Exists() || k.Len(0) != 1 || k.Expires(0) != 1 {
		t.Errorf("%d keys, %d expire", k.Len(0), k.Expires(0))
	}
	tx.Move([]byte("b"), 3, []byte("b"))
	if tx.Swap(3, 0); k.Len(0) != 1 || k.Len(3) != 0 {
		t.Errorf("after the swap: %d and %d keys", k.Len(0), k.Len(3))
	}
}
