package data

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// modelHash is a hash as simple as can be: fields in the order in which they were added.
type modelHash struct {
	fields []modelField
	large  bool // Redis would have a hash table
}

type modelField struct {
	name, value string
	time        int64
}

func (m *modelHash) find(name string) int {
	return slices.IndexFunc(m.fields, func(f modelField) bool { return f.name == name })
}

func (m *modelHash) set(name, value string, keep bool) (added bool) {
	m.large = m.large || len(name) > 64 || len(value) > 64
	i := m.find(name)
	if i < 0 {
		m.fields = append(m.fields, modelField{name, value, 0})
		m.large = m.large || len(m.fields) > 512
		return true
	}
	m.fields[i].value = value
	if !keep {
		m.fields[i].time = 0
	}
	return false
}

func (m *modelHash) live(now int64) (live []modelField) {
	for _, f := range m.fields {
		if f.time == 0 || f.time >= now {
			live = append(live, f)
		}
	}
	return live
}

// checkHash fails unless everything that can be read of a hash is what the model says.
func checkHash(t interface{ Fatalf(string, ...any) }, h Hash, m *modelHash) {
	live := m.live(h.NowMS)
	if h.Len() != len(m.fields) || h.Live() != len(live) || (h.Encoding() == "hashtable") != m.large && len(m.fields) > 0 {
		t.Fatalf("%d fields, %d live, %s; want %d, %d, large %t", h.Len(), h.Live(), h.Encoding(), len(m.fields), len(live), m.large)
	}
	var got []modelField
	for name, value := range h.All() {
		at, _ := h.Time(name)
		got = append(got, modelField{string(name), string(value), at})
	}
	var scanned []modelField
	for cursor := uint64(0); ; {
		cursor = h.Scan(cursor, 10, func(name, value []byte) {
			at, _ := h.Time(name)
			scanned = append(scanned, modelField{string(name), string(value), at})
		})
		if cursor == 0 {
			break
		}
	}
	if h.Large != nil {
		byName := func(a, b modelField) int { return strings.Compare(a.name, b.name) }
		live = slices.SortedFunc(slices.Values(live), byName)
		slices.SortFunc(got, byName)
		slices.SortFunc(scanned, byName)
		checkDict(t, h.Large.fields)
	} else if len(h.Packed) > 0 {
		if err := CheckHash(h.Packed); err != nil {
			t.Fatalf("%v", err)
		}
	}
	if !slices.Equal(got, live) || !slices.Equal(scanned, live) {
		t.Fatalf("All:  %v\nScan: %v\nwant: %v", got, scanned, live)
	}
	for _, f := range m.fields {
		value, ok := h.Get([]byte(f.name))
		at, there := h.Time([]byte(f.name))
		if late := f.time != 0 && f.time < h.NowMS; ok == late || there == late || ok && (string(value) != f.value || at != f.time) {
			t.Fatalf("Get(%q) is %q %t, Time %d %t; want %v", f.name, value, ok, at, there, f)
		}
		if f.time != 0 && f.time < h.Due() {
			t.Fatalf("%q is due at %d, before %d", f.name, f.time, h.Due())
		}
	}
}

func reencoded(t interface{ Fatalf(string, ...any) }, h Hash) Hash {
	if h.Large == nil {
		return Hash{Packed: bytes.Clone(h.Packed), NowMS: h.NowMS}
	}
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := errors.Join(h.Large.Copy().Encode(w), w.Flush()); err != nil {
		t.Fatalf("%v", err)
	}
	table, err := DecodeHash(bufio.NewReader(&b))
	if err != nil || b.Len() > 0 {
		t.Fatalf("%v, %d bytes left", err, b.Len())
	}
	return Hash{Large: table, NowMS: h.NowMS}
}

func TestAHashAgreesWithAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Hash
		m := new(modelHash)
		names := rapid.SampledFrom([]int{3, 20, 130, 3000}).Draw(t, "names")
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			from, n := rapid.IntRange(0, names-1).Draw(t, "from"), rapid.SampledFrom([]int{1, 1, 2, 30, 1000}).Draw(t, "n")
			step := rapid.IntRange(0, 11).Draw(t, "step")
			value := strings.Repeat("v", rapid.SampledFrom([]int{0, 1, 2, 2, 5, 63, 64, 65, 300, 5000}).Draw(t, "size"))
			at := int64(rapid.IntRange(0, 30).Draw(t, "time"))
			if step == 11 {
				h.NowMS = min(h.NowMS+at, 40)
			}
			for i := from; i < from+n && i < names; i++ {
				name := fmt.Sprint("f", i)
				had := m.find(name) >= 0
				switch step {
				case 0, 1:
					if h.Delete([]byte(name)) != had {
						t.Fatalf("Delete(%s)", name)
					}
					m.fields = slices.DeleteFunc(m.fields, func(f modelField) bool { return f.name == name })
					if len(m.fields) == 0 { // the keyspace does so
						h, m.large = Hash{NowMS: h.NowMS}, false
					}
				case 2:
					if h.Update([]byte(name), []byte(value)) != m.set(name, value, true) {
						t.Fatalf("Update(%s)", name)
					}
				case 3, 4, 5:
					if h.SetTime([]byte(name), at+int64(i%5)) != had {
						t.Fatalf("SetTime(%s)", name)
					}
					if had {
						m.fields[m.find(name)].time = at + int64(i%5)
					}
				case 11:
				default:
					if h.Set([]byte(name), []byte(value)) != m.set(name, value, false) {
						t.Fatalf("Set(%s)", name)
					}
				}
			}
			checkHash(t, h, m)
			if rapid.IntRange(0, 5).Draw(t, "lapse") == 0 {
				checkLapse(t, &h, m, rapid.SampledFrom([]int{1, 10, 5000}).Draw(t, "limit"))
			}
		}
		checkHash(t, reencoded(t, h), m)
	})
}

func checkLapse(t interface{ Fatalf(string, ...any) }, h *Hash, m *modelHash, limit int) {
	late := len(m.fields) - len(m.live(h.NowMS))
	gone := 0
	more := h.Lapse(limit, func(name []byte) {
		f := m.fields[m.find(string(name))]
		if f.time == 0 || f.time >= h.NowMS {
			t.Fatalf("%v is not late at %d", f, h.NowMS)
		}
		m.fields = slices.DeleteFunc(m.fields, func(f modelField) bool { return f.name == string(name) })
		gone++
	})
	if gone != min(limit, late) || late > gone && !more || limit > late && (more || h.Due() < h.NowMS) {
		t.Fatalf("%d of %d are deleted, limit %d, more %t", gone, late, limit, more)
	}
	if len(m.fields) == 0 {
		*h, m.large = Hash{NowMS: h.NowMS}, false
	}
	checkHash(t, *h, m)
}

func TestFieldsOfALargeHashLapseInTheirOrderOfTime(t *testing.T) {
	var h Hash
	random := rand.New(rand.NewPCG(5, 6))
	const n = 20_000
	times := map[string]int64{}
	for i := range n {
		name := fmt.Sprint("field", i)
		h.Set([]byte(name), nil)
		times[name] = 1 + random.Int64N(1000)
		h.SetTime([]byte(name), times[name])
	}
	for h.NowMS = 10; h.NowMS <= 1010; h.NowMS += 10 {
		more := true
		for more {
			more = h.Lapse(37, func(name []byte) {
				if at := times[string(name)]; at >= h.NowMS || at < h.NowMS-10 {
					t.Fatalf("%s of %d is deleted at %d", name, at, h.NowMS)
				}
				delete(times, string(name))
			})
		}
		if h.Len() != len(times) {
			t.Fatalf("%d fields, want %d", h.Len(), len(times))
		}
	}
	if h.Len() != 0 || h.Due() != never {
		t.Errorf("%d fields are left", h.Len())
	}
}

func TestAHashOfAFewLongTextsIsPackedAndSaysHashtable(t *testing.T) {
	var h Hash
	h.Set([]byte("id"), []byte("1"))
	h.SetTime([]byte("id"), 9)
	for i := range 4 {
		h.Set(fmt.Append(nil, "text", i), bytes.Repeat([]byte("x"), 1000))
	}
	if h.Large != nil || h.Encoding() != "hashtable" || CheckHash(h.Packed) != nil {
		t.Fatalf("%s, large %t", h.Encoding(), h.Large != nil)
	}
	if at, ok := h.Time([]byte("id")); at != 9 || !ok {
		t.Errorf("id is gone at %d, %t", at, ok)
	}
	h.Set([]byte("text0"), bytes.Repeat([]byte("y"), 1010))
	h.Set([]byte("text0"), bytes.Repeat([]byte("z"), 10))
	if h.Large != nil {
		t.Errorf("large with %d bytes", len(h.Packed))
	}
	h.Set([]byte("text0"), bytes.Repeat([]byte("y"), 1200))
	if h.Large == nil || h.Len() != 5 {
		t.Errorf("packed with %d bytes, %d fields", len(h.Packed), h.Len())
	}
}

func TestRandomPassesOverFieldsThatAreGone(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{4, 100, 1000} {
		h := Hash{NowMS: 100}
		for i := range n {
			name := fmt.Appendf(nil, "f%d", i)
			h.Set(name, []byte("v"))
			if i > 1 {
				h.SetTime(name, 50)
			}
		}
		seen := map[string]int{}
		for range 1000 {
			name, value, ok := h.Random(random.Uint64N)
			if !ok || string(value) != "v" {
				t.Fatalf("%q %q %t", name, value, ok)
			}
			seen[string(name)]++
		}
		if len(seen) != 2 || seen["f0"] < 400 || seen["f1"] < 400 {
			t.Errorf("of %d: %v", n, seen)
		}
		h.SetTime([]byte("f0"), 50)
		h.SetTime([]byte("f1"), 50)
		if _, _, ok := h.Random(random.Uint64N); ok || h.Len() != n {
			t.Errorf("of %d: there is one, or not %d in all", n, h.Len())
		}
	}
}

func TestAHashIsSmall(t *testing.T) {
	var h Hash
	for i := range 5 {
		h.Set(fmt.Appendf(nil, "field:%d", i), []byte("value"))
	}
	if len(h.Packed) > 2+5*(2+7+5) {
		t.Errorf("%d bytes", len(h.Packed))
	}
	if h.SetTime([]byte("field:1"), 0); h.Encoding() != "listpack" {
		t.Errorf("no time makes it %s", h.Encoding())
	}
	if h.SetTime([]byte("field:1"), 1); h.Encoding() != "listpackex" {
		t.Errorf("a time makes it %s", h.Encoding())
	}
}

func TestDamagedHashesAreRefused(t *testing.T) {
	var h Hash
	h.Set([]byte("a"), []byte("1"))
	h.Set([]byte("bb"), []byte("22"))
	for cut := range h.Packed {
		if err := CheckHash(h.Packed[:cut]); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d bytes: %v", cut, err)
		}
	}
	for _, packed := range []string{"", "\x00", "\x00\x00", "\x04\x00\x01a\x01b", "\x04\x00\x01a\x00\x01a\x00", "\x03\x00\x01a\x00\xff\xff\xff\xff\xff\xff\xff\xff", "\x02\x00\x41" + strings.Repeat("x", 65) + "\x00"} {
		if err := CheckHash([]byte(packed)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", packed, err)
		}
	}
	for _, encoded := range []string{"", "\x00\x00", "\x02\x01a\x00\x01a\x00\x00", "\x01\x01a\x00\x02", "\x01\x01a\x00\x01\x01\x01b\x01\x00\x00\x00\x00\x00\x00\x00", "\x01\x01a\x00\x01\x01\x01a\x00\x00\x00\x00\x00\x00\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01a", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a"} {
		if _, err := DecodeHash(bufio.NewReader(strings.NewReader(encoded))); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", encoded, err)
		}
	}
}

func FuzzHash(f *testing.F) {
	f.Add([]byte("\x04\x00\x01a\x011\x02bb\x0222"))
	f.Add([]byte("\x03\x00\x01a\x011\x05\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x02\x01a\x011\x02bb\x0222\x01\x01\x01a\x05\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x02\x80\x01\x00a\x02\x0011"))
	f.Add([]byte("\x03\x80\x01\x00a\x02\x0011\x05\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		hashes := []Hash{{NowMS: 1 << 32}}
		if CheckHash(b) == nil {
			hashes[0].Packed = bytes.Clone(b)
		}
		if table, err := DecodeHash(bufio.NewReader(bytes.NewReader(b))); err == nil {
			hashes = append(hashes, Hash{Large: table, NowMS: 1 << 32})
		} else if !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		for _, h := range hashes {
			m := &modelHash{large: h.Encoding() == "hashtable"}
			all := h
			all.NowMS = 0
			for name, value := range all.All() {
				at, _ := all.Time(name)
				m.fields = append(m.fields, modelField{string(name), string(value), at})
			}
			checkHash(t, h, m)
			checkHash(t, reencoded(t, h), m)
			checkLapse(t, &h, m, 1<<20)
			h.Set([]byte("new"), binary.LittleEndian.AppendUint64(nil, 1))
			h.SetTime([]byte("new"), 1)
		}
	})
}

func TestASampleHasEachLiveFieldWithTheSameProbability(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	for _, test := range []struct{ fields, n int }{{10, 3}, {10, 10}, {10, 20}, {600, 20}, {600, 400}} {
		h := Hash{NowMS: 100}
		for i := range test.fields {
			name := fmt.Appendf(nil, "f%d", i)
			h.Set(name, name)
			if i%2 == 1 {
				h.SetTime(name, 50)
			}
		}
		live := test.fields / 2
		want := min(test.n, live)
		counts := map[string]int{}
		const draws = 2000
		for range draws {
			seen := map[string]bool{}
			for name, value := range h.Sample(test.n, random.Uint64N) {
				if !bytes.Equal(name, value) || seen[string(name)] {
					t.Fatalf("%s %s, twice %t", name, value, seen[string(name)])
				}
				seen[string(name)] = true
				counts[string(name)]++
			}
			if len(seen) != want {
				t.Fatalf("%d of %d, want %d", len(seen), live, want)
			}
		}
		if len(counts) != live {
			t.Errorf("%v: %d fields were drawn, of %d", test, len(counts), live)
		}
		mean := draws * want / live
		for name, n := range counts {
			if n < mean-mean/2-20 || n > mean+mean/2+20 {
				t.Errorf("%v: %s was drawn %d times, the mean is %d", test, name, n, mean)
			}
		}
	}
}
