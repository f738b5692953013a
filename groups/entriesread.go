package groups

import "github.com/weirmq/weir/stream"

// How many entries a group has read is a number only as long as nothing was deleted in front of it: a stream knows its
// length, its first entry, how many entries were ever added and the highest ID that was deleted, but not where in its
// history an entry stood. So the counter goes up by one for each entry if it was known and no deletion lies at or ahead
// of the entry. Otherwise it is estimated, which works at the two ends of the stream and nowhere else.

// ReadAfter returns what EntriesRead is after the delivery of ids, which are in the stream: they ascend, and all are
// above LastDelivered. It changes nothing. The rule is that of Redis 7.0, Unknown included. The error is that of
// stream.Stream.First.
func (g *Group) ReadAfter(s *stream.Stream, ids []stream.ID) (int64, error) {
	p, err := pastOf(s)
	if err != nil {
		return 0, err
	}
	read := g.entriesRead
	for _, id := range ids {
		if read != Unknown && !p.deletedFrom(id) {
			read++
		} else {
			read = p.upTo(id)
		}
	}
	return read, nil
}

// past is what a stream that has entries knows of its history.
type past struct {
	added, length  int64
	first, last    stream.ID
	deleted        stream.ID // the highest deleted ID; zero: none
	deletedInFront bool      // it is below all entries
}

func pastOf(s *stream.Stream) (past, error) {
	p := past{added: int64(s.EntriesAdded()), length: int64(s.Len()), last: s.LastID(), deleted: s.MaxDeletedID()}
	var err error
	p.first, _, err = s.First()
	p.deletedInFront = p.deleted == stream.MinID || p.deleted.Less(p.first)
	return p, err
}

// deletedFrom reports whether the highest deleted ID is id or above it.
func (p *past) deletedFrom(id stream.ID) bool {
	return p.deleted != stream.MinID && !p.deleted.Less(id)
}

// upTo returns how many of the entries ever added have IDs up to that of an entry, or Unknown.
func (p *past) upTo(id stream.ID) int64 {
	switch {
	case id == p.last:
		return p.added
	case id == p.first && p.deletedInFront:
		return p.added - p.length + 1
	default:
		return Unknown
	}
}
