package state

import (
	"runtime"
	"testing"
	"weak"

	"github.com/weirmq/weir/stream"
)

// TestWhatWasFlushedIsGarbageAtOnce: nobody may come to look up another key.
func TestWhatWasFlushedIsGarbageAtOnce(t *testing.T) {
	for _, db := range []int{0, AllDatabases} {
		tx := NewTx(NewKeyspace(stream.Config{}))
		tx.Begin(0, 1)
		tx.ListPush([]byte("l"), true, make([][]byte, 1000)...)
		tx.Committed(1)
		was := weak.Make(tx.keyspace.databases[0].table(int(SlotOf([]byte("l")))))
		tx.Begin(0, 2)
		tx.Peek([]byte("l"))
		tx.Flush(db)
		tx.Committed(2)
		for tx.keyspace.Reap(1000) {
		}
		if runtime.GC(); was.Value() != nil {
			t.Errorf("flushed %d: something still leads to it", db)
		}
		runtime.KeepAlive(tx)
	}
}
