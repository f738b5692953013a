package broker

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

// shelf is what the blocked clients of TestWaitersAreServedLikeAQueue wait for: goods of a class at a key. The state lock
// guards it.
type shelf struct {
	goods map[string]int // by class and key
	runs  int
}

// wait is ECHO class key ...: it takes one of the goods of its class at one of its keys, and tells the key.
func (s *shelf) wait(c *command.Call) error {
	c.Block(command.Wait{
		Keys: c.Args[2:], Class: strings.Trim(string(c.Args[1]), "-"), Timeout: (*resp.Writer).NullArray,
		Again: func() func(*command.Call) (bool, error) {
			class, keys := string(c.Args[1]), strings.Split(string(bytes.Join(c.Args[2:], []byte(" "))), " ")
			return func(c *command.Call) (bool, error) {
				s.runs++
				for i, key := range keys {
					if (c.Changed < 0 || c.Changed == i) && s.goods[class+key] > 0 {
						s.goods[class+key]--
						c.Out.Bulk([]byte(key))
						return true, nil
					}
				}
				return false, nil
			}
		},
	})
	return nil
}

// TestWaitersAreServedLikeAQueue compares waiters of several classes and keys, who come, are served, are unblocked and hang
// up at random, with a list that is walked from its beginning.
func TestWaitersAreServedLikeAQueue(t *testing.T) {
	b := running(t, func(o *Options) { o.Loops = 2 })
	s := &shelf{goods: map[string]int{}}
	b.mu.Lock()
	echo := b.table.Lookup([]byte("echo"))
	echo.Run, echo.Arity = s.wait, -3
	b.mu.Unlock()
	type waiting struct {
		c     *client
		id    string
		class string
		keys  []string
	}
	var queue []waiting
	admin := dial(t, b)
	random := rand.New(rand.NewPCG(5, 6))
	classes, keys := []string{"-", "a", "b", "c"}, []string{"k", "l", "m"} // "-" is no class
	leave := func(i int) { queue = slices.Delete(queue, i, i+1) }
	for range 1500 {
		switch op := random.IntN(10); {
		case op < 5 && len(queue) < 60:
			w := waiting{c: dial(t, b), class: classes[random.IntN(4)]}
			w.id = strings.TrimPrefix(w.c.do("CLIENT ID"), ":")
			for range 1 + random.IntN(3) {
				w.keys = append(w.keys, keys[random.IntN(3)])
			}
			blocked(t, b, w.c, "ECHO "+w.class+" "+strings.Join(w.keys, " "))
			queue = append(queue, w)
		case op == 5 && len(queue) > 0:
			i := random.IntN(len(queue))
			admin.expect("CLIENT UNBLOCK "+queue[i].id, ":1")
			if got := queue[i].c.read(); got != "nil" {
				t.Fatalf("unblocked: %s", got)
			}
			queue[i].c.conn.Close()
			leave(i)
		case op == 6 && len(queue) > 0:
			i := random.IntN(len(queue))
			queue[i].c.conn.Close()
			leave(i)
			waitFor(t, b, func() bool { return b.waiters.count == len(queue) })
		case op == 7:
			admin.expect("FLUSHALL", "+OK") // all look, in vain
		default:
			class, key, n := classes[random.IntN(4)], keys[random.IntN(3)], random.IntN(5)
			b.mu.Lock()
			s.goods[class+key], s.runs = n, 0
			b.mu.Unlock()
			admin.do("XADD " + key + " * f v")
			allowed := 3 // one of each class in vain, and all of none
			for i := 0; i < len(queue); i++ {
				w := queue[i]
				if !slices.Contains(w.keys, key) {
					continue
				}
				if w.class == "-" {
					allowed++
				}
				if w.class != class || n == 0 {
					continue
				}
				if got := w.c.read(); got != fmt.Sprintf("%q", key) {
					t.Fatalf("served: %s, want %s", got, key)
				}
				w.c.conn.Close()
				n--
				allowed++
				leave(i)
				i--
			}
			b.mu.Lock()
			if left := s.goods[class+key]; left != n || b.waiters.count != len(queue) || s.runs > allowed {
				t.Fatalf("%d left of %d, %d waiters of %d, %d runs of %d", left, n, b.waiters.count, len(queue), s.runs, allowed)
			}
			s.goods[class+key] = 0
			b.mu.Unlock()
		}
	}
	for _, w := range queue {
		w.c.conn.Close()
	}
	waitFor(t, b, func() bool { return b.waiters.count == 0 && len(b.waiters.queues) == 0 })
}
