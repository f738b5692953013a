// Package datadir looks after a data directory that no broker has open: it checks all that is in it, cuts out what is
// damaged, and makes copies of it.
//
//	report, err := datadir.Check(dir)          // err: it cannot be checked; damage is in the report
//	plan, err := datadir.Repair(dir, dryRun)   // what was cut, or would be, and what that loses
//	err = datadir.Copy(dir, files, dest, ...)  // durable, complete, verified, or not there
//
// Check and Repair take the directory's lock, and fail with log.ErrLocked while a broker has it. Check changes nothing. What
// it says of a start is not a guess: it does what a start does, up to the point where a start would begin to write.
package datadir
