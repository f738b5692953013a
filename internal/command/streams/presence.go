package streams

import (
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/stream"
)

// presence tells whether a stream has entries, for IDs that are asked about in ascending order while it does not change.
// It walks along as long as they are neighbours, which is quicker than to search for each.
type presence struct {
	stream *state.Stream
	it     stream.Iter
	began  bool
	over   bool // there is nothing at or above the last ID asked for
}

func (p *presence) has(id stream.ID) bool {
	const steps = 8 // after which it is quicker to search
	if p.over {
		return false
	}
	if p.began {
		for range steps {
			if !p.it.ID().Less(id) {
				return p.it.ID() == id
			}
			if !p.it.Next() {
				p.over = true
				return false
			}
		}
	}
	p.it, p.began = p.stream.Range(id, stream.MaxID), true
	p.over = !p.it.Next()
	return !p.over && p.it.ID() == id
}
