// Package store keeps the content of sealed blocks on disk, in segment files, and what was read last in memory.
//
//	s, err := store.Open(store.Options{FS: vfs.OS{Root: dir}, ID: id, Next: next, CacheBytes: 64 << 20})
//	refs, err := s.Write(blocks)        // durable when it returns
//	...
//	body := s.Cached(refs[0])           // at hand, or
//	body, err = s.Read(refs[0])         // from disk: beside the event loop
//	...
//	err = s.Remove([]uint64{3})         // once nothing refers to segment 3
//	err = s.Close()
//
// # What it promises
//
// A Ref that Write has returned is readable until its segment is removed: after a crash, after the end of the power, and
// whatever else was written or failed since. What Read returns is what was written at that Ref, or an error, never other
// bytes: the checksum of a record is seeded with the data directory, the segment's number and the record's place in it, so
// that a block that was moved, swapped with another, or belongs to an earlier file of the same name does not pass.
// A *DamageError says that the disk has other bytes than were written. It is not remembered, and neither is the error of a
// failed read: the next Read asks the disk again. Nothing on disk is changed because it is damaged.
//
// # Why a crash loses nothing that was returned
//
// A segment file is written from front to back by one process and never changed: a restart, and a failed write, begin
// another, and no number is used twice. So, whatever happens between two steps of a Write:
//
//   - before its fsyncs, of the file and, for a new one, of the directory: no Ref was returned, so nothing refers to what may
//     be on disk or not. It stays behind the last record that anything refers to, or as a file that nothing does, until
//     the caller removes it.
//   - after them: the records are there, and every byte before them in the file is, too.
//
// A write or fsync that fails ends the file: nothing is appended to it, nor is it fsynced again, for the system may have
// dropped what it could not write and report success the next time. What was fsynced before is as good as ever.
//
// # Who may call what
//
// Everything may be called by many goroutines. Writes wait for each other, and nothing else waits for them: reads take
// no lock that a Write holds while it compresses, writes or fsyncs. Cached and Keep take one lock for some hundred
// nanoseconds and allocate nothing for a hit: they are made for an event loop.
package store
