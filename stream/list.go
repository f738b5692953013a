package stream

import (
	"slices"
	"sort"
)

// list is the sealed blocks of a stream, ascending, each with an entry alive.
//
// A copy of a stream (see copy.go) shares its blocks, of which there may be very
// many, so the list is made of chunks: whoever changes a block replaces it, its
// chunk and the slice of chunks by ones of its own, unless they are no longer shared.
// That is told by generations: copying a stream raises the stream's, and what has
// an older one is shared.
type list struct {
	chunks     []*chunk
	shared     bool   // the slice is
	generation uint64 // rises with every copy
}

// chunk is neighbouring blocks, at least one, and sums over them.
type chunk struct {
	generation uint64
	blocks     []*block
	live       uint64
	memory     int64 // bytes
	disk       int64 // bytes
}

const chunkBlocks = 512

// place is where a block is in a stream. The open block is behind all chunks.
type place struct{ chunk, block int }

func (l *list) at(p place) *block { return l.chunks[p.chunk].blocks[p.block] }

// end is the place behind the last block.
func (l *list) end() place { return place{len(l.chunks), 0} }

// next is the place behind p.
func (l *list) next(p place) place {
	if p.block++; p.block == len(l.chunks[p.chunk].blocks) {
		p = place{p.chunk + 1, 0}
	}
	return p
}

// before is the place before p; false at the beginning.
func (l *list) before(p place) (place, bool) {
	switch {
	case p.block > 0:
		return place{p.chunk, p.block - 1}, true
	case p.chunk > 0:
		return place{p.chunk - 1, len(l.chunks[p.chunk-1].blocks) - 1}, true
	}
	return p, false
}

// search returns the place of the first block whose last ID is not below id, or
// the end.
func (l *list) search(id ID) place {
	i := sort.Search(len(l.chunks), func(i int) bool {
		blocks := l.chunks[i].blocks
		return !blocks[len(blocks)-1].last.Less(id)
	})
	if i == len(l.chunks) {
		return l.end()
	}
	blocks := l.chunks[i].blocks
	return place{i, sort.Search(len(blocks), func(i int) bool { return !blocks[i].last.Less(id) })}
}

// own makes a chunk that is not shared with a copy.
func (l *list) own(i int) *chunk {
	l.ownSlice()
	c := l.chunks[i]
	if c.generation != l.generation {
		clone := *c
		clone.generation = l.generation
		clone.blocks = slices.Clone(c.blocks)
		c = &clone
		l.chunks[i] = c
	}
	return c
}

func (l *list) ownSlice() {
	if l.shared {
		l.chunks, l.shared = slices.Clone(l.chunks), false
	}
}

// append puts b at the end.
func (l *list) append(b *block) {
	i := len(l.chunks) - 1
	if i < 0 || len(l.chunks[i].blocks) == chunkBlocks {
		i++
		l.chunks = append(l.chunks, &chunk{generation: l.generation}) // behind what a copy sees
	}
	c := l.own(i)
	c.blocks = append(c.blocks, b)
	c.add(b, 1)
}

// delete takes out the block at p.
func (l *list) delete(p place) {
	c := l.own(p.chunk)
	c.add(c.blocks[p.block], -1)
	if len(c.blocks) == 1 {
		l.chunks = slices.Delete(l.chunks, p.chunk, p.chunk+1)
	} else {
		c.blocks = slices.Delete(c.blocks, p.block, p.block+1)
	}
}

// cutChunk takes out the first chunk.
func (l *list) cutChunk() {
	if !l.shared {
		l.chunks[0] = nil
	}
	l.chunks = l.chunks[1:]
}

// add adds b to the sums, or with sign -1 takes it off.
func (c *chunk) add(b *block, sign int) {
	c.live += uint64(sign * b.live)
	c.memory += int64(sign) * b.memory()
	c.disk += int64(sign) * int64(b.ref.Length)
}

// edit changes the block at p by f.
func (l *list) edit(p place, f func(*block)) *block {
	c := l.own(p.chunk)
	b := c.blocks[p.block]
	c.add(b, -1)
	if b.generation != l.generation {
		b = b.clone() // which may take less memory
		b.generation = l.generation
		c.blocks[p.block] = b
	}
	f(b)
	c.add(b, 1)
	return b
}

// clone is a block that can change while b does not.
func (b *block) clone() *block {
	clone := *b
	clone.dead = slices.Clone(b.dead)
	if b.gone != nil {
		clone.gone = &gone{b.gone.through, slices.Clone(b.gone.ids)}
	}
	return &clone
}
