package state

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/stream"
)

// Changes to the groups of a stream. After the head of every change (see change.go) and, but for stream drop, the name of
// the group as bytes, their payloads are
//
//	stream drop      ids, all of which are there: entries go as if trimmed, from anywhere
//	group create     id last delivered, entries read; makes the stream, too, if there is none
//	group set ID     id last delivered, entries read
//	group destroy    nothing
//	consumer create  consumer, time
//	consumer delete  consumer
//	group deliver    consumer, time, id last delivered, entries read, ids that are pending now: none for NOACK
//	group ack        ids
//	group claim      consumer, time, time of delivery, count, ids
//	group release    count, ids
//
// A time is unix ms as a varint, -1 in a claim that does not count as activity; entries read is a varint, -1 for unknown; a consumer is bytes. A count is a byte, how,
// and a uvarint, to which: what becomes of the number of deliveries (groups.Count). ids are
//
//	uvarint n, n × (varint ms above the ID before; then varint seq above it if that is 0, else uvarint seq)
const (
	changeStreamDrop byte = iota + 10
	changeGroupCreate
	changeGroupSetID
	changeGroupDestroy
	changeConsumerCreate
	changeConsumerDelete
	changeGroupDeliver
	changeGroupAck
	changeGroupClaim
	changeGroupRelease
)

func appendIDs(b []byte, ids []stream.ID) []byte {
	b = binary.AppendUvarint(b, uint64(len(ids)))
	prev := stream.ID{}
	for _, id := range ids {
		if id.MS == prev.MS {
			b = binary.AppendVarint(append(b, 0), int64(id.Seq-prev.Seq))
		} else {
			b = binary.AppendUvarint(binary.AppendVarint(b, int64(id.MS-prev.MS)), id.Seq)
		}
		prev = id
	}
	return b
}

// ids decodes a list into the keyspace's scratch.
func (k *Keyspace) ids(r *reader) []stream.ID {
	n := r.number()
	if n > uint64(len(r.rest))/2 {
		r.fail()
		return nil
	}
	k.scratchIDs = k.scratchIDs[:0]
	prev := stream.ID{}
	for range n {
		if step := r.signed(); step == 0 {
			prev.Seq += uint64(r.signed())
		} else {
			prev = stream.ID{MS: prev.MS + uint64(step), Seq: r.number()}
		}
		k.scratchIDs = append(k.scratchIDs, prev)
	}
	return k.scratchIDs
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) count() groups.Count {
	how, to := r.byte(), r.number()
	if how > byte(groups.CountSet) || int64(to) < 0 {
		r.fail()
	}
	return groups.Count{How: groups.CountHow(how), To: int64(to)}
}

func appendCount(b []byte, c groups.Count) []byte {
	return binary.AppendUvarint(append(b, byte(c.How)), uint64(c.To))
}

func appendGroupHead(b []byte, kind byte, db int, key, group []byte) []byte {
	return appendBytes(appendHead(b, kind, db, key), group)
}

// applyToGroup makes a change of this file true.
func (k *Keyspace) applyToGroup(kind, version byte, db int, slot uint16, key []byte, r *reader) error {
	s := k.streamAt(db, slot, key)
	if s == nil && kind != changeGroupCreate {
		return fmt.Errorf("%w: kind %d changes a stream that does not exist", ErrDamagedChange, kind)
	}
	if kind == changeStreamDrop {
		ids := k.ids(r)
		if version == 1 {
			ids = slices.DeleteFunc(ids, func(id stream.ID) bool { return !k.had(s, id, r) })
		}
		if r.err == nil {
			s.Drop(ids)
		}
		return r.err
	}
	name := r.bytes()
	if kind == changeGroupCreate {
		last, read := r.id(), r.signed()
		_, taken := k.databases[db].find(slot, key)
		if r.err != nil || s == nil && taken || s != nil && s.Groups.Get(name) != nil {
			return ErrDamagedChange
		}
		k.groupCreate(s, db, slot, key, name, last, read)
		return nil
	}
	g := s.Groups.Get(name)
	if g == nil {
		return fmt.Errorf("%w: kind %d changes a group that does not exist", ErrDamagedChange, kind)
	}
	switch kind {
	case changeGroupSetID:
		if last, read := r.id(), r.signed(); r.err == nil {
			g.Advance(last, read)
		}
		return r.err
	case changeGroupDestroy:
		s.Groups.Destroy(name)
		return r.err
	case changeGroupAck:
		if ids := k.ids(r); r.err == nil {
			g.Ack(ids)
		}
		return r.err
	case changeGroupRelease:
		count := r.count()
		if ids := k.ids(r); r.err == nil {
			g.Release(ids, count)
		}
		return r.err
	}
	return k.applyToConsumer(kind, g, r)
}

func (k *Keyspace) applyToConsumer(kind byte, g *groups.Group, r *reader) error {
	name := r.bytes()
	c := g.Consumer(name)
	if r.err != nil || (c != nil) == (kind == changeConsumerCreate) {
		return fmt.Errorf("%w: kind %d, a consumer that does not exist, or does already", ErrDamagedChange, kind)
	}
	switch kind {
	case changeConsumerCreate:
		if now := r.signed(); r.err == nil {
			g.CreateConsumer(name, now)
		}
	case changeConsumerDelete:
		g.DeleteConsumer(name)
	case changeGroupDeliver:
		now, last, read := r.signed(), r.id(), r.signed()
		ids := k.ids(r)
		if !ascend(ids) {
			r.fail()
		}
		if r.err == nil {
			groupDeliver(g, c, ids, now, last, read)
		}
	case changeGroupClaim:
		now, delivered, count := r.signed(), r.signed(), r.count()
		if ids := k.ids(r); r.err == nil {
			groupClaim(g, c, ids, now, delivered, count)
		}
	default:
		return fmt.Errorf("%w: kind %d", ErrUnknownChange, kind)
	}
	return r.err
}

func ascend(ids []stream.ID) bool {
	for i := 1; i < len(ids); i++ {
		if !ids[i-1].Less(ids[i]) {
			return false
		}
	}
	return true
}

func (k *Keyspace) groupCreate(s *Stream, db int, slot uint16, key, name []byte, last stream.ID, read int64) {
	if s == nil {
		s = k.newStream(db, slot, key)
	}
	if s.Groups == nil {
		s.Groups = new(groups.Set)
	}
	s.Groups.Create(name, last, read)
}

func groupDeliver(g *groups.Group, c *groups.Consumer, ids []stream.ID, now int64, last stream.ID, read int64) {
	g.Advance(last, read)
	if len(ids) > 0 {
		g.Deliver(c, ids, now)
		c.Activate(now)
	}
}

func groupClaim(g *groups.Group, c *groups.Consumer, ids []stream.ID, now, delivered int64, count groups.Count) {
	g.Claim(c, ids, delivered, count)
	if now != groups.Unknown {
		c.Activate(now)
	}
}
