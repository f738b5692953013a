package state

import (
	"bytes"
	"fmt"
	"hash/crc64"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirmq/weir/groups"
	"github.com/weirmq/weir/internal/data"
	"github.com/weirmq/weir/stream"
)

// checkLife makes units of random work, and copies of the keyspace in their midst. The records, replayed, must give what is live;
// a copy, restored, what was live when it was begun, and with the records since what is live now. The work then goes on with
// what has been restored. It returns what is live in the end.
func checkLife(t *rapid.T, cfg stream.Config, work func(tx *Tx)) *Keyspace {
	live, replayed := NewKeyspace(cfg), NewKeyspace(cfg)
	tx := NewTx(live)
	now, position := int64(1), uint64(0)
	var since [][]byte // records since a copy was begun
	units := func(n int) {
		for range n {
			now += rapid.Int64Range(0, 5).Draw(t, "passes")
			tx.Begin(rapid.IntRange(0, 2).Draw(t, "db"), now)
			for range rapid.IntRange(1, 3).Draw(t, "changes") {
				work(tx)
			}
			record := bytes.Clone(tx.Record())
			position++
			tx.Committed(position)
			apply(t, replayed, position, record)
			since = append(since, record)
		}
	}
	for i := range rapid.IntRange(1, 2).Draw(t, "copies") {
		units(rapid.IntRange(0, 30).Draw(t, "before"))
		begun := digest(live)
		since = nil
		c := live.BeginCopy()
		var copied []Copied
		for more := true; more; {
			units(rapid.IntRange(0, 4).Draw(t, "meanwhile"))
			more = c.Walk(rapid.IntRange(0, 3).Draw(t, "keys"))
			copied = append(copied, c.Take()...)
		}
		c.End()
		units(rapid.IntRange(0, 10).Draw(t, "after"))
		again, _, err := restored(copied, cfg, c.Position())
		if err != nil {
			t.Fatal(err)
		}
		same(t, "restored", digest(again), begun)
		for i, record := range since {
			apply(t, again, c.Position()+uint64(i)+1, record)
		}
		same(t, "restored and replayed", digest(again), digest(live))
		same(t, "replayed", digest(replayed), digest(live))
		for slot := range Slots {
			if i == 0 && max(live.changed[slot], live.flushed) != max(replayed.changed[slot], replayed.flushed) {
				t.Fatalf("slot %d depends on %d live, on %d after replay", slot, live.changed[slot], replayed.changed[slot])
			}
		}
		live, tx = again, NewTx(again)
	}
	return live
}

func apply(t *rapid.T, k *Keyspace, position uint64, record []byte) {
	if err := k.Apply(position, record); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

func same(t *rapid.T, what, got, want string) {
	if got != want {
		t.Fatalf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}

func TestStreamsAreReplayedAndRestored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkLife(t, stream.Config{BlockEntries: 4}, func(tx *Tx) { randomWork(t, tx) })
	})
}

func TestStringsAreReplayedAndRestored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkLife(t, stream.Config{}, func(tx *Tx) { randomStringWork(t, tx) }) })
}

func TestHashesAreReplayedAndRestored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkLife(t, stream.Config{}, func(tx *Tx) { randomHashWork(t, tx) }) })
}

func TestSetsAreReplayedAndRestored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkLife(t, stream.Config{}, func(tx *Tx) { randomSetWork(t, tx) }) })
}

func TestSortedSetsAreReplayedAndRestored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkLife(t, stream.Config{}, func(tx *Tx) { randomZSetWork(t, tx) }) })
}

func TestListsAreWhatWasDoneToThemReplayedAndRestored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := map[string][]string{}
		live := checkLife(t, stream.Config{}, func(tx *Tx) { randomListWork(t, tx, model) })
		tx := NewTx(live)
		for db := range Databases {
			tx.Begin(db, 0)
			for _, key := range listKeys {
				l, err := tx.List([]byte(key))
				want := listText(model[modelKey(db, key)])
				if err != nil || digestList(l) != want || tx.Peek([]byte(key)).Exists() != (want != "") {
					t.Fatalf("%d %s:%s (%v)\nwant%s", db, key, digestList(l), err, want)
				}
			}
		}
	})
}

// digest writes everything that a client could see of a keyspace, and the forms in which it is held.
func digest(k *Keyspace) string {
	var lines []string
	for db := range Databases {
		tx := NewTx(k)
		tx.Begin(db, 0)
		timed := 0
		tx.Scan(0, k.Len(db), func(key []byte, v Value) {
			at, expires := tx.Expiry(key)
			lines = append(lines, fmt.Sprintf("%d %q %v edited %v expires %v %d", db, key, v.Kind, v.Edited, expires, at)+digestValue(v))
			if v.Kind == KindHash && v.hash().Timed() {
				timed++
				if _, ok := k.databases[db].timed.Get(key); !ok {
					lines = append(lines, fmt.Sprintf("%d %q has times that nobody knows of", db, key))
				}
			}
		})
		if d := k.databases[db].timed; d != nil && d.Len() != timed {
			lines = append(lines, fmt.Sprintf("%d: %d hashes with times, and not %d", db, timed, d.Len()))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func digestValue(v Value) string {
	switch o := v.Object.(type) {
	case *Stream:
		return digestStream(o)
	case *data.Blob:
		b := data.String{Large: o}.Flat()
		return fmt.Sprintf(" large: %d bytes, %.20q, %x", len(b), b, crc64.Checksum(b, crc64.MakeTable(crc64.ECMA)))
	case *data.ListTable:
		return " large:" + digestList(data.List{Large: o})
	case *data.HashTable:
		return digestHash(data.Hash{Large: o})
	case *data.SetTable:
		return digestSet(data.Set{Large: o})
	case *data.ZSetTable:
		return digestZSet(data.ZSet{Large: o})
	case nil:
		return fmt.Sprintf(" %q", v.Packed)
	default:
		return fmt.Sprintf(" unknown: %T", o)
	}
}

func digestStream(s *Stream) string {
	line := fmt.Sprintf(" len %d last %v added %d deleted %v", s.Len(), s.LastID(), s.EntriesAdded(), s.MaxDeletedID())
	for it := s.Range(stream.ID{}, stream.MaxID); it.Next(); {
		line += fmt.Sprintf(" [%v", it.ID())
		for it.Field() {
			line += fmt.Sprintf(" %q=%q", it.Name(), it.Value())
		}
		line += "]"
	}
	if d := s.Idempotency(); d != nil {
		line += fmt.Sprintf(" %+v", d.Stats())
	}
	for g := range s.Groups.All() {
		line += "\n  " + digestGroup(g)
	}
	return line
}

func digestGroup(g *groups.Group) string {
	line := fmt.Sprintf("group %q last %v read %d pending %d", g.Name(), g.LastDelivered(), g.EntriesRead(), g.PendingCount())
	for c := range g.AllConsumers() {
		line += fmt.Sprintf(" %q: %d seen %d active %d", c.Name(), c.Pending(), c.SeenMS(), c.ActiveMS())
	}
	for it := g.Pending(stream.MinID); it.Next(); {
		e, owner := it.Entry(), "nobody"
		if e.Consumer != nil {
			owner = fmt.Sprintf("%q", e.Consumer.Name())
		}
		line += fmt.Sprintf(" [%v %s at %d, %d times]", e.ID, owner, e.DeliveredMS, e.Deliveries)
	}
	return line
}

func digestList(l data.List) string {
	var out strings.Builder
	for it := l.From(0); it.Next(); {
		fmt.Fprintf(&out, " %q", it.Item().AppendText(nil))
	}
	return out.String()
}

func digestHash(h data.Hash) string {
	var fields []string
	for name, value := range h.All() {
		at, _ := h.Time(name)
		fields = append(fields, fmt.Sprintf("%q=%q until %d", name, value, at))
	}
	slices.Sort(fields)
	return fmt.Sprint(" ", h.Encoding(), " ", fields)
}

func digestSet(s data.Set) string {
	var members []string
	for m := range s.All() {
		members = append(members, fmt.Sprintf("%q", m))
	}
	slices.Sort(members)
	return fmt.Sprint(" ", s.Encoding(), " ", members)
}

func digestZSet(z data.ZSet) string {
	var elements []string
	for it := z.Range(0, z.Len()); ; {
		member, score, ok := it.Next()
		if !ok {
			return fmt.Sprint(" ", z.Encoding(), " ", elements)
		}
		elements = append(elements, fmt.Sprintf("%q=%x", member, score))
	}
}
