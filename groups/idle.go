package groups

import "github.com/weirmq/weir/stream"

// NextUntil goes to the next entry up to last that was delivered at untilMS or before, and reports whether there is one.
// Pages in which everything is younger are passed over without a look at their entries.
func (it *Iter) NextUntil(untilMS int64, last stream.ID) bool {
	if l := it.list; len(l.byAge) == 0 || l.byAge[0].oldest > untilMS {
		return false // nothing is that old
	}
	for {
		for it.c.next() {
			if last.Less(it.c.id) {
				return false
			}
			if (it.owner == 0 || it.c.owner == it.owner) && it.c.deliveredMS <= untilMS && !it.c.id.Less(it.from) {
				return true
			}
		}
		for len(it.pages) > 0 && it.pages[0].oldest > untilMS && !last.Less(it.pages[0].first) {
			it.pages = it.pages[1:]
		}
		if len(it.pages) == 0 {
			return false
		}
		it.c, it.pages = it.pages[0].cursor(), it.pages[1:]
	}
}
