package groups

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/weirmq/weir/stream"
)

// raw puts bytes together as the encoding has them: int is a uvarint, int64 a varint, string a name, []byte itself.
func raw(parts ...any) (b []byte) {
	for _, part := range parts {
		switch v := part.(type) {
		case int:
			b = binary.AppendUvarint(b, uint64(v))
		case int64:
			b = binary.AppendVarint(b, v)
		case string:
			b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
		case []byte:
			b = append(b, v...)
		}
	}
	return b
}

func decode(b []byte) (*Set, error) { return Decode(bufio.NewReader(bytes.NewReader(b))) }

func TestWhatEncodeDoesNotWriteIsDamaged(t *testing.T) {
	const at = int64(0)
	group := func(name string) []byte { return raw(name, 5, 0, at) }
	one := func(rest ...any) []byte { return append(raw([]byte{version}, 1, group("g")), raw(rest...)...) }
	consumer := raw(1, "c", at, at)
	page := func(numbers ...any) []byte { b := raw(numbers...); return raw(at, len(b), b) }
	run := page(1, 1, at, 1, 4<<2) // ID 0-5 of the first consumer
	if s, err := decode(one(1, consumer, 0, 1, run)); err != nil || s.Get([]byte("g")).PendingCount() != 1 {
		t.Fatalf("what the others are made of is refused: %v", err)
	}
	for what, b := range map[string][]byte{
		"it ends too early":                     {},
		"version 7":                             {7, 0},
		"a number that is none":                 raw([]byte{version}, bytes.Repeat([]byte{0xff}, 10)),
		"a number that is none: longer":         raw([]byte{version}, []byte{0x80, 0}),
		`group "a" is not in order`:             raw([]byte{version}, 2, group("b"), 0, 0, 0, group("a"), 0, 0, 0),
		`group "b" is not in order`:             raw([]byte{version}, 2, group("b"), 0, 0, 0, group("b"), 0, 0, 0),
		"place of kind 2":                       one(1, 2, 0, 0),
		`two consumers "c"`:                     one(2, consumer, consumer, 0, 0),
		"place 1 is free, but not listed":       one(1, 0, 0, 0),
		"place 1 is not free":                   one(1, consumer, 1, 1, 0),
		"place 0 is not free":                   one(1, 0, 1, 0, 0),
		"place 3 is not free":                   one(1, 0, 1, 3, 0),
		"listed twice":                          one(2, 0, 0, 2, 1, 1, 0),
		"page of 9000 bytes":                    one(0, 0, 1, at, 9000),
		"a page is not made of runs":            one(1, consumer, 0, 1, page()),
		"a page is not made of runs: 0":         one(1, consumer, 0, 1, page(0, 1, at, 1, 4<<2)),
		"a page is not made of runs: short":     one(1, consumer, 0, 1, page(2, 1, at, 1, 4<<2)),
		"a page is not made of runs: head":      one(1, consumer, 0, 1, page(1, 1)),
		"a page is not made of runs: owner":     one(1, consumer, 0, 1, page(1, 1+1<<32, at, 1, 4<<2)),
		"a page is not made of runs: ID":        one(1, consumer, 0, 1, page(1, 1, at, 1, 2, 5)), // 0-5 has a shorter form
		"a page is not made of numbers":         one(1, consumer, 0, 1, page(1, 1, at, 1, []byte{0x80})),
		"of a consumer that is not there":       one(1, consumer, 0, 1, page(1, 2, at, 1, 4<<2)),
		"of a consumer that is not there: free": one(1, 0, 1, 1, 1, run),
		"delivered less than never":             one(1, consumer, 0, 1, page(1, 1, at, -1, 4<<2)),
		"entries do not ascend":                 one(1, consumer, 0, 2, run, run),
		"entries do not ascend: within":         one(1, consumer, 0, 1, page(2, 1, at, 1, 4<<2, 2, 5)),
		"too many entries":                      one(1, consumer, 0, 1, page(pageMax+1, 1, at, 1, make([]byte, pageMax+1))),
		"it ends too early: group":              raw([]byte{version}, 2, group("g"), 0, 0, 0),
		"it ends too early: name":               raw([]byte{version}, 1, 8, []byte("seven b")),
		"it ends too early: page":               one(1, consumer, 0, 1, run[:len(run)-1]),
	} {
		reason, _, _ := strings.Cut(what, ": ")
		s, err := decode(b)
		if s != nil || !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestASetThatIsCutOffIsDamaged(t *testing.T) {
	set, l := new(Set), newLife(3)
	for range 60 {
		l.goOn(set)
	}
	b := encoded(t, set.Copy())
	for n := range b {
		if s, err := decode(b[:n]); s != nil || !errors.Is(err, ErrDamaged) {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
}

func TestErrorsOfReadingAndWritingArePassedOn(t *testing.T) {
	set, l := new(Set), newLife(4)
	for range 60 {
		l.goOn(set)
	}
	c, broken := set.Copy(), errors.New("broken")
	b := encoded(t, c)
	for n := range b {
		r := io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken))
		if _, err := Decode(bufio.NewReader(r)); !errors.Is(err, broken) || errors.Is(err, ErrDamaged) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
	if err := c.Encode(bufio.NewWriterSize(failing{broken}, 16)); !errors.Is(err, broken) {
		t.Errorf("Encode = %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestDecodeTakesMemoryAsBytesArrive has sets that announce more than there is.
func TestDecodeTakesMemoryAsBytesArrive(t *testing.T) {
	const many = math.MaxInt64
	group := raw([]byte{version}, 1, "g", 0, 0, int64(0))
	for what, b := range map[string][]byte{
		"groups":  raw([]byte{version}, many),
		"a name":  raw([]byte{version}, 1, many, "x"),
		"places":  raw(group, many, make([]byte, 1000)),
		"free":    raw(group, 1, 0, many),
		"pages":   raw(group, 0, 0, many),
		"a page":  raw(group, 0, 0, 1, 0, many),
		"entries": raw(group, 0, 0, 1, 0, 16, many, 0, 0, 0, 0, 0, 0, 0),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := decode(b)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 200<<10 || !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %d bytes, %v", what, took, err)
		}
	}
}

// FuzzDecode looks for bytes that are neither refused nor a set in order.
func FuzzDecode(f *testing.F) {
	for seed := range uint64(4) {
		set, l := new(Set), newLife(seed)
		for range 10 << seed {
			l.goOn(set)
		}
		f.Add(encoded(f, set.Copy()))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		set, err := decode(b)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		if again := encoded(t, set.Copy()); !bytes.HasPrefix(b, again) {
			t.Fatalf("%x became %x", b, again)
		}
		for g := range set.All() {
			checkPages(t, g)
			var all []stream.ID
			for it := g.Pending(stream.MinID); it.Next(); {
				all = append(all, it.ID())
			}
			for c := range g.AllConsumers() {
				g.Claim(c, all[:len(all)/2], 7, Count{How: CountUp})
			}
			for _, id := range all[len(all)/3:] {
				g.Ack([]stream.ID{id})
			}
			checkPages(t, g)
			for c := range g.AllConsumers() {
				g.DeleteConsumer([]byte(c.Name()))
				break
			}
			checkPages(t, g)
		}
	})
}
