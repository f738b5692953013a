package data

import "iter"

// Sample yields n different fields that are not gone, and their values, or all if there are no more; each choice of n has the
// same probability.
func (h Hash) Sample(n int, random func(n uint64) uint64) iter.Seq2[[]byte, []byte] {
	if h.Large == nil || n > h.Live()/sparse {
		return h.sampleByWalk(n, random)
	}
	return func(yield func(field, value []byte) bool) {
		taken := newSetTable()
		for taken.Len() < n {
			field, value, ok := h.Random(random)
			if !ok || taken.add(field) && !yield(field, value) {
				return
			}
		}
	}
}

// sampleByWalk gives every field the chance that is left: of those needed, among those to come.
func (h Hash) sampleByWalk(n int, random func(n uint64) uint64) iter.Seq2[[]byte, []byte] {
	return func(yield func(field, value []byte) bool) {
		left := uint64(h.Live())
		needed := min(uint64(n), left)
		for field, value := range h.All() {
			if needed == 0 {
				return
			}
			if needed == left || random(left) < needed {
				if needed--; !yield(field, value) {
					return
				}
			}
			left--
		}
	}
}
