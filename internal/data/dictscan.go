package data

import "iter"

// Scan visits about count elements from a cursor on, 0 at first, and returns the cursor to continue from, 0 at the end. An
// element that is present for the whole scan is visited exactly once, whatever else comes and goes.
//
// A cursor is a hash. Elements are visited in the order of their hashes, which neither splitting nor merging changes: each
// step takes all of those whose hash is in a part of the range, as wide as to have about count of them.
func (t *directory) Scan(cursor uint64, count int, visit func(key, value []byte)) (next uint64) {
	const all = 1 << 32
	// So that a long row of empty shards takes many steps, not a long one.
	for shards := max(count, 10); cursor < all && count > 0 && shards > 0; shards-- {
		s := t.shard(uint32(cursor))
		width := uint64(all) >> s.depth
		end := cursor&^(width-1) + width
		if n := len(s.refs); n > count {
			// Few elements in the rest of a step are not worth a look at the whole shard.
			part := width * uint64(max(count, 4)) / uint64(n)
			end = min(end, cursor+max(part, 1))
		}
		for pos, ref := range s.refs {
			if h := uint64(ref.hash); cursor <= h && h < end {
				visit(s.at(pos))
				count--
			}
		}
		cursor = end
	}
	if cursor >= all {
		return 0
	}
	return cursor
}

// between yields the elements with hashes from <= hash < to.
func (t *directory) between(from, to uint64) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for at := from; at < to; {
			s := t.shard(uint32(at))
			for pos, ref := range s.refs {
				if h := uint64(ref.hash); from <= h && h < to && !yield(s.at(pos)) {
					return
				}
			}
			width := uint64(1<<32) >> s.depth
			at = at&^(width-1) + width
		}
	}
}

// Random returns an element, each with the same probability; there must be one. random returns a number below its argument.
func (d *Dict) Random(random func(n uint64) uint64) (key, value []byte) {
	// Take a place of the directory and a number, as if every shard had the most elements and stood at its first place only;
	// if there is no such element, again. A few attempts do, unless deletion has left a directory of very different depths.
	widest := uint64(d.widest)
	for range 100 {
		r := random(uint64(len(d.shards)) * widest)
		place, pos := int(r/widest), int(r%widest)
		if s := d.shards[place]; pos < len(s.refs) && place&(d.span(s)-1) == 0 {
			return s.at(pos)
		}
	}
	pos := int(random(uint64(d.n)))
	for place := 0; ; {
		s := d.shards[place]
		if pos < len(s.refs) {
			return s.at(pos)
		}
		pos -= len(s.refs)
		place += d.span(s)
	}
}
