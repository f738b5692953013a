package store

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/weirmq/weir/internal/vfs"
	"github.com/weirmq/weir/stream"
)

// source reads a stream's cold blocks with a store, at once.
type source struct{ s *Store }

func (c source) Body(ref stream.Ref) *stream.Body {
	if body := c.s.Cached(ref); body != nil {
		return body
	}
	body, _ := c.s.Read(ref)
	return body
}

func (c source) Want([]stream.Ref) error { return stream.ErrCold }
func (c source) Soon([]stream.Ref)       {}

// events are what goes into the streams of benchmarks: field names and values in turn.
type events struct {
	name string
	next func(i int) [][]byte
}

// flights are the rows of examples/flights, as its program appends them.
func flights(b testing.TB) events {
	b.Helper()
	f, err := os.Open("../../examples/flights/flights-20k.json.gz")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	unzip, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	var rows []struct {
		Date                string
		Delay, Distance     int
		Origin, Destination string
	}
	if err := json.NewDecoder(unzip).Decode(&rows); err != nil {
		b.Fatal(err)
	}
	all := make([][][]byte, len(rows))
	for i, r := range rows {
		all[i] = [][]byte{
			[]byte("origin"), []byte(r.Origin), []byte("destination"), []byte(r.Destination),
			[]byte("delay"), strconv.AppendInt(nil, int64(r.Delay), 10), []byte("distance"), strconv.AppendInt(nil, int64(r.Distance), 10),
		}
	}
	return events{"flights", func(i int) [][]byte { return all[i%len(all)] }}
}

// texts are JSON of about 200 bytes in one field.
func texts() events {
	rng := rand.New(rand.NewPCG(1, 2))
	states := []string{"created", "paid", "shipped", "returned", "cancelled"}
	return events{"json", func(i int) [][]byte {
		return [][]byte{[]byte("event"), fmt.Appendf(nil, `{"id":%d,"user":"u%07d","type":"order.%s","amount":%d.%02d,"currency":"EUR","ts":%d,`+
			`"trace":"%016x","note":"customer order","items":%d,"ok":true,"region":"eu-west-1"}`,
			i, rng.IntN(1e6), states[rng.IntN(len(states))], rng.IntN(1000), rng.IntN(100), 1700000000000+i*7, rng.Uint64(), rng.IntN(9))}
	}}
}

// noise is 195 random bytes in one field.
func noise() events {
	rng := rand.New(rand.NewPCG(1, 2))
	return events{"noise", func(int) [][]byte {
		value := make([]byte, 195)
		for i := range value {
			value[i] = byte(rng.Uint32())
		}
		return [][]byte{[]byte("event"), value}
	}}
}

// sealed appends events until n blocks are full. raw is the bytes of their names and values.
func sealed(n int, e events, src stream.Source) (s *stream.Stream, t *stream.Totals, raw int) {
	t = new(stream.Totals)
	s = stream.New(stream.Config{Source: src, Totals: t})
	for i := 0; len(t.Sealed) < n; i++ {
		fields := e.next(i)
		for _, f := range fields {
			raw += len(f)
		}
		s.Append(stream.ID{MS: 1700000000000 + uint64(i/3), Seq: uint64(i % 3)}, fields)
	}
	return s, t, raw
}

// blocksOf is what a spiller writes of them.
func blocksOf(taken []stream.Sealed) []Block {
	blocks := make([]Block, len(taken))
	for i, x := range taken {
		blocks[i] = Block{Key: []byte("stream"), First: x.First(), Last: x.Last(), Entries: x.Entries(), Body: x.Body()}
	}
	return blocks
}

func TestAStreamIsReadFromItsSegments(t *testing.T) {
	for _, cache := range []int{0, 1 << 20} {
		store := mustOpen(t, vfs.OS{Root: t.TempDir()}, Options{SegmentBytes: 100_000, CacheBytes: cache})
		for _, e := range []events{flights(t), texts(), noise()} {
			s, totals, _ := sealed(10, e, source{store})
			want := transcript(t, s)
			taken := totals.Take(1 << 30)
			for i, ref := range mustWrite(t, store, blocksOf(taken)...) {
				if !taken[i].Spilled(ref) {
					t.Fatal("the block has gone")
				}
			}
			if len(taken) != 10 || totals.Disk == 0 {
				t.Fatalf("%d blocks spilled, %d bytes", len(taken), totals.Disk)
			}
			if got := transcript(t, s); !slices.Equal(got, want) {
				t.Errorf("%s: %d strings, and %d before they were spilled", e.name, len(got), len(want))
			}
		}
		mustClose(t, store)
	}
}

func transcript(t *testing.T, s *stream.Stream) (all []string) {
	t.Helper()
	it := s.Range(stream.MinID, stream.MaxID)
	for it.Next() {
		all = append(all, it.ID().String())
		for it.Field() {
			all = append(all, string(it.Name()), string(it.Value()))
		}
	}
	if it.Err() != nil {
		t.Fatal(it.Err())
	}
	return all
}
