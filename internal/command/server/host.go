// Package server is the commands that look at or steer the broker as a whole: INFO, CONFIG, COMMAND, TIME, DBSIZE,
// FLUSHDB, FLUSHALL, SAVE and its kin, MEMORY, BACKUP, SHUTDOWN.
package server

import (
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

// Host is what the family needs of the broker. All calls happen under the state lock.
type Host interface {
	Table() *command.Table

	// Settings lists what CONFIG GET and SET know. The slice is not changed.
	Settings() []Setting

	// Info measures. It must not visit keys.
	Info() Info
	// ResetStats zeroes the counters of Info that count since the start or the last reset. The family zeroes those of
	// the command table itself.
	ResetStats()

	// NowMicros returns the clock in unix microseconds.
	NowMicros() int64

	// Save begins a checkpoint and does not wait for it. It fails with ErrSaving if one is being made.
	Save() error
	// SaveAndWait is Save for a session that waits: it parks it with c.Block, and calls reply, under the state lock, once
	// the checkpoint is durable or has failed.
	SaveAndWait(c *command.Call, reply SaveReply) error
	// LastSave is when the last checkpoint was made, or when the process started, in unix seconds.
	LastSave() int64

	// BackupBegin makes a checkpoint for a session that waits, as SaveAndWait does, and keeps the files that it needs until
	// BackupEnd or the end of the connection. It fails with ErrSaving, or ErrBackup if the session has begun one already.
	BackupBegin(c *command.Call, reply BackupReply) error
	// BackupEnd lets go of the files. It fails with ErrNoBackup.
	BackupEnd(c *command.Call) error

	// SetActiveExpire says whether keys whose time is over are deleted in the background.
	SetActiveExpire(on bool)

	// ReleaseMemory begins to give memory that is free back to the system.
	ReleaseMemory()

	// Shutdown begins to end the process; the session that asked gets no reply, but is closed with all others. An error
	// means that the process goes on, and is the reply. AbortShutdown reports whether there was one to abort.
	Shutdown(how Shutdown) error
	AbortShutdown() bool
}

// SaveReply writes what a session that waited for a checkpoint is told: err is why there is none.
type SaveReply func(out *resp.Writer, err error)

// BackupReply writes what a session is told that has begun a backup: its files, or why there are none.
type BackupReply func(out *resp.Writer, files []BackupFile, err error)

// BackupFile is one that a backup needs: the first Length bytes of it, which do not change.
type BackupFile struct {
	Name   string // below the data directory, with slashes
	Length int64
}

// Errors of the host.
const (
	ErrSaving   command.Error = "ERR Background save already in progress"
	ErrBackup   command.Error = "ERR This connection has begun a backup already"
	ErrNoBackup command.Error = "ERR This connection has not begun a backup"
)

// Shutdown is how a client asked the process to end.
type Shutdown struct {
	Save   bool // make the state durable even where configuration would not
	NoSave bool // do not wait for anything
	Now    bool // do not wait for sessions that drain
	Force  bool // go even if the state cannot be made durable
}
