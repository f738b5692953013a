package broker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/weirmq/weir/internal/checkpoint"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/log"
	"github.com/weirmq/weir/stream"
	"github.com/weirmq/weir/stream/store"
)

// The state on disk is a checkpoint, and the log behind its position. Reading it, at the start and after the disk has failed,
// changes nothing on disk: what is damaged is still there when somebody looks.
//
// A newest checkpoint that cannot be used costs only time, for the older one and the log behind it, which is kept for that,
// give the same state. One that goes further than the log is another matter: it was made when the log was durable so
// far, and so the log has lost something.

// recovery is what the last reading of the state did.
type recovery struct {
	records  uint64 // of the log
	bytes    uint64
	keys     int // of the checkpoint
	duration time.Duration

	// While it goes on, in steps.
	begun    atomic.Int64  // unix ns
	replayed atomic.Uint64 // records
	loaded   atomic.Int64  // bytes, of the checkpoint and the log
	total    atomic.Int64  // bytes that there are
}

// loader reads the state.
type loader struct {
	*Broker
	keyspace *state.Keyspace
	totals   *stream.Totals
	used     bool      // keyspace comes from a checkpoint
	found    []opened  // newest first
	kept     []kept    // of these: that can be used again, newest first
	refused  []opened  // of these: the others
	begun    time.Time // of all
	reported time.Time // when the last line was logged
	resident bool      // sealed blocks stay in memory
	counted  int64     // bytes of records that are in recovery.loaded
}

// opened is a checkpoint on disk.
type opened struct {
	checkpoint.Info
	reader *checkpoint.Reader // nil: it cannot be read
	err    error              // why
}

// load reads the state from disk; serveLoaded lets clients have it.
func (b *Broker) load(ctx context.Context) error {
	l := &loader{Broker: b, begun: time.Now()}
	l.reported = l.begun
	r := &b.recovery
	r.replayed.Store(0)
	r.loaded.Store(0)
	r.total.Store(b.log.Stats().LogBytes)
	r.begun.Store(l.begun.UnixNano())
	if err := l.list(); err != nil {
		return fmt.Errorf("checkpoints: %w", err)
	}
	defer l.close()
	if err := l.openStore(); err != nil {
		return fmt.Errorf("segment files: %w", err)
	}
	if err := l.restore(ctx); err != nil {
		return err
	}
	keys := l.keys()
	records, bytes, err := l.replay(ctx)
	if err != nil {
		return fmt.Errorf("replay of the log: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r.keys, r.records, r.bytes, r.duration = keys, records, bytes, time.Since(l.begun)
	b.become(l.keyspace, l.totals)
	b.history.away = false
	c, stats := &b.checkpointer, b.log.Stats()
	c.kept, c.refused, c.tried = l.kept, l.refused, time.Now()
	c.logBytes, c.logRecords, c.dead = int64(stats.Bytes)-int64(bytes), int64(stats.Records)-int64(records), l.totals.Dead-l.garbage()
	for _, f := range l.found {
		c.number = max(c.number, f.Number)
	}
	return nil
}

// garbage returns how many bytes of segment files nothing that was read refers to: what was deleted before the process ended
// must not wait for more to be deleted.
func (l *loader) garbage() int64 {
	bytes := -l.totals.Disk
	for _, s := range l.history.store.Segments() {
		bytes += s.Bytes
	}
	return bytes
}

// serveLoaded lets clients in.
func (b *Broker) serveLoaded() {
	b.mu.Lock()
	b.loading, b.readOnly = false, !b.log.Writable()
	b.server.Release(uint64(b.log.Released())) // what was read is on disk
	b.mu.Unlock()
	r := &b.recovery
	b.logger.Info("state loaded", "keys", r.keys, "records", r.records, "bytes", r.bytes,
		"took", r.duration.Round(time.Millisecond), "position", b.log.Last())
}

// list opens every checkpoint that is there.
func (l *loader) list() error {
	infos, err := checkpoint.List(l.files)
	if err != nil {
		return err
	}
	for _, info := range infos {
		o := opened{Info: info}
		o.reader, o.err = checkpoint.Open(l.files, info.Number, l.log.ID())
		if unknown := (*checkpoint.FormatError)(nil); errors.As(o.err, &unknown) {
			l.close()
			return o.err // a newer version's: to pass it over would be to lose what it alone may have
		}
		l.found = append(l.found, o)
	}
	return nil
}

func (l *loader) close() {
	for _, o := range l.found {
		if o.reader != nil {
			_ = o.reader.Close() // it was only read
		}
	}
}

// openStore opens the segment files, if they are not yet.
func (l *loader) openStore() error {
	l.mu.Lock()
	l.history.away = true
	l.mu.Unlock()
	if l.history.store != nil {
		return nil
	}
	var next uint64
	for _, o := range l.found {
		if o.reader != nil {
			next = max(next, o.reader.Header().NextSegment)
		}
	}
	opened, err := store.Open(store.Options{
		FS: l.files, ID: l.log.ID(), Next: next, SegmentBytes: l.options.StreamSegmentSize, Now: time.Now,
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.history.store = opened
	l.history.setCacheSize(l.settings.streamCacheSize)
	return nil
}

// restore takes the state from the newest checkpoint that can be used. Without one the log must have everything.
func (l *loader) restore(ctx context.Context) error {
	for _, o := range l.found {
		k, err := l.usable(o)
		if err == nil && !l.used {
			err = l.read(ctx, o)
			if stop := l.interrupted(ctx); stop != nil {
				return stop
			}
		}
		var beyond *beyondError
		switch {
		case errors.As(err, &beyond):
			return err
		case err != nil:
			l.logger.Warn("a checkpoint cannot be used", "file", o.File, "err", err)
			o.err = err
			l.refused = append(l.refused, o)
		default:
			l.used = true
			l.kept = append(l.kept, k)
		}
	}
	if l.used {
		return nil
	}
	if first := l.log.First(); first != 0 {
		err := fmt.Errorf("the log begins at position %v, and there is no checkpoint from which to go on", first)
		if len(l.refused) > 0 {
			o := l.refused[0]
			err = fmt.Errorf("%s cannot be used (%w), and the log begins at position %v only", o.File, o.err, first)
		}
		return err
	}
	l.keyspace, l.totals = l.emptyKeyspace()
	return nil
}

// beyondError refuses a directory whose log has lost what was durable when a checkpoint was made.
type beyondError struct {
	file          string
	position, end log.Position
}

func (e *beyondError) Error() string {
	return fmt.Sprintf("%s is at position %v, and the log ends at %v: records that were durable are missing", e.file, e.position, e.end)
}

// usable makes sure that everything which a checkpoint needs is there.
func (l *loader) usable(o opened) (k kept, err error) {
	if o.err != nil {
		return k, o.err
	}
	k = kept{Header: o.reader.Header(), file: o.File, bytes: o.Bytes, segments: map[uint64]int64{}}
	if p, end := log.Position(k.Position), l.log.Last(); p.Count() > end.Count() {
		return k, &beyondError{o.File, p, end}
	}
	for _, s := range o.reader.Segments() {
		k.segments[s.Number] = s.End
	}
	return k, l.history.store.Find(k.segments)
}

// read makes a keyspace of a checkpoint.
func (l *loader) read(ctx context.Context, o opened) error {
	l.recovery.loaded.Store(0)
	l.recovery.total.Store(o.reader.Size() + l.log.Stats().LogBytes)
	in := bufio.NewReaderSize(countedReader{o.reader, &l.recovery.loaded}, 256<<10)
	streams, totals := l.streamConfig()
	keyspace, err := state.Restore(in, streams, o.reader.Header().Position, func(keys uint64) error {
		l.report("loading a checkpoint", "file", o.File, "keys", keys)
		return l.interrupted(ctx)
	})
	if err != nil {
		return err
	}
	if _, err := in.ReadByte(); err != io.EOF {
		if err == nil {
			err = errors.New("there is more in it than the state")
		}
		return err
	}
	l.keyspace, l.totals = keyspace, totals
	return nil
}

// countedReader counts what is read.
type countedReader struct {
	io.Reader
	n *atomic.Int64
}

func (r countedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n.Add(int64(n))
	return n, err
}

func (l *loader) keys() (n int) {
	for db := range state.Databases {
		n += l.keyspace.Len(db)
	}
	return n
}

// replay makes true what the log has behind the checkpoint. Blocks that fill up go to segment files as they do later, but only
// behind a checkpoint: the first version of some changes is applied by looking at entries, and no checkpoint is as old.
func (l *loader) replay(ctx context.Context) (records, bytes uint64, err error) {
	const stepEvery = 1 << 12 // records
	from := log.Position(l.keyspace.Last())
	l.resident = !l.used
	err = l.log.Replay(from, func(position log.Position, _ int64, record []byte) error {
		records++
		bytes += uint64(len(record))
		if records%stepEvery == 0 {
			l.recovery.replayed.Store(records)
			l.recovery.loaded.Add(int64(bytes) - l.counted)
			l.counted = int64(bytes)
			l.report("replaying the log", "records", records, "position", position)
			if err := l.interrupted(ctx); err != nil {
				return err
			}
		}
		if err := l.keyspace.Apply(uint64(position), record); err != nil {
			return fmt.Errorf("record at position %v: %w", position, err)
		}
		if l.totals.SealedBytes > mostLoaded && !l.resident {
			l.spill()
		}
		return nil
	})
	return records, bytes, err
}

// spill writes blocks to segment files; when that fails they stay in memory until the spiller runs.
func (l *loader) spill() {
	if err := l.spillLoaded(l.totals); err != nil {
		l.resident = true
		l.logger.Warn("blocks cannot be written to a segment file; they stay in memory until they can", "err", err)
	}
}

// interrupted says why reading must end before its time, or nil.
func (l *loader) interrupted(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case <-l.closing:
		return ErrShutdown
	default:
		return nil
	}
}

// report logs a line, once a second.
func (l *loader) report(what string, args ...any) {
	if now := time.Now(); now.Sub(l.reported) >= time.Second {
		l.reported = now
		l.logger.Info(what, append(args, "elapsed", now.Sub(l.begun).Round(time.Millisecond))...)
	}
}

// beginLog makes the log writable, and then puts out of the way what the reading has passed over. When it fails the broker
// is read-only, and tries again once a second.
func (b *Broker) beginLog() error {
	b.managing.Lock()
	defer b.managing.Unlock()
	if err := b.log.Begin(); err != nil {
		return err
	}
	b.mu.Lock()
	c := &b.checkpointer
	refused := c.refused
	c.refused = nil
	b.mu.Unlock()
	untidy := false
	for _, o := range refused {
		to, err := checkpoint.Quarantine(b.files, o.Number)
		if err != nil {
			untidy = true
			b.logger.Error("a checkpoint that cannot be used could not be moved away; nothing old is removed until the next start", "file", o.File, "err", err)
			continue
		}
		b.logger.Warn("a checkpoint that cannot be used was moved away", "file", o.File, "to", to)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c.untidy = c.untidy || untidy
	return nil
}
