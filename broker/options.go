package broker

import (
	"crypto/tls"
	"log/slog"
	"os"
	"time"

	"github.com/weirmq/weir/log"
	"github.com/weirmq/weir/resp"
)

// Options configure Open. DefaultOptions gives every field its default; sizes are bytes.
type Options struct {
	// Bind are the addresses to listen on, without port. A leading '-' marks one that may be missing on this machine.
	Bind []string
	// Port is the TCP port; 0 listens on none, and AnyPort on a free one (see Addrs).
	Port int
	// UnixSocket is the path of a unix socket to listen on, besides TCP; UnixSocketPerm its mode, 0 leaves it to umask.
	UnixSocket     string
	UnixSocketPerm os.FileMode
	// TLS, if not nil, is served on TLSPort of the same addresses.
	TLS     *tls.Config
	TLSPort int

	// RequirePass is the password of the default user; empty means none.
	RequirePass string
	// ProtectedMode refuses connections from elsewhere than loopback while there is no password.
	ProtectedMode bool

	// Dir is the data directory.
	Dir string
	// Sync says how durable a write is before its reply leaves.
	Sync log.Sync
	// LogSegmentSize is the size of the log's segment files; LogMaxPending the unwritten bytes above which writers stall.
	LogSegmentSize int
	LogMaxPending  int64
	// DiskReserve is the free space of Dir's file system below which commands that grow data are refused; it is capped
	// at 5 % of the file system.
	DiskReserve int64
	// StreamBlockSize and StreamBlockEntries bound a block of entries.
	StreamBlockSize    int
	StreamBlockEntries int
	// StreamCacheSize bounds the memory for blocks that were read from segment files, and StreamSegmentSize such a file.
	StreamCacheSize   int64
	StreamSegmentSize int64
	// CheckpointLogSize is how much is written to the log before the next checkpoint is made; Save are further reasons.
	CheckpointLogSize int64
	Save              []SaveRule

	// Loops is the number of event loops.
	Loops int
	// Goroutines serves every connection with goroutines of its own, also where event loops are available.
	Goroutines bool
	// MaxClients, Timeout (of idle clients, 0 is never), TCPKeepAlive and the limits are as in Redis.
	MaxClients             int
	Timeout                time.Duration
	TCPKeepAlive           time.Duration
	ProtoMaxBulkLen        int64
	ClientQueryBufferLimit int64
	OutputLimits           resp.OutputLimits

	// Logger gets the broker's messages; nil discards them. Version is what INFO and HELLO call weir_version.
	Logger  *slog.Logger
	Version string
	// ConfigFile is what INFO shows; the broker reads no file.
	ConfigFile string

	// Disk is log.Options.Disk, which is asked for checkpoints and segment files, too, and there also before reads: tests make
	// the disk fail or be slow with it.
	Disk func(op, path string) error

	// Now is the wall clock that IDs and reported times come from; nil is time.Now. Deadlines do not depend on it.
	Now func() time.Time
}

// DamageError says what in the data directory is damaged; Open fails with it.
type DamageError = log.DamageError

// AnyPort as Options.Port asks the system for a free port.
const AnyPort = -1

// DefaultOptions returns the defaults: durable, on loopback, with Redis's limits.
func DefaultOptions() Options {
	return Options{
		Bind:                   []string{"127.0.0.1", "-::1"},
		Port:                   6379,
		ProtectedMode:          true,
		Dir:                    "weir-data",
		Sync:                   log.SyncAlways,
		LogSegmentSize:         1 << 20,
		LogMaxPending:          64 << 20,
		DiskReserve:            256 << 20,
		StreamBlockSize:        64 << 10,
		StreamBlockEntries:     4096,
		StreamCacheSize:        64 << 20,
		StreamSegmentSize:      64 << 20,
		CheckpointLogSize:      256 << 20,
		Loops:                  1,
		MaxClients:             10000,
		TCPKeepAlive:           300 * time.Second,
		ProtoMaxBulkLen:        512 << 20,
		ClientQueryBufferLimit: 1 << 30,
		OutputLimits:           resp.DefaultOutputLimits,
	}
}
