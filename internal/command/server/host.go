// Package server is the commands that look at or steer the broker as a whole: INFO, CONFIG, COMMAND, TIME, DBSIZE,
// FLUSHDB, FLUSHALL, SHUTDOWN.
package server

import "github.com/weirmq/weir/internal/command"

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

	// Shutdown begins to end the process; the session that asked gets no reply, but is closed with all others. An error
	// means that the process goes on, and is the reply. AbortShutdown reports whether there was one to abort.
	Shutdown(how Shutdown) error
	AbortShutdown() bool
}

// Shutdown is how a client asked the process to end.
type Shutdown struct {
	Save   bool // make the state durable even where configuration would not
	NoSave bool // do not wait for anything
	Now    bool // do not wait for sessions that drain
	Force  bool // go even if the state cannot be made durable
}
