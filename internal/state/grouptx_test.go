package state

import (
	"testing"

	"github.com/weirmq/weir/stream"
)

func TestABorrowedListThatGrewHugeIsNotKept(t *testing.T) {
	tx := NewTx(NewKeyspace(stream.Config{}))
	grown := append(tx.BorrowIDs(), make([]stream.ID, keepKeys/2)...)
	tx.ReturnIDs(grown)
	if ids := tx.BorrowIDs(); len(ids) != 0 || cap(ids) != cap(grown) {
		t.Errorf("a list with room for %d came back with %d of %d", cap(grown), len(ids), cap(ids))
	}
	tx.ReturnIDs(append(tx.BorrowIDs(), make([]stream.ID, 2*keepKeys)...))
	if ids := tx.BorrowIDs(); len(ids) != 0 || cap(ids) > keepKeys {
		t.Errorf("room for %d IDs is kept", cap(ids))
	}
}
