package stream

// Idempotency remembers, per producer, which entry a producer's own identifier
// (an iid) led to, so that sending again yields the entry of the first time.
//
// Each producer's memory is a queue: what is older than the duration, or beyond
// the maximum size, leaves at its front. A producer of whom nothing is left is
// forgotten. Everything follows from the arguments of Record, Expire, Configure
// and Duplicate, so that replaying these calls gives the same state.
type Idempotency struct {
	durationMS uint64
	maxSize    int

	producers map[string]*producer
	// The producers by their latest record, the least recent one first. Those to
	// forget are at its front.
	front, back *producer

	tracked    int
	added      uint64
	duplicates uint64
}

type producer struct {
	pid        string
	byIID      map[string]ID
	queue      []record // ascending by atMS, unless the clock went back
	prev, next *producer
}

type record struct {
	iid  string
	atMS uint64
}

// The bounds and defaults of Configure.
const (
	DefaultIdempotencySeconds = 100
	MaxIdempotencySeconds     = 86400
	DefaultIdempotencySize    = 100
	MaxIdempotencySize        = 10000
)

// IdempotencyStats are counters for people. Added and Duplicates count from the
// beginning, the others what is remembered.
type IdempotencyStats struct {
	Seconds, MaxSize  int
	Producers, IIDs   int
	Added, Duplicates uint64
}

// Idempotency is the stream's memory of producers' identifiers, nil if it never
// had any.
func (s *Stream) Idempotency() *Idempotency { return s.idempotency }

// EnsureIdempotency is Idempotency, made with the defaults if there is none.
func (s *Stream) EnsureIdempotency() *Idempotency {
	if s.idempotency == nil {
		s.idempotency = &Idempotency{
			durationMS: DefaultIdempotencySeconds * 1000,
			maxSize:    DefaultIdempotencySize,
			producers:  map[string]*producer{},
		}
	}
	return s.idempotency
}

// Lookup returns the ID that was recorded for a producer's iid, unless that is
// too old at nowMS. It may be called on nil.
func (d *Idempotency) Lookup(pid, iid []byte, nowMS uint64) (ID, bool) {
	if d == nil {
		return ID{}, false
	}
	p := d.producers[string(pid)]
	if p == nil {
		return ID{}, false
	}
	id, ok := p.byIID[string(iid)]
	if !ok {
		return ID{}, false
	}
	// Few are expired and still there: only those need a look at their age.
	for _, r := range p.queue {
		if !d.expired(r, nowMS) {
			break
		}
		if r.iid == string(iid) {
			return ID{}, false
		}
	}
	return id, true
}

// Record remembers that a producer's iid led to id at nowMS. The caller has
// made sure that Lookup finds none.
func (d *Idempotency) Record(pid, iid []byte, id ID, nowMS uint64) {
	d.Expire(nowMS)
	p := d.producers[string(pid)]
	if p == nil {
		p = &producer{pid: string(pid), byIID: map[string]ID{}}
		d.producers[p.pid] = p
	} else {
		d.unlink(p)
		d.expireOf(p, nowMS)
	}
	d.link(p)
	if _, ok := p.byIID[string(iid)]; ok {
		return
	}
	r := record{string(iid), nowMS}
	p.byIID[r.iid] = id
	p.queue = append(p.queue, r)
	d.tracked++
	d.added++
	for len(p.queue) > d.maxSize {
		d.drop(p)
	}
}

// Duplicate counts that Lookup found something and an entry was not appended.
func (d *Idempotency) Duplicate() { d.duplicates++ }

// Configure sets how long, and how much per producer, is remembered, and forgets
// everything unless that is what was set before.
func (d *Idempotency) Configure(seconds, maxSize int) {
	if d.durationMS == uint64(seconds)*1000 && d.maxSize == maxSize {
		return
	}
	d.durationMS, d.maxSize = uint64(seconds)*1000, maxSize
	d.producers = map[string]*producer{}
	d.front, d.back = nil, nil
	d.tracked = 0
}

// Expire forgets the producers all of whose records are too old at nowMS.
// Record does so too; without either, memory stays as it is.
func (d *Idempotency) Expire(nowMS uint64) {
	for p := d.front; p != nil && d.expired(p.queue[len(p.queue)-1], nowMS); p = d.front {
		d.unlink(p)
		delete(d.producers, p.pid)
		d.tracked -= len(p.queue)
	}
}

// Stats returns the settings and counters.
func (d *Idempotency) Stats() IdempotencyStats {
	return IdempotencyStats{
		Seconds: int(d.durationMS / 1000), MaxSize: d.maxSize,
		Producers: len(d.producers), IIDs: d.tracked,
		Added: d.added, Duplicates: d.duplicates,
	}
}

func (d *Idempotency) expired(r record, nowMS uint64) bool {
	return nowMS >= r.atMS && nowMS-r.atMS >= d.durationMS
}

func (d *Idempotency) expireOf(p *producer, nowMS uint64) {
	for len(p.queue) > 0 && d.expired(p.queue[0], nowMS) {
		d.drop(p)
	}
}

// drop forgets the first record of p.
func (d *Idempotency) drop(p *producer) {
	delete(p.byIID, p.queue[0].iid)
	p.queue[0] = record{}
	p.queue = p.queue[1:]
	d.tracked--
}

// link puts p at the back: it has the latest record.
func (d *Idempotency) link(p *producer) {
	p.prev, p.next = d.back, nil
	if d.back != nil {
		d.back.next = p
	} else {
		d.front = p
	}
	d.back = p
}

func (d *Idempotency) unlink(p *producer) {
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		d.front = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		d.back = p.prev
	}
	p.prev, p.next = nil, nil
}

// bytes estimates the memory that d holds.
func (d *Idempotency) bytes() int {
	n := 128
	for _, p := range d.producers {
		n += 160 + len(p.pid) + cap(p.queue)*24 + len(p.byIID)*48
		for _, r := range p.queue {
			n += len(r.iid)
		}
	}
	return n
}
