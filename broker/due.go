package broker

import "time"

// When a checkpoint is due.

// How long no checkpoint is begun by itself after a failed one: it doubles.
const (
	leastRetry = time.Second
	mostRetry  = time.Minute
)

// Dead bytes in segment files that are worth a checkpoint, which lets the files go; and what is on a disk that is nearly full.
const (
	mostDead    = 1 << 30
	mostDeadLow = 1 << 20
)

// considerCheckpoint asks for a checkpoint if it is time for one. Serve calls it once a second.
func (b *Broker) considerCheckpoint() {
	b.mu.Lock()
	c := &b.checkpointer
	reason := ""
	if c.running == nil && !c.wanted && !b.loading && !b.readOnly && !b.closed && (c.failures == 0 || time.Since(c.tried) >= c.backOff()) {
		if reason = b.reasonForCheckpoint(); reason != "" {
			c.want(nil)
		}
	}
	b.mu.Unlock()
	if reason != "" {
		b.logger.Debug("a checkpoint is due", "reason", reason)
	}
}

func (c *checkpointer) backOff() time.Duration {
	return min(leastRetry<<min(c.failures-1, 10), mostRetry)
}

// reasonForCheckpoint says why a checkpoint should be made now, or nothing. The state lock is held.
func (b *Broker) reasonForCheckpoint() string {
	c, now := &b.checkpointer, b.log.Stats()
	written, changes := int64(now.Bytes)-c.logBytes, int64(now.Records)-c.logRecords
	dead := b.spiller.totals.Dead - c.dead
	if written > max(b.settings.checkpointLogSize, c.newestBytes()) {
		return "the log has grown"
	}
	for _, rule := range b.settings.save {
		if changes >= max(rule.Changes, 1) && time.Since(c.tried) >= time.Duration(rule.Seconds)*time.Second {
			return "a save rule"
		}
	}
	switch held := c.heldByOlder(b); {
	case dead > b.worthwhile(), held > b.worthwhile():
		return "segment files have dead blocks"
	case b.disk.low() && b.fitsOnDisk() && (dead > mostDeadLow || held > mostDeadLow || written > mostDeadLow):
		return "the disk is nearly full"
	}
	return ""
}

// worthwhile returns how many dead bytes are worth a checkpoint: fewer on a small disk.
func (b *Broker) worthwhile() int64 {
	if !b.disk.known || !b.fitsOnDisk() {
		return mostDead
	}
	return min(mostDead, max(b.disk.free/4, mostDeadLow))
}

// leastRoom is what stays free for the log while a checkpoint is written.
const leastRoom = 256 << 10

// fitsOnDisk reports whether one more checkpoint can be written to a disk that is nearly full, and something go for it.
func (b *Broker) fitsOnDisk() bool {
	c, d := &b.checkpointer, &b.disk
	b.spiller.dropDead() // what was deleted is not in it
	return c.pins == 0 && !c.untidy && d.free-d.written > c.newestBytes()+b.spiller.totals.SealedBytes+leastRoom
}

func (c *checkpointer) newestBytes() int64 {
	if len(c.kept) == 0 {
		return 0
	}
	return c.kept[0].bytes
}

// heldByOlder returns the bytes of segment files that only the older checkpoint needs: they go with the next one.
func (c *checkpointer) heldByOlder(b *Broker) (bytes int64) {
	if len(c.kept) < 2 {
		return 0
	}
	for _, segment := range b.history.store.Segments() {
		_, newer := c.kept[0].segments[segment.Number]
		_, older := c.kept[1].segments[segment.Number]
		if older && !newer {
			bytes += segment.Bytes
		}
	}
	return bytes
}
