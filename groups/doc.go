// Package groups is consumer groups: who was given which entries of a stream, when, how often, and has not yet
// acknowledged them.
//
// It is a pure state machine. It knows no socket, no clock, no disk and no lock: times are arguments, in unix
// milliseconds, and the caller serialises all calls. The same calls in the same order give the same state, which is what
// makes a log of them enough to come back after a crash.
//
//	var set groups.Set
//	g := set.Create([]byte("mailers"), stream.ID{}, 0)
//	c := g.CreateConsumer([]byte("worker-1"), nowMS)
//	g.Deliver(c, ids, nowMS)             // they are pending now
//	g.Advance(ids[len(ids)-1], read)     // and the group goes on behind them
//	g.Ack(ids[:1])                       // one less
//	for it := g.Pending(stream.MinID); it.Next(); {
//		p := it.Entry()                  // p.ID, p.Consumer, p.DeliveredMS, p.Deliveries
//	}
//
// Whether an entry still exists is the stream's knowledge, not the group's: a pending entry may have been deleted or
// trimmed.
//
// # Memory
//
// Pending entries are kept in pages of up to 128, in order of their IDs, as runs of bytes (page.go has the picture):
// entries that one consumer got by one delivery cost one to four bytes each, whatever became of their neighbours.
//
// # Checkpoints
//
// Set.Copy is a call like the others, and short. What it returns is apart from the set and never changes: any goroutine
// may encode it while the set goes on. Decode makes a set of that again, which behaves as the one that was copied.
//
// # Invariants
//
// Check in the tests asserts these after every step: pages ascend and do not overlap, none is empty; the sum of all
// consumers' counts and of the unowned entries is the count of the group; a consumer lists exactly the pages in which it
// owns something; Oldest finds no less than a walk over everything; what is counted for Bytes is what is there.
package groups
