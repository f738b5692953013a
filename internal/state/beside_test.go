package state

import (
	"bufio"
	"bytes"
	"errors"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/stream"
)

// files is where blocks are that are not in memory. All are at hand.
type files struct {
	totals stream.Totals
	blocks map[stream.Ref]*stream.Body
}

func (f *files) Body(ref stream.Ref) *stream.Body { return f.blocks[ref] }
func (f *files) Want([]stream.Ref) error          { return errors.New("a block that was never written") }
func (f *files) Soon([]stream.Ref)                {}

func (f *files) spill() {
	for _, x := range f.totals.Take(1 << 40) {
		ref := stream.Ref{Segment: 1, Offset: uint32(len(f.blocks)), Length: uint32(x.Body().Size())}
		f.blocks[ref] = x.Body()
		x.Spilled(ref)
	}
}

// encoded is what a checkpoint of some keys would have in it.
func encoded(keys []Copied) ([]byte, error) {
	var b bytes.Buffer
	e := NewEncoder(bufio.NewWriter(&b))
	err := e.Encode(keys)
	_, closeErr := e.Close()
	return b.Bytes(), errors.Join(err, closeErr)
}

// fill makes a stream of many blocks, with much that is pending in a group.
func fill(tx *Tx, position uint64) {
	key, group, consumer := []byte("{0}0"), []byte("g"), []byte("a")
	tx.Begin(0, 0)
	var ids []stream.ID
	for i := range uint64(120) {
		ids = append(ids, stream.ID{MS: 1, Seq: i + 1})
		tx.StreamAppend(key, ids[i], fieldsOf("f", "v"))
	}
	tx.GroupCreate(key, group, stream.ID{}, 0)
	tx.ConsumerCreate(key, group, consumer, 1)
	tx.GroupDeliver(key, group, consumer, ids, 1, ids[119], 120)
	tx.GroupClaim(key, group, consumer, ids[40:80], 2, 2, groups.Count{How: groups.CountUp})
	tx.Committed(position)
}

// A copy shares its bytes with what goes on changing: one byte that is written in place, and not elsewhere, and a checkpoint is
// of no moment. The race detector sees the writing, the encodings what became of it.
func TestACopyIsEncodedWhileTheKeyspaceChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := &files{blocks: map[stream.Ref]*stream.Body{}}
		cfg := stream.Config{BlockEntries: rapid.SampledFrom([]int{1, 4, 50}).Draw(t, "blockEntries"), Source: f, Totals: &f.totals}
		live := NewKeyspace(cfg)
		tx := NewTx(live)
		fill(tx, 1)
		position := uint64(1)
		work := func() {
			for range rapid.IntRange(0, 8).Draw(t, "records") {
				tx.Begin(0, 0)
				randomWork(t, tx)
				position++
				tx.Committed(position)
			}
			if rapid.Bool().Draw(t, "spill") {
				f.spill()
			}
		}
		var beside sync.WaitGroup
		defer beside.Wait()
		type encoding struct {
			keys []Copied
			b    []byte
			err  error
		}
		for range 2 {
			work()
			want := digest(live)
			c := live.BeginCopy()
			var parts []*encoding
			var all []Copied
			for more := true; more; {
				more = c.Walk(1)
				part := &encoding{keys: c.Take()}
				parts, all = append(parts, part), append(all, part.keys...)
				beside.Go(func() { part.b, part.err = encoded(part.keys) })
				work()
			}
			c.End()
			beside.Wait()
			for _, part := range parts {
				if b, err := encoded(part.keys); err != nil || part.err != nil || !bytes.Equal(b, part.b) {
					t.Fatalf("a copy changed while it was encoded (%v, %v)", err, part.err)
				}
			}
			again, _, err := restored(all, stream.Config{BlockEntries: cfg.BlockEntries, Source: f}, c.Position())
			if err != nil {
				t.Fatal(err)
			}
			if got := digest(again); got != want {
				t.Fatalf("copied:\n%s\nwas:\n%s", got, want)
			}
		}
	})
}

// Blocks are named in the order of streams, and not of their places in the file.
func TestWhatIsNamedOfAFileEndsWithItsHighestBlock(t *testing.T) {
	n := Named{}
	n.add(stream.Ref{Segment: 1, Offset: 100, Length: 50})
	n.add(stream.Ref{Segment: 1, Offset: 10, Length: 20})
	if e := n[1]; e.End != 150 || e.Bytes != 70 {
		t.Errorf("%+v", e)
	}
}

// The length of the stream would become that of a very long one.
func TestATrimOfMoreThanThereIsIsDamage(t *testing.T) {
	k := NewKeyspace(stream.Config{})
	tx := NewTx(k)
	tx.Begin(0, 0)
	tx.StreamAppend([]byte("k"), stream.ID{MS: 1}, fieldsOf("f", "v"))
	tx.Committed(1)
	record := encodeStreamTrim(nil, 0, []byte("k"), stream.ID{MS: 9}, 2)
	if err := k.Apply(2, record); !errors.Is(err, ErrDamagedChange) {
		t.Errorf("%x was applied: %v", record, err)
	}
}
