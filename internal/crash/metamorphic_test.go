//go:build unix

package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/weirmq/weir/internal/oracle"
)

var lists = flag.Int("lists", 0, "lists of orders to do under several shapes; 0: a fifth of -rounds")

// TestTheShapeOfABrokerIsInvisible is T44: the same orders give the same replies, and the same state in the end, whether blocks
// and caches are tiny or large, checkpoints are made all the time or never, and whether the broker is ended or killed, and
// started again in another shape, between any two of them.
func TestTheShapeOfABrokerIsInvisible(t *testing.T) {
	base, howMany := theSeed(t), *lists
	if howMany == 0 {
		howMany = max(1, *rounds/5)
	}
	var n sameness
	for i := range uint64(howMany) {
		r := rand.New(rand.NewPCG(base+i, 44))
		s := &story{seed: base + i, orders: newScript(base + i).steps(1500)}
		n.tell(t, s)
		large := plain
		large.checkpointLog = 1 << 10
		for _, first := range []shape{plain, large, narrow(r), narrow(r), narrow(r)} {
			n.live(t, s, first, r)
		}
	}
	t.Logf("%d orders, %d ends and %d kills between them, %d checkpoints asked for", n.orders, n.ends, n.kills, n.saves)
	if n.ends == 0 || n.kills == 0 || n.saves == 0 {
		t.Error("nothing was changed: nothing is proved")
	}
}

type sameness struct {
	orders, ends, kills, saves int
	final                      string
}

// tell has a plain broker do the orders.
func (n *sameness) tell(t *testing.T, s *story) {
	t.Helper()
	b, err := start(filepath.Join(fastDir(t), "plain"), plain, scriptBegins, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.stop() }()
	for _, batch := range batches(s.orders) {
		if err := b.send(batch, func(_ int, r oracle.Reply) { s.replies = append(s.replies, told(r)) }); err != nil {
			t.Fatalf("seed %d: %v\n%s", s.seed, err, b.log)
		}
	}
	if n.final, err = dump(b.client); err != nil {
		t.Fatal(err)
	}
}

// live has a broker of some shape do them, which changes now and then.
func (n *sameness) live(t *testing.T, s *story, now shape, r *rand.Rand) {
	t.Helper()
	base := fastDir(t)
	defer func() { _ = os.RemoveAll(base) }()
	what := fmt.Sprintf("seed %d", s.seed)
	dir, lives := filepath.Join(base, "0"), 0
	var b *node
	var d *disk
	begin := func(atMS int64) {
		t.Helper()
		what += fmt.Sprintf("; %+v from order %d", now, n.orders)
		var err error
		if d, err = watch(dir); err != nil {
			t.Fatal(err)
		}
		if b, err = start(dir, now, atMS, d.before); err != nil {
			t.Fatalf("%s: %v\n%s\n%s", what, err, b.log, listing(dir))
		}
	}
	stop := func() {
		t.Helper()
		if err := b.stop(); err != nil {
			t.Fatalf("%s: %v\n%s", what, err, b.log)
		}
	}
	at := 0
	n.orders = 0
	begin(scriptBegins)
	for _, batch := range batches(s.orders) {
		p := r.IntN(100)
		switch {
		case p < 3: // the same directory, after a clean end
			n.ends++
			stop()
		case p < 6: // what is there without one
			n.kills++
			lives++
			next := filepath.Join(base, fmt.Sprint(lives))
			if err := d.copyTo(next); err != nil {
				t.Fatal(err)
			}
			stop()
			dir = next
		case p < 12:
			n.saves++
			if _, err := b.client.Do("BGSAVE"); err != nil {
				t.Fatalf("%s: %v\n%s", what, err, b.log)
			}
		case p < 14:
			if err := b.spilled(); err != nil {
				t.Fatalf("%s: %v\n%s", what, err, b.log)
			}
		}
		if p < 6 {
			if r.IntN(2) == 0 {
				now = narrow(r)
			}
			begin(batch[0].atMS)
		}
		err := b.send(batch, func(i int, reply oracle.Reply) {
			if text := s.difference(at+i, reply); text != "" {
				t.Fatalf("%s: %s\n%s", what, text, b.log)
			}
		})
		if err != nil {
			t.Fatalf("%s: order %d: %v\n%s", what, at, err, b.log)
		}
		at += len(batch)
		n.orders = at
	}
	if got, err := dump(b.client); err != nil || got != n.final {
		t.Fatalf("%s: in the end %s, %v\n%s", what, firstDifference(got, n.final), err, b.log)
	}
	stop()
}
