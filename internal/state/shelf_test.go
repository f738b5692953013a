package state

import (
	"testing"
	"unsafe"

	"github.com/weirmq/weir/stream"
)

func TestTheTableOfASlotBeginsWithALineOfTheCache(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	for slot := range uint16(Slots) {
		k.add(0, slot, []byte("k"), KindString, 0)
		if at := uintptr(unsafe.Pointer(k.databases[0].table(int(slot)))); at%64 != 0 {
			t.Fatalf("slot %d: %d bytes behind", slot, at%64)
		}
	}
	if got := k.Len(0); got != Slots {
		t.Errorf("%d keys", got)
	}
}

func TestADatabaseOfFewKeysHasFewTables(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	k.add(3, 700, []byte("k"), KindString, 0)
	n := 0
	for _, s := range k.databases[3].tables {
		if s != nil {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d shelves", n)
	}
}
