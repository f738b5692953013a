package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// check looks at everything that holds between the changes of a list.
func (l List) check(t interface{ Fatalf(string, ...any) }) {
	if l.Large == nil {
		if len(l.Packed) > 0 {
			if err := CheckList(l.Packed); err != nil {
				t.Fatalf("%v in % x", err, l.Packed)
			}
		}
		return
	}
	table, count, held := l.Large, 0, 0
	for i, c := range table.dir {
		items, bytes := 0, cap(c.pages)*listPageBytes
		if len(c.pages) == 0 || len(c.pages) > listChunkSize {
			t.Fatalf("chunk %d has %d pages", i, len(c.pages))
		}
		for j, p := range c.pages {
			if err := checkItems(p.items(), int(p.count)); err != nil || p.count == 0 {
				t.Fatalf("chunk %d, page %d, %d items: %v", i, j, p.count, err)
			}
			if len(p.buf) > listPageSize && p.count > 1 {
				t.Fatalf("chunk %d, page %d, %d items in %d bytes", i, j, p.count, len(p.buf))
			}
			items += int(p.count)
			bytes += len(p.buf)
		}
		if items != c.count || bytes != c.held {
			t.Fatalf("chunk %d has %d items in %d bytes, and not %d in %d", i, items, bytes, c.count, c.held)
		}
		count += items
		held += bytes
	}
	if count != table.count || held != table.held {
		t.Fatalf("%d items in %d bytes, and not %d in %d", count, held, table.count, table.held)
	}
}

func (l List) all() (all []string) {
	for it := l.From(0); it.Next(); {
		all = append(all, string(it.Item().AppendText(nil)))
	}
	return all
}

// drawItem draws texts of all encodings and lengths.
func drawItem(t *rapid.T, large bool) string {
	switch rapid.IntRange(0, 9).Draw(t, "what") {
	case 0:
		return strconv.FormatInt(rapid.Int64().Draw(t, "number"), 10)
	case 1:
		n := rapid.IntRange(-70000, 70000).Draw(t, "number")
		return strconv.Itoa(n)
	case 2:
		return rapid.SampledFrom([]string{"", "0", "-0", "-1", "95", "96", "4095", "4096", "007", "+1", "1e3", "-", "9223372036854775807",
			"9223372036854775808", "-9223372036854775808", "-9223372036854775809", "\x00\xff"}).Draw(t, "edge")
	case 3:
		if large {
			sizes := []int{100, 123, 124, 125, 126, 127, 128, 129, 700, 1400, 2100, 4000, 4090, 4096, 5000, 17000}
			return strings.Repeat("x", rapid.SampledFrom(sizes).Draw(t, "size"))
		}
	}
	return fmt.Sprint("item", rapid.IntRange(0, 20).Draw(t, "item"))
}

func TestListAgreesWithASliceUnderRandomOperations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l List
		var model []string
		large := rapid.Bool().Draw(t, "large")
		type kept struct {
			copy  *ListCopy
			model []string
		}
		var copies []kept
		for range rapid.IntRange(1, 80).Draw(t, "operations") {
			switch op := rapid.IntRange(0, 13).Draw(t, "operation"); {
			case op < 3:
				var items [][]byte
				for range rapid.IntRange(1, 1+rapid.SampledFrom([]int{2, 40, 700}).Draw(t, "most")).Draw(t, "pushed") {
					items = append(items, []byte(drawItem(t, large && len(items) < 50)))
				}
				if op == 0 {
					l.PushFront(items...)
				} else {
					l.PushBack(items...)
				}
				for _, item := range items {
					if op == 0 {
						model = slices.Insert(model, 0, string(item))
					} else {
						model = append(model, string(item))
					}
				}
			case len(model) == 0:
			case op < 5: // a few at an end
				n := min(rapid.IntRange(1, 3).Draw(t, "popped"), len(model))
				if op == 3 {
					l.Trim(n, 0)
					model = slices.Clone(model[n:])
				} else {
					l.Trim(0, n)
					model = slices.Clone(model[:len(model)-n])
				}
			case op == 5:
				front := rapid.IntRange(0, len(model)/2).Draw(t, "front")
				back := rapid.IntRange(0, len(model)/2).Draw(t, "back")
				l.Trim(front, back)
				model = slices.Clone(model[front : len(model)-back])
			case op < 8:
				i, item := rapid.IntRange(0, len(model)-1).Draw(t, "index"), drawItem(t, large)
				l.Set(i, []byte(item))
				model = slices.Clone(model)
				model[i] = item
			case op < 11:
				i := rapid.IntRange(0, len(model)).Draw(t, "index")
				for range rapid.IntRange(1, 5).Draw(t, "inserted") {
					item := drawItem(t, large)
					l.Insert(i, []byte(item))
					model = slices.Insert(slices.Clone(model), i, item)
				}
			case op < 13:
				var indexes []int
				var left []string
				in := rapid.SampledFrom([]int{1, 2, 3, 50, 1000}).Draw(t, "one in")
				for i, item := range model {
					if (i+len(model))%in == 0 {
						indexes = append(indexes, i)
					} else {
						left = append(left, item)
					}
				}
				if len(indexes) > 0 {
					l.Remove(indexes)
				}
				model = left
			case l.Large != nil:
				copies = append(copies, kept{l.Large.Copy(), slices.Clone(model)})
			}
			l.check(t)
			if l.Len() != len(model) || (len(model) == 0) != (l.Large == nil && l.Packed == nil) {
				t.Fatalf("Len %d, want %d", l.Len(), len(model))
			}
			if len(model) > 0 {
				i := rapid.IntRange(0, len(model)-1).Draw(t, "looked at")
				if got := string(l.At(i).AppendText(nil)); got != model[i] {
					t.Fatalf("At(%d) = %q, want %q", i, got, model[i])
				}
				it := l.Backward(i)
				for j := i; j >= 0 && j > i-600; j-- {
					if !it.Next() || !it.Item().Equal(MakeListItem([]byte(model[j]))) {
						t.Fatalf("Backward(%d) at %d is %v, want %q", i, j, it.Item(), model[j])
					}
				}
			}
		}
		if got := l.all(); !slices.Equal(got, model) {
			t.Fatalf("%q\nwant %q", got, model)
		}
		for _, kept := range copies {
			restored := List{Large: reread(t, kept.copy)}
			restored.check(t)
			if got := restored.all(); !slices.Equal(got, kept.model) {
				t.Fatalf("a copy: %q\nwant %q", got, kept.model)
			}
		}
	})
}

func reread(t interface{ Fatalf(string, ...any) }, c *ListCopy) *ListTable {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := c.Encode(w); err != nil {
		t.Fatalf("%v", err)
	}
	_ = w.Flush()
	table, err := DecodeList(bufio.NewReader(&b))
	if err != nil || b.Len() > 0 {
		t.Fatalf("%v, %d bytes left", err, b.Len())
	}
	return table
}

func TestAnItemHasOneEncodingThatIsReadFromBothEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawItem(t, true)
		item := MakeListItem([]byte(text))
		b := item.append([]byte("before"))[6:]
		got, size := firstItem(b)
		if !got.Equal(item) || string(got.AppendText(nil)) != text || size != len(b) || lastSize(b) != size || firstSize(b) != size ||
			checkItem(b) != size || item.size() != size {
			t.Fatalf("%q: % x is %q", text, b, got.AppendText(nil))
		}
		if number, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(number, 10) == text {
			if item.Text != nil {
				t.Fatalf("%q is no number", text)
			}
			long := ListItem{Text: []byte(text)}
			if checkItem(long.append(nil)) != 0 {
				t.Fatalf("%q may be a text", text)
			}
		}
	})
}

// TestWhatEndsUpInTheMiddleIsNotLeftInSmallPieces: no two neighbouring pages fit into half a page.
func TestWhatEndsUpInTheMiddleIsNotLeftInSmallPieces(t *testing.T) {
	var l List
	for i := range 20000 {
		l.PushBack(fmt.Appendf(nil, "element:%06d", i))
	}
	for i := 0; l.Len() > 5000; i++ {
		l.Remove([]int{i * 7919 % l.Len()})
	}
	for i := range 5000 {
		l.Insert(i*7919%l.Len(), fmt.Appendf(nil, "inserted:%05d", i))
	}
	l.check(t)
	for _, c := range l.Large.dir {
		for i := 1; i < len(c.pages); i++ {
			if c.pages[i-1].size()+c.pages[i].size() < listPageSize/2 {
				t.Fatalf("pages of %d and %d bytes", c.pages[i-1].size(), c.pages[i].size())
			}
		}
	}
	if perItem := float64(l.Large.Bytes()) / float64(l.Len()); perItem > 40 {
		t.Errorf("%.1f bytes for an item of 14", perItem)
	}
}

func TestManyItemsTakeLittleMoreThanTheirBytes(t *testing.T) {
	for _, what := range []struct {
		item string
		most float64
	}{{"element:%06d", 17}, {"1%06d", 5.5}, {strings.Repeat("v", 94) + "%06d", 106}, {strings.Repeat("v", 994) + "%06d", 1120}} {
		n := 200_000
		if len(what.item) > 100 {
			n = 10_000
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var l List
		for i := range n {
			l.PushFront(fmt.Appendf(nil, what.item, i))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		perItem := float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
		if counted := float64(l.Large.Bytes()) / float64(n); perItem > what.most || counted > perItem*1.1 || counted < perItem*0.9 {
			t.Errorf("%s: %.1f bytes per item, %.1f are counted", what.item, perItem, counted)
		}
	}
}

func TestAQueueThatGoesOnForEverKeepsItsSize(t *testing.T) {
	var l List
	item := []byte("element:000001")
	for range 500 {
		l.PushFront(item)
	}
	before := l.Large.Bytes()
	for range 100_000 {
		l.PushFront(item)
		l.Trim(0, 1)
	}
	l.check(t)
	if after := l.Large.Bytes(); after > before+2*listPageSize {
		t.Errorf("%d bytes, and %d before", after, before)
	}
	if n := testing.AllocsPerRun(1000, func() { l.PushFront(item); l.Trim(0, 1) }); n > 0 {
		t.Errorf("%v allocations for a push and a pop", n)
	}
	l.Trim(499, 0)
	if l.Len() != 1 || l.Large.Bytes() > 3*listPageSize {
		t.Errorf("%d bytes for %d items", l.Large.Bytes(), l.Len())
	}
}

func TestACopyTakesNoLongerForALargerList(t *testing.T) {
	l := List{Large: manyItems(20_000_000)}
	best := time.Hour
	for range 5 {
		begun := time.Now()
		c := l.Large.Copy()
		best = min(best, time.Since(begun))
		if c.count != l.Len() {
			t.Fatal("the copy is not whole")
		}
	}
	if best > time.Millisecond {
		t.Errorf("%v for %d items", best, l.Len())
	}
}

// manyItems makes a table of small items quickly.
func manyItems(n int) *ListTable {
	t := new(ListTable)
	var page []byte
	for range listPageSize / 4 {
		page = ListItem{Number: 5000}.append(page)
	}
	for n > 0 {
		t.appendItems(page, listPageSize/4)
		n -= listPageSize / 4
	}
	return t
}

func TestDamagedListsAreRefused(t *testing.T) {
	var l List
	for i := range 300 {
		l.PushBack([]byte(strconv.Itoa(i*i)), []byte("text"))
	}
	l.PushBack(bytes.Repeat([]byte("x"), 5000))
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := l.Large.Copy().Encode(w); err != nil {
		t.Fatal(err)
	}
	_ = w.Flush()
	whole := b.Bytes()
	for n := range whole {
		if _, err := DecodeList(bufio.NewReader(bytes.NewReader(whole[:n]))); !errors.Is(err, ErrDamaged) {
			t.Fatalf("the first %d bytes of %d: %v", n, len(whole), err)
		}
	}
	for _, hostile := range []string{"", "\x00\x00", "\x01\xff\xff\xff\xff\x0f", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\xff\xff\xff\xff\x0f\x01"} {
		if _, err := DecodeList(bufio.NewReader(strings.NewReader(hostile))); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", hostile, err)
		}
	}
}

func FuzzDecodeList(f *testing.F) {
	f.Add([]byte("\x02\x08\x011\x02\x04text\x05\x00\x02"))
	f.Add([]byte("\x01\x03\x80\x01\x00\x01"))
	var l List
	for i := range 200 {
		l.PushBack([]byte(strconv.Itoa(i*i)), []byte("text"))
	}
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	_ = l.Large.Copy().Encode(w)
	_ = w.Flush()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := DecodeList(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		exercise(t, List{Large: table})
	})
}

func FuzzCheckList(f *testing.F) {
	f.Add([]byte("\x03\x01x\x02\x80\x01\xe1\x00\x02"))
	f.Add([]byte("\x01\xf1\x00\x80\x03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if CheckList(b) == nil {
			exercise(t, List{Packed: b})
		}
	})
}

// exercise does everything to a list that came from outside.
func exercise(t *testing.T, l List) {
	l.check(t)
	n := l.Len()
	all := l.all()
	if len(all) != n {
		t.Fatalf("%d items of %d", len(all), n)
	}
	for i := range min(n, 300) {
		if got := string(l.At(i).AppendText(nil)); got != all[i] {
			t.Fatalf("At(%d) = %q, want %q", i, got, all[i])
		}
	}
	l.Insert(n/2, []byte("inserted"))
	l.Set(n/3, []byte("set"))
	l.Remove([]int{n / 4})
	l.PushFront([]byte("front"))
	l.PushBack([]byte("back"))
	l.check(t)
	l.Trim(n/2, n/4)
	l.check(t)
}
