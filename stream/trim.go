package stream

import "slices"

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
func (s *Stream) PlanTrimMaxLen(maxLen uint64, approx bool, limit uint64) (through ID, removed uint64) {
	if s.length <= maxLen {
		return ID{}, 0
	}
	excess := s.length - maxLen
	if approx {
		return s.planNodes(limit, func(removed uint64, _, _ int) bool { return removed <= excess })
	}
	for _, b := range s.blocks[:s.Blocks()] {
		if uint64(b.live) > excess-removed {
			if removed < excess {
				c := b.at(b.nthLive(int(excess - removed)))
				through = c.id
			}
			return through, excess
		}
		removed += uint64(b.live)
		through = b.last
	}
	return through, excess
}

// PlanTrimMinID decides which entries go so that none below minID stays. See
// PlanTrimMaxLen for the rest: a node goes if its last entry is below minID, were
// that entry deleted or not.
func (s *Stream) PlanTrimMinID(minID ID, approx bool, limit uint64) (through ID, removed uint64) {
	if s.length == 0 {
		return ID{}, 0
	}
	block := s.search(minID)
	ord := 0
	if block < s.Blocks() {
		ord, _ = s.blocks[block].seek(minID)
	}
	if approx {
		return s.planNodes(limit, func(_ uint64, b, end int) bool { return b < block || b == block && end <= ord })
	}
	for _, b := range s.blocks[:block] {
		removed += uint64(b.live)
	}
	if block < s.Blocks() {
		removed += uint64(s.blocks[block].liveIn(0, ord))
	}
	if removed == 0 {
		return ID{}, 0
	}
	through, _ = minID.Prev()
	return through, removed
}

// planNodes takes nodes from the front as long as limit and fits allow. fits
// gets the number of entries gone with this node, and where the node ends: in
// which block, before which ordinal.
func (s *Stream) planNodes(limit uint64, fits func(removed uint64, block, end int) bool) (through ID, removed uint64) {
	blocks := s.blocks[:s.Blocks()]
	var lastBlock, lastEnd int
	for i, g := 0, 0; i < len(blocks); {
		live := uint64(0)
		var endBlock, end int
		for first := true; i < len(blocks) && (first || !blocks[i].groups[g].node); first = false {
			b := blocks[i]
			endBlock, end = i, b.groupEnd(g)
			live += uint64(b.liveIn(int(b.groups[g].ord), end))
			if g++; g == len(b.groups) {
				i, g = i+1, 0
			}
		}
		if live == 0 {
			continue
		}
		if limit != 0 && removed+live > limit || !fits(removed+live, endBlock, end) {
			break
		}
		removed += live
		lastBlock, lastEnd = endBlock, end
	}
	if removed > 0 {
		b := blocks[lastBlock]
		c := b.at(lastEnd - 1)
		through = c.id
	}
	return through, removed
}

// Trim removes the entries up to and including through, and returns how many
// there were. LastID and MaxDeletedID stay.
func (s *Stream) Trim(through ID) (removed uint64) {
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
		return removed
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
	return removed + n
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
