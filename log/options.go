package log

import (
	"log/slog"
	"time"
)

// Options configure Open. Only Dir is required.
type Options struct {
	// Dir is the data directory. It is created, with mode 0700, when missing.
	Dir string
	// Sync is the durability setting; the zero value is SyncAlways.
	Sync Sync
	// SegmentBytes is the size at which a segment file of the wal is closed and
	// the next one begun; 0 means 1 MB. The wal holds its last segment in memory,
	// up to 16 MB in one piece that is there from the start; what is larger it
	// copies while it grows.
	SegmentBytes int
	// Now stamps frames; nil means time.Now. Nothing depends on its values.
	Now func() time.Time
	// Logger receives warnings and errors; nil means none.
	Logger *slog.Logger
	// OnCommit is called after Written or Durable may have advanced and after
	// the log has failed, on whichever goroutine did it: the committer, the
	// once-a-second syncer, or the caller of Commit, Sync, Rotate or Close. Calls may
	// overlap. It must not block and must not call Append, Commit, SetSync or
	// any method that waits.
	OnCommit func(*Log)

	// Disk, if not nil, is asked before every operation that changes the disk,
	// and its error stands for the operation's. Programs that embed a log test
	// with it what they do when the disk fails or is slow. op is one of mkdir,
	// create, open, write, fsync, dirsync, rename, remove, truncate.
	Disk func(op, path string) error

	faults *faults // set by tests of this package
}

const (
	defaultSegmentBytes = 1 << 20
)

func (o *Options) fillDefaults() {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnCommit == nil {
		o.OnCommit = func(*Log) {}
	}
	if o.faults == nil {
		o.faults = &faults{}
	}
	if disk := o.Disk; disk != nil && o.faults.before == nil {
		o.faults.before = func(o op, path string) error { return disk(string(o), path) }
	}
}

// Stats are counters since Open, and sizes now. Times are wall time of the
// system call.
type Stats struct {
	Frames        uint64 // frames written
	Records       uint64 // records written
	Bytes         uint64 // bytes written to segment files
	Commits       uint64 // group commits that had something to write
	InlineCommits uint64 // of those, done by the caller of Commit

	Fsyncs        uint64        // fsyncs of segment files, those inside the wal included
	FsyncTime     time.Duration // sum, of those we time: all but the wal's
	FsyncMax      time.Duration
	FsyncLast     time.Duration
	DelayedFsyncs uint64 // fsyncs that took longer than a second

	PendingBytes int64
	PendingMax   int64 // highest PendingBytes seen at a commit

	Epoch            uint16
	Generation       uint64
	Generations      int // on disk
	Segments         int // in the current generation
	LogBytes         int64
	QuarantinedBytes int64

	Failures uint64 // times the log has failed
}
