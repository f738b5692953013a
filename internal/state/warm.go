package state

import (
	"bytes"

	"github.com/weirmq/weir/internal/data"
)

// Looking for a key among many is waiting for memory: for its table, its entry and its cell, each of which says where the
// next is. A processor waits for many of them in the time of one, as long as none depends on another. So whoever knows
// several keys that will be looked up shortly has them looked at together first: the tables, then the entries, then the cells.

const (
	// WarmMost is how many keys are looked at together.
	WarmMost = data.WarmMost
	// warmFrom is of how many keys a database is too large for the processor's own memory.
	warmFrom   = 8192
	warmLength = 128 // of a key; longer ones are not looked at
)

// Large reports whether Warm is of use for a database.
func (k *Keyspace) Large(db int) bool { return k.databases[db].keys >= warmFrom }

// Warm looks at where every step-th of some words is, if it is a key of the database: they will be looked up shortly. That
// changes nothing but how long it will take, and words that are no keys do no harm.
func (tx *Tx) Warm(db int, words [][]byte, step int) {
	d := tx.keyspace.databases[db]
	if d.keys < warmFrom {
		return
	}
	for len(words) > 0 {
		var batch [WarmMost]warmed
		n := 0
		for ; n < len(batch) && len(words) > 0; words = words[min(step, len(words)):] {
			if w := words[0]; len(w) > 0 && len(w) <= warmLength {
				slot := SlotOf(w)
				if t := d.table(int(slot)); t != nil {
					batch[n] = warmed{table: t, hash: hashOf(w), slot: slot}
					n++
				}
			}
		}
		tx.seen += d.warm(tx.keyspace, batch[:n])
	}
}

// WarmElements is Warm for what commands name of one large collection, and reports whether the first two are about one: it goes
// on as long as that is so. step of the words are one command's, the key first.
func (tx *Tx) WarmElements(db int, words [][]byte, step int) bool {
	if len(words) < 2*step || len(words[0]) > warmLength || !bytes.Equal(words[0], words[step]) {
		return false
	}
	key := words[0]
	r, ok := tx.keyspace.databases[db].find(SlotOf(key), key)
	if !ok {
		return false
	}
	elements, ok := data.ElementsOf(r.object())
	if !ok || elements.Len() < warmFrom {
		return false
	}
	var batch [WarmMost][]byte
	n := 0
	for ; n < len(batch) && len(words) >= step && bytes.Equal(words[0], key); words = words[step:] {
		if name := elements.Named(words[1:step]); len(name) <= warmLength {
			batch[n] = name
			n++
		}
	}
	tx.seen += elements.Warm(batch[:n])
	return true
}

// warmed is a key that is being looked at.
type warmed struct {
	table *table
	entry *entry // nil: no need to look further
	hash  uint32
	slot  uint16
}

// warm returns a sum of what it has seen, for the compiler not to leave the looking out.
func (d *database) warm(k *Keyspace, batch []warmed) (sum uint64) {
	for i := range batch {
		w := &batch[i]
		w.entry = w.table.guess(w.hash)
		sum += k.changed[w.slot]
	}
	for i := range batch {
		if w := &batch[i]; w.entry != nil && (w.entry.hash != w.hash || w.entry.meta&metaAlone != 0) {
			w.entry = nil
		}
	}
	for i := range batch {
		if w := &batch[i]; w.entry != nil {
			if slab := w.table.first.slab; int(w.entry.from) < len(slab) {
				sum += uint64(slab[w.entry.from])
			}
		}
	}
	return sum
}

// guess returns the first entry that may be the key of a hash, without a look at it. It gives up on large tables.
func (t *table) guess(hash uint32) *entry {
	p := &t.first
	if len(p.entries) <= smallTable {
		mark := markOf(hash)
		for i := range p.entries {
			if p.marks[i] == mark {
				return &p.entries[i]
			}
		}
		return nil
	}
	if part := t.index.only; part != nil {
		if place := part[hash&uint32(len(part)-1)]; place != 0 && int(place) <= len(p.entries) {
			return &p.entries[place-1]
		}
	}
	return nil
}
