package stream

import "iter"

// Placed is a block that is in a segment file and not in memory.
type Placed struct {
	Ref         Ref
	First, Last ID  // of its entries, dead or alive
	Entries     int // dead or alive
	Live        int
}

// Cold goes over the blocks that are in segment files, from the one that an ID is in or would be in. s must not change
// meanwhile.
func (s *Stream) Cold(from ID) iter.Seq[Placed] {
	return func(yield func(Placed) bool) {
		for p := s.sealed.search(from); p != s.sealed.end(); p = s.sealed.next(p) {
			b := s.sealed.at(p)
			if b.Body == nil && !yield(Placed{b.ref, b.first, b.last, b.n, b.live}) {
				return
			}
		}
	}
}

// Move says that the content of a block is durable at another place. It returns false if the block has gone meanwhile:
// then nothing will ever refer to that place.
func (s *Stream) Move(b Placed, to Ref) bool {
	p := s.sealed.search(b.First)
	if s.unused() || p == s.sealed.end() || s.sealed.at(p).ref != b.Ref {
		return false
	}
	s.edit(p, func(b *block) { b.ref = Ref{} }) // so that the old place counts as dead
	s.edit(p, func(b *block) { b.ref = to })
	return true
}

// OpenBytes is the memory of the block that is appended to. Memory under pressure can be had by Seal.
func (s *Stream) OpenBytes() int64 { return s.openMemory }

// Idle is how many times Totals.Sweeps has risen since the last Append.
func (s *Stream) Idle() uint64 { return s.totals.Sweeps - s.sweep }
