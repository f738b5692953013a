package stream

import (
	"hash/crc32"
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

// openNode is the node that is appended to. It does not depend on where blocks end, nor
// on what of them is in memory: whoever makes the same changes gets the same nodes.
type openNode struct {
	entries int // appended to it; 0: none is open
	bytes   int // of these, about as Redis counts them
	first   ID
	live    uint64 // of these; all entries from first on
	names   uint32 // checksum of those of the first entry: entries with the same ones do not count theirs

	sameAs int // offset in the open block of a definition of the same names, or notYet
}

const notYet = -1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// full reports whether a node begins with an entry of so many bytes.
func (n *openNode) full(size int) bool {
	return n.entries == 0 || n.entries >= nodeMaxEntries || n.bytes+size >= nodeMaxBytes
}

func (n *openNode) begin(id ID) {
	*n = openNode{first: id, sameAs: notYet}
}

// add counts the entry that w has just appended, with that many fields and bytes of names and of values.
func (n *openNode) add(w *writer, fields, names, values int) {
	def := int(w.refs[0])
	same := def == n.sameAs
	if !same {
		c := cursor{data: w.b.data, def: def}
		c.n, c.name = uvarint(c.data, def)
		switch sum := crc32.Checksum(c.data[def:c.defEnd()], castagnoli); {
		case n.entries == 0:
			n.names, n.sameAs = sum, def
		case n.names == sum:
			n.sameAs, same = def, true
		}
	}
	const entryBytes = 3 // head and ID
	n.bytes += entryBytes + values + fields
	if !same {
		n.bytes += names + fields
	}
	n.entries++
	n.live++
}

// lose says that an entry is gone. A node without entries is no node.
func (n *openNode) lose(id ID) {
	if n.entries > 0 && !id.Less(n.first) {
		n.limit(n.live - 1)
	}
}

// limit says that no more than so many entries are left.
func (n *openNode) limit(most uint64) {
	if n.live = min(n.live, most); n.live == 0 {
		n.entries = 0
	}
}

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
		return s.planNodes(atMost(excess, limit), s.end(), 0)
	}
	p, before := s.fitting(excess, s.end())
	if before == excess {
		q, _ := s.before(p)
		return s.at(q).last, excess, nil
	}
	b, err := s.view(p)
	if err != nil {
		return ID{}, 0, err
	}
	c := b.at(b.nthLive(int(excess - before)))
	return c.id, excess, nil
}

// fitting returns the place of the first block, before bound, that has to be left
// whole or in part so that not more than most entries go, and how many are before it.
func (s *Stream) fitting(most uint64, bound place) (p place, before uint64) {
	for _, c := range s.sealed.chunks {
		if p.chunk >= bound.chunk || before+c.live > most {
			break
		}
		before += c.live
		p.chunk++
	}
	for p != bound && p != s.end() && before+uint64(s.at(p).live) <= most {
		before += uint64(s.at(p).live)
		p = s.next(p)
	}
	return p, before
}

// PlanTrimMinID decides which entries go so that none below minID stays. See
// PlanTrimMaxLen for the rest: a node goes if its last entry is below minID, were
// that entry deleted or not.
func (s *Stream) PlanTrimMinID(minID ID, approx bool, limit uint64) (through ID, removed uint64, err error) {
	if s.length == 0 {
		return ID{}, 0, nil
	}
	if approx && s.front.live > 0 && !s.front.end.Less(minID) {
		return ID{}, 0, nil
	}
	bound, ord := s.search(minID), 0
	var b *block
	if bound != s.end() && s.at(bound).first.Less(minID) {
		if b, err = s.view(bound); err != nil {
			return ID{}, 0, err
		}
		ord, _ = b.seek(minID)
	}
	if approx {
		return s.planNodes(atMost(math.MaxUint64, limit), bound, ord)
	}
	_, removed = s.fitting(math.MaxUint64, bound)
	if b != nil {
		removed += uint64(b.liveIn(0, ord))
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
// of the block at bound, until there would be more than most entries in them.
func (s *Stream) planNodes(most uint64, bound place, ord int) (through ID, removed uint64, err error) {
	if s.front.live > most {
		return ID{}, 0, nil
	}
	n, removed, err := s.firstNode(most, bound)
	if err != nil {
		return ID{}, 0, err
	}
	if removed > 0 {
		c := n.b.group(n.g)
		c.next()
		through, _ = c.id.Prev()
		through = lower(through, n.b.last)
	}
	var last node // the last one that goes, with where it ends
	end := 0
	for removed < most && n.p != s.end() {
		here, live, to, err := s.pass(&n, max(most-removed, nodeMaxEntries))
		if err != nil {
			return ID{}, 0, err
		}
		if live > most-removed || here.p.after(bound) || here.p == bound && to > ord {
			if removed == 0 {
				c := here.b.at(to - 1)
				s.front = frontNode{live, lower(c.id, here.b.last)}
			}
			break
		}
		if live > 0 {
			removed += live
			last, end = here, to
		}
	}
	if last.b != nil {
		c := last.b.at(end - 1)
		through = lower(c.id, last.b.last)
	}
	return through, removed, nil
}

// lower returns the lower of an entry's ID and the last ID of its block: dead entries can be above that (see SetID), and
// above entries of the blocks behind.
func lower(id, last ID) ID {
	if last.Less(id) {
		return last
	}
	return id
}

// frontNode is how many entries are in the first node, and where it ends, at least. An approximate trim that may take fewer
// takes none, and need not look. It is zero when it is not known: whenever an entry has gone.
type frontNode struct {
	live uint64
	end  ID
}

// node is where a node begins, or a group of it.
type node struct {
	p place
	b *block // at p, with its content; nil: not yet looked at
	g int    // group
}

// firstNode returns the last node of which it is certain without a look at them that
// those before it go, and how many entries are in those.
func (s *Stream) firstNode(most uint64, bound place) (n node, before uint64, err error) {
	p, before := s.fitting(most, bound)
	for q, ok := s.before(p); ok; q, ok = s.before(q) {
		b := s.at(q)
		if b == s.open || b.node || b.nodes {
			if b, err = s.view(q); err != nil {
				return n, 0, err
			}
			for g := len(b.groups) - 1; g >= 0; g-- {
				if b.nodeAt(g) {
					return node{q, b, g}, before - uint64(b.liveIn(int(b.groups[g].ord), b.n)), nil
				}
			}
		}
		before -= uint64(b.live)
	}
	b, err := s.view(place{})
	if err != nil {
		return n, 0, err
	}
	return node{place{}, b, b.groupOf(b.start)}, 0, nil // what is in front of it is gone
}

// pass goes to the node behind n, and returns the last group of the one it was on, the
// ordinal behind it, and how many entries are in the node. It stops early when these
// are more than most.
func (s *Stream) pass(n *node, most uint64) (last node, live uint64, to int, err error) {
	for first := true; n.p != s.end() && live <= most; first = false {
		if !first && n.b == nil && s.at(n.p).node {
			break
		}
		if n.b == nil {
			if n.b, err = s.view(n.p); err != nil {
				return last, 0, 0, err
			}
		}
		if !first && n.b.nodeAt(n.g) {
			break
		}
		last, to = *n, n.b.groupEnd(n.g)
		live += uint64(n.b.liveIn(int(n.b.groups[n.g].ord), to))
		if n.g++; n.g == len(n.b.groups) {
			*n = node{p: s.next(n.p)}
		}
	}
	return last, live, to, nil
}

// Trim removes the entries up to and including through, removed in number.
// LastID and MaxDeletedID stay.
func (s *Stream) Trim(through ID, removed uint64) {
	s.length -= removed
	s.front = frontNode{}
	s.node.limit(s.length) // it is the last to go
	l := &s.sealed
	for len(l.chunks) > 0 && !through.Less(l.chunks[0].last()) {
		c := l.chunks[0]
		removed -= c.live
		s.charge(-c.memory, -c.disk, -len(c.blocks))
		l.cutChunk()
	}
	for len(l.chunks) > 0 && !through.Less(l.chunks[0].blocks[0].last) {
		b := l.chunks[0].blocks[0]
		removed -= uint64(b.live)
		s.charge(-b.memory(), -int64(b.ref.Length), -1)
		l.delete(place{})
	}
	switch {
	case removed == 0:
	case len(l.chunks) > 0:
		s.trimFront(through, removed)
	default:
		ord := s.open.n
		if through.Less(s.open.last) {
			next, _ := through.Next()
			ord, _ = s.open.seek(next)
		}
		s.open.dropBefore(ord)
		s.tidyOpen()
	}
	s.letGo()
}

func (c *chunk) last() ID { return c.blocks[len(c.blocks)-1].last }

// trimFront is Trim for the first block, of which something stays.
func (s *Stream) trimFront(through ID, removed uint64) {
	view := s.atHand(place{})
	b := s.edit(place{}, func(b *block) {
		if view == nil {
			b.forget(through, removed)
			return
		}
		next, _ := through.Next()
		ord, _ := view.seek(next)
		if b.dropBefore(ord); b.live > 0 {
			c := view.at(b.start)
			b.front = c.id
		}
	})
	s.tidy(place{}, b)
}

// forget drops entries up to one from a block whose content is not at hand.
func (b *block) forget(through ID, removed uint64) {
	if b.gone == nil {
		b.gone = new(gone)
	}
	g := b.gone
	g.through = through
	g.ids = slices.DeleteFunc(g.ids, func(id ID) bool { return !through.Less(id) })
	b.live -= int(removed)
	b.front = ID{}
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
