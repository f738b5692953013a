package state

// Cursor is a place in a walk over a database: 0 is the beginning, and again the end. It packs the slot being walked and
// how many of its positions are still ahead:
//
//	63            14 13        0
//	+---------------+-----------+
//	| positions + 1 |   slot    |
//	+---------------+-----------+
//
// Slots are walked upwards and positions within a slot downwards. A key that is present for the whole walk is met at
// least once (see data.Table); one that moves into a hole may be met twice, as SCAN allows.
type Cursor uint64

const slotBits = 14

// Scan calls visit for up to count keys from cursor on, and returns the cursor to continue from, 0 at the end. The key
// passed to visit is shared and must not be kept. Every Scan reads all of what it visits, so the reply depends on the
// newest change anywhere.
func (tx *Tx) Scan(cursor Cursor, count int, visit func(key string, v Value)) Cursor {
	tx.DependOnAll()
	d := &tx.keyspace.databases[tx.db]
	slot := int(cursor & (Slots - 1))
	ahead := int(cursor>>slotBits) - 1 // -1: the whole slot
	for {
		if ahead < 0 || d.slots[slot] == nil {
			if slot = d.nextUsed(slot); slot == Slots {
				return 0
			}
			ahead = d.slots[slot].Len()
		}
		table := d.slots[slot]
		for ahead = min(ahead, table.Len()); ahead > 0; ahead-- {
			if count == 0 {
				return Cursor(ahead+1)<<slotBits | Cursor(slot)
			}
			count--
			visit(table.At(ahead - 1))
		}
		if slot++; slot == Slots {
			return 0
		}
		ahead = -1
	}
}
