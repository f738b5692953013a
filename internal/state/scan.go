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

// Scan calls visit for up to count keys from cursor on, and returns the cursor to continue from, 0 at the end. What is
// passed to visit must not be kept. Keys that have expired count, and are not shown. Every Scan reads all of what it
// visits, so the reply depends on the newest change anywhere.
func (tx *Tx) Scan(cursor Cursor, count int, visit func(key []byte, v Value)) Cursor {
	tx.DependOnAll()
	d := tx.keyspace.databases[tx.db]
	slot := int(cursor & (Slots - 1))
	ahead := int(cursor>>slotBits) - 1 // -1: the whole slot
	for {
		t := d.table(slot)
		if ahead < 0 || t == nil || t.count == 0 {
			if slot = d.nextUsed(slot); slot == Slots {
				return 0
			}
			t = d.table(slot)
			ahead = t.count
		}
		for ahead = min(ahead, t.count); ahead > 0; ahead-- {
			if count == 0 {
				return Cursor(ahead+1)<<slotBits | Cursor(slot)
			}
			count--
			if pos := ahead - 1; !tx.expired(t, t.at(pos)) {
				visit(t.key(pos), t.valueAt(pos))
			}
		}
		if slot++; slot == Slots {
			return 0
		}
		ahead = -1
	}
}

// RandomKey returns a key of the database that has not expired, each as likely as any other; nil if there is none.
func (tx *Tx) RandomKey(random func(n uint64) uint64) []byte {
	tx.DependOnAll()
	d := tx.keyspace.databases[tx.db]
	for range randomTries {
		if d.keys == 0 {
			return nil
		}
		if t, pos := d.random(random); !tx.expired(t, t.at(pos)) {
			return t.key(pos)
		}
	}
	var found []byte // nearly all have expired
	tx.scanAll(func(key []byte) bool {
		found = key
		return false
	})
	return found
}

// randomTries is how often RandomKey draws before it looks at one key after the other.
const randomTries = 100

// random returns one of the keys, each as likely as any other. It adds up the sizes of slots: some microseconds.
func (d *database) random(random func(n uint64) uint64) (t *table, pos int) {
	n := int(random(uint64(d.keys)))
	for slot := d.nextUsed(0); ; slot = d.nextUsed(slot + 1) {
		t := d.table(slot)
		if n < t.count {
			return t, n
		}
		n -= t.count
	}
}

// scanAll calls visit for keys that have not expired until it returns false.
func (tx *Tx) scanAll(visit func(key []byte) bool) {
	d := tx.keyspace.databases[tx.db]
	for slot := d.nextUsed(0); slot < Slots; slot = d.nextUsed(slot + 1) {
		t := d.table(slot)
		for pos := range t.count {
			if !tx.expired(t, t.at(pos)) && !visit(t.key(pos)) {
				return
			}
		}
	}
}
