// Package broker assembles Weir: it runs the commands that arrive on connections against the keyspace, writes what they
// change to the log, and lets replies go when the log has what they show.
//
//	b, err := broker.Open(ctx, broker.DefaultOptions())   // replays the log
//	err = b.Serve(ctx)                                     // until ctx ends, then drains
//
// One lock, mu, guards the state: keyspace, sessions, waiters, settings, statistics. Its holder runs commands as if alone
// and never waits for a disk or a socket. Locks inside resp and log are below it; their callbacks that take it (Open, Serve,
// Close of a connection) are called without a lock held, and those that run under theirs (OnCommit) do not take it.
//
// What a reply shows is as durable as the operator asked for before it leaves: every reply carries the position of the
// newest change that it depends on (state.Tx.Dependency), and resp holds it until that position is released.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/internal/command/connection"
	"github.com/weirmq/weir/internal/command/keys"
	"github.com/weirmq/weir/internal/command/server"
	"github.com/weirmq/weir/internal/command/streams"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/log"
	"github.com/weirmq/weir/resp"
	"github.com/weirmq/weir/stream"
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

	mu       sync.Mutex
	keyspace *state.Keyspace
	tx       *state.Tx
	sessions map[int64]*session
	waiters  waiters
	alarms   alarms
	settings settings
	stats    stats
	loading  bool // the log is being replayed
	readOnly bool // the disk has failed and not yet proved that it works again
	ending   bool // closing is closed
	closed   bool

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
	logBytes int64 // size of the log at the start
}

// recovery is what the last replay did.
type recovery struct {
	records  uint64
	bytes    uint64
	duration time.Duration
	progress atomic.Uint64 // records so far, in steps
	loaded   atomic.Uint64 // bytes of those
	begun    atomic.Int64  // unix ns
}

// Open locks and checks the data directory, listens, and replays the log; clients that connect meanwhile are told
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
		failures: make(chan struct{}, 1),
		sessions: map[int64]*session{},
		waiters:  waiters{queues: map[waitKey]*waitQueue{}},
		stats:    stats{errors: map[string]uint64{}},
		scratch:  resp.NewWriter(2),
		loading:  true,
		identity: newIdentity(),
	}
	if b.logger == nil {
		b.logger = slog.New(slog.DiscardHandler)
	}
	b.beginTurn()
	b.alarms.skewMS = b.skewMS()
	b.settings = settingsOf(o)
	b.become(b.emptyKeyspace())
	b.table = command.NewTable(connection.Specs(connectionHost{b}), server.Specs(serverHost{b}), keys.Specs(), streams.Specs())
	return b
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
	b.checkDisk()
	return nil
}

// wallClock returns the wall clock's time at a reading of the real clock.
func (b *Broker) wallClock(now time.Time) time.Time {
	if b.options.Now != nil {
		return b.options.Now()
	}
	return now
}

func (b *Broker) emptyKeyspace() *state.Keyspace {
	return state.NewKeyspace(stream.Config{BlockBytes: b.options.StreamBlockSize, BlockEntries: b.options.StreamBlockEntries})
}

// become makes a keyspace the one that commands see. The state lock is held, or nobody else knows of b yet.
func (b *Broker) become(k *state.Keyspace) {
	b.keyspace, b.tx = k, state.NewTx(k)
}

// load replays the log into a new keyspace and begins to serve from it.
func (b *Broker) load(ctx context.Context) error {
	const reportEvery = 1 << 16 // records
	keyspace := b.emptyKeyspace()
	var records, bytes uint64
	begun := time.Now()
	b.recovery.progress.Store(0)
	b.recovery.loaded.Store(0)
	b.recovery.begun.Store(begun.UnixNano())
	reported := begun
	err := b.log.Replay(0, func(position log.Position, _ int64, record []byte) error {
		records++
		bytes += uint64(len(record))
		if records%reportEvery == 0 {
			b.recovery.progress.Store(records)
			b.recovery.loaded.Store(bytes)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			select {
			case <-b.closing:
				return ErrShutdown
			default:
			}
			if now := time.Now(); now.Sub(reported) >= time.Second {
				reported = now
				b.logger.Info("replaying the log", "records", records, "position", position, "elapsed", now.Sub(begun).Round(time.Millisecond))
			}
		}
		if err := keyspace.Apply(uint64(position), record); err != nil {
			return fmt.Errorf("record at position %v: %w", position, err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("replay of the log: %w", err)
	}
	if !b.readOnly { // after a failure it is probe that begins
		if err := b.log.Begin(); err != nil {
			b.logger.Error("the log cannot be written; read-only", "err", err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recovery.records, b.recovery.bytes, b.recovery.duration = records, bytes, time.Since(begun)
	b.become(keyspace)
	b.loading, b.readOnly = false, !b.log.Writable()
	b.server.Release(uint64(b.log.Released())) // what was replayed is on disk
	b.logger.Info("log replayed", "records", records, "bytes", bytes, "took", b.recovery.duration.Round(time.Millisecond), "position", b.log.Last())
	return nil
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
			if b.log.Err() != nil {
				b.recoverFromDisk(ctx)
			}
			b.probe()
			b.sample()
		}
	}
}

// How long an ending broker waits for the disk to take the rest of the log, and then for replies to be sent.
const (
	syncTimeout  = 10 * time.Second
	drainTimeout = 10 * time.Second
)

// ErrShutdown is what Open fails with when a client asked for SHUTDOWN while the log was being replayed.
var ErrShutdown = errors.New("shut down while the log was being replayed")

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
