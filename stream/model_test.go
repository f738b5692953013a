package stream

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// model is a stream as a naive slice.
type model struct {
	entries    []modelEntry
	last       ID
	added      uint64
	maxDeleted ID
}

type modelEntry struct {
	id     ID
	fields [][]byte
}

func (m *model) rangeOf(from, to ID) []modelEntry {
	var out []modelEntry
	for _, e := range m.entries {
		if !e.id.Less(from) && !to.Less(e.id) {
			out = append(out, e)
		}
	}
	return out
}

func collect(it Iter) []modelEntry {
	var out []modelEntry
	for it.Next() {
		e := modelEntry{id: it.ID()}
		for it.Field() {
			e.fields = append(e.fields, bytes.Clone(it.Name()), bytes.Clone(it.Value()))
		}
		if len(e.fields) != 2*it.NumFields() {
			panic("NumFields disagrees with Field")
		}
		out = append(out, e)
	}
	if it.Err() != nil {
		panic(it.Err())
	}
	return out
}

func sameEntries(a, b []modelEntry) error {
	if len(a) != len(b) {
		return fmt.Errorf("%d entries, want %d", len(a), len(b))
	}
	for i := range a {
		if a[i].id != b[i].id {
			return fmt.Errorf("entry %d is %v, want %v", i, a[i].id, b[i].id)
		}
		if !slices.EqualFunc(a[i].fields, b[i].fields, bytes.Equal) {
			return fmt.Errorf("entry %v has fields %q, want %q", a[i].id, a[i].fields, b[i].fields)
		}
	}
	return nil
}

// check compares everything that s tells with m.
func (m *model) check(s *Stream) error {
	if s.Len() != uint64(len(m.entries)) || s.LastID() != m.last || s.EntriesAdded() != m.added || s.MaxDeletedID() != m.maxDeleted {
		return fmt.Errorf("len %d last %v added %d deleted %v, want %d %v %d %v", s.Len(), s.LastID(), s.EntriesAdded(), s.MaxDeletedID(),
			len(m.entries), m.last, m.added, m.maxDeleted)
	}
	first, ok := mustID(s.First())
	if ok != (len(m.entries) > 0) || ok && first != m.entries[0].id {
		return fmt.Errorf("first %v %v", first, ok)
	}
	last, ok := mustID(s.Last())
	if ok != (len(m.entries) > 0) || ok && last != m.entries[len(m.entries)-1].id {
		return fmt.Errorf("last %v %v", last, ok)
	}
	return m.checkRange(s, MinID, MaxID)
}

func (m *model) checkRange(s *Stream, from, to ID) error {
	want := m.rangeOf(from, to)
	if err := sameEntries(collect(s.Range(from, to)), want); err != nil {
		return fmt.Errorf("range %v %v: %w", from, to, err)
	}
	slices.Reverse(want)
	if err := sameEntries(collect(s.Reverse(from, to)), want); err != nil {
		return fmt.Errorf("reverse %v %v: %w", from, to, err)
	}
	return checkInside(s)
}

// checkInside verifies the invariants of the representation.
func checkInside(s *Stream) error {
	var length int
	prev := ID{}
	if err := checkSums(s); err != nil {
		return err
	}
	for i, b := range allBlocks(s) {
		if b.Body == nil {
			length += b.live
			prev = b.last
			continue
		}
		if b.n == 0 {
			if b != s.open || b.live != 0 || len(b.data) != 0 || len(b.groups) != 0 {
				return fmt.Errorf("block %d is empty", i)
			}
			continue
		}
		if b.live <= 0 || b.live != b.liveIn(0, b.n) {
			return fmt.Errorf("block %d: live %d, counted %d", i, b.live, b.liveIn(0, b.n))
		}
		if b.start >= b.n || b.isDead(b.start) {
			return fmt.Errorf("block %d starts at %d, dead", i, b.start)
		}
		if !prev.Less(b.first) || b.last.Less(b.first) {
			return fmt.Errorf("block %d out of order: %v after %v", i, b.first, prev)
		}
		for g := range b.groups {
			if n := b.groupEnd(g) - int(b.groups[g].ord); n < 1 || n > groupEntries {
				return fmt.Errorf("block %d group %d has %d entries", i, g, n)
			}
		}
		c := b.group(0)
		for range b.n {
			c.next()
			if !prev.Less(c.id) {
				return fmt.Errorf("block %d: %v after %v", i, c.id, prev)
			}
			prev = c.id
			c.skip()
		}
		if c.pos != len(b.data) || c.id.Less(b.last) || b == s.open && c.id != b.last {
			return fmt.Errorf("block %d ends at %d %v, want %d %v", i, c.pos, c.id, len(b.data), b.last)
		}
		length += b.live
		prev = b.last
	}
	if uint64(length) != s.Len() {
		return fmt.Errorf("blocks hold %d, Len is %d", length, s.Len())
	}
	return nil
}

var anyID = rapid.Custom(func(t *rapid.T) ID {
	return ID{rapid.Uint64Range(0, 60).Draw(t, "ms"), rapid.Uint64Range(0, 3).Draw(t, "seq")}
})

func drawFields(t *rapid.T) [][]byte {
	shapes := [][]string{{"a"}, {"airport", "delay"}, {"delay", "airport"}, {"a", "a"}, {"x", "y", "z", "", "v", "w"}, {"b"}, {"c"}, {"d"}, {"e"}}
	var out [][]byte
	for _, name := range rapid.SampledFrom(shapes).Draw(t, "names") {
		size := rapid.SampledFrom([]int{0, 1, 5, 20, 127, 128, 300}).Draw(t, "size")
		out = append(out, []byte(name), bytes.Repeat([]byte{byte('a' + size%26)}, size))
	}
	return out
}

func (m *model) append(s *Stream, id ID, fields [][]byte) {
	s.Append(id, fields)
	m.entries = append(m.entries, modelEntry{id, fields})
	m.last = id
	m.added++
}

func TestStreamIsLikeANaiveSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(Config{
			BlockBytes:   rapid.SampledFrom([]int{1, 300, 2000, 64 << 10}).Draw(t, "blockBytes"),
			BlockEntries: rapid.SampledFrom([]int{1, 2, 40, 4096}).Draw(t, "blockEntries"),
		})
		m := &model{}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				for range rapid.SampledFrom([]int{1, 1, 5, 40, 200}).Draw(t, "n") {
					step := rapid.SampledFrom([]ID{{0, 1}, {0, 1}, {0, 2}, {1, 0}, {1, 7}, {1 << 40, 0}}).Draw(t, "step")
					id := ID{s.LastID().MS, s.LastID().Seq + step.Seq}
					if step.MS > 0 {
						id = ID{s.LastID().MS + step.MS, step.Seq}
					}
					if err := s.CheckID(id); err != nil {
						t.Fatal(err)
					}
					m.append(s, id, drawFields(t))
				}
			},
			"delete": func(t *rapid.T) {
				for range rapid.IntRange(1, 60).Draw(t, "n") {
					if len(m.entries) == 0 {
						return
					}
					i := rapid.IntRange(0, len(m.entries)-1).Draw(t, "i")
					id := m.entries[i].id
					if !must(s.Has(id)) || !s.Delete(id) || must(s.Has(id)) || s.Delete(id) {
						t.Fatalf("delete of %v", id)
					}
					m.entries = slices.Delete(m.entries, i, i+1)
					if m.maxDeleted.Less(id) {
						m.maxDeleted = id
					}
				}
			},
			"delete a run": func(t *rapid.T) {
				if len(m.entries) == 0 {
					return
				}
				i := rapid.IntRange(0, len(m.entries)-1).Draw(t, "i")
				j := rapid.IntRange(i, len(m.entries)).Draw(t, "j")
				for _, e := range m.entries[i:j] {
					if !s.Delete(e.id) {
						t.Fatalf("delete of %v", e.id)
					}
					if m.maxDeleted.Less(e.id) {
						m.maxDeleted = e.id
					}
				}
				m.entries = slices.Delete(m.entries, i, j)
			},
			"drop from anywhere": func(t *rapid.T) {
				if len(m.entries) == 0 {
					return
				}
				ids := []ID{anyID.Draw(t, "any"), MaxID}
				for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(m.entries)-1), 1, 60).Draw(t, "which") {
					ids = append(ids, m.entries[i].id) // some of them twice
				}
				before := len(m.entries)
				m.entries = slices.DeleteFunc(m.entries, func(e modelEntry) bool { return slices.Contains(ids, e.id) })
				if n := s.Drop(ids); int(n) != before-len(m.entries) {
					t.Fatalf("%d dropped, want %d", n, before-len(m.entries))
				}
			},
			"count": func(t *rapid.T) {
				ids := []ID{MinID, MaxID, anyID.Draw(t, "any"), m.last}
				if n := len(m.entries); n > 0 {
					ids = append(ids, m.entries[0].id, m.entries[n-1].id, m.entries[rapid.IntRange(0, n-1).Draw(t, "i")].id)
				}
				for _, id := range ids {
					want := len(m.rangeOf(id, MaxID))
					if want > 0 && m.rangeOf(id, id) != nil {
						want--
					}
					if got := must(s.CountAfter(id)); got != uint64(want) {
						t.Fatalf("%d entries above %v, want %d", got, id, want)
					}
				}
			},
			"delete what is not there": func(t *rapid.T) {
				id := anyID.Draw(t, "id")
				there := slices.ContainsFunc(m.entries, func(e modelEntry) bool { return e.id == id })
				if must(s.Has(id)) != there {
					t.Fatalf("has %v is %v", id, !there)
				}
				if !there && s.Delete(id) {
					t.Fatalf("deleted %v", id)
				}
			},
			"trim to a length": func(t *rapid.T) {
				maxLen := rapid.IntRange(0, len(m.entries)+1).Draw(t, "maxLen")
				want := max(len(m.entries)-maxLen, 0)
				through, n := mustPlan(s.PlanTrimMaxLen(uint64(maxLen), false, 0))
				if n != uint64(want) || n > 0 && trim(s, through, n) != n {
					t.Fatalf("trim removes %d, want %d", n, want)
				}
				m.entries = m.entries[want:]
			},
			"trim to an ID": func(t *rapid.T) {
				id := anyID.Draw(t, "id")
				if len(m.entries) > 0 && rapid.Bool().Draw(t, "existing") {
					id = m.entries[rapid.IntRange(0, len(m.entries)-1).Draw(t, "i")].id
				}
				want := len(m.rangeOf(MinID, id))
				if want > 0 && m.entries[want-1].id == id {
					want--
				}
				through, n := mustPlan(s.PlanTrimMinID(id, false, 0))
				if n != uint64(want) || n > 0 && trim(s, through, n) != n {
					t.Fatalf("trim removes %d, want %d", n, want)
				}
				m.entries = m.entries[want:]
			},
			"trim about to a length": func(t *rapid.T) {
				maxLen := rapid.IntRange(0, len(m.entries)+1).Draw(t, "maxLen")
				limit := rapid.SampledFrom([]uint64{0, 1, 50, 100, 10000}).Draw(t, "limit")
				through, n := mustPlan(s.PlanTrimMaxLen(uint64(maxLen), true, limit))
				if int(n) > max(len(m.entries)-maxLen, 0) || limit > 0 && n > limit {
					t.Fatalf("trim of %d about to %d with limit %d removes %d", len(m.entries), maxLen, limit, n)
				}
				if limit == 0 && maxLen == 0 && int(n) != len(m.entries) {
					t.Fatalf("trim about to 0 leaves %d", len(m.entries)-int(n))
				}
				if n > 0 && trim(s, through, n) != n {
					t.Fatal("Trim is not as planned")
				}
				m.entries = m.entries[n:]
			},
			"trim about to an ID": func(t *rapid.T) {
				id := anyID.Draw(t, "id")
				if len(m.entries) > 0 {
					id = m.entries[rapid.IntRange(0, len(m.entries)-1).Draw(t, "i")].id
				}
				limit := rapid.SampledFrom([]uint64{0, 1, 50, 100, 10000}).Draw(t, "limit")
				through, n := mustPlan(s.PlanTrimMinID(id, true, limit))
				if n > 0 && (!m.entries[n-1].id.Less(id) || limit > 0 && n > limit || trim(s, through, n) != n) {
					t.Fatalf("trim about to %v removes %d", id, n)
				}
				m.entries = m.entries[n:]
			},
			"set ID": func(t *rapid.T) {
				last := m.last
				if n := len(m.entries); n > 0 {
					last = m.entries[n-1].id
				}
				last.Seq += rapid.Uint64Range(0, 2).Draw(t, "more")
				m.last, m.added, m.maxDeleted = last, m.added+3, ID{1, 1}
				s.SetID(m.last, m.added, m.maxDeleted)
			},
			"range": func(t *rapid.T) {
				from, to := anyID.Draw(t, "from"), anyID.Draw(t, "to")
				if len(m.entries) > 0 && rapid.Bool().Draw(t, "existing") {
					from = m.entries[rapid.IntRange(0, len(m.entries)-1).Draw(t, "i")].id
					to = m.entries[rapid.IntRange(0, len(m.entries)-1).Draw(t, "j")].id
				}
				if err := m.checkRange(s, from, to); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				if err := m.check(s); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}
