package data

// ZSetIter goes through a sorted set in either direction, from one rank to another. It is invalid after a change.
type ZSetIter struct {
	set     ZSet
	rank    int // of the element that comes next
	left    int
	reverse bool
	page    scoreRun
	at      int // forwards: offset of the next element in page
	index   int // backwards: how many elements of page are left
	starts  [zsetPackedMost]int
}

// Range returns an iterator over n elements from a rank on, and Reverse one over n elements from a rank on downwards. All of
// them are there.
func (z ZSet) Range(rank, n int) ZSetIter { return ZSetIter{set: z, rank: rank, left: n} }

// Reverse: see Range.
func (z ZSet) Reverse(rank, n int) ZSetIter {
	return ZSetIter{set: z, rank: rank, left: n, reverse: true}
}

// Next returns the next element; ok is false behind the last.
func (it *ZSetIter) Next() (member []byte, score float64, ok bool) {
	if it.left == 0 {
		return nil, 0, false
	}
	it.left--
	if it.reverse {
		member, score = it.previous()
		return member, score, true
	}
	if it.at == len(it.page) {
		page, index := it.set.page(it.rank)
		it.page, it.at = page, page.skip(index)
	}
	it.rank++
	score, member, it.at = it.page.item(it.at)
	return member, score, true
}

// previous goes backwards. Nothing in a page says where the element before one begins: so the places of all are noted when
// a page is entered.
func (it *ZSetIter) previous() (member []byte, score float64) {
	if it.index == 0 {
		page, index := it.set.page(it.rank)
		it.page, it.index = page, index+1
		at := 0
		for i := range it.index {
			it.starts[i] = at
			_, _, at = page.item(at)
		}
	}
	it.rank--
	it.index--
	score, member, _ = it.page.item(it.starts[it.index])
	return member, score
}
