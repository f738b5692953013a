package crash

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/weirmq/weir/internal/oracle"
)

// entry is one entry as XRANGE gives it.
type entry struct {
	id     string
	writer int
	n      uint64
}

// readStream reads a whole stream in pages and checks the content of every entry.
func readStream(c *oracle.Conn, key string) ([]entry, error) {
	var out []entry
	for from := "-"; ; {
		page, err := c.MustDo("XRANGE", key, from, "+", "COUNT", "1000")
		if err != nil {
			return nil, err
		}
		for _, r := range page.Elems {
			e, err := parseEntry(r)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			out = append(out, e)
		}
		if len(page.Elems) < 1000 {
			return out, nil
		}
		from = "(" + out[len(out)-1].id
	}
}

func parseEntry(r oracle.Reply) (entry, error) {
	if len(r.Elems) != 2 || len(r.Elems[1].Elems) != 6 {
		return entry{}, fmt.Errorf("an entry that nobody wrote: %s", r)
	}
	f := r.Elems[1].Elems
	w, err1 := strconv.Atoi(f[1].Text)
	n, err2 := strconv.ParseUint(f[3].Text, 10, 64)
	if err1 != nil || err2 != nil || f[0].Text != "w" || f[2].Text != "n" || f[4].Text != "p" || f[5].Text != payload(w, n) {
		return entry{}, fmt.Errorf("an entry with a content that nobody wrote: %s", r)
	}
	return entry{r.Elems[0].Text, w, n}, nil
}

// check reads everything and holds it against the four laws. seen are the IDs
// that a reader was shown in the shared stream. What is there afterwards is
// what the next session builds on.
func check(addr string, writers []*writer, seen []string) error {
	c, err := oracle.Dial(addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	all, err := readStream(c, shared)
	if err != nil {
		return err
	}
	ids := map[string]bool{}
	found := make([]state, len(writers))
	for _, e := range all {
		if e.writer < 0 || e.writer >= len(writers) {
			return fmt.Errorf("%s: entry %s of writer %d, whom nobody knows", shared, e.id, e.writer)
		}
		if ids[e.id] {
			return fmt.Errorf("%s: ID %s is there twice", shared, e.id)
		}
		ids[e.id] = true
		if want, acked := writers[e.writer].sharedIDs[e.n]; acked && want != e.id {
			return fmt.Errorf("%s: entry %d of writer %d was acknowledged as %s and is %s", shared, e.n, e.writer, want, e.id)
		}
		found[e.writer].shared = append(found[e.writer].shared, e.n)
	}
	for _, id := range seen {
		if !ids[id] {
			return fmt.Errorf("%s: entry %s was shown to a reader and is gone", shared, id)
		}
	}
	for i, w := range writers {
		if err := readOwn(c, w, &found[i]); err != nil {
			return err
		}
		if err := w.settle(&found[i]); err != nil {
			return err
		}
	}
	return nil
}

// readOwn reads a writer's own stream into s.
func readOwn(c *oracle.Conn, w *writer, s *state) error {
	entries, err := readStream(c, w.own)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.writer != w.index || e.id != strconv.FormatUint(e.n, 10)+"-1" {
			return fmt.Errorf("%s: entry %s is entry %d of writer %d", w.own, e.id, e.n, e.writer)
		}
		s.own = append(s.own, e.n)
	}
	info, err := c.Do("XINFO", "STREAM", w.own)
	if err != nil {
		return err
	}
	if info.IsError() {
		if len(entries) == 0 && info.Text == "ERR no such key" {
			return nil
		}
		return fmt.Errorf("%s: %s", w.own, info)
	}
	for i := 0; i+1 < len(info.Elems); i += 2 {
		value := info.Elems[i+1].Text
		switch info.Elems[i].Text {
		case "last-generated-id":
			_, err = fmt.Sscanf(value, "%d-", &s.last)
		case "max-deleted-entry-id":
			_, err = fmt.Sscanf(value, "%d-", &s.maxDeleted)
		case "entries-added":
			s.added, err = strconv.ParseUint(value, 10, 64)
		case "length":
			if value != strconv.Itoa(len(entries)) {
				err = fmt.Errorf("length is %s, XRANGE has %d", value, len(entries))
			}
		}
		if err != nil {
			return fmt.Errorf("%s: XINFO %s: %w", w.own, info.Elems[i].Text, err)
		}
	}
	return nil
}

// settle finds the prefix of what was sent that explains what is there: all
// that was acknowledged, and perhaps some of what was on its way.
func (w *writer) settle(found *state) error {
	s := w.known.clone()
	for _, cmd := range w.sent[:w.acked] {
		s.apply(cmd)
	}
	least := s.clone()
	for k := w.acked; ; k++ {
		if s.equal(found) {
			w.known, w.sent, w.acked = found, nil, 0
			w.n = max(w.n, found.last)
			return nil
		}
		if k == len(w.sent) {
			return fmt.Errorf("writer %d: no prefix of the %d commands sent, %d of them acknowledged, explains what is there:\n%s",
				w.index, len(w.sent), w.acked, difference(least, found))
		}
		s.apply(w.sent[k])
	}
}

// difference names what is missing from, and what is too much in, a state.
func difference(want, got *state) string {
	list := func(have, lack []uint64) []uint64 {
		var out []uint64
		for _, n := range have {
			if !slices.Contains(lack, n) && len(out) < 20 {
				out = append(out, n)
			}
		}
		return out
	}
	return fmt.Sprintf("own stream: acknowledged and missing %v, there and not acknowledged %v\n"+
		"shared stream: acknowledged and missing %v, there and not acknowledged %v\n"+
		"last %d and %d, added %d and %d, max-deleted %d and %d (acknowledged, there); lengths %d and %d",
		list(want.own, got.own), list(got.own, want.own), list(want.shared, got.shared), list(got.shared, want.shared),
		want.last, got.last, want.added, got.added, want.maxDeleted, got.maxDeleted, len(want.own), len(got.own))
}
