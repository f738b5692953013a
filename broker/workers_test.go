package broker

import (
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestWorkersThatComeAndGoLoseNothing lets producers and workers run against each other. Workers block, claim, are slow to
// acknowledge, and vanish in every state, also while they are being served. In the end every entry was acknowledged, and
// none was given out as new twice: CLAIM tells for each how often it was delivered before.
func TestWorkersThatComeAndGoLoseNothing(t *testing.T) {
	const producers, workers, each = 3, 12, 700
	b := running(t, func(o *Options) { o.Loops = 3 })
	admin := dial(t, b)
	admin.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
	var group sync.WaitGroup
	var added, acked atomic.Int64
	for range producers {
		c := dial(t, b)
		group.Go(func() {
			for range each {
				if reply, err := c.try("XADD s * f v"); err != nil || reply[0] != '"' {
					t.Errorf("XADD: %s %v", reply, err)
					return
				}
				added.Add(1)
			}
		})
	}
	var mu sync.Mutex
	fresh := map[string]int{}
	entry := regexp.MustCompile(`\["(\d+-\d+)" \["f" "v"\] :\d+ :(\d+)\]`)
	for w := range workers {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 7))
			conn := func() *client {
				c, err := net.Dial("tcp", b.Addrs()[0].String())
				if err != nil {
					t.Error(err)
				}
				return newClient(t, c)
			}
			for c := conn(); acked.Load() < producers*each && !t.Failed(); {
				line := fmt.Sprintf("XREADGROUP GROUP g w%d COUNT %d BLOCK %d CLAIM 15 STREAMS s >", random.IntN(workers), 1+random.IntN(4), 1+random.IntN(20))
				if random.IntN(20) == 0 { // goes while it waits, or is served
					c.send(line)
					if random.IntN(2) == 0 {
						c.conn.(*net.TCPConn).SetLinger(0)
					}
					c.conn.Close()
					c = conn()
					continue
				}
				reply, err := c.try(line)
				if err != nil {
					t.Error(err)
					return
				}
				var ids []string
				for _, m := range entry.FindAllStringSubmatch(reply, -1) {
					if ids = append(ids, m[1]); m[2] == "0" {
						mu.Lock()
						if fresh[m[1]]++; fresh[m[1]] > 1 {
							t.Errorf("%s was new twice", m[1])
						}
						mu.Unlock()
					}
				}
				if len(ids) == 0 || random.IntN(10) == 0 {
					continue // and leaves its work to others
				}
				reply, err = c.try("XACK s g " + strings.Join(ids, " "))
				var n int64
				if _, scan := fmt.Sscanf(reply, ":%d", &n); err != nil || scan != nil {
					t.Errorf("XACK: %s %v", reply, err)
					return
				}
				acked.Add(n)
			}
		})
	}
	group.Wait()
	if acked.Load() != producers*each || added.Load() != producers*each {
		t.Errorf("%d added, %d acknowledged", added.Load(), acked.Load())
	}
	admin.expect("XPENDING s g", "[:0 nil nil nil]")
	if got := admin.do("XINFO GROUPS s"); !strings.Contains(got, `"pending" :0`) || !strings.Contains(got, `"lag" :0`) {
		t.Error(got)
	}
	waitFor(t, b, func() bool { return b.waiters.count == 0 && len(b.waiters.queues) == 0 && len(b.alarms.heap) == 0 })
}

// try is do with an error instead of an end.
func (c *client) try(line string) (string, error) {
	if _, err := c.conn.Write([]byte(request(strings.Fields(line)...))); err != nil {
		return "", err
	}
	return c.tryRead()
}
