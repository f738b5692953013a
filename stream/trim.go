package stream

import (
	"math"
	"slices"
)

// Trimming removes the oldest entries. It is planned first, as "everything up to
// and including this ID", and applied by that: a log needs no more than the ID.
//
// An approximate trim removes whole nodes only. A node is what an append-only
// stream cuts itself into as it grows, starting with its first entry: up to 100
// entries or 4 KB of them. Nodes have nothing to do with blocks, which are
// larger by more than an order of magnitude: whoever asks for about 1,000 entries
// wants not 2,000, and limits of some hundred entries are to make progress.
const (
	nodeMaxEntries = 100
	nodeMaxBytes   = 4096
)

// PlanTrimMaxLen decides which entries go so that maxLen stay: those up to and
// including through, removed in number. Nothing goes if removed is 0.
//
// With approx only whole nodes go, never so many that fewer than maxLen entries
// stay, and at most limit entries unless limit is 0. Otherwise limit is ignored.
func (s *Stream) PlanTrimMaxLen(maxLen uint64, approx bool, limit uint64) (through ID, removed uint64, err error) {
	if s.length <= maxLen {
		return ID{}, 0, nil
	}
	excess := s.length - maxLen
	if approx {
		return s.planNodes(atMost(excess, limit), s.Blocks(), 0)
	}
	for _, b := range s.blocks[:s.Blocks()] {
		if uint64(b.live) > excess-removed {
			if removed < excess {
				c := b.at(b.nthLive(int(excess - removed)))
				through = c.id
			}
			return through, excess, nil
		}
		removed += uint64(b.live)
		through = b.last
	}
	return through, excess, nil
}

// PlanTrimMinID decides which entries go so that none below minID stays. See
// PlanTrimMaxLen for the rest: a node goes if its last entry is below minID, were
// that entry deleted or not.
func (s *Stream) PlanTrimMinID(minID ID, approx bool, limit uint64) (through ID, removed uint64, err error) {
	if s.length == 0 {
		return ID{}, 0, nil
	}
	block := s.search(minID)
	ord := 0
	if block < s.Blocks() {
		ord, _ = s.blocks[block].seek(minID)
	}
	if approx {
		return s.planNodes(atMost(math.MaxUint64, limit), block, ord)
	}
	for _, b := range s.blocks[:block] {
		removed += uint64(b.live)
	}
	if block < s.Blocks() {
		removed += uint64(s.blocks[block].liveIn(0, ord))
	}
	if removed == 0 {
		return ID{}, 0, nil
	}
	through, _ = minID.Prev()
	return through, removed, nil
}

// atMost applies a limit, of which 0 is none, to a number of entries.
func atMost(n, limit uint64) uint64 {
	if limit == 0 {
		return n
	}
	return min(n, limit)
}

// planNodes takes nodes from the front: those that end at or before ordinal ord
// of a block, until there would be more than most entries in them.
func (s *Stream) planNodes(most uint64, block, ord int) (through ID, removed uint64, err error) {
	blocks := s.blocks[:s.Blocks()]
	lastBlock, lastEnd := -1, 0
	i, g := 0, 0
	if len(blocks) > 0 {
		g = blocks[0].groupOf(blocks[0].start) // what is in front of it is gone
	}
	for i < len(blocks) {
		live := uint64(0)
		var endBlock, end int
		for first := true; i < len(blocks) && (first || !blocks[i].groups[g].node); first = false {
			b := blocks[i]
			endBlock, end = i, b.groupEnd(g)
			live += uint64(b.liveIn(int(b.groups[g].ord), end))
			if removed+live > most {
				break
			}
			if g++; g == len(b.groups) {
				i, g = i+1, 0
			}
		}
		if removed+live > most || endBlock > block || endBlock == block && end > ord {
			break
		}
		if live > 0 {
			removed += live
			lastBlock, lastEnd = endBlock, end
		}
	}
	if lastBlock >= 0 {
		c := blocks[lastBlock].at(lastEnd - 1)
		through = c.id
	}
	return through, removed, nil
}

// lastNode is the ordinal at which the last node that begins in b begins.
func (b *block) lastNode() (ord int, ok bool) {
	for g := len(b.groups) - 1; g >= 0; g-- {
		if b.groups[g].node {
			return int(b.groups[g].ord), true
		}
	}
	return 0, false
}

// Trim removes the entries up to and including through, removed in number.
// LastID and MaxDeletedID stay.
func (s *Stream) Trim(through ID, removed uint64) {
	removed = 0
	i := 0
	for i < s.Blocks() && !through.Less(s.blocks[i].last) {
		removed += uint64(s.blocks[i].live)
		i++
	}
	s.length -= removed
	if i == s.Blocks() {
		if i > 0 {
			s.blocks = slices.Delete(s.blocks, 0, len(s.blocks)-1)
			s.remove(0)
		}
		return
	}
	s.blocks = slices.Delete(s.blocks, 0, i)
	b := s.blocks[0]
	next, _ := through.Next()
	ord, _ := b.seek(next)
	n := uint64(b.dropBefore(ord))
	s.length -= n
	if n > 0 {
		s.tidy(0)
	}
}

// nthLive is the ordinal of the nth living entry, counted from 1. There must be
// as many.
func (b *block) nthLive(n int) int {
	ord := b.start + n - 1
	if b.dead == nil {
		return ord
	}
	for ord = b.start; ; ord++ {
		if !b.isDead(ord) {
			if n--; n == 0 {
				return ord
			}
		}
	}
}
