package groups

import "github.com/weirmq/weir/stream"

// How many entries a group has read is a number only as long as nothing was deleted in front of it: a stream knows its
// length, its first entry, how many entries were ever added and the highest ID that was deleted, but not where in its
// history an entry stood. So the counter goes up by one for each entry if it was known and no deletion lies at or ahead
// of the entry. Otherwise it is estimated, which works at the two ends of the stream and nowhere else.

// ReadAfter returns what EntriesRead is after the delivery of ids: they ascend, and all are above LastDelivered. It
// changes nothing. The rule is that of Redis 7.0, Unknown included.
func (g *Group) ReadAfter(s *stream.Stream, ids []stream.ID) int64 {
	read := g.entriesRead
	for _, id := range ids {
		if read != Unknown && !deletedFrom(s, id) {
			read++
		} else if s.EntriesAdded() > 0 {
			read = readUpTo(s, id)
		}
	}
	return read
}

// deletedFrom reports whether the highest deleted ID is id or above it. An empty stream has nothing to miscount.
func deletedFrom(s *stream.Stream, id stream.ID) bool {
	deleted := s.MaxDeletedID()
	return s.Len() > 0 && deleted != stream.MinID && !deleted.Less(id)
}

// readUpTo returns how many of the entries ever added have IDs up to this one, or Unknown.
func readUpTo(s *stream.Stream, id stream.ID) int64 {
	added, length := int64(s.EntriesAdded()), int64(s.Len())
	switch id.Compare(s.LastID()) {
	case 0:
		return added
	case 1:
		return Unknown
	}
	first, ok := s.First()
	if !ok {
		return added
	}
	if !s.MaxDeletedID().Less(first) && s.MaxDeletedID() != stream.MinID {
		return Unknown // what was deleted may have been on either side of id
	}
	switch id.Compare(first) {
	case -1:
		return added - length
	case 0:
		return added - length + 1
	}
	return Unknown
}
