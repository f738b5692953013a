package state

import (
	"encoding/binary"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/stream"
)

// The changes to groups. Each method needs the key to hold a stream and the group and the consumer to be there, unless it
// says otherwise; names are copied. All times are unix milliseconds.

// StreamDrop removes entries, which are there and each named once, from anywhere in the stream as trimming does:
// MaxDeletedID stays.
func (tx *Tx) StreamDrop(key []byte, ids []stream.ID) {
	s := tx.touchStream(key)
	tx.record = appendIDs(appendHeadVersion(tx.record, changeStreamDrop, 2, tx.db, key), ids)
	s.Drop(ids)
}

// GroupCreate adds a group to the stream at key, and makes the stream if there is none. entriesRead may be groups.Unknown.
func (tx *Tx) GroupCreate(key, group []byte, last stream.ID, entriesRead int64) {
	r, ok := tx.touch(key)
	b := appendID(appendGroupHead(tx.record, changeGroupCreate, tx.db, key, group), last)
	tx.record = binary.AppendVarint(b, entriesRead)
	var s *Stream
	if ok {
		s = r.object().(*Stream)
	} else {
		tx.cachedKey = nil
	}
	tx.keyspace.groupCreate(s, tx.db, r.slot, key, group, last, entriesRead)
	if !ok {
		tx.see(tx.db, key)
	}
}

// GroupSetID moves a group to another place in the stream.
func (tx *Tx) GroupSetID(key, group []byte, last stream.ID, entriesRead int64) {
	g := tx.touchGroup(key, group)
	b := appendID(appendGroupHead(tx.record, changeGroupSetID, tx.db, key, group), last)
	tx.record = binary.AppendVarint(b, entriesRead)
	g.Advance(last, entriesRead)
}

// GroupDestroy removes a group, its consumers and what is pending. Who waits for the key looks again.
func (tx *Tx) GroupDestroy(key, group []byte) {
	s := tx.touchStream(key)
	tx.ready = append(tx.ready, Ref{tx.db, key})
	tx.record = appendGroupHead(tx.record, changeGroupDestroy, tx.db, key, group)
	s.Groups.Destroy(group)
}

// ConsumerCreate adds a consumer, which must not be there.
func (tx *Tx) ConsumerCreate(key, group, consumer []byte, nowMS int64) {
	g := tx.touchGroup(key, group)
	b := appendBytes(appendGroupHead(tx.record, changeConsumerCreate, tx.db, key, group), consumer)
	tx.record = binary.AppendVarint(b, nowMS)
	g.CreateConsumer(consumer, nowMS)
}

// ConsumerDelete removes a consumer with what is pending for it, and returns how much that was.
func (tx *Tx) ConsumerDelete(key, group, consumer []byte) (pending int) {
	g := tx.touchGroup(key, group)
	tx.record = appendBytes(appendGroupHead(tx.record, changeConsumerDelete, tx.db, key, group), consumer)
	return g.DeleteConsumer(consumer)
}

// ConsumerSeen notes that a consumer tried to read or claim. It is not logged: who asks a stream without new entries
// again and again must not fill the disk. After a restart it is the time of the last change that names the consumer, or what it
// was when a checkpoint was made.
func (tx *Tx) ConsumerSeen(c *groups.Consumer, nowMS int64) { c.See(nowMS) }

// GroupDeliver moves the group on to last and makes entries pending for a consumer, if there are any; they ascend.
func (tx *Tx) GroupDeliver(key, group, consumer []byte, ids []stream.ID, nowMS int64, last stream.ID, entriesRead int64) {
	g := tx.touchGroup(key, group)
	b := appendBytes(appendGroupHead(tx.record, changeGroupDeliver, tx.db, key, group), consumer)
	b = appendID(binary.AppendVarint(b, nowMS), last)
	tx.record = appendIDs(binary.AppendVarint(b, entriesRead), ids)
	groupDeliver(g, g.Consumer(consumer), ids, nowMS, last, entriesRead)
}

// GroupAck ends the wait for entries, and returns how many of them were pending. If none was, nothing changes.
func (tx *Tx) GroupAck(key, group []byte, ids []stream.ID) (acked int) {
	g := tx.touchGroup(key, group)
	before := len(tx.record)
	tx.record = appendIDs(appendGroupHead(tx.record, changeGroupAck, tx.db, key, group), ids)
	if acked = g.Ack(ids); acked == 0 {
		tx.takeBack(before)
	}
	return acked
}

// GroupClaim gives entries to a consumer, pending or not, as if delivered at deliveredMS. nowMS is when the consumer was
// active: groups.Unknown if it was not. If the delivery is in the past, who waits for the key looks again.
func (tx *Tx) GroupClaim(key, group, consumer []byte, ids []stream.ID, nowMS, deliveredMS int64, count groups.Count) {
	g := tx.touchGroup(key, group)
	if deliveredMS < nowMS {
		tx.ready = append(tx.ready, Ref{tx.db, key})
	}
	b := appendBytes(appendGroupHead(tx.record, changeGroupClaim, tx.db, key, group), consumer)
	b = binary.AppendVarint(binary.AppendVarint(b, nowMS), deliveredMS)
	tx.record = appendIDs(appendCount(b, count), ids)
	groupClaim(g, g.Consumer(consumer), ids, nowMS, deliveredMS, count)
}

// GroupRelease takes entries, pending or not, from their consumers: they are nobody's. Who waits for the key looks again.
func (tx *Tx) GroupRelease(key, group []byte, ids []stream.ID, count groups.Count) {
	g := tx.touchGroup(key, group)
	tx.ready = append(tx.ready, Ref{tx.db, key})
	tx.record = appendIDs(appendCount(appendGroupHead(tx.record, changeGroupRelease, tx.db, key, group), count), ids)
	g.Release(ids, count)
}

// touchGroup notes that a group is about to change, and returns it.
func (tx *Tx) touchGroup(key, group []byte) *groups.Group {
	return tx.touchStream(key).Groups.Get(group)
}

// BorrowIDs returns an empty list with room, for a command to collect IDs in, so that it allocates nothing. ReturnIDs takes
// it back, perhaps grown.
func (tx *Tx) BorrowIDs() []stream.ID {
	if tx.ids == nil {
		tx.ids = make([]stream.ID, 0, 128)
	}
	return tx.ids[:0]
}

// ReturnIDs ends the use of a list from BorrowIDs.
func (tx *Tx) ReturnIDs(ids []stream.ID) {
	if cap(ids) <= keepKeys {
		tx.ids = ids
	}
}
