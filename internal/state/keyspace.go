// Package state is the keyspace and the only door to it.
//
// A command decides; then it calls methods of Tx, each of which encodes one change into the pending record and applies
// it, by the function that replay uses. So what is in memory is always what the log says, and replay runs no command.
//
//	tx := state.NewTx(keyspace)
//	tx.Begin(db, nowMS)
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
	"math/bits"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/stream"
)

// Databases is the number of databases that SELECT chooses from.
const Databases = 16

// Stream is a stream and the groups that read it.
type Stream struct {
	*stream.Stream
	Groups *groups.Set // nil until the first group is made
}

// Keyspace is the state of a broker: its databases of keys, and for every slot the position of its last change.
type Keyspace struct {
	databases [Databases]*database
	changed   [Slots]uint64 // position of the last change to any key of the slot
	flushed   uint64        // position of the last change to a whole database: every slot depends on it
	last      uint64        // position of the last change at all
	begunMS   int64         // when the first unit of work began
	streams   stream.Config

	emptied []*database // whose values are yet to be released (Reap)
	reaped  int         // of the slot that Reap is at in the first of them

	copy   *Copy  // under way; nil: none
	copies uint32 // begun so far

	scratch    [][]byte    // decoded fields of one entry during replay
	scratchIDs []stream.ID // decoded IDs of one change during replay
}

// database is one of the keyspaces that SELECT chooses from.
type database struct {
	tables   [Slots / shelf]*[shelf]table // of slots side by side; nil until one of them has a key
	used     [Slots / 64]uint64           // bit set: the slot has keys
	expiring [Slots / 64]uint64           // bit set: the slot has keys that expire
	keys     int
	expires  int        // keys that expire
	removed  uint64     // keys, so far: a position known from before may be another key's
	number   int        // of the database when the copy under way began
	timed    *data.Dict // keys of hashes that have fields with times, and no values; nil: none
}

// shelf is how many slots have their tables in one piece of memory, of 48 KB: a database of few keys takes little, and of many
// the way to a table is through one of a few pointers, which the processor has at hand. A piece of more than 32 KB begins with a
// page, and so tables with a line of the cache; before a smaller one with pointers Go puts a header.
const shelf = 256

// table returns the table of a slot, nil if it never had a key.
func (d *database) table(slot int) *table {
	if s := d.tables[uint(slot)/shelf]; s != nil {
		return &s[uint(slot)%shelf]
	}
	return nil
}

// NewKeyspace returns an empty keyspace whose streams are made with the given configuration.
func NewKeyspace(streams stream.Config) *Keyspace {
	k := &Keyspace{streams: streams}
	for db := range k.databases {
		k.databases[db] = new(database)
	}
	return k
}

// Len returns the number of keys of a database; those that have expired and were not deleted yet are among them.
func (k *Keyspace) Len(db int) int { return k.databases[db].keys }

// Expires returns how many keys of a database expire.
func (k *Keyspace) Expires(db int) int { return k.databases[db].expires }

// Last returns the position of the newest change.
func (k *Keyspace) Last() uint64 { return k.last }

// find returns a key's entry.
func (d *database) find(slot uint16, key []byte) (ref, bool) {
	if t := d.table(int(slot)); t != nil {
		if pos := t.find(key); pos >= 0 {
			return ref{d, t, slot, pos}, true
		}
	}
	return ref{}, false
}

// add makes a key, which is not there, with room for a value of so many bytes.
func (k *Keyspace) add(db int, slot uint16, key []byte, kind Kind, room int) ref {
	d := k.databases[db]
	t := d.table(int(slot))
	if t == nil {
		s := new([shelf]table)
		d.tables[slot/shelf], t = s, &s[slot%shelf]
	}
	d.used[slot/64] |= 1 << (slot % 64)
	d.keys++
	pos := t.insert(key, kind, room)
	t.at(pos).stamp = k.copies
	return ref{d, t, slot, pos}
}

// remove takes the key at a position out.
func (d *database) remove(slot uint16, pos int) {
	t := d.table(int(slot))
	expired := len(t.expires)
	if d.timed != nil && t.at(pos).kind() == KindHash {
		d.timed.Delete(t.key(pos))
	}
	t.remove(pos)
	d.keys--
	d.removed++
	d.countExpires(slot, len(t.expires)-expired)
	if t.count == 0 {
		*t = table{}
		d.used[slot/64] &^= 1 << (slot % 64)
	}
}

// countExpires notes that so many keys of a slot more expire than before.
func (d *database) countExpires(slot uint16, more int) {
	d.expires += more
	if len(d.table(int(slot)).expires) > 0 {
		d.expiring[slot/64] |= 1 << (slot % 64)
	} else {
		d.expiring[slot/64] &^= 1 << (slot % 64)
	}
}

// Reap releases up to so many of the values that a flush of one database has left, and reports whether there are more:
// until then they count in stream.Totals. A flush of millions of keys would hold the lock for long if it did so itself.
func (k *Keyspace) Reap(keys int) (more bool) {
	for len(k.emptied) > 0 {
		d := k.emptied[0]
		for slot := nextIn(&d.used, 0); slot < Slots; slot = nextIn(&d.used, slot) {
			t := d.table(slot)
			for ; k.reaped < t.count; k.reaped++ {
				if keys == 0 {
					return true
				}
				keys--
				if s, ok := t.valueAt(k.reaped).Object.(*Stream); ok {
					s.Release()
				}
			}
			d.used[slot/64] &^= 1 << (slot % 64)
			k.reaped = 0
		}
		k.emptied = k.emptied[1:]
	}
	k.emptied = nil
	return false
}

// nextUsed returns the first slot at or after slot that has keys, or Slots.
func (d *database) nextUsed(slot int) int { return nextIn(&d.used, slot) }

// nextIn returns the first bit that is set at or after slot, or Slots.
func nextIn(set *[Slots / 64]uint64, slot int) int {
	for word := slot / 64; word < len(set); word++ {
		w := set[word]
		if word == slot/64 {
			w &= ^uint64(0) << (slot % 64)
		}
		if w != 0 {
			return word*64 + bits.TrailingZeros64(w)
		}
	}
	return Slots
}
