package crash

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/weirmq/weir/internal/oracle"
)

// producer sends numbered entries with IDMP and, after the server has died,
// sends again whatever was not acknowledged.
type producer struct {
	index int
	next  uint64            // the first that was not acknowledged
	ids   map[uint64]string // of what was
	again int               // entries that were sent more than once
	max   uint64            // the highest that was ever sent
}

// session sends in batches of eight until the server goes.
func (p *producer) session(addr string) error {
	return session(addr, nil, func(c *oracle.Conn) (gone bool, err error) {
		var batch []byte
		for n := p.next; n < p.next+8; n++ {
			if n <= p.max {
				p.again++
			}
			p.max = max(p.max, n)
			batch = oracle.AppendCommand(batch, "XADD", shared, "IDMP", fmt.Sprintf("producer-%d", p.index), strconv.FormatUint(n, 10), "*",
				"w", strconv.Itoa(p.index), "n", strconv.FormatUint(n, 10), "p", payload(p.index, n))
		}
		return exchange(c, batch, 8, func(rep oracle.Reply) error {
			if rep.Kind != '$' {
				return fmt.Errorf("producer %d, entry %d: %s", p.index, p.next, rep)
			}
			p.ids[p.next] = rep.Text
			p.next++
			return nil
		})
	})
}

// TestWhatIsSentAgainAfterKillIsThereOnce: a producer that names its entries
// (IDMP) may send again after a crash what it has no answer for. Each entry is
// there once, under the ID that was acknowledged, in the order of its number.
func TestWhatIsSentAgainAfterKillIsThereOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(theSeed(t), 86))
	dir := filepath.Join(t.TempDir(), "data")
	producers := make([]*producer, 4)
	for i := range producers {
		producers[i] = &producer{index: i, next: 1, ids: map[uint64]string{}}
	}
	var n totals
	for range max(4, *rounds/2) {
		weir := n.startWeir(t, dir)
		var wg sync.WaitGroup
		errs := make([]error, len(producers))
		for i, p := range producers {
			wg.Go(func() { errs[i] = p.session(weir.Addr) })
		}
		time.Sleep(time.Duration(20+r.IntN(200)) * time.Millisecond)
		weir.Kill()
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				t.Fatalf("%v\n%s", err, weir.Output())
			}
		}
	}
	weir := n.startWeir(t, dir)
	defer weir.Kill()
	c, err := oracle.Dial(weir.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	entries, err := readStream(c, shared)
	if err != nil {
		t.Fatal(err)
	}
	seen := make([]uint64, len(producers))
	for _, e := range entries {
		p := producers[e.writer]
		if e.n != seen[e.writer]+1 {
			t.Fatalf("producer %d: entry %d comes after entry %d", e.writer, e.n, seen[e.writer])
		}
		seen[e.writer] = e.n
		if id, acked := p.ids[e.n]; acked && id != e.id {
			t.Fatalf("producer %d: entry %d is %s and was acknowledged as %s", e.writer, e.n, e.id, id)
		}
	}
	again, acked := 0, uint64(0)
	for i, p := range producers {
		if seen[i] < p.next-1 {
			t.Errorf("producer %d: %d entries are there, %d were acknowledged", i, seen[i], p.next-1)
		}
		again, acked = again+p.again, acked+p.next-1
	}
	t.Logf("%d entries acknowledged, %d sent again", acked, again)
	if again == 0 {
		t.Error("nothing was sent again: nothing is proved")
	}
}
