package resp

import (
	"crypto/tls"
	"io/fs"
	"log/slog"
	"math"
	"time"
)

// Limits are what a client may make the server remember before it has sent a whole command. Zero means Redis's default.
type Limits struct {
	MaxBulk        int // bytes of one argument; 512 MB
	MaxArgs        int // arguments of one command; 2^31-1
	MaxInline      int // bytes of an inline command or of a header; 64 KB
	MaxQueryBuffer int // bytes received and not consumed, bookkeeping included; 1 GB
}

func orDefault(v, d int) int {
	if v <= 0 {
		return d
	}
	return v
}

func (l *Limits) maxBulk() int        { return min(orDefault(l.MaxBulk, 512<<20), MostLimit) }
func (l *Limits) maxArgs() int        { return orDefault(l.MaxArgs, math.MaxInt32) }
func (l *Limits) maxInline() int      { return orDefault(l.MaxInline, 64<<10) }
func (l *Limits) maxQueryBuffer() int { return min(orDefault(l.MaxQueryBuffer, 1<<30), MostLimit) }

// MostLimit bounds MaxBulk and MaxQueryBuffer, so that sums of lengths cannot overflow.
const MostLimit = 1 << 40

// Class selects the output limit of a connection.
type Class uint8

const (
	Normal Class = iota
	PubSub
	Replica
	classes
)

// OutputLimit bounds the bytes queued for one client: more than Hard, or more than Soft for SoftFor on end, and it is
// disconnected. Zero is no limit.
type OutputLimit struct {
	Hard, Soft int64
	SoftFor    time.Duration
}

// OutputLimits has one per class.
type OutputLimits [classes]OutputLimit

// DefaultOutputLimits are Redis's.
var DefaultOutputLimits = OutputLimits{
	PubSub:  {Hard: 32 << 20, Soft: 8 << 20, SoftFor: time.Minute},
	Replica: {Hard: 256 << 20, Soft: 64 << 20, SoftFor: time.Minute},
}

// Config is read once. What CONFIG SET may change has a method of Server.
type Config struct {
	Loops      int // event loops; 0 means 1
	Limits     Limits
	MaxClients int           // 0 means 10000; reduced to what the descriptor limit leaves
	Timeout    time.Duration // idle clients are closed after it, blocked and subscribed ones excepted; 0 means never
	KeepAlive  time.Duration // TCP keep-alive of new connections; 0 means off
	Output     OutputLimits
	TLS        *tls.Config // needed by Listen("tls", ...)
	UnixMode   fs.FileMode // permissions of unix sockets; 0 leaves the umask's
	Goroutines bool        // a goroutine pair per connection also where event loops are available
	Logger     *slog.Logger
}

const (
	defaultMaxClients   = 10000
	reservedDescriptors = 64
	acceptBackOff       = 100 * time.Millisecond
	readSize            = 16 << 10 // one read of one connection in one turn
	bigReadSize         = 256 << 10
	turnQuota           = 64 << 10  // bytes of commands one connection may consume in one turn
	turnReplies         = 1 << 20   // bytes of replies after which a connection's next command waits for its next turn
	pausedReadSize      = 64 << 10  // what is read ahead of a connection that is not served
	blockedReadSize     = 16 << 20  // and, within the query buffer limit, of a blocked one, whose end lies behind what it sent
	blockedReadTotal    = 64 << 20  // what all blocked ones together may have beyond pausedReadSize
	writeSize           = 256 << 10 // bytes of one write
	strangerOutput      = 64 << 10  // bytes queued for a client that has not shown the password: a line or two is all it is owed
	handshakeTimeout    = 10 * time.Second
	drainPatience       = 2 * time.Second // how long Shutdown waits for a client that reads nothing
	farewellTime        = time.Second     // for the last words of TLS, which may find the socket full
	lingerTime          = 50 * time.Millisecond
)
