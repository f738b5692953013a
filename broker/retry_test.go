package broker

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirmq/weir/internal/command"
	"github.com/weirmq/weir/resp"
)

// lookers makes ECHO key ms a command that waits for ever, and looks again so many milliseconds after the beginning.
type lookers struct {
	begun time.Time
	next  int64 // when who looks wants to look again; guarded, like looks, by the state lock
	looks []int // in milliseconds after the beginning
}

func newLookers(b *Broker) *lookers {
	l := &lookers{begun: time.Now()}
	b.mu.Lock()
	defer b.mu.Unlock()
	echo := b.table.Lookup([]byte("echo"))
	echo.Arity = 3
	echo.Run = func(c *command.Call) error {
		ms, err := strconv.Atoi(string(c.Args[2]))
		c.Block(command.Wait{
			Keys: c.Args[1:2], Class: "class", RetryMS: l.at(ms), Timeout: (*resp.Writer).NullArray,
			Again: func() func(*command.Call) (bool, error) { return l.look },
		})
		return err
	}
	return l
}

func (l *lookers) at(ms int) int64 { return l.begun.UnixMilli() + int64(ms) }

func (l *lookers) look(c *command.Call) (bool, error) {
	l.looks = append(l.looks, int(time.Since(l.begun).Milliseconds()))
	c.RetryMS, l.next = l.next, 0
	return false, nil
}

func (l *lookers) sleepUntil(ms int) {
	time.Sleep(time.Until(l.begun.Add(time.Duration(ms) * time.Millisecond)))
}

// looked checks when they looked: not before the time, and little after it.
func (l *lookers) looked(t *testing.T, b *Broker, want ...int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.EqualFunc(l.looks, want, func(got, want int) bool { return want <= got && got <= want+2 }) {
		t.Errorf("looked after %v ms, want %v", l.looks, want)
	}
}

// TestWhoLooksInVainLooksAgainWhenItSaidLast lets a reader say when it wants to look again, each time another time.
func TestWhoLooksInVainLooksAgainWhenItSaidLast(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		l := newLookers(b)
		waits, writer := pipe(t, b), pipe(t, b)
		blocked(t, b, waits, "ECHO s 1000")
		for _, step := range []struct {
			at   int
			next int64 // what the reader says then
		}{
			{500, l.at(3000)},  // later than it said at first: not at 1000
			{1500, l.at(2000)}, // earlier: not at 3000, too
			{2500, l.at(4000)}, // it has looked at 2000, and said that it need not look any more
			{3500, 0},          // never: not at 4000
			{5000, l.at(6000)}, // and yet again
		} {
			l.sleepUntil(step.at)
			b.mu.Lock()
			l.next = step.next
			b.mu.Unlock()
			writer.do("XADD s * f v")
			b.mu.Lock()
			if n := len(b.alarms.heap); n > 1 || (n == 1) != (step.next != 0) {
				t.Errorf("at %d: %d alarms", step.at, n)
			}
			b.mu.Unlock()
		}
		l.sleepUntil(10_000)
		l.looked(t, b, 500, 1500, 2000, 2500, 3500, 5000, 6000)
	})
}

func TestTheFirstOfAClassLooksWhenTheMostEagerWantsTo(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		l := newLookers(b)
		for _, ms := range []string{"3000", "1000", "2000"} {
			blocked(t, b, pipe(t, b), "ECHO s "+ms)
		}
		l.sleepUntil(10_000)
		l.looked(t, b, 1000)
	})
}

func TestAClaimIsNotHeldUpByOneThatIsMorePatient(t *testing.T) {
	inBubble(t, func(t *testing.T, b *Broker) {
		holder, patient, eager := pipe(t, b), pipe(t, b), pipe(t, b)
		holder.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
		holder.expect("XADD s 1-1 f v", `"1-1"`)
		begun := time.Now()
		holder.expect("XREADGROUP GROUP g holder STREAMS s >", entryOf("s", "1-1"))
		blocked(t, b, patient, "XREADGROUP GROUP g patient BLOCK 0 CLAIM 4000 STREAMS s >")
		blocked(t, b, eager, "XREADGROUP GROUP g eager BLOCK 0 CLAIM 1000 STREAMS s >")
		eager.after(begun, 1000*time.Millisecond, claimed(1000, 1))
		patient.after(begun, 5000*time.Millisecond, claimed(4000, 2))
	})
}

// TestAClaimThatFallsDueWhileTheDiskFailsIsMadeWhenItWorks: a delivery while nothing can be written would be one that the
// log does not know.
func TestAClaimThatFallsDueWhileTheDiskFailsIsMadeWhenItWorks(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		b := running(t, func(o *Options) {
			o.Dir, o.Port, o.Goroutines = dir, 0, true
			o.Disk = func(op, _ string) error {
				if broken.Load() && (op == "fsync" || op == "write") {
					return errors.New("input/output error")
				}
				return nil
			}
		})
		holder, first, second := pipe(t, b), pipe(t, b), pipe(t, b)
		holder.expect("XGROUP CREATE s g $ MKSTREAM", "+OK")
		holder.expect("XADD s 1-1 f v", `"1-1"`)
		begun := time.Now()
		holder.expect("XREADGROUP GROUP g holder STREAMS s >", entryOf("s", "1-1"))
		blocked(t, b, first, "XREADGROUP GROUP g first BLOCK 0 CLAIM 3000 STREAMS s >")
		blocked(t, b, second, "XREADGROUP GROUP g second BLOCK 0 CLAIM 3000 STREAMS s >")
		waitFor(t, b, func() bool { return b.log.Durable() == b.log.Last() })
		broken.Store(true)
		holder.send("XADD t 1-1 f v")
		waitFor(t, b, func() bool { return b.readOnly && !b.loading })
		time.Sleep(4500 * time.Millisecond) // the time comes
		b.mu.Lock()
		if b.waiters.count != 2 || b.log.Last() != b.log.Durable() {
			t.Errorf("while read-only, %d clients wait, and the log is at %v, durable up to %v", b.waiters.count, b.log.Last(), b.log.Durable())
		}
		b.mu.Unlock()
		broken.Store(false)
		got := first.read()
		if took := time.Since(begun); !strings.HasSuffix(got, " :1]]]]") || took < 4500*time.Millisecond || took > 6*time.Second {
			t.Errorf("%s after %v", got, took)
		}
		second.after(time.Now(), 3*time.Second, claimed(3000, 2))
		pipe(t, b).expect("XPENDING s g", `[:1 "1-1" "1-1" [["second" "1"]]]`)
	})
}
