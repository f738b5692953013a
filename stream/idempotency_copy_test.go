package stream

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func encodedIdempotency(t fataler, c *idempotencyCopy) []byte {
	t.Helper()
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := errors.Join(c.encode(w), w.Flush()); err != nil {
		t.Fatalf("%v", err)
	}
	return b.Bytes()
}

// decodedIdempotency checks that what b is decoded to is encoded to b again, and that nothing behind b was read.
func decodedIdempotency(t fataler, b []byte) *Idempotency {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(append(bytes.Clone(b), "behind"...)))
	d, err := decodeIdempotency(r)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if behind, _ := r.Peek(7); string(behind) != "behind" {
		t.Fatalf("%q is left", behind)
	}
	if again := encodedIdempotency(t, d.copy()); !bytes.Equal(again, b) {
		t.Fatalf("%q became %q", b, again)
	}
	return d
}

// produce makes so many records of random producers, the same for the same seed.
func produce(d *Idempotency, seed uint64, n int) {
	random := rand.New(rand.NewPCG(seed, 1))
	for range n {
		now := seed*1000 + random.Uint64N(3000)
		pid, iid := fmt.Append(nil, random.IntN(9)), fmt.Append(nil, random.IntN(50))
		if _, ok := d.Lookup(pid, iid, now); ok {
			d.Duplicate()
		} else {
			d.Record(pid, iid, ID{now, random.Uint64()}, now)
		}
	}
}

func someIdempotency(seed uint64) *Idempotency {
	d := New(Config{}).EnsureIdempotency()
	d.Configure(2, 20)
	produce(d, seed, 200)
	return d
}

func TestDecodedIdempotencyGoesOnAsTheOneThatWasCopied(t *testing.T) {
	for seed := range uint64(50) {
		d := someIdempotency(seed)
		twin := decodedIdempotency(t, encodedIdempotency(t, d.copy()))
		produce(d, seed+1, 300)
		produce(twin, seed+1, 300)
		if !bytes.Equal(encodedIdempotency(t, d.copy()), encodedIdempotency(t, twin.copy())) || d.Stats() != twin.Stats() || d.bytes() != twin.bytes() {
			t.Fatalf("seed %d: after the same steps they differ", seed)
		}
	}
}

// TestCopiesOfIdempotencyStayWhatTheyWere is for the race detector, too.
func TestCopiesOfIdempotencyStayWhatTheyWere(t *testing.T) {
	if (*Idempotency)(nil).copy() != nil {
		t.Error("the copy of nothing is something")
	}
	d := someIdempotency(0)
	var encoding sync.WaitGroup
	for seed := range uint64(50) {
		produce(d, seed, 50)
		c := d.copy()
		want := encodedIdempotency(t, c)
		encoding.Go(func() {
			for range 20 {
				if !bytes.Equal(encodedIdempotency(t, c), want) {
					t.Error("a copy has changed")
				}
			}
		})
	}
	encoding.Wait()
}

func TestDamagedIdempotencyIsRefused(t *testing.T) {
	whole := encodedIdempotency(t, someIdempotency(7).copy())
	broken := errors.New("broken")
	for n := range whole {
		if d, err := decodeIdempotency(bufio.NewReader(bytes.NewReader(whole[:n]))); d != nil || !errors.Is(err, errIdempotency) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
		r := bufio.NewReader(io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(broken)))
		if _, err := decodeIdempotency(r); !errors.Is(err, broken) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
	if err := someIdempotency(7).copy().encode(bufio.NewWriterSize(failing{broken}, 16)); !errors.Is(err, broken) {
		t.Errorf("encode = %v", err)
	}
	const many = math.MaxInt64
	raw := func(numbers ...uint64) (b []byte) {
		for _, v := range numbers {
			b = binary.AppendUvarint(b, v)
		}
		return b
	}
	one := []uint64{1, 'i', 9, 9, 9} // record
	with := func(producers uint64, rest ...uint64) []byte {
		return raw(append([]uint64{1, 1000, 3, 0, 0, producers}, rest...)...)
	}
	producer := append([]uint64{1, 'p', 1}, one...)
	if _, err := decodeIdempotency(bufio.NewReader(bytes.NewReader(with(1, producer...)))); err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string][]byte{
		"version 2":                   raw(2),
		"at most 0":                   raw(1, 1000, 0),
		"at most 9223372036854775807": raw(1, 1000, many),
		"a number that is none":       {1, 0x80, 0},
		"a number that is none ":      append([]byte{1}, bytes.Repeat([]byte{0xff}, 10)...),
		`producer "p", 1 times`:       with(2, append(producer, producer...)...),
		`producer "p", 0 times`:       with(1, 1, 'p', 0),
		`producer "p", 4 times`:       with(1, 1, 'p', 4),
		`producer "p" has "i" twice`:  with(1, append([]uint64{1, 'p', 2}, append(one, one...)...)...),
		"it ends too early: many":     with(many),
		"it ends too early: text":     with(1, many, 'p'),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := decodeIdempotency(bufio.NewReader(bytes.NewReader(b)))
		runtime.ReadMemStats(&after)
		reason, _, _ := strings.Cut(strings.TrimSpace(what), ": ")
		if !errors.Is(err, errIdempotency) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", what, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 200<<10 {
			t.Errorf("%s: took %d bytes", what, took)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestBytesOfIdempotencyAreAboutWhatIsInTheHeap(t *testing.T) {
	live := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	for _, of := range []struct{ producers, records int }{{1, 10_000}, {100, 200}, {50_000, 1}} {
		before := live()
		d := New(Config{}).EnsureIdempotency()
		d.Configure(10, 10_000)
		empty := d.bytes()
		for i := range of.records {
			for p := range of.producers {
				d.Record(fmt.Append(nil, "producer", p), fmt.Append(nil, "record", i), ID{1, 1}, 5)
			}
		}
		took := live() - before
		if n := float64(d.bytes()); n < 0.7*took || n > 1.4*took {
			t.Errorf("%+v take %.0f bytes, of which bytes says %.0f", of, took, n)
		}
		d.Expire(1 << 40)
		if d.bytes() != empty {
			t.Errorf("%d bytes of nothing, were %d", d.bytes(), empty)
		}
	}
}

func FuzzDecodeIdempotency(f *testing.F) {
	for seed := range uint64(3) {
		f.Add(encodedIdempotency(f, someIdempotency(seed).copy()))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := decodeIdempotency(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			if !errors.Is(err, errIdempotency) {
				t.Fatal(err)
			}
			return
		}
		if again := encodedIdempotency(t, d.copy()); !bytes.HasPrefix(b, again) {
			t.Fatalf("%x became %x", b, again)
		}
		produce(d, 1, 20)
		d.Expire(math.MaxUint64)
	})
}
