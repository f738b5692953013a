package broker

import (
	"fmt"
	"maps"

	"github.com/weirmq/weir/internal/checkpoint"
	"github.com/weirmq/weir/log"
)

// tidy removes what the two newest checkpoints do not need. What cannot be removed now is tried again after the next one.
func (b *Broker) tidy() {
	b.mu.Lock()
	c := &b.checkpointer
	if c.untidy || c.pins > 0 || len(c.kept) == 0 || b.readOnly || b.loading {
		b.mu.Unlock()
		return
	}
	c.kept = c.kept[:min(len(c.kept), 2)]
	checkpoints := append([]kept(nil), c.kept...)
	b.mu.Unlock()

	err := checkpoint.Keep(b.files, 2)
	if err == nil && len(checkpoints) == 2 {
		b.managing.Lock()
		_, err = b.log.Discard(log.Position(checkpoints[1].Position))
		b.managing.Unlock()
	}
	if err == nil {
		err = b.removeSegments(checkpoints)
	}
	if err != nil {
		b.logger.Warn("what no checkpoint needs any more could not be removed; it is tried again after the next one", "err", err)
	}
}

// removeSegments removes the segment files that no checkpoint needs and that had got their last block when the newest began: what
// is alive in them now was so then, and that checkpoint would name them.
func (b *Broker) removeSegments(checkpoints []kept) error {
	needed := map[uint64]int64{}
	for _, c := range checkpoints {
		maps.Copy(needed, c.segments)
	}
	var dead []uint64
	for _, segment := range b.history.store.Segments() {
		if _, ok := needed[segment.Number]; !ok && segment.Closed && segment.Number < checkpoints[0].fence {
			dead = append(dead, segment.Number)
		}
	}
	if len(dead) == 0 {
		return nil
	}
	b.logger.Info("removing segment files that no checkpoint needs", "files", len(dead))
	if err := b.history.store.Remove(dead); err != nil {
		return fmt.Errorf("segment files: %w", err)
	}
	return nil
}
