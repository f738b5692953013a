// Package checkpoint is the file of a checkpoint: the state at one position of the log as a stream of bytes, and the table
// of the segment files that this state needs. It knows neither keys nor streams, and nothing of the log but positions.
//
//	w, err := checkpoint.Create(fs, checkpoint.Header{ID: id, Number: 8, Position: p, UnixMS: now, NextSegment: 31})
//	_, err = w.Write(encoded)               // as often as need be
//	w.Name(segment, end, bytes)             // for each reference that the state holds
//	err = w.Finish(func() error { ... })    // waits until the log is durable through p
//	err = checkpoint.Keep(fs, 2)
//
//	infos, err := checkpoint.List(fs)       // newest first
//	r, err := checkpoint.Open(fs, infos[0].Number, id)
//	r.Segments()                            // before the state is read
//	_, err = io.ReadAll(r)
//	err = r.Close()
//
// # What it promises
//
// A checkpoint has its name, checkpoints/<number>, only when all of it is durable, and the log behind it too: it is
// written under another name, fsynced, and renamed when the function given to Finish has returned. A power cut at any
// moment leaves the checkpoints that were there, and the new one whole or not at all.
//
// A Reader hands out no byte that has not passed its checksum, which is seeded so that it fits only the one place in the
// one file: a section of another checkpoint, of another directory, or moved within the file is damage as a flipped bit
// is. End of file means that everything was read. Damage is a *DamageError, and a format that a later version wrote is a
// *FormatError; anything else is what the disk said and may be gone at the next try. Nothing here removes a checkpoint
// because it is damaged.
//
// A Writer and a Reader are for one goroutine each, and use memory for a few sections. The functions may be called
// beside both, Keep and RemoveLeftovers not beside a Writer.
package checkpoint
