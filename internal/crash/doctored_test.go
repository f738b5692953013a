package crash

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// Operations of hand-made histories; the key is always the same.
func add(n uint16) op                  { return op{kind: opAdd, ids: []uint16{n}} }
func read(consumer byte, count int) op { return op{kind: opRead, consumer: consumer, count: count} }
func ack(ids ...uint16) op             { return op{kind: opAck, ids: ids} }
func claim(consumer byte, n ...uint16) op {
	return op{kind: opClaim, consumer: consumer, ids: n, retry: -1}
}
func autoClaim(consumer byte, count int) op {
	return op{kind: opAutoClaim, consumer: consumer, ids: []uint16{0}, count: count, retry: -1}
}

var pending, info = op{kind: opPending}, op{kind: opInfo}

// at is an operation between two moments.
func at(called, returned int, o op, outcome string) event {
	return event{op: o, outcome: outcome, called: time.Duration(called), returned: time.Duration(returned)}
}

// two entries, appended before everything else.
func two(rest ...event) []event {
	return append([]event{at(1, 2, add(1), "ok"), at(3, 4, add(2), "ok")}, rest...)
}

// TestTheCheckTellsRightFromWrong: each kind of mistake that a broker could make
// is refused, and what looks like it without being one is not.
func TestTheCheckTellsRightFromWrong(t *testing.T) {
	for _, c := range []struct {
		name   string
		want   porcupine.CheckResult
		events []event
	}{
		{"two readers share the entries, in either order", porcupine.Ok,
			two(at(10, 20, read(0, 1), "2"), at(10, 20, read(1, 1), "1"), at(30, 31, pending, "1:c1:1 2:c0:1"))},
		{"one entry is delivered to two", porcupine.Illegal,
			two(at(10, 20, read(0, 1), "1"), at(10, 20, read(1, 1), "1"))},
		{"a reader overtakes one that has been answered", porcupine.Illegal,
			two(at(10, 12, read(0, 1), "2"), at(15, 20, read(1, 1), "1"))},
		{"an acknowledged entry is never delivered", porcupine.Illegal,
			two(at(10, 11, read(0, 9), "2"))},
		{"a delivered entry is not pending", porcupine.Illegal,
			two(at(10, 11, read(0, 9), "1 2"), at(12, 13, pending, "2:c0:1"))},
		{"what was acknowledged is pending again", porcupine.Illegal,
			two(at(10, 11, read(0, 9), "1 2"), at(12, 13, ack(1), "1"), at(14, 15, pending, "1:c0:1 2:c0:1"))},
		{"one pending entry is acknowledged by two", porcupine.Illegal,
			two(at(10, 11, read(0, 9), "1 2"), at(12, 20, ack(1), "1"), at(12, 20, ack(1), "1"))},
		{"a claim counts", porcupine.Ok,
			two(at(10, 11, read(0, 1), "1"), at(12, 13, claim(1, 1), "1"), at(14, 15, pending, "1:c1:2"))},
		{"a claim does not count", porcupine.Illegal,
			two(at(10, 11, read(0, 1), "1"), at(12, 13, claim(1, 1), "1"), at(14, 15, pending, "1:c1:1"))},
		{"a claim takes what is acknowledged", porcupine.Illegal,
			two(at(10, 11, read(0, 1), "1"), at(12, 13, ack(1), "1"), at(14, 15, claim(1, 1), "1"))},
		{"a claim leaves the entry with its owner", porcupine.Illegal,
			two(at(10, 11, read(0, 1), "1"), at(12, 13, autoClaim(1, 1), "1, gone , next 0"), at(14, 15, pending, "1:c0:2"))},
		{"XAUTOCLAIM forgets to say where to go on", porcupine.Illegal,
			two(at(10, 11, read(0, 2), "1 2"), at(12, 13, autoClaim(1, 1), "1, gone , next 0"))},
		{"the lag is wrong", porcupine.Illegal,
			two(at(10, 11, read(0, 1), "1"), at(12, 13, info, "pending 1, delivered 1, lag 2"))},
		{"an unanswered XACK has happened", porcupine.Ok,
			two(at(10, 11, read(0, 2), "1 2"), at(12, 50, ack(1, 2), unknown), at(60, 61, pending, ""))},
		{"an unanswered XACK has not happened", porcupine.Ok,
			two(at(10, 11, read(0, 2), "1 2"), at(12, 50, ack(1, 2), unknown), at(60, 61, pending, "1:c0:1 2:c0:1"))},
		{"an unanswered XACK has happened by half", porcupine.Illegal,
			two(at(10, 11, read(0, 2), "1 2"), at(12, 50, ack(1, 2), unknown), at(60, 61, pending, "2:c0:1"))},
		{"an unanswered XADD happens after the server is gone", porcupine.Illegal,
			[]event{at(10, 50, add(1), unknown), at(60, 61, read(0, 1), ""), at(70, 71, read(0, 1), "1")}},
		{"an unanswered delivery has advanced the group and left nothing pending", porcupine.Illegal,
			two(at(10, 50, read(0, 1), unknown), at(60, 61, pending, ""), at(62, 63, read(1, 2), "2"))},
		{"an unanswered delivery is pending", porcupine.Ok,
			two(at(10, 50, read(0, 1), unknown), at(60, 61, pending, "1:c0:1"), at(62, 63, read(1, 2), "2"))},
		{"an answered delivery is made again after the kill", porcupine.Illegal,
			two(at(10, 11, read(0, 1), "1"), at(60, 61, read(1, 2), "1 2"))},
		{"the kill takes back what a reader was shown", porcupine.Illegal,
			[]event{at(10, 50, add(1), unknown), at(20, 21, read(0, 1), "1"), at(60, 61, info, "pending 0, delivered 0, lag 0")}},
	} {
		h := &history{events: c.events}
		if got := h.verdict(); got != c.want {
			t.Errorf("%s: %s, wanted %s", c.name, got, c.want)
		}
	}
}

// TestADoctoredHistoryIsRefused changes one thing in a real history of eight
// clients, which the check must notice among some 250 operations.
func TestADoctoredHistoryIsRefused(t *testing.T) {
	r := rand.New(rand.NewPCG(theSeed(t), 44))
	var n totals
	weir := n.startWeir(t, filepath.Join(t.TempDir(), "data"))
	defer weir.Kill()
	last := func(h *history, ok func(event) bool) int {
		for i := len(h.events) - 1; i >= 0; i-- {
			if ok(h.events[i]) {
				return i
			}
		}
		t.Fatalf("no event to doctor in\n%s", h)
		return 0
	}
	for i, c := range []struct {
		name   string
		doctor func(h *history)
	}{
		{"an entry appended before is lost", func(h *history) {
			i := last(h, func(e event) bool { return e.op.kind == opRead && e.outcome != "" })
			first, _, _ := strings.Cut(h.events[i].outcome, " ")
			key := h.events[i].op.key
			h.events = slices.DeleteFunc(h.events, func(e event) bool {
				return e.op.kind == opAdd && e.op.key == key && fmt.Sprint(e.op.ids[0]) == first
			})
		}},
		{"an acknowledgement of nothing", func(h *history) {
			i := last(h, func(e event) bool { return e.op.kind == opAck })
			h.events[i].outcome = "9"
		}},
		{"a delivery more than there was", func(h *history) {
			i := last(h, func(e event) bool { return e.op.kind == opPending && e.outcome != "" })
			h.events[i].outcome += "1"
		}},
		{"the last delivery is made again in the end", func(h *history) {
			e := h.events[last(h, func(e event) bool { return e.op.kind == opInfo && !strings.Contains(e.outcome, "delivered 0,") })]
			_, again, _ := strings.Cut(e.outcome, "delivered ")
			again, _, _ = strings.Cut(again, ",")
			e.op, e.outcome = op{kind: opRead, key: e.op.key, count: 1}, again
			e.called, e.returned = e.returned+time.Hour, e.returned+2*time.Hour
			h.events = append(h.events, e)
		}},
	} {
		h := concurrent(t, weir, i, r.Uint64(), false)
		if got := h.verdict(); got != porcupine.Ok {
			t.Fatalf("the history itself is %s", got)
		}
		c.doctor(h)
		if got := h.verdict(); got != porcupine.Illegal {
			t.Errorf("%s: %s\n%s", c.name, got, h)
		}
	}
}
