package streams

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
)

// readLimits bound what one read returns. 0 is no bound.
type readLimits struct {
	count    uint64 // entries per stream
	maxCount uint64 // entries of all streams together
	maxSize  uint64 // bytes of the reply; a first entry that is larger comes nevertheless
}

// reading is a reply of XREAD or XREADGROUP in the making: a map of keys and their entries in RESP3, an array of pairs in
// RESP2. A stream is written between open and close.
type reading struct {
	out     *resp.Writer
	start   int // where the reply begins
	limits  readLimits
	most    int // bytes of the reply after which no entry begins; 0: any number
	streams int
	entries uint64
	full    bool // a limit on everything was reached

	e         emitter
	streamAt  int // where the open stream begins
	listAt    int // where the list of its entries begins
	inStream  uint64
	collected []stream.ID // unless nil: IDs of the entries, without those that are deleted
}

// begin starts a reply that is about so many streams.
func (r *reading) begin(c *command.Call, limits readLimits, sources int) {
	r.out, r.start, r.limits, r.most, r.e.out = c.Out, c.Out.Mark(), limits, c.MaxReply, c.Out
	r.out.Limit(0) // a reading ends by itself, between two entries
	if sources == 1 {
		r.header(1) // the common case needs no inserting
	}
}

// finish ends the reply, and reports whether there is anything in it. If not, nothing was written.
func (r *reading) finish(sources int) bool {
	switch {
	case r.streams == 0:
		r.out.Truncate(r.start)
		return false
	case sources == 1:
	case r.out.Protocol() == 3:
		r.out.InsertMap(r.start, r.streams)
	default:
		r.out.InsertArray(r.start, r.streams)
	}
	return true
}

func (r *reading) header(streams int) {
	if r.out.Protocol() == 3 {
		r.out.Map(streams)
	} else {
		r.out.Array(streams)
	}
}

func (r *reading) open(key []byte) {
	r.streamAt = r.out.Mark()
	if r.out.Protocol() != 3 {
		r.out.Array(2)
	}
	r.out.Bulk(key)
	r.listAt = r.out.Mark()
	r.inStream = 0
}

// close ends the open stream, which disappears from the reply if nothing was put into it, unless it is to be there in any
// case.
func (r *reading) close(inAnyCase bool) {
	r.e.flush()
	if r.inStream == 0 && !inAnyCase {
		r.out.Truncate(r.streamAt)
		return
	}
	r.out.InsertArray(r.listAt, int(r.inStream))
	r.streams++
}

// add writes the entries of one stream, unless there are none or nothing more is wanted.
func (r *reading) add(src source, s *state.Stream) error {
	if r.full {
		return nil
	}
	some, err := above(s, src.above)
	if !some || err != nil {
		return err
	}
	from, _ := src.above.Next()
	r.open(src.key)
	err = r.addRange(s, from, nil)
	r.close(false)
	return err
}

// addRange writes the stream's entries from an ID on, as far as the limits allow.
func (r *reading) addRange(s *state.Stream, from stream.ID, p *previously) error {
	if !r.wants() {
		return nil
	}
	it := s.Range(from, stream.MaxID)
	for it.Next() {
		if !r.put(&it, p) || !r.wants() {
			return nil
		}
	}
	return it.Err()
}

// above reports whether a stream has an entry above an ID.
func above(s *state.Stream, id stream.ID) (bool, error) {
	if !id.Less(s.LastID()) {
		return false, nil // the common case; the last entry may have been deleted, and the one before it not be at hand
	}
	last, ok, err := s.Last()
	return ok && id.Less(last), err
}

// wants reports whether the limits on numbers of entries leave room for one more.
func (r *reading) wants() bool {
	return !r.full && (r.limits.count == 0 || r.inStream < r.limits.count)
}

// previously is what XREADGROUP with CLAIM says about an entry beside its content.
type previously struct{ idleMS, deliveries int64 }

// put writes an entry, and reports whether the limit on bytes allowed it.
func (r *reading) put(it *stream.Iter, p *previously) bool {
	before := 0
	if r.limits.maxSize > 0 {
		r.e.flush() // so that the entry can be taken back
		before = r.out.Mark()
	}
	if p == nil {
		r.e.entry(it)
	} else {
		r.e.delivery(it, p.idleMS, p.deliveries)
	}
	if r.limits.maxSize > 0 && uint64(r.out.Mark()+r.e.n-r.start) > r.limits.maxSize {
		r.full = true
		if r.entries > 0 {
			r.e.n = 0
			r.out.Truncate(before)
			return false
		}
	}
	if r.collected != nil {
		r.collected = append(r.collected, it.ID())
	}
	r.count()
	return true
}

// pass counts an entry that is not at hand, so that one asks for no more of them than will be read.
func (r *reading) pass(id stream.ID) {
	r.collected = append(r.collected, id)
	r.count()
}

// putDeleted writes an ID whose entry is no longer there.
func (r *reading) putDeleted(c *command.Call, id stream.ID) {
	r.e.flush()
	r.out.Array(2)
	writeID(c, id)
	r.out.NullArray()
	r.count()
}

func (r *reading) count() {
	r.inStream++
	r.entries++
	r.full = r.full || r.limits.maxCount > 0 && r.entries >= r.limits.maxCount || r.most > 0 && r.out.Len()+r.e.n > r.most
}
