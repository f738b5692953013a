package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// checkDict fails unless all that a Dict knows twice agrees.
func checkDict(t interface{ Fatalf(string, ...any) }, d *Dict) {
	n, memory := 0, 0
	deep := make([]int, len(d.deep))
	for i := 0; i < len(d.shards); {
		s := d.shards[i]
		for j := range d.span(s) {
			if d.shards[i+j] != s {
				t.Fatalf("a shard of depth %d is not at place %d", s.depth, i+j)
			}
		}
		live := 0
		for pos, ref := range s.refs {
			if d.shard(ref.hash) != s {
				t.Fatalf("an element is in the wrong shard")
			}
			if got := s.find(ref.hash, s.key(pos)); got != pos {
				t.Fatalf("element %d is found at %d", pos, got)
			}
			if ref.at&isApart == 0 {
				live += len(s.whole(pos))
			}
		}
		if live != s.live() {
			t.Fatalf("%d bytes are live, and not %d", live, s.live())
		}
		if s.depth < deepest && len(s.refs) > shardMost || len(s.refs) > d.widest {
			t.Fatalf("a shard has %d elements", len(s.refs))
		}
		deep[s.depth]++
		n += len(s.refs)
		memory += s.memory()
		i += d.span(s)
	}
	if n != d.n || fmt.Sprint(deep) != fmt.Sprint(d.deep) || len(d.shards) != 1<<d.depth || len(d.deep) != int(d.depth)+1 {
		t.Fatalf("%d elements, and not %d; depths %v, and not %v", n, d.n, deep, d.deep)
	}
	if d.depth > 0 && d.deep[d.depth] == 0 {
		t.Fatalf("the directory is deeper than needed")
	}
	if memory != d.bytes {
		t.Fatalf("%d bytes, and not %d", memory, d.bytes)
	}
}

func agree(t interface{ Fatalf(string, ...any) }, d *directory, model map[string]string) {
	if d.Len() != len(model) {
		t.Fatalf("Len is %d, want %d", d.Len(), len(model))
	}
	for key, want := range model {
		if got, ok := d.Get([]byte(key)); !ok || string(got) != want {
			t.Fatalf("Get(%.20q) = %.20q %v, want %.20q", key, got, ok, want)
		}
	}
	n := 0
	for key, value := range d.All() {
		if want, ok := model[string(key)]; !ok || want != string(value) {
			t.Fatalf("All has %.20q %.20q, want %.20q", key, value, want)
		}
		n++
	}
	if n != len(model) {
		t.Fatalf("All has %d elements, want %d", n, len(model))
	}
}

// drawValue makes values of all the sizes that matter, those that are alike often.
func drawValue(t *rapid.T) []byte {
	size := rapid.SampledFrom([]int{0, 0, 1, 8, 8, 8, 127, 128, 900, 3000, 4080, 5000}).Draw(t, "size")
	return bytes.Repeat([]byte{byte(rapid.IntRange('a', 'c').Draw(t, "letter"))}, size)
}

func TestADictAgreesWithAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := NewDict()
		model := map[string]string{}
		type copied struct {
			d     *DictCopy
			model map[string]string
		}
		var copies []copied
		keys := rapid.SampledFrom([]int{5, 300, 4000}).Draw(t, "keys")
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			from, n := rapid.IntRange(0, keys).Draw(t, "from"), rapid.SampledFrom([]int{1, 1, 3, 40, 1200}).Draw(t, "n")
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0, 1, 2:
				for i := from; i < from+n; i++ {
					key := fmt.Sprint("key", i%keys)
					_, had := model[key]
					if d.Delete([]byte(key)) != had {
						t.Fatalf("Delete(%s) disagrees", key)
					}
					delete(model, key)
				}
			case 3:
				if len(copies) < 4 {
					m := map[string]string{}
					for k, v := range model {
						m[k] = v
					}
					copies = append(copies, copied{d.Copy(), m})
				}
			default:
				value := drawValue(t)
				for i := from; i < from+n; i++ {
					key := fmt.Sprint("key", i%keys)
					_, had := model[key]
					if d.Set([]byte(key), value) == had {
						t.Fatalf("Set(%s) disagrees", key)
					}
					model[key] = string(value)
				}
			}
			checkDict(t, d)
		}
		agree(t, &d.directory, model)
		for _, c := range copies {
			agree(t, &c.d.directory, c.model)
		}
	})
}

func TestADictThatIsEmptiedIsSmallAgain(t *testing.T) {
	d := NewDict()
	empty := d.Bytes()
	for i := range 50_000 {
		d.Set(fmt.Appendf(nil, "key%d", i), []byte("value"))
	}
	full := d.Bytes()
	for i := range 50_000 {
		if i == 25_000 {
			checkDict(t, d)
			if d.Bytes() > full*3/4 {
				t.Errorf("%d bytes of %d after half was deleted", d.Bytes(), full)
			}
		}
		d.Delete(fmt.Appendf(nil, "key%d", i))
	}
	if d.Bytes() != empty || d.depth != 0 {
		t.Errorf("%d bytes, depth %d when empty again", d.Bytes(), d.depth)
	}
}

// shallow bounds directories for a test.
func shallow(t interface{ Cleanup(func()) }) {
	before := deepest
	deepest = 12
	t.Cleanup(func() { deepest = before })
}

// TestHashesThatAreNearlyAlike shows what happens where splitting does not help.
func TestHashesThatAreNearlyAlike(t *testing.T) {
	shallow(t)
	d := NewDict()
	value := make([]byte, 1000)
	key := func(i int) []byte { return fmt.Appendf(nil, "key%d", i) }
	for i := range 60 {
		d.set(uint32(i%3), key(i), value)
	}
	for i := range 60 {
		s := d.shard(uint32(i % 3))
		if s.find(uint32(i%3), key(i)) < 0 {
			t.Errorf("key %d is gone", i)
		}
	}
	if d.depth != deepest || d.Len() != 60 {
		t.Errorf("depth %d, %d elements", d.depth, d.Len())
	}
	for i := range 60 {
		if !d.delete(uint32(i%3), key(i)) {
			t.Errorf("key %d was gone", i)
		}
	}
	if d.depth != 0 {
		t.Errorf("depth %d", d.depth)
	}
}

func TestScanVisitsOnceWhatStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := NewDict()
		stays := rapid.SampledFrom([]int{0, 3, 500, 3000}).Draw(t, "stays")
		goes := rapid.SampledFrom([]int{0, 500, 20_000}).Draw(t, "goes")
		for i := range goes {
			d.Set(fmt.Appendf(nil, "go%d", i), nil)
		}
		for i := range stays {
			d.Set(fmt.Appendf(nil, "stay%d", i), nil)
		}
		seen := map[string]int{}
		random := rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))
		for cursor, added := uint64(0), 0; ; {
			count := rapid.SampledFrom([]int{1, 10, 100, 5000}).Draw(t, "count")
			cursor = d.Scan(cursor, count, func(key, _ []byte) { seen[string(key)]++ })
			if cursor == 0 {
				break
			}
			for range rapid.SampledFrom([]int{0, 0, 2000}).Draw(t, "deletes") {
				if goes > 0 {
					d.Delete(fmt.Appendf(nil, "go%d", random.IntN(goes)))
				}
			}
			for range rapid.SampledFrom([]int{0, 0, 2000}).Draw(t, "adds") {
				if added++; added < 10_000 {
					d.Set(fmt.Appendf(nil, "new%d", added), nil)
				}
			}
		}
		for i := range stays {
			if n := seen[fmt.Sprint("stay", i)]; n != 1 {
				t.Fatalf("stay%d was visited %d times", i, n)
			}
		}
	})
}

func TestScanVisitsAboutAsManyAsItIsTold(t *testing.T) {
	d := NewDict()
	for i := range 100_000 {
		d.Set(fmt.Appendf(nil, "key%d", i), nil)
	}
	for _, count := range []int{1, 10, 100, 1000, 10_000, 1_000_000} {
		steps, visited, most := 0, 0, 0
		for cursor := uint64(0); ; steps++ {
			before := visited
			cursor = d.Scan(cursor, count, func(_, _ []byte) { visited++ })
			most = max(most, visited-before)
			if cursor == 0 {
				break
			}
		}
		mean := visited / (steps + 1)
		if visited != 100_000 || most > 4*count+20 || mean > count+count/2+4 || mean < min(count, 100_000)*2/3 {
			t.Errorf("COUNT %d: %d in all, %d in a step, at most %d", count, visited, mean, most)
		}
	}
}

func TestRandomIsFair(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	// Of uneven depth: long values in some places.
	d := NewDict()
	const n = 2500
	for i := range n {
		d.Set(binary.LittleEndian.AppendUint32(nil, uint32(i)), make([]byte, (i%50)/49*2000))
	}
	counts := make([]int, n)
	const draws = 400
	for range n * draws {
		key, _ := d.Random(random.Uint64N)
		counts[binary.LittleEndian.Uint32(key)]++
	}
	chi := 0.0
	for _, c := range counts {
		chi += float64((c-draws)*(c-draws)) / draws
	}
	// Of n-1 degrees of freedom, standard deviation sqrt(2n), 71.
	if chi > n+6*71 || chi < n-6*71 {
		t.Errorf("chi square is %.0f, about %d wanted", chi, n)
	}
}

func TestRandomOfWhatIsLeftOfMany(t *testing.T) {
	d := NewDict()
	for i := range 200_000 {
		d.Set(fmt.Appendf(nil, "key%d", i), nil)
	}
	// Keep two whole shards, so that their depth stays.
	keep := map[*dictShard]bool{d.shards[0]: true, d.shards[1]: true}
	var gone [][]byte
	for key := range d.All() {
		if !keep[d.shard(hashOf(key))] {
			gone = append(gone, bytes.Clone(key))
		}
	}
	for _, key := range gone {
		d.Delete(key)
	}
	random := rand.New(rand.NewPCG(3, 4))
	tries := 0
	for range 1000 {
		d.Random(func(n uint64) uint64 { tries++; return random.Uint64N(n) })
	}
	if tries > 102*1000 {
		t.Errorf("%d draws of a number for each element", tries/1000)
	}
}

func FuzzDict(f *testing.F) {
	shallow(f)
	f.Add([]byte("\x00\x01a\x05\x02b\x01\x01a"))
	f.Add(bytes.Repeat([]byte{0xff, 7, 0x80, 9}, 50))
	f.Fuzz(func(t *testing.T, program []byte) {
		d := NewDict()
		model := map[string]string{}
		for len(program) >= 3 {
			op, size, name := program[0], program[1], program[2]
			program = program[3:]
			// Hashes of which few bits differ, so that shards are deep and collide.
			key := bytes.Repeat([]byte{name}, 1+int(op>>5))
			hash := uint32(name)<<25 | uint32(op>>5)
			if op&1 == 0 {
				_, had := model[string(key)]
				if d.delete(hash, key) != had {
					t.Fatalf("delete disagrees")
				}
				delete(model, string(key))
			} else {
				value := bytes.Repeat([]byte{op}, int(size)*20)
				_, had := model[string(key)]
				if d.set(hash, key, value) == had {
					t.Fatalf("set disagrees")
				}
				model[string(key)] = string(value)
			}
			if d.Len() != len(model) {
				t.Fatalf("%d elements, want %d", d.Len(), len(model))
			}
		}
		checkDict(t, d)
		for key, value := range d.All() {
			if want, ok := model[string(key)]; !ok || want != string(value) {
				t.Fatalf("%q: %d bytes, want %d", key, len(value), len(want))
			}
		}
	})
}
