package state

import (
	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/stream"
)

// Copy is the keyspace as it was at one position, in the making: for a checkpoint.
//
// Walk copies key by key, a few at a time, while commands go on between. Before a command changes a key that has not been
// walked over, Tx copies it (preserve): so every key is copied as it was when the Copy began. A key is stamped with the
// number of the last Copy that has it; one that is made meanwhile has that stamp from the beginning, and is passed over.
// Keys, and not slots, are copied at a time, because a hash tag can put everything into one slot.
//
// To copy a value takes no longer for a larger one: values share their bytes with their copies.
type Copy struct {
	keyspace  *Keyspace
	number    uint32
	position  uint64
	databases [Databases]*database // flushed ones included
	copied    []Copied

	// Where the walk is: positions of a slot's table are walked downwards (see data.Table).
	db, slot, ahead int
}

// Copied is a key as it was when the Copy began. It may be encoded by another goroutine.
type Copied struct {
	db     int
	kind   Kind
	edited bool
	expiry int64 // unix ms; -1: it does not expire
	cell   []byte
	object any // the copy of the value, if it is not packed
}

// streamCopy is the copy of a Stream.
type streamCopy struct {
	stream *stream.Copy
	groups *groups.Copy
}

// BeginCopy begins a copy of the keyspace as it is now. There is none under way, and everything changed is committed.
func (k *Keyspace) BeginCopy() *Copy {
	k.copies++
	c := &Copy{keyspace: k, number: k.copies, position: k.last, ahead: -1}
	for db, d := range k.databases {
		d.number = db
		c.databases[db] = d
	}
	k.copy = c
	return c
}

// Position is the position of the last change that is in the copy.
func (c *Copy) Position() uint64 { return c.position }

// End says that the copy is complete, or no longer wanted.
func (c *Copy) End() { c.keyspace.copy = nil }

// Take returns what was copied since it was called last.
func (c *Copy) Take() []Copied {
	taken := c.copied
	c.copied = nil
	return taken
}

// Walk copies up to so many keys more, and reports whether there are others behind them.
func (c *Copy) Walk(keys int) (more bool) {
	for ; c.db < Databases; c.db, c.slot, c.ahead = c.db+1, 0, -1 {
		d := c.databases[c.db]
		for ; ; c.slot, c.ahead = c.slot+1, -1 {
			if used := d.nextUsed(c.slot); used != c.slot { // also if the one that it stood in was emptied
				c.slot, c.ahead = used, -1
			}
			if c.slot == Slots {
				break
			}
			t := d.table(c.slot)
			if c.ahead < 0 {
				c.ahead = t.count
			}
			for c.ahead = min(c.ahead, t.count); c.ahead > 0; c.ahead-- {
				if keys == 0 {
					return true
				}
				keys--
				c.add(ref{d, t, uint16(c.slot), c.ahead - 1})
			}
		}
	}
	return false
}

// add copies a key, unless it has been copied.
func (c *Copy) add(r ref) {
	e := r.entry()
	if e.stamp == c.number {
		return
	}
	e.stamp = c.number
	e.mark(metaShared, true)
	copied := Copied{db: r.database.number, kind: e.kind(), edited: e.meta&metaEdited != 0, expiry: -1, cell: r.table.cell(r.pos)}
	if at, ok := r.table.expiryOf(e); ok {
		copied.expiry = at
	}
	if o := r.object(); o != nil {
		copied.object = copyOf(o)
	}
	c.copied = append(c.copied, copied)
}

// preserve copies a key that is about to change, if a copy is under way that does not have it.
func (k *Keyspace) preserve(r ref) {
	if k.copy != nil {
		k.copy.add(r)
	}
}

// copyOf returns a copy of an object for an Encoder. It takes no longer for a larger one, and shares what it can.
func copyOf(o any) any {
	switch o := o.(type) {
	case *Stream:
		return streamCopy{o.Stream.Copy(), o.Groups.Copy()}
	case *data.Blob:
		return o.Copy()
	case *data.ListTable:
		return o.Copy()
	case *data.SetTable:
		return o.Copy()
	case *data.ZSetTable:
		return o.Copy()
	case *data.HashTable:
		return o.Copy()
	default:
		panic("state: an object that cannot be copied")
	}
}
