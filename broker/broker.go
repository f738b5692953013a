// Package broker assembles Weir: it runs the commands that arrive on connections against the keyspace, writes what they
// change to the log, and lets replies go when the log has what they show.
//
//	b, err := broker.Open(ctx, broker.DefaultOptions())   // reads the state from disk
//	err = b.Serve(ctx)                                     // until ctx ends, then drains
//
// One lock, mu, guards the state: keyspace, sessions, waiters, settings, statistics. Its holder runs commands as if alone
// and never waits for a disk or a socket. Locks inside resp and log are below it; their callbacks that take it (Open, Serve,
// Close of a connection) are called without a lock held, and those that run under theirs (OnCommit) do not take it.
//
// Beside it, goroutines write full blocks of streams to segment files (spill.go), read them again for commands that need
// them (cold.go), make checkpoints (checkpoint.go), from which the next start begins (load.go), and delete keys whose time
// is over (expire.go). They take the lock for
// a fraction of a millisecond at a time (turns.go). Above it are checkpointer.making and managing, in this order.
//
// What a reply shows is as durable as the operator asked for before it leaves: every reply carries the position of the
// newest change that it depends on (state.Tx.Dependency), and resp holds it until that position is released.
package broker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/weirmq/weir/internal/checkpoint"
	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/command/connection"
	"github.com/weirmq/weir/internal/command/hashes"
	"github.com/weirmq/weir/internal/command/keys"
	"github.com/weirmq/weir/internal/command/lists"
	"github.com/weirmq/weir/internal/command/server"
	"github.com/weirmq/weir/internal/command/sets"
	"github.com/weirmq/weir/internal/command/streams"
	stringscommands "github.com/weirmq/weir/internal/command/strings"
	"github.com/weirmq/weir/internal/command/zsets"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/log"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
	"github.com/weirmq/weir/stream/store"
)

// Broker is a running Weir. Open makes one; all its methods may be called concurrently.
type Broker struct {
	options Options
	logger  *slog.Logger
	log     *log.Log
	server  *resp.Server
	table   *command.Table
	started time.Time
	disk    disk

	closing  chan struct{} // closed when SHUTDOWN or a fatal failure asks Serve to end
	closeErr error         // why, when it was a failure; set before closing is closed
	failures chan struct{} // holds one token while the log has failed and nobody has dealt with it
	dropped  bool          // the state is gone after a failure and not yet read again; Serve's own

	mu       sync.Mutex
	keyspace *state.Keyspace
	tx       *state.Tx
	words    [state.WarmMost * resp.AheadWords][]byte // for lookAhead
	sessions map[int64]*session
	waiters  waiters
	alarms   alarms
	settings settings
	stats    stats
	history  history
	loading  bool // the state is being read from disk
	readOnly bool // the disk has failed and not yet proved that it works again
	ending   bool // closing is closed
	noSave   bool // the end comes without a checkpoint
	closed   bool

	clientPause  clientPause
	expirer      expirer
	spiller      spiller
	checkpointer checkpointer
	files        vfs.FS        // the data directory, but for the log
	managing     sync.Mutex    // held by whoever rotates, discards from or begins the log
	quit         chan struct{} // closed when what runs in the background is to end
	background   sync.WaitGroup

	// Scratch of the unit of work that runs now.
	call     command.Call
	turn     time.Time     // when the turn began
	turnMS   int64         // that by the wall clock, in unix ms
	spent    time.Duration // since then, at the last reading
	nowMS    int64         // the time that commands decide by, in unix ms
	appended bool          // the turn has appended to the log
	ready    []waitKey     // keys that changed and have waiters
	flushed  []int         // databases that were emptied while there were waiters
	scratch  *resp.Writer

	recovery recovery
	identity identity
	baseline baseline
	rates    rates
}

// stats are counters for INFO.
type stats struct {
	commands     uint64
	errorReplies uint64
	errors       map[string]uint64 // by the first word of the reply
	stalls       uint64            // turns of sessions put off because the log could not keep up
	hits, misses uint64            // keys that reading commands looked up
	panics       uint64            // commands that panicked and were contained
	authFailures uint64
	memoryPeak   int64
}

// baseline is what counters stood at when they were last reset.
type baseline struct {
	log      log.Stats
	net      resp.Stats
	blocks   store.Stats
	logBytes int64 // size of the log at the start
}

// Open locks and checks the data directory, listens, and reads the state from disk; clients that connect meanwhile are told
// LOADING. It fails if the directory is in use (log.ErrLocked), damaged (*DamageError), or an address is taken.
func Open(ctx context.Context, o Options) (*Broker, error) {
	b := newBroker(o)
	if err := b.open(ctx); err != nil {
		_ = b.close()
		return nil, err
	}
	return b, nil
}

func newBroker(o Options) *Broker {
	b := &Broker{
		options:  o,
		logger:   o.Logger,
		started:  time.Now(),
		closing:  make(chan struct{}),
		quit:     make(chan struct{}),
		files:    newFiles(o),
		failures: make(chan struct{}, 1),
		sessions: map[int64]*session{},
		waiters:  waiters{queues: map[waitKey]*waitQueue{}},
		stats:    stats{errors: map[string]uint64{}},
		scratch:  resp.NewWriter(2),
		loading:  true,
		identity: newIdentity(),

		spiller:      newSpiller(),
		checkpointer: newCheckpointer(),
	}
	b.history.begin(nil)
	b.history.much = muchHeld
	b.history.setCacheSize(o.StreamCacheSize)
	if b.logger == nil {
		b.logger = slog.New(slog.DiscardHandler)
	}
	b.beginTurn()
	b.alarms.skewMS = b.skewMS()
	b.settings = settingsOf(o)
	b.become(b.emptyKeyspace())
	b.table = command.NewTable(
		connection.Specs(connectionHost{b}),
		server.Specs(serverHost{b}),
		hashes.Specs(),
		keys.Specs(),
		lists.Specs(),
		sets.Specs(),
		streams.Specs(),
		stringscommands.Specs(),
		zsets.Specs(),
	)
	return b
}

// newFiles returns the data directory as checkpoints and segment files are kept in it.
func newFiles(o Options) vfs.FS {
	files := vfs.OS{Root: o.Dir}
	if o.Disk == nil {
		return files
	}
	return vfs.Asked{OS: files, Ask: o.Disk}
}

// open makes the server before the log, which may call onCommit from its first moment on, and listens after it, for
// whoever connects finds both.
func (b *Broker) open(ctx context.Context) (err error) {
	o := b.options
	if b.server, err = b.newServer(); err != nil {
		return err
	}
	b.log, err = log.Open(log.Options{
		Dir: o.Dir, Sync: o.Sync, SegmentBytes: o.LogSegmentSize,
		Now: o.Now, Logger: b.logger, OnCommit: b.onCommit, Disk: o.Disk,
	})
	if err != nil {
		return err
	}
	b.baseline.logBytes = b.log.Stats().LogBytes
	b.settings.list = b.settingList()
	if err := b.listen(); err != nil {
		return err
	}
	if err := b.load(ctx); err != nil {
		return err
	}
	if err := b.beginLog(); err != nil {
		b.logger.Error("the disk cannot be written to; read-only until it can", "err", err)
	} else if err := checkpoint.RemoveLeftovers(b.files); err != nil {
		b.logger.Warn("what is left of a checkpoint that was not finished could not be removed", "err", err)
	}
	b.checkDisk()
	b.serveLoaded()
	b.background.Go(b.runSpiller)
	b.background.Go(b.runCheckpointer)
	b.background.Go(b.runExpirer)
	return nil
}

// wallClock returns the wall clock's time at a reading of the real clock.
func (b *Broker) wallClock(now time.Time) time.Time {
	if b.options.Now != nil {
		return b.options.Now()
	}
	return now
}

// streamConfig returns the configuration of the streams of one keyspace, and what they hold.
func (b *Broker) streamConfig() (stream.Config, *stream.Totals) {
	totals := new(stream.Totals)
	return stream.Config{
		BlockBytes: b.options.StreamBlockSize, BlockEntries: b.options.StreamBlockEntries,
		Source: &b.history, Totals: totals,
	}, totals
}

func (b *Broker) emptyKeyspace() (*state.Keyspace, *stream.Totals) {
	streams, totals := b.streamConfig()
	return state.NewKeyspace(streams), totals
}

// become makes a keyspace the one that commands see. The state lock is held, or nobody else knows of b yet.
func (b *Broker) become(k *state.Keyspace, totals *stream.Totals) {
	b.keyspace, b.tx = k, state.NewTx(k)
	b.spiller.totals = totals
	b.spiller.notice()
}

// Serve serves until ctx ends, SHUTDOWN is called or something fails beyond repair; then it stops accepting, answers what
// has been asked, makes the log durable and closes. The error is nil when the end was asked for.
func (b *Broker) Serve(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return b.close()
		case <-b.closing:
			if b.closeErr == nil {
				b.logger.Info("a client asked for SHUTDOWN; draining")
			}
			return errors.Join(b.closeErr, b.close())
		case <-b.failures:
			b.recoverFromDisk(ctx)
		case <-tick.C:
			b.checkDisk()
			b.followClock()
			if b.log.Err() != nil || b.dropped {
				b.recoverFromDisk(ctx)
			}
			b.probe()
			b.considerCheckpoint()
			b.reap()
			b.sealIdle()
			b.sample()
		}
	}
}

// How long an ending broker waits for the disk to take the rest of the log, and then for replies to be sent.
const (
	syncTimeout  = 10 * time.Second
	drainTimeout = 10 * time.Second
)

// ErrShutdown is what Open fails with when a client asked for SHUTDOWN while the state was being read from disk.
var ErrShutdown = errors.New("shut down while the state was being read from disk")

// close drains and releases everything. A second call does nothing.
func (b *Broker) close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed, b.ending = true, true
	if b.alarms.timer != nil {
		b.alarms.timer.Stop()
	}
	b.mu.Unlock()

	var errs []error
	if b.log != nil && b.log.Writable() {
		ctx, cancel := context.WithTimeout(context.Background(), syncTimeout)
		errs = append(errs, b.log.Sync(ctx))
		cancel()
		b.server.Release(uint64(b.log.Released())) // every held reply: onCommit may come after the end of Sync
	}
	if b.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
		errs = append(errs, b.server.Shutdown(ctx))
		cancel()
	}
	close(b.quit)
	b.background.Wait()
	b.history.readers.close()
	if b.history.store != nil {
		b.lastCheckpoint()
		if err := b.history.store.Close(); err != nil {
			b.logger.Warn("the last segment file could not be completed; what is in it is good", "err", err)
		}
	}
	if b.log != nil {
		errs = append(errs, b.log.Close())
		b.logger.Info("closed", "durable", b.log.Durable())
	}
	return errors.Join(errs...)
}

// onCommit lets replies go after the log has advanced. It runs on whichever goroutine committed, and takes no lock.
func (b *Broker) onCommit(l *log.Log) {
	if l.Err() != nil {
		select {
		case b.failures <- struct{}{}:
		default:
		}
		return
	}
	b.server.Release(uint64(l.Released()))
}
