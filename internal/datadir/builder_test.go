package datadir

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/checkpoint"
	"github.com/weirmq/weir/internal/state"
	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/log"
	"github.com/weirmq/weir/stream"
	"github.com/weirmq/weir/stream/store"
)

// builder makes a data directory as a broker does.
type builder struct {
	t       *testing.T
	dir     string
	log     *log.Log
	store   *store.Store
	totals  *stream.Totals
	keys    *state.Keyspace
	tx      *state.Tx
	next    uint64         // ID of the next entry
	numbers []uint64       // of the checkpoints
	behind  []log.Position // where they are
}

// blockEntries is small, so that a few entries make many blocks.
const blockEntries = 10

func build(t *testing.T) *builder {
	t.Helper()
	b := &builder{t: t, dir: filepath.Join(t.TempDir(), "data"), next: 1, totals: new(stream.Totals)}
	b.must(os.Mkdir(b.dir, 0o700))
	b.open()
	b.keys = state.NewKeyspace(stream.Config{BlockEntries: blockEntries, Source: nowhere{}, Totals: b.totals})
	b.tx = state.NewTx(b.keys)
	var err error
	b.store, err = store.Open(store.Options{FS: b.fs(), ID: b.log.ID(), SegmentBytes: 4 << 10})
	b.must(err)
	return b
}

func (b *builder) fs() vfs.FS { return vfs.OS{Root: b.dir} }

func (b *builder) open() {
	var err error
	b.log, err = log.Open(log.Options{Dir: b.dir, Sync: log.SyncNo, SegmentBytes: 4 << 10})
	b.must(err)
	b.must(b.log.Begin())
}

func (b *builder) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// add appends n entries to each of some streams.
func (b *builder) add(n int, keys ...string) {
	b.t.Helper()
	for range n {
		for _, key := range keys {
			b.tx.Begin(0, 0)
			b.tx.StreamAppend([]byte(key), stream.ID{MS: b.next, Seq: 1}, [][]byte{[]byte("field"), fmt.Appendf(nil, "value %d", b.next)})
			b.tx.Committed(uint64(b.log.Append(b.tx.Record())))
			b.next++
		}
		if !b.log.Commit() { // a frame for each
			b.must(b.log.Sync(b.t.Context()))
		}
	}
	b.must(b.log.Sync(b.t.Context()))
}

// spill writes every sealed block to a segment file.
func (b *builder) spill() {
	b.t.Helper()
	for _, sealed := range b.totals.Take(1 << 40) {
		refs, err := b.store.Write([]store.Block{{Key: []byte("key"), First: sealed.First(), Last: sealed.Last(), Entries: sealed.Entries(), Body: sealed.Body()}})
		b.must(err)
		if !sealed.Spilled(refs[0]) {
			b.t.Fatal("a block has gone")
		}
	}
}

// checkpoint makes one, keeps two, and discards the log before the older one.
func (b *builder) checkpoint() {
	b.t.Helper()
	b.spill()
	b.must(b.log.Rotate())
	c := b.keys.BeginCopy()
	for c.Walk(100) {
	}
	c.End()
	number := uint64(len(b.numbers) + 1)
	w, err := checkpoint.Create(b.fs(), checkpoint.Header{ID: b.log.ID(), Number: number, Position: c.Position(), UnixMS: 1, NextSegment: b.store.Next()})
	b.must(err)
	e := state.NewEncoder(bufio.NewWriter(w))
	b.must(e.Encode(c.Take()))
	named, err := e.Close()
	b.must(err)
	for segment, extent := range named {
		w.Name(segment, extent.End, extent.Bytes)
	}
	b.must(w.Finish(func() error { return b.log.Sync(b.t.Context()) }))
	b.must(checkpoint.Keep(b.fs(), 2))
	b.numbers, b.behind = append(b.numbers, number), append(b.behind, log.Position(c.Position()))
	if n := len(b.behind); n > 1 {
		_, err := b.log.Discard(b.behind[n-2])
		b.must(err)
	}
}

func (b *builder) close() string {
	b.t.Helper()
	b.must(b.store.Close())
	b.must(b.log.Close())
	return b.dir
}

// content returns all files of a directory but its lock.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "LOCK" {
			return err
		}
		b, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir+"/")] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func equal(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name, b := range want {
		if got[name] != b {
			t.Errorf("%s: %s has %d bytes, or others, not %d", what, name, len(got[name]), len(b))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: there is %s, too", what, name)
		}
	}
}

// flip changes a bit of a file.
func flip(t *testing.T, path string, at int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += int64(len(b))
	}
	b[at] ^= 0x10
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// glob returns the files that a pattern below a directory is for, in order.
func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// one returns one of them.
func one(t *testing.T, dir, pattern string, nth int) string {
	t.Helper()
	names := glob(t, dir, pattern)
	if nth >= len(names) {
		t.Fatalf("%s: %v", pattern, names)
	}
	return names[nth]
}
