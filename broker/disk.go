package broker

import (
	"context"
	"errors"
	"sync/atomic"
)

// disk watches the file system that holds the data. Nothing here runs under the state lock.
type disk struct {
	low       atomic.Bool  // free space is below the reserve: commands that grow data are refused
	free      atomic.Int64 // bytes, at the last check
	statError bool
}

// check compares the free space with the reserve. Serve calls it once a second: the reserve is far larger than what can
// be written in that time.
func (d *disk) check(b *Broker) {
	total, free, err := freeSpace(b.options.Dir)
	if err != nil {
		if !d.statError {
			b.logger.Warn("cannot read the free disk space; the disk reserve is not watched", "dir", b.options.Dir, "err", err)
		}
		d.statError = true
		return
	}
	d.free.Store(free)
	reserve := min(b.options.DiskReserve, total/20)
	low := free < reserve
	if low == d.low.Swap(low) {
		return
	}
	if low {
		b.logger.Warn("disk nearly full: commands that grow data are refused until space returns", "free", free, "reserve", reserve)
	} else {
		b.logger.Info("disk space is back: writes are accepted again", "free", free, "reserve", reserve)
	}
}

// recoverFromDisk deals with a failed write or fsync. What was held can no longer be known: those connections are closed,
// for "failed" would make their clients send again what may be on disk. Memory holds changes that the disk may not, so
// it is dropped and read again, up to the last durable position; then the broker is read-only until the disk has
// taken a probe.
func (b *Broker) recoverFromDisk(ctx context.Context) {
	if b.log.Err() == nil {
		return // the tick of Serve was faster than the word of the failure
	}
	b.logger.Error("the log has failed; reloading from disk", "err", b.log.Err(), "durable", b.log.Durable())
	b.mu.Lock()
	b.loading, b.readOnly = true, true
	durable := uint64(b.log.Durable())
	for _, s := range b.sessions {
		// A blocked reader's "$" may be the ID of an entry that is taken back: it would wait for higher ones for ever.
		if s.conn.Held() || s.waiter != nil && s.waiter.dependency > durable {
			s.conn.Kill()
		}
	}
	b.become(b.emptyKeyspace())
	b.mu.Unlock()

	if err := b.log.Reopen(); err != nil {
		if damage := (*DamageError)(nil); errors.As(err, &damage) {
			b.fail(err)
			return
		}
		b.logger.Warn("the log cannot be read; clients are told LOADING until it can", "err", err)
		return // Serve tries again within a second
	}
	if err := b.load(ctx); err != nil && ctx.Err() == nil {
		b.fail(err)
	}
}

// probe tries, once a second, whether a disk that has failed works again.
func (b *Broker) probe() {
	if b.log.Writable() {
		return
	}
	if err := b.log.Probe(); err != nil {
		b.logger.Warn("the disk still fails; read-only", "err", err)
		return
	}
	b.mu.Lock()
	b.readOnly = false
	b.mu.Unlock()
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
