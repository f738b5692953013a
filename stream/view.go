package stream

import "errors"

// How the blocks of a stream are come by: in order, by ID, and with their content.

// end is the place behind the last entry.
func (s *Stream) end() place {
	p := s.sealed.end()
	if s.open != nil && s.open.n > 0 {
		p.block = 1
	}
	return p
}

func (s *Stream) at(p place) *block {
	if p.chunk == len(s.sealed.chunks) {
		return s.open
	}
	return s.sealed.at(p)
}

func (s *Stream) next(p place) place {
	if p.chunk == len(s.sealed.chunks) {
		return s.end()
	}
	return s.sealed.next(p)
}

// before is the place before p; false at the beginning.
func (s *Stream) before(p place) (place, bool) {
	if open := s.sealed.end(); p.chunk == open.chunk && p.block > 0 {
		return open, true
	}
	return s.sealed.before(p)
}

// after reports whether p is behind q.
func (p place) after(q place) bool {
	return p.chunk > q.chunk || p.chunk == q.chunk && p.block > q.block
}

// search returns the place of the first block whose last ID is not below id, or
// the end.
func (s *Stream) search(id ID) place {
	p := s.sealed.search(id)
	if p == s.sealed.end() && s.open != nil && s.open.n > 0 && s.open.last.Less(id) {
		return s.end()
	}
	return p
}

// edit changes the sealed block at p by f.
func (s *Stream) edit(p place, f func(*block)) *block {
	b := s.sealed.at(p)
	memory, disk := b.memory(), int64(b.ref.Length)
	b = s.sealed.edit(p, f)
	s.charge(b.memory()-memory, int64(b.ref.Length)-disk, 0)
	return b
}

// atHand returns the block at p with its content and with everything settled, nil
// if the content is neither in memory nor at hand. It is not to be changed, but by
// edit.
func (s *Stream) atHand(p place) *block {
	b := s.at(p)
	if b.Body != nil {
		return b
	}
	if s.source == nil {
		return nil
	}
	body := s.source.Body(b.ref)
	if body == nil {
		return nil
	}
	if b.gone != nil {
		b = s.edit(p, func(b *block) {
			b.Body = body
			b.settle()
			b.Body = nil
		})
	}
	view := *b
	view.Body = body
	return &view
}

// view is atHand, or asks for the content and returns an error.
func (s *Stream) view(p place) (*block, error) {
	if b := s.atHand(p); b != nil {
		return b, nil
	}
	return nil, s.want(p, false)
}

// settled is the block at p with everything settled, perhaps without its content.
func (s *Stream) settled(p place) (*block, error) {
	if b := s.at(p); b.gone == nil {
		return b, nil
	}
	return s.view(p)
}

// ErrNoSource says that a stream was told that a block is cold, but not where to get
// it from.
var errNoSource = errors.New("stream: there is no source of blocks")

// maxAhead bounds how many blocks behind the one that is needed are asked for.
const maxAhead = 64

// want asks for the content of the block at p, and, if the reader came to it from its
// neighbour, for those behind it.
func (s *Stream) want(p place, backwards bool) error {
	b := s.at(p)
	if s.source == nil {
		return &LostError{b.first, b.last, errNoSource}
	}
	refs := []Ref{b.ref}
	if s.followed(p, backwards) {
		refs = s.ahead(refs, p, backwards, maxAhead)
	}
	err := s.source.Want(refs)
	if errors.Is(err, ErrCold) || errors.Is(err, ErrTooMuch) {
		return err
	}
	return &LostError{b.first, b.last, err}
}

// ahead adds the refs of the cold blocks behind p, up to the first that is not, and so many
// at most.
func (s *Stream) ahead(refs []Ref, p place, backwards bool, most int) []Ref {
	for q, ok := s.step(p, backwards); ok && most > 0 && s.at(q).Body == nil; q, ok = s.step(q, backwards) {
		refs = append(refs, s.at(q).ref)
		most--
	}
	return refs
}

// followed reports whether the block before the one at p is at hand: then whoever comes
// to p has perhaps come from there.
func (s *Stream) followed(p place, backwards bool) bool {
	q, ok := s.step(p, !backwards)
	return ok && s.isAtHand(q)
}

// soonAhead is how many blocks are kept ahead of a reader that goes through a stream.
const soonAhead = 8

// soon tells the source what follows the cold block at p, if the two before it are at hand,
// for who has had three in a row will have the fourth.
func (s *Stream) soon(p place, backwards bool) {
	q, ok := s.step(p, !backwards)
	if ok && s.isAtHand(q) && s.followed(q, backwards) {
		if refs := s.ahead(nil, p, backwards, soonAhead); refs != nil {
			s.source.Soon(refs)
		}
	}
}

// isAtHand reports whether the block at p is cold, and its content at hand.
func (s *Stream) isAtHand(p place) bool {
	b := s.at(p)
	return b.Body == nil && s.source.Body(b.ref) != nil
}

// step is the place behind or before p; false if there is none.
func (s *Stream) step(p place, backwards bool) (place, bool) {
	if backwards {
		return s.before(p)
	}
	p = s.next(p)
	return p, p != s.end()
}
