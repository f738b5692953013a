package stream

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// twin is a stream that sees the same changes as another one which is in memory as a whole.
type twin struct {
	*shelf
	cfg    Config
	s      *Stream
	replay bool // no content is at hand while it changes
	blind  bool
}

func (w *twin) Body(ref Ref) *Body {
	if w.blind {
		return nil
	}
	return w.shelf.Body(ref)
}

func newTwin(cfg Config, replay bool) *twin {
	w := &twin{shelf: newShelf(), cfg: cfg, replay: replay}
	w.cfg.Source, w.cfg.Totals = w, &w.totals
	w.s = New(w.cfg)
	return w
}

func (w *twin) change(f func(*Stream)) {
	w.blind = w.replay
	f(w.s)
	w.blind = false
}

// restart makes it the stream that comes from a copy of it.
func (w *twin) restart(t *testing.T) {
	r := again(t, w.s, w.cfg)
	w.s.Release()
	w.s = r
}

// alike is a stream and its twins.
type alike struct {
	r     *rand.Rand
	s     *Stream
	twins []*twin
}

func (a *alike) change(f func(*Stream)) {
	f(a.s)
	for _, w := range a.twins {
		w.change(f)
	}
}

func (a *alike) append() {
	names := []string{"f", "f", "f", "a name that is long enough to count", "g"}
	for range []int{1, 3, 20, 150}[a.r.IntN(4)] {
		id, _ := a.s.LastID().Next()
		if a.r.IntN(3) == 0 {
			id = ID{id.MS + 1, a.r.Uint64N(2)}
		}
		fields := [][]byte{[]byte(names[a.r.IntN(len(names))]), make([]byte, a.r.IntN(120))}
		a.change(func(s *Stream) { s.Append(id, fields) })
	}
}

// remove takes out most of some entries that follow each other.
func (a *alike) remove() {
	all := collect(a.s.Range(MinID, MaxID))
	if len(all) == 0 {
		return
	}
	from := a.r.IntN(len(all))
	for _, e := range all[from:min(len(all), from+1+a.r.IntN(120))] {
		switch a.r.IntN(4) {
		case 0:
			a.change(func(s *Stream) { s.Drop([]ID{e.id}) })
		case 1, 2:
			a.change(func(s *Stream) { s.Delete(e.id) })
		}
	}
}

func (a *alike) trim() {
	most := a.r.Uint64N(a.s.Len() + 1)
	if a.r.IntN(2) == 0 {
		most = a.s.Len() - min(a.s.Len(), 3)
	}
	if through, n := mustPlan(a.s.PlanTrimMaxLen(most, a.r.IntN(2) == 0, 0)); n > 0 {
		a.change(func(s *Stream) { s.Trim(through, n) })
	}
}

func (a *alike) setID() {
	last, ok := mustID(a.s.Last())
	if !ok {
		last = a.s.LastID()
	}
	last.Seq += a.r.Uint64N(2)
	a.change(func(s *Stream) { s.SetID(last, s.EntriesAdded(), s.MaxDeletedID()) })
}

// spill does to each twin what no log tells.
func (a *alike) spill() {
	for _, w := range a.twins {
		if a.r.IntN(6) == 0 {
			w.s.Seal()
		}
		w.shelf.spill(a.r.IntN(3))
		if a.r.IntN(2) == 0 {
			clear(w.hand)
		}
	}
}

// probes are IDs of entries, and others.
func (a *alike) probes() []ID {
	ids := []ID{MinID, {5, 0}, MaxID}
	if all := collect(a.s.Range(MinID, MaxID)); len(all) > 0 {
		ids = append(ids, all[a.r.IntN(len(all))].id, all[a.r.IntN(len(all))].id)
	}
	return ids
}

// decisions is what commands would answer, and what trims would remove: a line for each question.
func decisions(t *testing.T, s *Stream, probes []ID) (lines []string) {
	ask := func(question string, answer func() (string, error)) {
		eventually(t, func() error {
			text, err := answer()
			if err == nil {
				lines = append(lines, question+": "+text)
			}
			return err
		})
	}
	ask("info", func() (string, error) {
		first, _, err1 := s.First()
		last, _, err2 := s.Last()
		return fmt.Sprint(s.Len(), s.LastID(), s.EntriesAdded(), s.MaxDeletedID(), first, last), errors.Join(err1, err2)
	})
	ask("range", func() (string, error) { return fmt.Sprint(collect(s.Range(MinID, MaxID))), nil })
	plan := func(question string, plan func() (ID, uint64, error)) {
		ask(question, func() (string, error) {
			_, removed, err := plan()
			return fmt.Sprint(removed), err
		})
	}
	for _, id := range probes {
		ask(fmt.Sprint("at ", id), func() (string, error) {
			n, err1 := s.CountAfter(id)
			there, err2 := s.Has(id)
			return fmt.Sprint(there, n), errors.Join(err1, err2)
		})
		plan(fmt.Sprint("MINID ", id), func() (ID, uint64, error) { return s.PlanTrimMinID(id, false, 0) })
		plan(fmt.Sprint("MINID ~ ", id), func() (ID, uint64, error) { return s.PlanTrimMinID(id, true, 100) })
	}
	for _, limit := range []uint64{0, 50, 100, 150} {
		for n := uint64(0); n <= s.Len(); n += 1 + s.Len()/20 {
			plan(fmt.Sprintf("MAXLEN ~ %d LIMIT %d", n, limit), func() (ID, uint64, error) { return s.PlanTrimMaxLen(n, true, limit) })
		}
	}
	return lines
}

func (a *alike) check(t *testing.T) {
	t.Helper()
	probes := a.probes()
	want := decisions(t, a.s, probes)
	for i, w := range a.twins {
		if err := checkSums(w.s); err != nil {
			t.Fatal(err)
		}
		got := decisions(t, w.s, probes)
		for at, line := range got {
			if at == len(want) || line != want[at] {
				t.Fatalf("twin %d: %.300s\nwant %.300s", i, line, want[min(at, len(want)-1)])
			}
		}
	}
}

// After a restart, or with its blocks in files, a stream that trimmed elsewhere than before would no longer be the one that
// its log describes.
func TestColdReplayedAndRestoredStreamsDecideAlike(t *testing.T) {
	configs := []Config{{BlockEntries: 1}, {BlockEntries: 2}, {BlockEntries: 7}, {BlockEntries: 40}, {BlockEntries: 130}, {BlockBytes: 700}, {BlockBytes: 3000}}
	for seed := range uint64(21) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			cfg := configs[seed%uint64(len(configs))]
			a := &alike{r: rand.New(rand.NewPCG(seed, 7)), s: New(cfg)}
			a.twins = []*twin{newTwin(cfg, false), newTwin(cfg, true), newTwin(cfg, true)}
			steps := []func(){a.append, a.append, a.append, a.remove, a.remove, a.trim, a.setID, a.spill, a.spill, func() { a.twins[2].restart(t) }}
			for step := range 60 {
				steps[a.r.IntN(len(steps))]()
				if step%4 == 3 {
					a.check(t)
				}
			}
		})
	}
}
