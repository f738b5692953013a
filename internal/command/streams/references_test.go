package streams_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestXDelExTellsOfEachIDWhatBecameOfIt(t *testing.T) {
	r := newGroup(6, 4, "a")
	r.do("xack s g 1-1 2-1")
	r.expect(t, 1000,
		"xdelex s acked ids 4 1-1 3-1 5-1 9-1", "[1 2 2 -1]",
		"xdelex s acked ids 4 3-1 2-1 2-1 3-1", "[2 1 -1 2]",
		"xdelex s ids 2 3-1 3-1", "[1 -1]",
		"xpending s g", "[2 3-1 4-1 [[a 2]]]",
		"xdelex s ids 1 4-1 delref", "[1]",
		"xpending s g", "[1 3-1 3-1 [[a 1]]]",
		// The entry is gone, but not what refers to it.
		"xdelex s delref ids 1 3-1", "[-1]",
		"xpending s g", "[0 ~ ~ ~]",
		"xlen s", "2",
		"xdelex x acked ids 2 1-1 1-1", "[-1 -1]",
	)
	if got := r.do("xinfo stream s"); !strings.Contains(got, "max-deleted-entry-id\r\n$3\r\n4-1\r\n") {
		t.Errorf("XDELEX deletes as XDEL does: %q", got)
	}
}

func TestXAckDelIsAboutWhatIsPendingInItsGroup(t *testing.T) {
	r := newGroup(6, 5, "a")
	r.do("xgroup create s h 0")
	r.do("xreadgroup group h b count 3 streams s >")
	r.do("xdel s 5-1")
	r.expect(t, 1000,
		// In the stream, but not pending here: XDELEX would delete it.
		"xackdel s g ids 2 6-1 9-1", "[-1 -1]",
		"xackdel s g keepref ids 2 1-1 1-1", "[1 -1]",
		"xpending s h", "[3 1-1 3-1 [[b 3]]]",
		"xackdel s g delref ids 2 2-1 5-1", "[1 1]",
		"xpending s h", "[2 1-1 3-1 [[b 2]]]",
		// Pending in h; and h has yet to deliver 4-1.
		"xackdel s g acked ids 3 4-1 3-1 4-1", "[2 2 -1]",
		"xpending s g", "[0 ~ ~ ~]",
		"xreadgroup group h b streams s >", "[[s [[4-1 [n 4]] [6-1 [n 6]]]]]",
		"xackdel s h acked ids 2 4-1 3-1", "[1 1]",
		"xackdel s h acked ids 1 6-1", "[2]",
		"xackdel s none ids 2 1-1 2-1", "[-1 -1]",
		"xackdel x g ids 1 1-1", "[-1]",
		"xlen s", "1",
	)
}

func TestWhatAKeyHoldsComesBeforeWhatIsWrongWithTheIDs(t *testing.T) {
	r := newGroup(1, 1, "a")
	r.expect(t, 1000,
		"xdelex x ids 2 bad bad", "[-1 -1]",
		"xackdel x g ids 1 bad", "[-1]",
		"xackdel s x ids 1 bad", "[-1]",
		"xdelex x ids 0 1-1", "ERR Number of IDs must be a positive integer",
		"xackdel x g foo ids 1 1-1", "ERR syntax error",
		"xdelex s ids 2 1-1 bad", "ERR Invalid stream ID specified as stream command argument",
		"xackdel s g ids 2 1-1 bad", "ERR Invalid stream ID specified as stream command argument",
		"xnack s x maybe ids 1 bad", "NOGROUP No such key 's' or consumer group 'x'",
		"xnack s g maybe ids 1 bad", "ERR ERR mode must be SILENT, FAIL, or FATAL",
		"xpending s g - + 9", "[[1-1 a 0 1]]", "xlen s", "1",
	)
}

func TestAckedTrimsGoOnBehindWhatIsStillReferredTo(t *testing.T) {
	r := newGroup(10, 6, "a")
	r.do("xack s g 1-1 3-1")
	r.expect(t, 1000, "xtrim s maxlen = 3 acked", "2", "xlen s", "8")
	r.do("xack s g 4-1 6-1")
	r.expect(t, 1000,
		"xtrim s maxlen 7 acked", "1",
		"xtrim s minid 6-1 acked", "0",
		"xtrim s minid 7 acked", "1",
		"xadd s acked maxlen 0 11-1 n 11", "11-1",
		"xrange s - +", "[[2-1 [n 2]] [5-1 [n 5]] [7-1 [n 7]] [8-1 [n 8]] [9-1 [n 9]] [10-1 [n 10]] [11-1 [n 11]]]",
	)
	if got := r.do("xinfo stream s"); !strings.Contains(got, "max-deleted-entry-id\r\n$3\r\n0-0\r\n") {
		t.Errorf("a trim counts as a deletion: %q", got)
	}
	r.expect(t, 1000, "xgroup destroy s g", "1", "xtrim s maxlen 0 acked", "7")
}

func TestAckedTrimsWithTildeTakeWhatIsAcknowledged(t *testing.T) {
	r := newGroup(150, 150, "a")
	for i := range 120 {
		r.do(fmt.Sprintf("xack s g %d-1", i+1))
	}
	r.expect(t, 1000, "xtrim s maxlen ~ 10 acked", "120", "xlen s", "30")
}

func TestDelRefTrimsWithTildeGoEntryByEntry(t *testing.T) {
	r := newGroup(250, 250, "a")
	r.expect(t, 1000,
		"xtrim s maxlen ~ 240 limit 0 delref", "10",
		"xtrim s maxlen ~ 10 limit 30 delref", "30",
		"xtrim s minid ~ 61 limit 15 delref", "15",
		"xpending s g", "[195 56-1 250-1 [[a 195]]]",
		"xtrim s maxlen ~ 10 delref", "185",
		"xpending s g", "[10 241-1 250-1 [[a 10]]]",
	)
}

func TestKeepRefTrimsLeaveWhatIsPending(t *testing.T) {
	r := newGroup(5, 5, "a")
	r.expect(t, 1000,
		"xtrim s maxlen 3 keepref", "2", "xtrim s maxlen 2", "1",
		"xadd s keepref maxlen 1 6-1 n 6", "6-1",
		"xpending s g", "[5 1-1 5-1 [[a 5]]]",
	)
}

func TestXAddDelRefWithoutATrimDoesNothing(t *testing.T) {
	r := newGroup(3, 3, "a")
	r.expect(t, 1000, "xadd s delref 8-0 n 8", "8-0", "xpending s g", "[3 1-1 3-1 [[a 3]]]", "xlen s", "4")
}

func TestAnAckedTrimWithTildeDoesNotLookAtEverythingPending(t *testing.T) {
	r := newGroup(100, 100, "a")
	for i := 50; i < 100; i++ {
		r.do(fmt.Sprintf("xack s g %d-1", i+1))
	}
	r.expect(t, 1000,
		"xtrim s maxlen ~ 0 limit 5 acked", "0",
		"xtrim s maxlen ~ 0 limit 6 acked", "6",
		"xtrim s maxlen 90 acked", "4",
		"xtrim s maxlen ~ 0 limit 0 acked", "40",
	)
}

func TestThousandsOfGroupsAreAskedOnce(t *testing.T) {
	r := newRunner(2)
	for i := range 300 {
		r.do(fmt.Sprintf("xadd s %d-1 n 1", i+1))
	}
	for i := range 1000 {
		r.do(fmt.Sprintf("xgroup create s g%d 0", i))
		r.do(fmt.Sprintf("xreadgroup group g%d c streams s >", i))
		if i%2 == 0 {
			r.do(fmt.Sprintf("xack s g%d %s", i, strings.Join(ids(1, 100), " ")))
		}
	}
	r.expect(t, 1000, "xtrim s maxlen 0 acked", "0")
	for i := 1; i < 1000; i += 2 {
		r.do(fmt.Sprintf("xack s g%d %s", i, strings.Join(ids(1, 99), " ")))
	}
	r.expect(t, 1000,
		"xtrim s maxlen 0 acked", "99", "xdelex s acked ids 2 100-1 300-1", "[2 2]",
		"xackdel s g1 delref ids 1 300-1", "[1]", "xpending s g999", "[200 100-1 299-1 [[c 200]]]",
		"xtrim s maxlen 1 delref", "199", "xpending s g0", "[1 299-1 299-1 [[c 1]]]",
	)
}

func TestATrimOfVeryMuchNamesItInBatches(t *testing.T) {
	const n = 3*4096 + 10
	for _, policy := range []string{"acked", "delref"} {
		r := newGroup(n, n, "a")
		r.do("xgroup create s h 0")
		r.do("xreadgroup group h b streams s >")
		odd := ids(1, n)
		for i := range n / 2 {
			odd[i] = odd[2*i]
		}
		r.do("xack s g " + strings.Join(odd[:n/2], " "))
		r.do("xack s h " + strings.Join(ids(1, n), " "))
		if policy == "acked" {
			r.expect(t, 1000, "xtrim s maxlen 0 acked", fmt.Sprint(n/2), "xlen s", fmt.Sprint(n/2),
				"xpending s g", fmt.Sprintf("[%d 2-1 %d-1 [[a %d]]]", n/2, n, n/2), "xrange s - + count 2", "[[2-1 [n 2]] [4-1 [n 4]]]")
		} else {
			r.expect(t, 1000, "xtrim s maxlen 10 delref", fmt.Sprint(n-10), "xlen s", "10",
				"xpending s g", fmt.Sprintf("[5 %d-1 %d-1 [[a 5]]]", n-8, n))
		}
	}
}

func ids(from, to int) (list []string) {
	for i := from; i <= to; i++ {
		list = append(list, fmt.Sprintf("%d-1", i))
	}
	return list
}

// naive is a stream and its groups as sets of numbers: of n-1 it knows n.
type naive struct {
	entries map[int]bool
	groups  map[string]*naiveGroup
}

type naiveGroup struct {
	last    int
	pending map[int]bool
}

func (m *naive) live() []int { return slices.Sorted(maps.Keys(m.entries)) }

func (m *naive) referred(n int) bool {
	for _, g := range m.groups {
		if n > g.last || g.pending[n] {
			return true
		}
	}
	return false
}

func (m *naive) drop(n int) {
	for _, g := range m.groups {
		delete(g.pending, n)
	}
}

func (m *naive) trim(refs string, maxLen, below, limit int) (removed int) {
	looks := 0
	for _, n := range m.live() {
		if len(m.entries) <= maxLen || n >= below || limit > 0 && removed == limit {
			break
		}
		if looks++; refs == "acked" && limit > 0 && looks > 10*limit {
			break
		}
		if refs == "acked" && m.referred(n) {
			continue
		}
		if refs == "delref" {
			m.drop(n)
		}
		delete(m.entries, n)
		removed++
	}
	return removed
}

func (m *naive) delete(refs string, n int) int {
	if refs == "delref" {
		m.drop(n)
	}
	switch {
	case !m.entries[n]:
		return -1
	case refs == "acked" && m.referred(n):
		return 2
	}
	delete(m.entries, n)
	return 1
}

func (m *naive) ackDelete(g *naiveGroup, refs string, n int) int {
	if g == nil || !g.pending[n] {
		return -1
	}
	delete(g.pending, n)
	if refs == "delref" {
		m.drop(n)
	}
	if refs == "acked" && m.referred(n) {
		return 2
	}
	delete(m.entries, n)
	return 1
}

func TestReferencesAgreeWithANaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRunner(2)
		r.do("xadd s 1-1 n 1")
		m := &naive{map[int]bool{1: true}, map[string]*naiveGroup{}}
		next := 2
		do := func(line string, want any) {
			t.Helper()
			if got := r.at(1000, line); want != nil && got != fmt.Sprint(want) {
				t.Fatalf("%s: %s, want %v", line, got, want)
			}
		}
		draw := func(limit int) int { return rapid.IntRange(0, limit).Draw(t, "n") }
		some := func() (numbers []int, list string) {
			numbers = rapid.SliceOfN(rapid.IntRange(1, next+1), 1, 8).Draw(t, "ids")
			for _, n := range numbers {
				list += fmt.Sprintf(" %d-1", n)
			}
			return numbers, fmt.Sprintf("ids %d%s", len(numbers), list)
		}
		policy := rapid.SampledFrom([]string{"keepref", "delref", "acked", "acked"})
		group := rapid.SampledFrom([]string{"g1", "g2", "g3"})
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				for range draw(20) {
					do(fmt.Sprintf("xadd s %d-1 n 1", next), nil)
					m.entries[next] = true
					next++
				}
			},
			"create": func(t *rapid.T) {
				name, last := group.Draw(t, "group"), draw(next)
				if m.groups[name] == nil {
					do(fmt.Sprintf("xgroup create s %s %d-1", name, last), "OK")
					m.groups[name] = &naiveGroup{last, map[int]bool{}}
				} else {
					do(fmt.Sprintf("xgroup setid s %s %d-1", name, last), "OK")
					m.groups[name].last = last
				}
			},
			"destroy": func(t *rapid.T) {
				name := group.Draw(t, "group")
				if draw(3) == 0 {
					do("xgroup destroy s "+name, nil)
					delete(m.groups, name)
				}
			},
			"read": func(t *rapid.T) {
				name, count := group.Draw(t, "group"), draw(30)+1
				g := m.groups[name]
				if g == nil {
					return
				}
				do(fmt.Sprintf("xreadgroup group %s c%d count %d streams s >", name, draw(2), count), nil)
				for _, n := range m.live() {
					if n > g.last && count > 0 {
						g.last, g.pending[n] = n, true
						count--
					}
				}
			},
			"ack": func(t *rapid.T) {
				name := group.Draw(t, "group")
				if g := m.groups[name]; g != nil {
					for n := range g.pending {
						if n%3 != 0 {
							do(fmt.Sprintf("xack s %s %d-1", name, n), 1)
							delete(g.pending, n)
						}
					}
				}
			},
			"trim": func(t *rapid.T) {
				refs := policy.Draw(t, "refs")
				limit, how, tail := 0, "=", ""
				if refs != "keepref" && draw(1) == 0 {
					limit, how = draw(10), "~"
					tail = fmt.Sprintf(" limit %d", limit)
				}
				if n := draw(next); draw(1) == 0 {
					do(fmt.Sprintf("xtrim s maxlen %s %d%s %s", how, n, tail, refs), m.trim(refs, n, next, limit))
				} else {
					do(fmt.Sprintf("xtrim s minid %s %d-1%s %s", how, n, tail, refs), m.trim(refs, 0, n, limit))
				}
			},
			"addAndTrim": func(t *rapid.T) {
				refs, n := policy.Draw(t, "refs"), draw(next)
				do(fmt.Sprintf("xadd s %s maxlen %d %d-1 n 1", refs, n, next), fmt.Sprintf("%d-1", next))
				m.entries[next] = true
				next++
				m.trim(refs, n, next, 0)
			},
			"xdelex": func(t *rapid.T) {
				refs := policy.Draw(t, "refs")
				numbers, list := some()
				var want []int
				for _, n := range numbers {
					want = append(want, m.delete(refs, n))
				}
				do(fmt.Sprintf("xdelex s %s %s", refs, list), want)
			},
			"xackdel": func(t *rapid.T) {
				refs, name := policy.Draw(t, "refs"), group.Draw(t, "group")
				numbers, list := some()
				var want []int
				for _, n := range numbers {
					want = append(want, m.ackDelete(m.groups[name], refs, n))
				}
				do(fmt.Sprintf("xackdel s %s %s %s", name, refs, list), want)
			},
			"": func(t *rapid.T) {
				do("xlen s", len(m.entries))
				var got []string
				for n := range m.entries {
					got = append(got, fmt.Sprintf("[%d-1 [n 1]]", n))
				}
				slices.SortFunc(got, func(a, b string) int { return number(a) - number(b) })
				do("xrange s - +", got)
				for name, g := range m.groups {
					var pending []int
					for _, row := range strings.Split(r.at(1000, "xpending s "+name+" - + 9999"), "] [") {
						if n := number(strings.TrimLeft(row, "[")); n > 0 {
							pending = append(pending, n)
						}
					}
					if want := slices.Sorted(maps.Keys(g.pending)); !slices.Equal(pending, want) {
						t.Fatalf("%s has %v pending, want %v", name, pending, want)
					}
				}
			},
		})
	})
}

func number(s string) (n int) {
	_, _ = fmt.Sscanf(strings.TrimLeft(s, "["), "%d-1", &n)
	return n
}
