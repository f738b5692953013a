package state

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/weirmq/weir/stream"
)

// restored is the keyspace that comes from what was copied.
func restored(keys []Copied, cfg stream.Config, position uint64) (*Keyspace, Named, error) {
	var b bytes.Buffer
	e := NewEncoder(bufio.NewWriter(&b))
	err := e.Encode(keys)
	named, closeErr := e.Close()
	if err := errors.Join(err, closeErr); err != nil {
		return nil, nil, err
	}
	r := bufio.NewReader(&b)
	k, err := Restore(r, cfg, position, func(uint64) error { return nil })
	if err == nil && r.Buffered() > 0 {
		err = fmt.Errorf("%d bytes are left", r.Buffered())
	}
	return k, named, err
}

func TestACopyHasEachKeyOnce(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	set := func(i int) {
		tx.Begin(i%3, 0)
		key := fmt.Appendf(nil, "{x}%d", i) // one slot
		s, _ := tx.Stream(key)
		id, _ := lastOf(s).Next()
		tx.StreamAppend(key, id, fieldsOf("f", "v"))
		tx.Committed(k.last + 1)
	}
	for i := range 300 {
		set(i)
	}
	c := k.BeginCopy()
	for i := range 600 {
		set(i)
		tx.Begin(i%3, 0)
		tx.Delete(fmt.Appendf(nil, "{x}%d", i/2))
		tx.Committed(k.last + 1)
		c.Walk(1)
	}
	for c.Walk(10) {
	}
	seen := map[string]int{}
	for _, key := range c.Take() {
		from, to := split(key.cell)
		seen[fmt.Sprint(key.db, string(key.cell[from:to]))]++
	}
	for key, n := range seen {
		if n != 1 {
			t.Errorf("%s is there %d times", key, n)
		}
	}
	if len(seen) != 300 {
		t.Errorf("%d keys, want 300", len(seen))
	}
}

func TestRestoreRefusesWhatIsDamagedAndTakesLittleMemoryForIt(t *testing.T) {
	k := NewKeyspace(stream.Config{BlockEntries: 4})
	tx := NewTx(k)
	for i := range 40 {
		tx.Begin(i%2, 0)
		tx.StreamAppend(fmt.Appendf(nil, "k%d", i%5), stream.ID{MS: uint64(i + 1)}, fieldsOf("f", "v"))
		if i > 30 {
			tx.GroupCreate(fmt.Appendf(nil, "k%d", i%5), fmt.Appendf(nil, "g%d", i), stream.ID{}, 0)
		}
		tx.Committed(uint64(i + 1))
	}
	c := k.BeginCopy()
	c.Walk(100)
	var b bytes.Buffer
	e := NewEncoder(bufio.NewWriter(&b))
	if err := e.Encode(c.Take()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Close(); err != nil {
		t.Fatal(err)
	}
	restore := func(b []byte) error {
		_, err := Restore(bufio.NewReader(bytes.NewReader(b)), stream.Config{}, 1, func(uint64) error { return nil })
		return err
	}
	if err := restore(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	for n := range b.Len() {
		if restore(b.Bytes()[:n]) == nil {
			t.Fatalf("the first %d of %d bytes were accepted", n, b.Len())
		}
	}
	for i := range b.Len() {
		for _, v := range []byte{0, 1, 0x7f, 0xff} {
			damaged := bytes.Clone(b.Bytes())
			damaged[i] = v
			_ = restore(damaged) // no panic
		}
	}
}

func TestTheWalkGoesOnBehindASlotThatWasEmptied(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	set := func(key string) {
		tx.Begin(0, 0)
		tx.StreamAppend([]byte(key), stream.ID{MS: 1}, fieldsOf("f", "v"))
		tx.Committed(k.last + 1)
	}
	low, high := "a", "b"
	if SlotOf([]byte(low)) > SlotOf([]byte(high)) {
		low, high = high, low
	}
	set("{" + low + "}")
	for i := range 10 {
		set(fmt.Sprintf("{%s}%d", high, i))
	}
	c := k.BeginCopy()
	c.Walk(0) // it stands before the only key of the lower slot
	tx.Begin(0, 0)
	tx.Delete([]byte("{" + low + "}"))
	tx.Committed(k.last + 1)
	for c.Walk(3) {
	}
	if n := len(c.Take()); n != 11 {
		t.Errorf("%d keys were copied, of 11", n)
	}
}

func TestWhatIsFlushedCountsUntilItIsReaped(t *testing.T) {
	var totals stream.Totals
	k := NewKeyspace(stream.Config{Totals: &totals})
	tx := NewTx(k)
	fill := func(db int) {
		for i := range 100 {
			tx.Begin(db, 0)
			tx.StreamAppend(fmt.Appendf(nil, "k%d", i), stream.ID{MS: 1}, fieldsOf("f", "v"))
			tx.Committed(k.last + 1)
		}
	}
	flush := func(db int) {
		tx.Begin(db, 0)
		tx.Flush(db)
		tx.Committed(k.last + 1)
	}
	fill(0)
	fill(1)
	held := totals
	flush(1)
	fill(1)
	flush(1)
	if totals.Blocks != 300 {
		t.Errorf("%d blocks, of which 100 are in use", totals.Blocks)
	}
	turns := 1
	for k.Reap(10) {
		turns++
	}
	if turns < 10 {
		t.Errorf("all was reaped in %d turns", turns)
	}
	if totals.Blocks != 100 || totals.Memory != held.Memory/2 {
		t.Errorf("%d blocks in %d bytes, want 100 in %d", totals.Blocks, totals.Memory, held.Memory/2)
	}
	fill(1)
	flush(1)
	flush(AllDatabases)
	for k.Reap(10) {
	}
	if totals.Blocks != 0 || totals.Memory != 0 {
		t.Errorf("%d blocks in %d bytes are left", totals.Blocks, totals.Memory)
	}
}
