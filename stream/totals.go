package stream

// Totals is what the streams that share it hold, and what they have sealed. Whatever guards the streams guards it.
type Totals struct {
	Memory int64 // bytes of blocks in memory, bookkeeping included
	Disk   int64 // bytes of blocks in segment files
	Dead   int64 // bytes in segment files that were let go of; it only rises
	Blocks int64 // blocks, sealed and open
	Open   int64 // of Memory, blocks that are open

	Sweeps uint64 // see Stream.Idle; whoever looks for idle streams adds to it

	// Sealed has the blocks that are sealed and not yet in a segment file, the oldest first, and perhaps some that have
	// gone since; SealedBytes is the memory that they hold.
	Sealed      []Sealed
	SealedBytes int64

	generation uint64 // of the streams that count; see Clear
}

// Sealed is a block that can be written to a segment file.
type Sealed struct {
	stream  *Stream
	body    *Body
	first   ID
	last    ID
	entries int
}

// Body is what to write. It never changes.
func (x Sealed) Body() *Body { return x.body }

// First and Last are the IDs of the first and the last entry in the block, dead or alive.
func (x Sealed) First() ID { return x.first }

// Last is the ID of the last entry.
func (x Sealed) Last() ID { return x.last }

// Entries is how many there are in the block, dead or alive.
func (x Sealed) Entries() int { return x.entries }

// find returns the place of the block, if it is still there.
func (x Sealed) find() (place, bool) {
	s := x.stream
	if s.unused() {
		return place{}, false
	}
	p := s.sealed.search(x.first)
	return p, p != s.sealed.end() && s.sealed.at(p).Body == x.body
}

// Alive reports whether the block is still part of a stream.
func (x Sealed) Alive() bool {
	_, ok := x.find()
	return ok
}

// Spilled says that the content is durable at ref, and lets go of it. It returns false if the block has gone meanwhile: then
// nothing will ever refer to ref.
func (x Sealed) Spilled(ref Ref) bool {
	p, ok := x.find()
	if !ok {
		return false
	}
	x.stream.edit(p, func(b *block) { b.Body, b.ref = nil, ref })
	return true
}

// Take takes blocks off Sealed, about as many as hold so many bytes, and at least one if there is one.
func (t *Totals) Take(most int64) []Sealed {
	var taken []Sealed
	for len(t.Sealed) > 0 && most > 0 {
		x := t.Sealed[0]
		t.Sealed[0] = Sealed{}
		t.Sealed = t.Sealed[1:]
		size := int64(x.body.Size())
		t.SealedBytes -= size
		if x.Alive() {
			taken = append(taken, x)
			most -= size
		}
	}
	if len(t.Sealed) == 0 {
		t.Sealed = nil
	}
	return taken
}

// Return puts back what Take has taken.
func (t *Totals) Return(taken []Sealed) {
	t.Sealed = append(taken, t.Sealed...)
	for _, x := range taken {
		t.SealedBytes += int64(x.body.Size())
	}
}

// Clear says that none of the streams is in use any more.
func (t *Totals) Clear() {
	*t = Totals{Dead: t.Dead + t.Disk, Sweeps: t.Sweeps, generation: t.generation + 1}
}

// unused reports whether s was released, or all streams were.
func (s *Stream) unused() bool { return s.released || s.totals.generation != s.since }

// Release says that s is no longer in use: nothing of it counts any more.
func (s *Stream) Release() {
	t := s.totals
	if s.unused() {
		return
	}
	s.released = true
	t.Memory -= s.memory
	t.Disk -= s.disk
	t.Dead += s.disk
	t.Blocks -= int64(s.count)
	t.Open -= s.openMemory
}

// chargeOpen says what the open block holds.
func (s *Stream) chargeOpen(memory int64) {
	s.charge(memory-s.openMemory, 0, 0)
	if !s.unused() {
		s.totals.Open += memory - s.openMemory
	}
	s.openMemory = memory
}

// charge adds to what s, and those it shares its totals with, hold.
func (s *Stream) charge(memory, disk int64, blocks int) {
	s.memory += memory
	s.disk += disk
	s.count += blocks
	if t := s.totals; !s.unused() {
		t.Memory += memory
		t.Disk += disk
		t.Dead += max(-disk, 0)
		t.Blocks += int64(blocks)
	}
}
