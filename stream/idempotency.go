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
	// A turn for each call of Record: those to forget are at the front. Of a
	// producer's turns the last counts, the others go by and by. Never written
	// over: copies share it.
	turns []turn
	gone  uint64 // number of the first turn: so many were before it

	tracked    int
	held       int // estimate of the bytes that producers take
	added      uint64
	duplicates uint64
}

type producer struct {
	pid   string
	byIID map[string]uint64 // number of the record
	queue []record          // ascending by atMS, unless the clock went back. Never written over: copies share it
	first uint64            // number of the first record in the queue
	turn  uint64            // number of the last turn
	held  int               // estimate of the bytes that the producer takes
}

type turn struct {
	p     *producer
	queue []record // of p, after it
}

type record struct {
	iid  string
	atMS uint64
	id   ID
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
	n, ok := p.byIID[string(iid)]
	if !ok {
		return ID{}, false
	}
	// Those that are too old go from the front on: it is there as long as one up to it is not.
	upTo := p.queue[:n-p.first+1]
	for _, r := range upTo {
		if !d.expired(r, nowMS) {
			return upTo[len(upTo)-1].id, true
		}
	}
	return ID{}, false
}

// Record remembers that a producer's iid led to id at nowMS. The caller has
// made sure that Lookup finds none.
func (d *Idempotency) Record(pid, iid []byte, id ID, nowMS uint64) {
	d.Expire(nowMS)
	p := d.producers[string(pid)]
	if p == nil {
		p = d.newProducer(string(pid))
	}
	d.expireOf(p, nowMS)
	if _, ok := p.byIID[string(iid)]; !ok {
		d.add(p, record{string(iid), nowMS, id})
		d.added++
		d.drop(p, max(len(p.queue)-d.maxSize, 0))
	}
	d.takeTurn(p)
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
	d.turns = nil
	d.tracked, d.held = 0, 0
}

// Expire forgets the producers all of whose records are too old at nowMS.
// Record does so too; without either, memory stays as it is.
func (d *Idempotency) Expire(nowMS uint64) {
	for len(d.turns) > 0 {
		if p := d.turns[0].p; d.last(0) {
			if !d.expired(p.queue[len(p.queue)-1], nowMS) {
				return
			}
			delete(d.producers, p.pid)
			d.tracked -= len(p.queue)
			d.held -= p.held
		}
		d.turns = d.turns[1:]
		d.gone++
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
	n := 0
	for n < len(p.queue) && d.expired(p.queue[n], nowMS) {
		n++
	}
	d.drop(p, n)
}

// newProducer adds a producer without records, who has had no turn yet.
func (d *Idempotency) newProducer(pid string) *producer {
	p := &producer{pid: pid, byIID: map[string]uint64{}}
	d.producers[pid] = p
	d.hold(p, perProducer+len(pid))
	return p
}

// add remembers a record of p, who has none of that iid.
func (d *Idempotency) add(p *producer, r record) {
	p.byIID[r.iid] = p.first + uint64(len(p.queue))
	p.queue = append(p.queue, r)
	d.tracked++
	d.hold(p, perRecord+len(r.iid))
}

// drop forgets the first n records of p.
func (d *Idempotency) drop(p *producer, n int) {
	for _, r := range p.queue[:n] {
		delete(p.byIID, r.iid)
		d.hold(p, -perRecord-len(r.iid))
	}
	d.tracked -= n
	p.first += uint64(n)
	p.queue = p.queue[n:]
	if n > len(p.queue) {
		p.queue = append([]record(nil), p.queue...) // else what was dropped would stay until it has grown again
	}
}

// What a producer takes, with its place in the map, and a record, with its place in another and room in the queue.
const (
	perProducer = 370
	perRecord   = 100
)

func (d *Idempotency) hold(p *producer, bytes int) {
	p.held += bytes
	d.held += bytes
}

// takeTurn notes that p is the producer of the latest Record.
func (d *Idempotency) takeTurn(p *producer) {
	if len(d.turns) == cap(d.turns) {
		kept := make([]turn, 0, 2*len(d.producers)+16)
		for i, t := range d.turns {
			if d.last(i) {
				t.p.turn = d.gone + uint64(len(kept))
				kept = append(kept, t)
			}
		}
		d.turns = kept
	}
	p.turn = d.gone + uint64(len(d.turns))
	d.turns = append(d.turns, turn{p, p.queue})
}

// last reports whether a turn is the last one of its producer.
func (d *Idempotency) last(i int) bool { return d.turns[i].p.turn == d.gone+uint64(i) }

// bytes estimates the memory that d holds.
func (d *Idempotency) bytes() int { return 128 + d.held }
