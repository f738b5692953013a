// Package log is the commit log: it keeps opaque records, in order, through the
// end of the process and of the power.
//
// # Use
//
//	l, err := log.Open(log.Options{Dir: dir, OnCommit: wakeLoops}) // read-only
//	err = l.Replay(0, func(pos log.Position, unixMS int64, record []byte) error { ... })
//	err = l.Begin() // writable
//	...
//	pos := l.Append(record) // a copy; never waits
//	l.Kick()                // or l.Commit()
//	...
//	if l.Released() >= pos { reply() } // looked at again in wakeLoops
//	...
//	err = l.Close()
//
// Open finds the end of the log; it reads no more than its last segments and writes
// nothing. Replay verifies what it reads, from a position on. Begin is the first to
// write: a log that is refused by Open or Replay, or in which its caller finds
// something wrong, is as it was, however often that is tried.
//
// A caller who keeps what the log has led to elsewhere (a checkpoint) bounds the log:
//
//	err = l.Rotate()               // begins a new generation; p is at or behind its start
//	...                            // the checkpoint at p is durable
//	removed, err := l.Discard(p)   // generations that hold nothing behind p
//
// and starts with Replay(p). What lies before is neither needed nor read then.
//
// # What it promises
//
// Positions are dense within an epoch and totally ordered. A record is in
// exactly one frame, and a frame is all or nothing. Positions become written and
// then durable in order; after the first failure none does. Recovery yields
// every released record that was not discarded, in order, exactly once, and
// nothing that was never appended. With SyncAlways that holds for a power cut;
// with the other settings for the end of the process, and for a power cut up to
// Durable.
//
// # Why a crash loses nothing that was released
//
// Records wait in memory until a commit takes all of them as one frame (several,
// above 1 MB), adds it to a wal (github.com/tidwall/wal, which splits its
// entries over segment files), publishes it as written, fsyncs the segment and
// publishes it as durable. So, whatever happens between two of these steps:
//
//   - before the write: the records were never released. Nothing is on disk.
//   - during the write: the file ends inside the frame, or zeros stand in its
//     place, or in that of a part of it (with SyncAlways they have been written
//     ahead). Its length or its CRC does not fit, the frame is above everything
//     known to be durable, and the next Begin cuts it.
//   - between write and fsync: the frame may be whole, partly there, or not there,
//     and with it any frame written since the last fsync, in any
//     combination. Frames are chained by their CRCs, so the first that is not
//     whole ends the log, and what follows it is cut though it may be whole.
//   - after the fsync: the frame, and everything before it, is whole.
//   - at a segment's end: the wal fsyncs the old segment before it creates the
//     new file; the new file's directory entry is fsynced before anything is
//     written to it. A segment that has a successor is whole.
//   - at a generation's start: everything before is durable first; then the
//     directory, its entry, the first segment, its entry and the first frame.
//     A generation without a whole first frame has never been used.
//   - at a Discard: generations leave from the oldest on, each renamed durably before
//     the next one is, and its files removed after that. So the log is without
//     a gap at any time, and the next Begin finishes what has been left.
//
// # Why damage is not taken for a crash
//
// Every frame carries the highest sequence known durable when it was written;
// an idle log writes an empty frame that carries it, and a clean shutdown leaves
// a marker file. If the first frame that is not whole is at or below the highest
// such number found anywhere, also behind the damage, then something durable is
// gone, and Open refuses with a *DamageError. What is cut (by Begin) goes to
// quarantine/, but for zeros that SyncAlways may have reserved. Damage further back is found by the Replay that needs it, and by
// Verify, which reads everything. Repair cuts a log before its first damage, and keeps
// what it cuts.
//
// What this cannot see: damage to the frames of the very last commits before
// a power cut, which nothing on the disk yet knew to be durable. In the worst case
// that is what was written in the second before it.
//
// # When the disk fails
//
// A write or fsync that fails is never tried again: after a failed fsync Linux
// calls the lost pages clean, and the next one succeeds. Err is set, no position
// is published any more, and Append drops its records. Reopen goes back, read-only
// and without writing; Replay gives the state at that position; Begin starts a new
// generation, in new files, and the log is writable.
//
// A failed write costs nothing that was released: Reopen goes back to what was,
// and Begin fsyncs it before anything follows it. A failed fsync leaves open what
// the disk has of the frames since the last one: Reopen goes back to the last
// durable position. With SyncAlways nothing beyond it was released; with the other
// settings what was released since the last fsync is lost. That fsync may be
// the one of Begin, and then the log has failed once more. At the end of a segment
// the wal fsyncs, too: an error there that is not plainly another step's counts
// as that of an fsync.
//
// Positions beyond the cut are never given out again, because the epoch is
// raised: at Reopen, and at every Open that does not follow a clean shutdown. It is
// Begin that takes the epoch, one of 65,535. One without records is not used a second
// time: outside SyncAlways its positions may have been told before they were lost.
//
// # Formats
//
// VERSION says format 2 when the log may lack its first generations. Format 1 is
// opened, and becomes 2 before Begin writes anything else; frames and segments are
// the same. A newer format is refused by its number.
//
// # Reading on
//
// frame.go has the bytes, layout.go the directory, scan.go how the end is found,
// replay.go how the rest is read, commit.go who commits when, tail.go the dance
// with the wal, recover.go starting and failing, discard.go how old generations go,
// verify.go and repair.go what is done offline.
package log
