package state

import (
	"encoding/binary"

	"github.com/weirmq/weir/internal/data"
)

// ZSet returns the sorted set at key for reading, an empty one if there is no such key, and ErrWrongType if it holds another
// kind.
func (tx *Tx) ZSet(key []byte) (data.ZSet, error) {
	v, err := tx.typed(key, KindZSet)
	if t, ok := v.Object.(*data.ZSetTable); ok {
		return data.ZSet{Large: t}, err
	}
	return data.ZSet{Packed: v.Packed}, err
}

// ZSetEdit is one change to a sorted set: elements that are set, or members that are removed, each decided upon what the
// ones before have made of the set.
//
//	edit, err := tx.EditZSet(key)
//	if _, found := edit.Score(member); !found {
//		edit.Set(member, score)
//	}
//	edit.End()
//
// Until the first Set or Remove nothing has happened. Between that and End the Tx is not to be used.
type ZSetEdit struct {
	tx     *Tx
	key    []byte
	set    data.ZSet
	at     ref
	room   int // bytes of the value, if the key is new
	number int // where in the record the number of elements stands
	n      uint32
}

// EditZSet returns an edit of the sorted set at key, an empty one if there is no such key.
func (tx *Tx) EditZSet(key []byte) (ZSetEdit, error) {
	z, err := tx.ZSet(key)
	return ZSetEdit{tx: tx, key: key, set: z}, err
}

// Reserve has a new key take its room at once, for the members of pairs: scores and members in turn.
func (e *ZSetEdit) Reserve(pairs [][]byte) {
	if e.set.Len() > 0 {
		return
	}
	var room data.ZSetRoom
	for i := 1; i < len(pairs); i += 2 {
		room.Add(pairs[i])
	}
	e.room = room.Bytes()
}

// Score returns the score of a member, as the edit has it.
func (e *ZSetEdit) Score(member []byte) (score float64, ok bool) { return e.set.Score(member) }

// Set adds a member, or gives it another score. It is not mixed with Remove.
func (e *ZSetEdit) Set(member []byte, score float64) {
	if e.n == 0 {
		e.begin(changeZSetSet)
	}
	e.n++
	e.tx.record = appendElement(e.tx.record, member, score)
	e.set.Set(member, score)
}

// Remove takes out a member, if it is there.
func (e *ZSetEdit) Remove(member []byte) bool {
	if _, ok := e.set.Score(member); !ok {
		return false
	}
	if e.n == 0 {
		e.begin(changeZSetRemove)
	}
	e.n++
	e.tx.record = appendBytes(e.tx.record, member)
	return e.set.Remove(member)
}

func (e *ZSetEdit) begin(kind byte) {
	tx := e.tx
	if e.set.Len() == 0 {
		tx.ready = append(tx.ready, Ref{tx.db, e.key})
	}
	e.at = tx.edit(e.key, KindZSet, e.room)
	e.set = e.at.zset()
	tx.record = appendHead(tx.record, kind, tx.db, e.key)
	e.number = len(tx.record)
	tx.record = append(tx.record, 0, 0, 0, 0)
}

// End ends the edit.
func (e *ZSetEdit) End() {
	if e.n > 0 {
		binary.LittleEndian.PutUint32(e.tx.record[e.number:], e.n)
		e.at.putZSet(e.set)
	}
}

// ZSetRemoveRange removes n elements, one at least, from a rank on. They are there; the key goes with the last.
func (tx *Tx) ZSetRemoveRange(key []byte, rank, n int) {
	at := tx.edit(key, KindZSet, 0)
	tx.record = appendHead(tx.record, changeZSetRemoveRange, tx.db, key)
	tx.record = binary.AppendUvarint(binary.AppendUvarint(tx.record, uint64(rank)), uint64(n))
	z := at.zset()
	z.RemoveRange(rank, n)
	at.putZSet(z)
}

// ZSetStore makes a sorted set, which is not empty and is the keyspace's from then on, what a key holds, instead of anything
// else. The key does not expire.
func (tx *Tx) ZSetStore(key []byte, z data.ZSet) {
	r, _ := tx.touch(key)
	tx.ready = append(tx.ready, Ref{tx.db, key})
	form := byte(0)
	if z.Large != nil {
		form = 1
	}
	tx.record = append(appendHead(tx.record, changeZSetStore, tx.db, key), form)
	tx.record = binary.LittleEndian.AppendUint32(tx.record, uint32(z.Len()))
	for it := z.Range(0, z.Len()); ; {
		member, score, ok := it.Next()
		if !ok {
			break
		}
		tx.record = appendElement(tx.record, member, score)
	}
	tx.keyspace.zsetStore(tx.db, r.slot, key, z)
	tx.cachedKey = nil
}
