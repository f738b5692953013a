package state

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/weirmq/weir/internal/data"
)

// Changes to sorted sets. After the head of every change (see change.go) their payloads are
//
//	zset set           elements: members with the scores that they have now; makes the set if there is none
//	zset remove        members, all of which are there; the key goes with the last
//	zset remove range  rank, number of elements from there on: they are there
//	zset store         form, a byte, and elements: the set that the key holds, whatever it held
//	                   0: it is large if its elements are so many or so long, 1: in any case
//
// where elements are a number (4 bytes, LE, not 0), and for each its score (IEEE 754, LE, 8 bytes) and its member as bytes;
// members are a number like that, and each as bytes.
const (
	changeZSetSet byte = iota + 80
	changeZSetRemove
	changeZSetRemoveRange
	changeZSetStore
)

func appendElement(b []byte, member []byte, score float64) []byte {
	return appendBytes(binary.LittleEndian.AppendUint64(b, math.Float64bits(score)), member)
}

func (r *reader) fixed(n int) []byte {
	if n > len(r.rest) {
		r.fail()
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// element decodes an element. NaN is no score.
func (r *reader) element() (member []byte, score float64) {
	score = math.Float64frombits(binary.LittleEndian.Uint64(r.fixed(8)))
	member = r.bytes()
	if math.IsNaN(score) {
		r.fail()
	}
	return member, score
}

// applyToZSet makes a change of this file true.
func (k *Keyspace) applyToZSet(kind byte, db int, slot uint16, key []byte, r *reader) error {
	if kind == changeZSetStore {
		return k.applyZSetStore(db, slot, key, r)
	}
	at, exists := k.databases[db].find(slot, key)
	if exists && at.entry().kind() != KindZSet || !exists && kind != changeZSetSet {
		return fmt.Errorf("%w: kind %d changes a sorted set that does not exist", ErrDamagedChange, kind)
	}
	if !exists {
		at = k.add(db, slot, key, KindZSet, zsetRoom(*r))
	}
	z := at.zset()
	if kind == changeZSetRemoveRange {
		rank, n := r.number(), r.number()
		if size := uint64(z.Len()); n == 0 || n > size || rank > size-n {
			return ErrDamagedChange
		}
		z.RemoveRange(int(rank), int(n))
		at.putZSet(z)
		return r.err
	}
	n := binary.LittleEndian.Uint32(r.fixed(4))
	if n == 0 {
		r.fail()
	}
	for ; n > 0 && r.err == nil; n-- {
		if kind == changeZSetSet {
			if member, score := r.element(); r.err == nil {
				z.Set(member, score)
			}
		} else if member := r.bytes(); r.err == nil && !z.Remove(member) {
			r.fail()
		}
	}
	at.putZSet(z)
	return r.err
}

// zsetRoom returns how many bytes the set takes whose elements are read next.
func zsetRoom(r reader) int {
	var room data.ZSetRoom
	for n := binary.LittleEndian.Uint32(r.fixed(4)); n > 0 && r.err == nil; n-- {
		member, _ := r.element()
		room.Add(member)
	}
	return room.Bytes()
}

func (k *Keyspace) applyZSetStore(db int, slot uint16, key []byte, r *reader) error {
	var z data.ZSet
	if form := r.byte(); form == 1 {
		z = data.NewLargeZSet()
	} else if form != 0 {
		r.fail()
	}
	for n := binary.LittleEndian.Uint32(r.fixed(4)); n > 0 && r.err == nil; n-- {
		if member, score := r.element(); r.err == nil {
			z.Set(member, score)
		}
	}
	if r.err != nil || z.Len() == 0 {
		return ErrDamagedChange
	}
	k.zsetStore(db, slot, key, z)
	return nil
}

// zset returns a sorted set for changing.
func (r ref) zset() data.ZSet {
	if t, ok := r.object().(*data.ZSetTable); ok {
		return data.ZSet{Large: t}
	}
	return data.ZSet{Packed: r.packed()}
}

// putZSet makes a sorted set the value, or removes the key if it is empty.
func (r ref) putZSet(z data.ZSet) {
	switch {
	case z.Len() == 0:
		r.remove()
	case z.Large != nil:
		r.putObject(z.Large)
	default:
		r.putPacked(z.Packed)
	}
}

// zsetStore replaces what a key holds, if anything, by a sorted set, which is not empty.
func (k *Keyspace) zsetStore(db int, slot uint16, key []byte, z data.ZSet) {
	if at, exists := k.databases[db].find(slot, key); exists {
		at.remove()
	}
	k.add(db, slot, key, KindZSet, len(z.Packed)).putZSet(z)
}
