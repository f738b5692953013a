// Package stream is an append-only list of entries as a value: identifiers in
// strictly ascending order, each with a list of (name, value) fields.
//
// # Contract
//
// A Stream holds bytes, not objects. Entries live in blocks, one contiguous
// byte slice each (see block.go), so a million entries are some hundred
// allocations and the garbage collector has next to nothing to look at.
//
//   - Everything here is deterministic: there is no clock, no random source and
//     no I/O. Times are arguments.
//   - A Stream is not safe for concurrent use. Whoever owns it locks.
//   - Deciding and changing are apart. NextID, NextSeq, CheckID, PlanTrimMaxLen
//     and PlanTrimMinID look and change nothing; Append, Delete, Trim and SetID
//     change and cannot fail. A caller may therefore log the decision first.
//   - Len, LastID, EntriesAdded and MaxDeletedID are exact and O(1). Finding an
//     ID is a binary search over blocks, one over a block's groups, and at most
//     a group's entries after that.
//   - Slices that an Iter hands out alias the stream. They and the Iter are
//     valid until the next change of the stream.
//   - Memory follows what is alive: a block without a live entry goes whole, and
//     one that is mostly dead is rewritten.
//   - Append copies what it is given and, in the steady state, allocates once
//     per block.
//
// # Example
//
//	s := stream.New(stream.Config{})
//	id, err := s.NextID(nowMS)
//	if err != nil {
//		return err
//	}
//	s.Append(id, [][]byte{[]byte("airport"), []byte("SFO"), []byte("delay"), []byte("12")})
//	for it := s.Range(stream.MinID, stream.MaxID); it.Next(); {
//		for it.Field() {
//			fmt.Printf("%v %s=%s\n", it.ID(), it.Name(), it.Value())
//		}
//	}
package stream
