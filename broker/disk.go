package broker

import (
	"context"
	"errors"

	"github.com/weirmq/weir/internal/checkpoint"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/log"
	"github.com/weirmq/weir/stream/store"
)

// disk watches the file system that holds the data. The state lock guards it.
type disk struct {
	known     bool  // the last check has succeeded
	free      int64 // bytes, at the last check
	reserve   int64 // bytes that are left to deletes and trims
	written   int64 // bytes of records, blocks and checkpoints since the last check
	warned    bool
	statError bool
}

// low reports whether free space is below the reserve, so that commands that grow data are refused.
func (d *disk) low() bool { return d.known && d.free-d.written < d.reserve }

// scarce reports whether even half of the reserve is gone, so that only commands that take data away are left: a delivery
// or a claim grows nothing but the log, but very many do.
func (d *disk) scarce() bool { return d.known && d.free-d.written < d.reserve/2 }

// wrote counts what the disk has got beside the log.
func (b *Broker) wrote(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.disk.written += bytes
}

// checkDisk reads the free space. Serve calls it once a second; what is written meanwhile is counted.
func (b *Broker) checkDisk() {
	total, free, err := freeSpace(b.options.Dir)
	b.mu.Lock()
	d := &b.disk
	failed, warned := d.statError, d.warned
	d.statError, d.known = err != nil, err == nil
	if err == nil {
		d.free, d.written = free, 0
		d.reserve = min(b.options.DiskReserve, total/20)
		d.warned = d.low()
	}
	low, reserve := d.warned, d.reserve
	b.mu.Unlock()
	switch {
	case err != nil && !failed:
		b.logger.Warn("cannot read the free disk space; the disk reserve is not watched", "dir", b.options.Dir, "err", err)
	case low && !warned:
		b.logger.Warn("disk nearly full: commands that grow data are refused until space returns", "free", free, "reserve", reserve)
	case warned && !low:
		b.logger.Info("disk space is back: writes are accepted again", "free", free, "reserve", reserve)
	}
}

// recoverFromDisk deals with a failed write or fsync. What was held can no longer be known: those connections are closed,
// for "failed" would make their clients send again what may be on disk. Memory holds changes that the disk may not, so
// it is dropped and read again, up to the last durable position; then the broker is read-only until the disk has
// taken a probe. If the disk cannot be read either, Serve tries again within a second.
func (b *Broker) recoverFromDisk(ctx context.Context) {
	if b.log.Err() == nil && !b.dropped {
		return // the tick of Serve was faster than the word of the failure
	}
	if !b.dropped {
		b.logger.Error("the log has failed; reloading from disk", "err", b.log.Err(), "durable", b.log.Durable())
		b.dropState()
	}
	// A checkpoint that is being made finds that its state is gone, or that the log is.
	b.checkpointer.making.Lock()
	defer b.checkpointer.making.Unlock()
	if err := b.reload(ctx); err != nil {
		switch {
		case ctx.Err() != nil:
		case beyondRepair(err):
			b.fail(err)
		default:
			b.logger.Warn("the state cannot be read from disk; clients are told LOADING until it can", "err", err)
		}
		return
	}
	b.dropped = false
	b.serveLoaded()
}

// dropState forgets what may not be on disk, and who has seen it.
func (b *Broker) dropState() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropped = true
	b.loading, b.readOnly = true, true
	durable := uint64(b.log.Durable())
	for _, s := range b.sessions {
		// A blocked reader's "$" may be the ID of an entry that is taken back: it would wait for higher ones for ever.
		if s.conn.Held() || s.waiter != nil && s.waiter.dependency > durable {
			s.killed = true
			b.forget(s.waiter) // it is not served any more, though its end comes later
			s.conn.Kill()
		}
	}
	b.become(b.emptyKeyspace())
}

func (b *Broker) reload(ctx context.Context) error {
	if b.log.Err() != nil {
		if err := b.log.Reopen(); err != nil {
			return err
		}
	}
	return b.load(ctx)
}

// beyondRepair reports whether an error of reading the state says more than that the disk does not answer now.
func beyondRepair(err error) bool {
	var (
		ofLog        *log.DamageError
		ofCheckpoint *checkpoint.DamageError
		ofSegment    *store.DamageError
		unknown      *checkpoint.FormatError
		beyond       *beyondError
	)
	for _, target := range []any{&ofLog, &ofCheckpoint, &ofSegment, &unknown, &beyond} {
		if errors.As(err, target) {
			return true
		}
	}
	return errors.Is(err, state.ErrUnknownChange) || errors.Is(err, state.ErrDamagedChange) || errors.Is(err, state.ErrDamagedCopy) ||
		errors.Is(err, ErrShutdown)
}

// probe tries, once a second, whether a disk that has failed works again.
func (b *Broker) probe() {
	if b.log.Writable() || b.dropped {
		return
	}
	if err := b.beginLog(); err != nil {
		b.logger.Warn("the disk still fails; read-only", "err", err)
		return
	}
	b.mu.Lock()
	b.readOnly = false
	// What was taken back may have been a delivery: then the entry is there for somebody who waits.
	b.beginTurn()
	b.serveDatabase(state.AllDatabases)
	b.serveWaiters()
	b.endTurn()
	b.logger.Info("the disk works again: writes are accepted", "position", b.log.Last())
}

// fail ends Serve with an error.
func (b *Broker) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endLocked(err)
}

// endLocked asks Serve to end. Only the first call counts.
func (b *Broker) endLocked(err error) {
	if b.ending {
		return
	}
	b.ending = true
	b.closeErr = err
	close(b.closing)
}
