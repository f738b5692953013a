// Package state is the keyspace and the only door to it.
//
// A command decides; then it calls methods of Tx, each of which encodes one change into the pending record and applies
// it, by the function that replay uses. So what is in memory is always what the log says, and replay runs no command.
//
//	tx := state.NewTx(keyspace)
//	tx.Begin(db)
//	s, err := tx.Stream(key)             // read; notes what the reply depends on
//	tx.StreamAppend(key, id, fields)     // change; applied at once
//	if record := tx.Record(); len(record) > 0 {
//		tx.Committed(log.Append(record))
//	}
//	reply may leave when position tx.Dependency() is released
//
// Nothing here locks, reads a clock or uses a random source: the broker serialises all calls, and times are arguments.
// Slices returned alias the keyspace and are valid until the next change.
package state

import (
	"errors"
	"math/bits"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/stream"
)

// Databases is the number of databases that SELECT chooses from.
const Databases = 16

// ErrWrongType means that a key holds another kind of value than the operation is for.
var ErrWrongType = errors.New("operation against a key holding the wrong kind of value")

// Value is what a key holds: today always a *Stream.
type Value any

// Stream is a stream and the groups that read it.
type Stream struct {
	*stream.Stream
	Groups *groups.Set // nil until the first group is made

	copied uint64 // the number of the last Copy that has it, or that was begun before it was made
}

// TypeName returns the word that TYPE answers for a value; "none" for nil.
func TypeName(v Value) string {
	switch v.(type) {
	case *Stream:
		return "stream"
	default:
		return "none"
	}
}

// Keyspace is the state of a broker: its databases of keys, and for every slot the position of its last change.
type Keyspace struct {
	databases [Databases]database
	changed   [Slots]uint64 // position of the last change to any key of the slot
	flushed   uint64        // position of the last change to a whole database: every slot depends on it
	last      uint64        // position of the last change at all
	streams   stream.Config

	emptied []*database // whose values are yet to be released (Reap)
	reaped  int         // of the slot that Reap is at in the first of them

	copy   *Copy  // under way; nil: none
	copies uint64 // begun so far

	scratch    [][]byte    // decoded fields of one entry during replay
	scratchIDs []stream.ID // decoded IDs of one change during replay
}

type database struct {
	slots [Slots]*data.Table[Value] // nil while empty
	used  [Slots / 64]uint64        // bit set: the slot has keys
	keys  int
}

// NewKeyspace returns an empty keyspace whose streams are made with the given configuration.
func NewKeyspace(streams stream.Config) *Keyspace {
	return &Keyspace{streams: streams}
}

// Len returns the number of keys of a database.
func (k *Keyspace) Len(db int) int { return k.databases[db].keys }

// Last returns the position of the newest change.
func (k *Keyspace) Last() uint64 { return k.last }

func (d *database) get(slot uint16, key []byte) Value {
	if t := d.slots[slot]; t != nil {
		v, _ := t.Get(key)
		return v
	}
	return nil
}

func (d *database) set(slot uint16, key []byte, v Value) {
	t := d.slots[slot]
	if t == nil {
		t = new(data.Table[Value])
		d.slots[slot] = t
		d.used[slot/64] |= 1 << (slot % 64)
	}
	if t.Set(key, v) {
		d.keys++
	}
}

// Reap releases up to so many of the values that a flush of one database has left, and reports whether there are more:
// until then they count in stream.Totals. A flush of millions of keys would hold the lock for long if it did so itself.
func (k *Keyspace) Reap(keys int) (more bool) {
	for len(k.emptied) > 0 {
		d := k.emptied[0]
		for slot := d.nextUsed(0); slot < Slots; slot = d.nextUsed(slot) {
			table := d.slots[slot]
			for ; k.reaped < table.Len(); k.reaped++ {
				if keys == 0 {
					return true
				}
				keys--
				_, v := table.At(k.reaped)
				v.(*Stream).Release()
			}
			d.used[slot/64] &^= 1 << (slot % 64)
			k.reaped = 0
		}
		k.emptied = k.emptied[1:]
	}
	k.emptied = nil
	return false
}

func (d *database) delete(slot uint16, key []byte) bool {
	t := d.slots[slot]
	if t == nil {
		return false
	}
	v, ok := t.Get(key)
	if !ok {
		return false
	}
	v.(*Stream).Release()
	t.Delete(key)
	d.keys--
	if t.Len() == 0 {
		d.slots[slot] = nil
		d.used[slot/64] &^= 1 << (slot % 64)
	}
	return true
}

// nextUsed returns the first slot at or after slot that has keys, or Slots.
func (d *database) nextUsed(slot int) int {
	for word := slot / 64; word < len(d.used); word++ {
		w := d.used[word]
		if word == slot/64 {
			w &= ^uint64(0) << (slot % 64)
		}
		if w != 0 {
			return word*64 + bits.TrailingZeros64(w)
		}
	}
	return Slots
}
