package data

import "encoding/binary"

// HashTable is a large hash.
type HashTable struct {
	fields *Dict
	times  *Dict // of the fields that have one, 8 bytes; nil: none ever had
	due    dueTree
}

func newHashTable() *HashTable { return &HashTable{fields: NewDict()} }

// Len returns the number of fields.
func (t *HashTable) Len() int { return t.fields.Len() }

// Bytes returns how much memory the hash holds.
func (t *HashTable) Bytes() int {
	n := t.fields.Bytes()
	if t.times != nil {
		n += t.times.Bytes() + 8*len(t.due.bounds)
	}
	return n
}

func (t *HashTable) set(field, value []byte, keepTime bool) (added bool) {
	if t.times != nil && !keepTime {
		t.times.Delete(field)
	}
	return t.fields.Set(field, value)
}

func (t *HashTable) delete(field []byte) bool {
	if t.times != nil {
		t.times.Delete(field)
	}
	return t.fields.Delete(field)
}

func (t *HashTable) setTime(field []byte, atMS int64) bool {
	if _, ok := t.fields.Get(field); !ok {
		return false
	}
	if atMS == 0 {
		if t.times != nil {
			t.times.Delete(field)
		}
		return true
	}
	t.keepTimes()
	var b [timeSize]byte
	binary.LittleEndian.PutUint64(b[:], uint64(atMS))
	t.times.Set(field, b[:])
	t.due.add(hashOf(field), atMS, t.times.Len())
	return true
}

func (t *HashTable) keepTimes() {
	if t.times == nil {
		t.times = NewDict()
	}
}

// time returns when a field will be gone; 0: never.
func (t *HashTable) time(field []byte) int64 {
	if t.times == nil {
		return 0
	}
	b, ok := t.times.Get(field)
	if !ok {
		return 0
	}
	return timeOf(b)
}

func timeOf(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) }

// late reports whether a field is gone.
func (t *HashTable) late(field []byte, nowMS int64) bool {
	return t.due.first() < nowMS && isLate(t.time(field), nowMS)
}
