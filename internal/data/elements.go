package data

// Elements are those of a large hash, set or sorted set, for looking at some of them together: looking for one is waiting for
// memory four times, for its shard, its place in the index, what that says, and its bytes. A processor waits for many in
// the time of one, as long as none depends on another.
type Elements struct {
	*Dict
	scored bool
}

// ElementsOf returns the elements of a value that is not packed; ok is false if they have no names.
func ElementsOf(value any) (e Elements, ok bool) {
	switch t := value.(type) {
	case *HashTable:
		return Elements{t.fields, false}, true
	case *SetTable:
		return Elements{t.members, false}, true
	case *ZSetTable:
		return Elements{t.dict, true}, true
	}
	return e, false
}

// Named returns which of a command's words behind its key is probably the name of an element, nil if none is: the first, but
// for a sorted set the second, since the score goes before it.
func (e Elements) Named(words [][]byte) []byte {
	if e.scored && words[1] != nil {
		return words[1]
	}
	return words[0]
}

// WarmMost is how many keys are looked at together.
const WarmMost = 32

// Warm looks at where up to WarmMost elements are: they will be looked up shortly. It changes nothing but how long that will take.
// What it returns is of no meaning, and for the compiler not to leave the looking out.
func (t *directory) Warm(keys [][]byte) (seen uint64) {
	var batch [WarmMost]struct {
		shard *dictShard
		hash  uint32
		pos   int
	}
	for i, key := range keys {
		hash := hashOf(key)
		batch[i].hash, batch[i].shard = hash, t.shard(hash)
	}
	for i := range keys {
		w := &batch[i]
		if w.pos = -1; len(w.shard.index) > 0 {
			w.pos = int(w.shard.index[w.shard.home(w.hash)]&numberMask) - 1
		}
	}
	for i := range keys {
		if w := &batch[i]; w.pos >= 0 {
			w.pos = int(w.shard.refs[w.pos].at)
		}
	}
	for i, key := range keys {
		if w := &batch[i]; w.pos >= 0 && w.pos+len(key) < len(w.shard.items) {
			seen += uint64(w.shard.items[w.pos]) + uint64(w.shard.items[w.pos+len(key)])
		}
	}
	return seen
}
